"""Reference files of Open-Sora 1.2: its networks, and the names of the published checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from antibench.models.opensora.config import STDiT3Config, TemporalVAEConfig, VAEConfig
from antibench.models.opensora.stdit3 import STDiT3
from antibench.models.opensora.temporal_vae import TemporalVAE
from antibench.models.opensora.vae import Gaussian, OpenSoraVAE
from antibench.models.weights import load_strictly, misfit, shapes
from antibench.testing.parity_compare import Check, Compared
from antibench.testing.parity_file import Group, ReferenceFile
from antibench.testing.parity_module import Inputs, ModuleKind, Outputs
from antibench.testing.parity_opensora_sampling import rflow
from antibench.testing.parity_opensora_tables import mask_strategies, prompts, rflow_timesteps, sizes

TEMPORAL = "temporal_vae."
"""Before the names of the temporal autoencoder's weights, within the whole one."""
EPS_CASE = "firstframe"
"""The case of the denoiser that is repeated with small weights."""
FULL_TEXT = "fulltext"
"""In the name of a case whose text comes without a mask."""


def keys(path: Path) -> Iterator[Compared]:
    """Names, shapes and types of a checkpoint against a network of its configuration, on the meta device."""
    listed = json.loads(path.read_text("utf-8"))
    config = _plain(listed["config"])
    with torch.device("meta"):
        # Only the autoencoder's configuration has parts.
        denoiser = not any(isinstance(value, dict) for value in config.values())
        network = STDiT3(STDiT3Config(**config)) if denoiser else OpenSoraVAE(VAEConfig(**config))
    wanted = {name: tuple(entry["shape"]) for name, entry in listed["keys"].items()}
    fault = misfit(shapes(network), wanted)
    yield Compared(f"{len(wanted)} names and shapes", torch.inf if fault else 0.0, 0.0, fault)
    types = {name: str(value.dtype).removeprefix("torch.") for name, value in network.state_dict().items()}
    other = [name for name, entry in listed["keys"].items() if types.get(name, entry["dtype"]) != entry["dtype"]]
    yield Compared("types", float(len(other)), 0.0, ", ".join(other[:3]))


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration without the remarks that were written into it."""
    return {key: _plain(value) if isinstance(value, dict) else value for key, value in config.items() if key != "note"}


def _stdit3_inputs(reference: ReferenceFile, group: Group) -> Inputs:
    """What all cases share, and what a case has besides; a text mask is left out by the case's name."""
    case = EPS_CASE if group.variant == "eps" and not group.case else group.case
    inputs = reference.inputs("") | (reference.inputs(case) if case else {})
    if FULL_TEXT in case:
        inputs.pop("mask", None)
    return inputs


def _stdit3_outputs(network: STDiT3, inputs: Inputs, _: ReferenceFile) -> Outputs:
    told = {name: inputs[name] for name in ("fps", "height", "width")}
    given = (inputs["x"], inputs["timestep"], inputs["y"], inputs.get("mask"), inputs.get("x_mask"))
    return {"y": lambda: network(*given, **told)}


def _temporal_inputs(reference: ReferenceFile, group: Group) -> Inputs:
    """A case's frames, and the mean that the unchanged network gives them."""
    mean = f"outputs_{group.case}.mean" if group.case else "outputs.mean"
    return reference.inputs(group.case) | ({"mean": reference.tensor(mean)} if mean in reference.names else {})


def _temporal_outputs(network: TemporalVAE, inputs: Inputs, _: ReferenceFile) -> Outputs:
    """In double precision the decoder is given the recorded mean: inputs in single precision, made longer."""
    x, recorded = inputs["x"], inputs.get("mean")
    posterior = network.encode(x)

    def mode() -> Tensor:
        own: Tensor = network.encode(x).mean
        return recorded if recorded is not None and x.dtype == torch.float64 else own

    return {
        "moments": lambda: posterior.parameters,
        "mean": lambda: posterior.mean,
        "logvar": lambda: posterior.logvar,
        "decoded_mode": lambda: network.decode(mode(), x.shape[2]),
        "decoded_of_mean": lambda: network.decode(inputs["mean"], x.shape[2]),
    }


def _vae_weights(reference: ReferenceFile) -> dict[str, Tensor]:
    """A file's weights, and those of the temporal autoencoder that another file holds."""
    weights = reference.group("weights")
    if "temporal_weights_from" in reference.metadata:
        other = reference.sibling(reference.entry("temporal_weights_from")).group("weights")
        weights |= {TEMPORAL + name.removeprefix(TEMPORAL): value for name, value in other.items()}
    return weights


