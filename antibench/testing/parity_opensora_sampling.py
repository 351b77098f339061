"""Reference files of whole samplings with Open-Sora 1.2."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from antibench.models.opensora.config import STDiT3Config
from antibench.models.opensora.mask_strategy import apply_to_all
from antibench.models.opensora.rflow import LEVELS, RectifiedFlow, guided, timesteps
from antibench.models.opensora.stdit3 import STDiT3
from antibench.models.weights import load_strictly
from antibench.testing.parity_compare import MODULE, SAMPLING, Compared, compare
from antibench.testing.parity_file import ReferenceFile
from antibench.testing.parity_module import Inputs

TIMESTEPS = 1e-6 * LEVELS
"""Of numbers up to 1000, computed in float32."""

Branches = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""The network's output (2N, C, T, h, w), conditional half first; takes latents, timesteps and active frames of N."""


def rflow(reference: ReferenceFile) -> Iterator[Compared]:
    """Every recorded sampling: its start, its steps one by one, the network at each of them, and the whole walk."""
    network, inputs = _network(reference), reference.inputs("")
    scale = float(reference.entry("cfg_scale"))
    strategies = reference.json("strategies") if "strategies" in reference.metadata else {}
    size = int(inputs["height"][0]), int(inputs["width"][0])
    steps = timesteps(int(reference.entry("steps")), size, int(inputs["num_frames"][0]))
    branches = _branches(network, inputs)
    for name in sorted({tensor.split(".")[0] for tensor in reference.names if tensor.endswith(".samples")}):
        recorded = reference.group(name)
        start, mask = recorded.get("z_init", inputs["z_noise"]), recorded.get("mask")
        if name in strategies:
            start, mask = _start(reference, strategies[name], inputs)
            yield compare(f"{name}.z_init", start, recorded["z_init"], 0.0)
            yield compare(f"{name}.mask", mask, recorded["mask"], 0.0)
        flow = RectifiedFlow(steps, mask)
        yield from _steps(name, flow, scale, recorded, inputs, branches)
        yield _walk(name, flow, scale, start, recorded["samples"], inputs, branches)


def _network(reference: ReferenceFile) -> STDiT3:
    source = reference.sibling(reference.entry("weights_from"))
    network = STDiT3(STDiT3Config(**source.json("config")))
    load_strictly(network, source.group("weights"), source.path.name)
    return network.eval().requires_grad_(False)


def _branches(network: STDiT3, inputs: Inputs) -> Branches:
    """The network with recorded text in the conditional half and the null text in the other."""
    rows = inputs["y"].shape[0]
    null = network.y_embedder.y_embedding.expand(rows, 1, -1, -1)
    told = {name: inputs[name].repeat(2) for name in ("fps", "height", "width")}

    def run(z: Tensor, timestep: Tensor, active: Tensor | None) -> Tensor:
        x_mask = None if active is None else active.repeat(2, 1)
        text = torch.cat([inputs["y"], null])
        both: Tensor = network(z.repeat(2, 1, 1, 1, 1), timestep.repeat(2), text, inputs["mask"], x_mask, **told)
        return both

    return run


def _start(reference: ReferenceFile, strategy: str, inputs: Inputs) -> tuple[Tensor, Tensor]:
    """Noise with the reference latent in it; starts are where the strategy says, unless the file names an `align`."""
    noise = inputs["z_noise"]
    align = int(reference.metadata["align"]) if "align" in reference.metadata else None
    known = inputs.get("reference_latent")
    references = [[] for _ in noise] if known is None else [[latent] for latent in known]
    return apply_to_all([strategy] * len(noise), noise, references, align=align)


def _steps(
    name: str, flow: RectifiedFlow, scale: float, recorded: Inputs, inputs: Inputs, branches: Branches
) -> Iterator[Compared]:
    """Each step from its recorded latents: the network's output, and from the recorded output the sampler's part."""
    for k in range(len(flow.timesteps)):
        step = {n.removeprefix(f"step{k}."): value for n, value in recorded.items() if n.startswith(f"step{k}.")}
        if not step:
            continue
        z, timestep, active = step["z"], flow.timesteps[k].expand(len(step["z"])), flow.active(k)
        yield compare(f"{name}.step{k}.t", timestep, step["t"], TIMESTEPS)
        if active is not None and "x_mask" in step:
            yield compare(f"{name}.step{k}.x_mask", active, step["x_mask"], 0.0)
        yield compare(f"{name}.step{k}.pred", branches(z, step["t"], step.get("x_mask")), step["pred"], MODULE)
        if k == 0:
            yield compare(f"{name}.step0.z", flow.enter(0, recorded["z_init"], _noise(inputs)), z, MODULE)
        after = flow.advance(k, z, guided(step["pred"], scale, z.shape[1]))
        if k + 1 < len(flow.timesteps):
            yield compare(
                f"{name}.step{k + 1}.z", flow.enter(k + 1, after, _noise(inputs)), recorded[f"step{k + 1}.z"], MODULE
            )
        else:
            yield compare(f"{name}.last", after, recorded["samples"], MODULE)


def _walk(
    name: str, flow: RectifiedFlow, scale: float, start: Tensor, wanted: Tensor, inputs: Inputs, branches: Branches
) -> Compared:
    def predict(z: Tensor, timestep: Tensor, active: Tensor | None) -> Tensor:
        return guided(branches(z, timestep, active), scale, z.shape[1])

    return compare(f"{name}.samples", flow.sample(start, predict, _noise(inputs)), wanted, SAMPLING)


def _noise(inputs: Inputs) -> Callable[[int], Tensor]:
    return lambda step: inputs[f"noise{step}"]
