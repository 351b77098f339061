"""Reference files of DynamiCrafter's noise schedule and of whole samplings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from antibench.models.dynamicrafter.config import DiffusionConfig, UNetConfig
from antibench.models.dynamicrafter.ddim import DDIM, Guidance, Spacing
from antibench.models.dynamicrafter.presets import PRESETS
from antibench.models.dynamicrafter.schedule import Schedule, schedule_buffers
from antibench.models.dynamicrafter.unet import UNet3D
from antibench.models.weights import load_strictly
from antibench.testing.parity_compare import MODULE, SAMPLING, Compared, compare
from antibench.testing.parity_file import ReferenceFile
from antibench.testing.parity_module import Inputs

SCHEDULE = 1e-6
"""Of numbers up to 1; larger ones in proportion."""

Branch = Callable[[str, Tensor, int], Tensor]
"""The network's prediction of the branch ``cond`` or ``uncond``, for a noised latent and its timestep."""


def schedule(reference: ReferenceFile) -> Iterator[Compared]:
    """Buffers of the schedule, and the steps of DDIM for several numbers of them."""
    config = diffusion_config(reference)
    buffers, ours = schedule_buffers(config), Schedule.of(config)
    for name in sorted(reference.names):
        wanted = reference.tensor(name)
        tolerance = SCHEDULE * max(1.0, float(wanted.abs().max()))
        steps = re.fullmatch(r"ddim_(uniform|uniform_trailing)_(\d+)\.(\w+?)(?:_eta([\d.]+))?", name)
        if steps:
            spacing: Spacing = "uniform" if steps[1] == "uniform" else "uniform_trailing"
            found = getattr(DDIM.of(ours, int(steps[2]), spacing, float(steps[4] or 1)), steps[3])
            yield compare(name, found, wanted, tolerance if wanted.is_floating_point() else 0.0)
        elif name in buffers:
            yield compare(name, buffers[name], wanted, tolerance)
        else:
            yield Compared(name, torch.inf, tolerance, "no such buffer")


def diffusion_config(reference: ReferenceFile) -> DiffusionConfig:
    """What a file says of the schedule: all of it (`config`), or how far latents are scaled down (`base_scale`)."""
    if "config" in reference.metadata:
        given = reference.json("config")
        return DiffusionConfig(**given.get("diffusion", given))
    if "base_scale" not in reference.metadata:
        return PRESETS["256"].config.diffusion
    # Written as the nearest float32, whose shortest name is the number that was configured.
    return DiffusionConfig(base_scale=float(str(np.float32(reference.metadata["base_scale"]))))


def ddim(reference: ReferenceFile) -> Iterator[Compared]:
    """Every recorded sampling: its steps one by one, the network at each of them, and the whole walk."""
    source = reference.sibling(reference.entry("weights_from"))
    network = UNet3D(UNetConfig(**source.json("config")))
    load_strictly(network, source.group("weights"), source.path.name)
    network.eval().requires_grad_(False)
    inputs, ours = reference.inputs(""), Schedule.of(diffusion_config(reference))

    def branch(name: str, noised: Tensor, timestep: int) -> Tensor:
        x = torch.cat([noised, inputs["concat"]], dim=1)
        prediction: Tensor = network(x, torch.tensor([timestep] * len(x)), inputs[f"context_{name}"], inputs["fs"])
        return prediction

    for name, run in reference.json("runs").items():
        steps = DDIM.of(ours, run["steps"], run["timestep_spacing"], run["eta"])
        guidance = Guidance(run["cfg_scale"], run["guidance_rescale"])
        recorded = reference.group(name)
        yield from _coefficients(name, steps, recorded)
        yield from _steps(name, steps, guidance, recorded, inputs, branch)
        yield from _walk(name, steps, guidance, recorded, inputs, branch)


def _coefficients(name: str, steps: DDIM, recorded: Inputs) -> Iterator[Compared]:
    for field, wanted in recorded.items():
        if field.startswith("schedule."):
            found = getattr(steps, field.removeprefix("schedule."))
            yield compare(f"{name}.{field}", found, wanted, SCHEDULE if wanted.is_floating_point() else 0.0)


def _steps(
    name: str, steps: DDIM, guidance: Guidance, recorded: Inputs, inputs: Inputs, branch: Branch
) -> Iterator[Compared]:
    """Each step from its recorded input: the network's predictions, and from the recorded ones the sampler's part."""
    for k in range(len(steps.timesteps)):
        index = len(steps.timesteps) - 1 - k
        prefix = f"step{k}."
        step = {n.removeprefix(prefix): value for n, value in recorded.items() if n.startswith(prefix)}
        noised, timestep = step["x"], int(steps.timesteps[index])
        guided = guidance.combined(step["v_cond"], step["v_uncond"])
        prediction = guidance.rescaled(guided, step["v_cond"])
        noise = inputs.get(f"noise{k}", torch.zeros_like(noised))
        taken = steps.step(index, noised, prediction, noise)
        found = {
            "v_cond": branch("cond", noised, timestep),
            "v_uncond": branch("uncond", noised, timestep),
            "v_guided": guided,
            "v_rescaled": prediction,
            "pred_x0": taken.clean,
            "x_prev": taken.previous,
        }
        for output, value in found.items():
            if output in step:
                yield compare(f"{name}.{prefix}{output}", value, step[output], MODULE)


def _walk(
    name: str, steps: DDIM, guidance: Guidance, recorded: Inputs, inputs: Inputs, branch: Branch
) -> Iterator[Compared]:
    noises = (inputs.get(f"noise{k}", torch.zeros_like(inputs["x_T"])) for k in range(len(steps.timesteps)))

    def predict(noised: Tensor, timestep: int) -> Tensor:
        return guidance(branch("cond", noised, timestep), branch("uncond", noised, timestep))

    samples = steps.sample(inputs["x_T"], predict, lambda: next(noises))
    yield compare(f"{name}.samples", samples, recorded["samples"], SAMPLING)