def _vae_outputs(network: OpenSoraVAE, inputs: Inputs, reference: ReferenceFile) -> Outputs:
    """What is recorded of each clip, by its name, such as ``image`` or ``video``; decoding of its recorded latent."""
    outputs: dict[str, Callable[[], Tensor]] = {}
    for name, pixels in inputs.items():
        if name.endswith("_noise"):
            continue
        outputs[f"{name}_spatial_latent_mode"] = partial(network.spatial_latents, pixels)
        outputs[f"{name}_latent_mode"] = partial(network.encode, pixels)
        if f"{name}_spatial_noise" in inputs:
            noises = inputs[f"{name}_spatial_noise"], inputs[f"{name}_temporal_noise"]
            outputs[f"{name}_latent_noise"] = partial(_sampled, network, pixels, *noises)
        latent = f"outputs.{name}_latent_mode"
        if latent in reference.names:
            recorded = reference.tensor(latent).to(pixels.dtype)
            outputs[f"{name}_decoded_of_latent_mode"] = partial(network.decode, recorded, pixels.shape[2])
    return outputs


def _sampled(network: OpenSoraVAE, pixels: Tensor, spatial: Tensor, temporal: Tensor) -> Tensor:
    """The latent of samples with recorded noise: (B·T, C, h, w) of the frames and (B, C', t, h, w) of the clip."""
    frames, chunks = _replayed(spatial, dim=0), _replayed(temporal, dim=2)

    def gaussian(mean: Tensor) -> Tensor:
        return frames(mean) if mean.ndim == 4 else chunks(mean)

    return network.encode(pixels, gaussian)


def _replayed(noise: Tensor, dim: int) -> Gaussian:
    """Hands out recorded noise along an axis, as much as each call asks for."""
    start = 0

    def taken(mean: Tensor) -> Tensor:
        nonlocal start
        part = noise.narrow(dim, start, mean.shape[dim])
        start += mean.shape[dim]
        return part

    return taken


def _vae(reference: ReferenceFile) -> Iterator[Compared]:
    """What the autoencoder computes, and how large its latents are."""
    yield from VAE.check(reference)
    network = VAE.build(reference)
    for entry in reference.metadata:
        size = entry.removeprefix("latent_sizes_")
        if size != entry:
            height, width = (int(side) for side in size.split("x"))
            sizes = {frames: tuple(shape) for frames, shape in reference.json(entry).items()}
            wrong = [n for n, shape in sizes.items() if network.latent_size(int(n), height, width) != shape]
            yield Compared(f"{len(sizes)} {entry}", float(len(wrong)), 0.0, ", ".join(f"{n} frames" for n in wrong))


def _load(network: nn.Module, weights: dict[str, Tensor]) -> None:
    load_strictly(network, weights, "the file")


def _submodules(network: nn.Module) -> Mapping[str, nn.Module]:
    return dict(network.named_modules())


def _opened(check: Callable[[ReferenceFile], Iterator[Compared]]) -> Check:
    return lambda path: check(ReferenceFile.open(path))


STDIT3 = ModuleKind(
    build=lambda reference: STDiT3(STDiT3Config(**_plain(reference.json("config")))),
    load=_load,
    outputs=_stdit3_outputs,
    traced="y",
    layers=_submodules,
    inputs=_stdit3_inputs,
)
TEMPORAL_VAE = ModuleKind(
    build=lambda reference: TemporalVAE(TemporalVAEConfig(**_plain(reference.json("config")))),
    load=_load,
    outputs=_temporal_outputs,
    traced="decoded_mode",
    layers=_submodules,
    inputs=_temporal_inputs,
)
VAE = ModuleKind(
    build=lambda reference: OpenSoraVAE(VAEConfig(**_plain(reference.json("config")))),
    load=_load,
    outputs=_vae_outputs,
    traced="video_latent_mode",
    layers=_submodules,
    weights=_vae_weights,
)

KINDS: Mapping[str, Check] = {
    "keys": keys,
    "stdit3": _opened(STDIT3.check),
    "vae_temporal": _opened(TEMPORAL_VAE.check),
    "vae_pipeline": _opened(_vae),
    "rflow": _opened(rflow),
    "rflow_timesteps": rflow_timesteps,
    "mask_strategy_cases": mask_strategies,
    "prompt_cases": prompts,
    "sizes": sizes,
}
"""By what a file's name starts with."""
