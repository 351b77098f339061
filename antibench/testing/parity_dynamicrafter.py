"""Reference files of DynamiCrafter: networks, schedule, sampling, and the names of the published checkpoints."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import open_clip
import torch
from torch import Tensor, nn

from antibench.errors import UserError
from antibench.models.dynamicrafter.clip_pixels import clip_pixels
from antibench.models.dynamicrafter.clip_towers import ImageTower, TextTower
from antibench.models.dynamicrafter.config import (
    ClipConfig,
    DiffusionConfig,
    DynamiCrafterConfig,
    FirstStageConfig,
    ResamplerConfig,
    UNetConfig,
)
from antibench.models.dynamicrafter.first_stage import FirstStage
from antibench.models.dynamicrafter.networks import DynamiCrafterNetworks
from antibench.models.dynamicrafter.resampler import Resampler
from antibench.models.dynamicrafter.unet import UNet3D
from antibench.models.weights import load_strictly, misfit, shapes
from antibench.testing.parity_compare import MODULE, Check, Compared, compare
from antibench.testing.parity_dynamicrafter_sampling import ddim, schedule
from antibench.testing.parity_file import ReferenceFile
from antibench.testing.parity_module import Inputs, ModuleKind, Outputs

FROM_PICTURE = 2e-4
"""What the CLIP towers' preprocessing adds: a resize in float32."""


class ClipTowers(nn.Module):
    """Both towers under the names of a checkpoint."""

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        self.cond_stage_model = TextTower(config)
        self.embedder = ImageTower(config)


def keys(path: Path) -> Iterator[Compared]:
    """Names, shapes and types of a checkpoint against networks of its configuration, on the meta device."""
    listed = json.loads(path.read_text("utf-8"))
    with torch.device("meta"):
        networks = DynamiCrafterNetworks(checkpoint_config(listed["config"]))
    wanted = {name: tuple(entry["shape"]) for name, entry in listed["keys"].items()}
    found = shapes(networks)
    fault = misfit(found, wanted)
    yield Compared(f"{len(wanted)} names and shapes", torch.inf if fault else 0.0, 0.0, fault)
    types = {name: str(value.dtype).removeprefix("torch.") for name, value in networks.state_dict().items()}
    other = [name for name, entry in listed["keys"].items() if types.get(name, entry["dtype"]) != entry["dtype"]]
    yield Compared("types", float(len(other)), 0.0, ", ".join(other[:3]))


def checkpoint_config(given: dict[str, Any]) -> DynamiCrafterConfig:
    """The configuration in a list of a checkpoint's names; CLIP is named by its architecture in OpenCLIP."""
    parts = {name: given[name] for name in ("diffusion", "unet", "first_stage", "image_projector")}
    arch = re.search(r"open_clip (\S+)", given["image_encoder"]["arch"])
    known = open_clip.get_model_config(arch[1]) if arch else None
    if known is None:
        raise UserError(f"no architecture of OpenCLIP in {given['image_encoder']['arch']!r}")
    clip = {"embed_dim": known["embed_dim"], "vision": known["vision_cfg"], "text": known["text_cfg"]}
    return DynamiCrafterConfig(**parts, clip=ClipConfig(**clip))


def _unet_outputs(network: UNet3D, inputs: Inputs, _: ReferenceFile) -> Outputs:
    given = (inputs["x"], inputs["timesteps"], inputs["context"])
    return {"y": lambda: network(*given, inputs.get("fs")), "y_default_fs": lambda: network(*given)}


def _resampler_outputs(network: Resampler, inputs: Inputs, _: ReferenceFile) -> Outputs:
    return {"y": lambda: network(inputs["x"])}


def _first_stage_outputs(network: FirstStage, inputs: Inputs, reference: ReferenceFile) -> Outputs:
    posterior = network.encode(inputs["image"])
    factor = float(reference.metadata.get("scale_factor", DiffusionConfig().scale_factor))
    return {
        "moments": lambda: posterior.parameters,
        "mean": lambda: posterior.mean,
        "logvar": lambda: posterior.logvar,
        "scaled_latent_sample": lambda: factor * (posterior.mean + posterior.std * inputs["posterior_noise"]),
        "decoded_mode": lambda: network.decode(network.encode(inputs["image"]).mean),
        "decoded_of_mean": lambda: network.decode(reference.tensor("outputs.mean").to(posterior.mean.dtype)),
    }


def _clip_outputs(network: ClipTowers, inputs: Inputs, reference: ReferenceFile) -> Outputs:
    """Text tokens; for every picture, named ``image`` or ``image_<name>``, its pixels and its tokens.

    The tokens are those of the recorded pixels, where there are some of the right type: the towers alone.
    """
    outputs: dict[str, Callable[[], Tensor]] = {}
    for name, value in inputs.items():
        if name.startswith("tokens"):
            outputs[name.replace("tokens", "text", 1)] = partial(network.cond_stage_model, value)
        if name.startswith("image"):
            suffix = name.removeprefix("image")
            outputs[f"preprocessed{suffix}"] = partial(clip_pixels, value, network.embedder.image_size)
            recorded = f"outputs.preprocessed{suffix}"
            if recorded in reference.names and value.dtype == torch.float32:
                outputs[f"image_tokens{suffix}"] = partial(network.embedder.tokens, reference.tensor(recorded))
            else:
                outputs[f"image_tokens{suffix}"] = partial(network.embedder, value)
    return outputs


def _clip(reference: ReferenceFile) -> Iterator[Compared]:
    """Both towers, and the image tower from the picture itself."""
    yield from CLIP.check(reference)
    towers = CLIP.network(reference, "plain")
    for name, value in reference.inputs("").items():
        suffix = name.removeprefix("image")
        if name.startswith("image") and f"outputs.image_tokens{suffix}" in reference.names:
            wanted = reference.tensor(f"outputs.image_tokens{suffix}")
            yield compare(f"image_tokens{suffix} of the picture", towers.embedder(value), wanted, FROM_PICTURE)


def _load(network: nn.Module, weights: dict[str, Tensor]) -> None:
    load_strictly(network, weights, "the file")


def _submodules(network: nn.Module) -> Mapping[str, nn.Module]:
    return dict(network.named_modules())


def _opened(check: Callable[[ReferenceFile], Iterator[Compared]]) -> Check:
    return lambda path: check(ReferenceFile.open(path))


UNET = ModuleKind(
    build=lambda reference: UNet3D(UNetConfig(**reference.json("config"))),
    load=_load,
    outputs=_unet_outputs,
    traced="y",
    layers=_submodules,
)
RESAMPLER = ModuleKind(
    build=lambda reference: Resampler(ResamplerConfig(**reference.json("config"))),
    load=_load,
    outputs=_resampler_outputs,
    traced="y",
    layers=_submodules,
)
FIRST_STAGE = ModuleKind(
    build=lambda reference: FirstStage(FirstStageConfig(**reference.json("config"))),
    load=_load,
    outputs=_first_stage_outputs,
    traced="decoded_mode",
    layers=lambda network: network.layers,
)
CLIP = ModuleKind(
    build=lambda reference: ClipTowers(ClipConfig(**reference.json("config"))),
    load=_load,
    outputs=_clip_outputs,
    traced="image_tokens",
    layers=_submodules,
    tolerance=lambda output: FROM_PICTURE if output.startswith("preprocessed") else MODULE,
)

KINDS: Mapping[str, Check] = {
    "keys": keys,
    "schedule": _opened(schedule),
    "unet": _opened(UNET.check),
    "resampler": _opened(RESAMPLER.check),
    "first_stage": _opened(FIRST_STAGE.check),
    "clip": _opened(_clip),
    "ddim": _opened(ddim),
}
"""By what a file's name starts with."""
