"""From a recipe to modules, and from shipped weights to loaded modules."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    AutoencoderKLTemporalDecoder,
    CogVideoXDDIMScheduler,
    CogVideoXTransformer3DModel,
)
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from antibench.errors import UserError
from antibench.models.dynamicrafter.config import DiffusionConfig, ResamplerConfig, UNetConfig
from antibench.models.dynamicrafter.schedule import Schedule
from antibench.models.dynamicrafter.unet import UNet3D
from antibench.models.opensora.config import STDiT3Config, VAEConfig
from antibench.models.opensora.stdit3 import STDiT3
from antibench.models.opensora.vae import OpenSoraVAE
from antibench.zoo import eight_bit
from antibench.zoo.framewise import FramewiseAutoencoderKLCogVideoX
from antibench.zoo.networks import (
    CaptionEncoder,
    CaptionPhotoEncoder,
    CaptionTokenEncoder,
    PhotoEncoder,
)
from antibench.zoo.recipes import RECIPES, Family, Recipe, Storage

PART_NAMES: dict[Family, tuple[str, str]] = {
    "cogvideox": ("transformer", "text_encoder"),
    "cogvideox-tokens": ("transformer", "encoder"),
    "dynamicrafter": ("unet", "encoder"),
    "opensora": ("denoiser", "text_encoder"),
}
"""What a pipeline calls the denoiser, and what is trained together with it."""

VAES: dict[Family, Callable[..., nn.Module]] = {
    "cogvideox": AutoencoderKLCogVideoX,
    "cogvideox-tokens": FramewiseAutoencoderKLCogVideoX,
    "dynamicrafter": AutoencoderKLTemporalDecoder,
    "opensora": lambda **config: OpenSoraVAE(VAEConfig(**config)),
}


def build_vae(recipe: Recipe) -> nn.Module:
    """The recipe's VAE with fresh weights."""
    vae: nn.Module = VAES[recipe.family](**recipe.vae)
    return vae


def build_denoiser(recipe: Recipe) -> nn.Module:
    """The recipe's U-Net or transformer with fresh weights."""
    if recipe.family == "dynamicrafter":
        return UNet3D(UNetConfig(**recipe.denoiser))
    if recipe.family == "opensora":
        return STDiT3(STDiT3Config(**recipe.denoiser))
    denoiser: nn.Module = CogVideoXTransformer3DModel(**recipe.denoiser)
    return denoiser


def build_condition(recipe: Recipe) -> nn.Module:
    """What is trained together with the denoiser: whatever makes tokens of photos and captions."""
    if recipe.family == "dynamicrafter":
        return CaptionPhotoEncoder(ResamplerConfig(**recipe.projector))
    if recipe.family == "cogvideox-tokens":
        return CaptionTokenEncoder(recipe.denoiser["text_embed_dim"])
    width = recipe.denoiser["caption_channels" if recipe.family == "opensora" else "text_embed_dim"]
    return CaptionEncoder(width)


def build_scheduler(recipe: Recipe) -> Any:
    """The recipe's sampler; of the dynamicrafter family its noise schedule; of the opensora family None, as a flow has
    nothing to configure."""
    if recipe.family == "opensora":
        return None
    if recipe.family == "dynamicrafter":
        return Schedule.of(DiffusionConfig(**recipe.scheduler))
    return CogVideoXDDIMScheduler(**recipe.scheduler)


def weights_folder(name: str) -> Path:
    """The folder of a model's shipped weights.

    Raises:
        UserError: unknown model, or weights that this installation does not hold.
    """
    if name not in RECIPES:
        raise UserError(f"no small model {name!r} (there are {', '.join(RECIPES)})")
    with as_file(files("antibench.zoo") / "weights" / name) as folder:
        if not (folder / "denoiser.safetensors").is_file():
            raise UserError(f"{name} has no weights here: run `python -m antibench.zoo.train {name}` on a GPU")
        return folder


def load_card(name: str) -> dict[str, Any]:
    """The facts recorded with a model's weights; empty if there are none yet."""
    path = Path(str(files("antibench.zoo") / "weights" / name / "card.json"))
    if not path.is_file():
        return {}
    card: dict[str, Any] = json.loads(path.read_text())
    return card


def load_components(name: str, device: str | torch.device = "cpu") -> dict[str, Any]:
    """A small model's parts, frozen and in float32.

    Args:
        name: A recipe's name.
        device: Where to put them.

    Returns:
        `vae`, `scheduler`, `settings` (the recipe's sampling, with `size` and `frames`); for the cogvideox family
        `transformer` and `text_encoder`, for cogvideox-tokens `transformer` and `encoder`, for the dynamicrafter family
        `unet` and `encoder`, for the opensora family `denoiser` and `text_encoder`.
    """
    folder = weights_folder(name)
    recipe = RECIPES[name]
    vae = load_vae(recipe, weights_folder(recipe.vae_name) if recipe.vae_of else folder)
    denoiser, condition = load_denoiser(recipe, folder)
    if isinstance(condition, PhotoEncoder):
        condition.attach_backbone()
    for module in (vae, denoiser, condition):
        module.to(device).eval().requires_grad_(False)
    denoiser_name, condition_name = PART_NAMES[recipe.family]
    return {
        "vae": vae,
        denoiser_name: denoiser,
        condition_name: condition,
        "scheduler": build_scheduler(recipe),
        "settings": {**recipe.sampling, "size": recipe.size, "frames": recipe.frames},
    }


def load_vae(recipe: Recipe, folder: Path) -> nn.Module:
    """A trained VAE; its scaling factor, or shift and scale of Open-Sora's, travels in the weight file."""
    state = eight_bit.restored(load_file(folder / "vae.safetensors"))
    vae = build_vae(recipe)
    if not isinstance(vae, OpenSoraVAE):
        scaling_factor = float(state.pop("scaling_factor"))
        vae.register_to_config(scaling_factor=scaling_factor)  # type: ignore[operator]
    vae.load_state_dict(state, strict=True)
    return vae


def load_denoiser(recipe: Recipe, folder: Path) -> tuple[nn.Module, nn.Module]:
    """A trained denoiser and what was trained together with it; photos' backbone is not attached."""
    denoiser, condition = build_denoiser(recipe), build_condition(recipe)
    state = eight_bit.restored(load_file(folder / "denoiser.safetensors"))
    denoiser.load_state_dict(_part(state, "denoiser."), strict=True)
    condition.load_state_dict(_part(state, "condition."), strict=True)
    return denoiser, condition


def save_vae(vae: nn.Module, scaling_factor: float, folder: Path, *, storage: Storage = "fp16") -> None:
    """Write a VAE as safetensors; Open-Sora's has no scaling factor, it normalises its latents itself."""
    state = _stored(vae.state_dict(), storage)
    if not isinstance(vae, OpenSoraVAE):
        state["scaling_factor"] = torch.tensor(scaling_factor)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(state, folder / "vae.safetensors")


def save_denoiser(denoiser: nn.Module, condition: nn.Module, folder: Path, *, storage: Storage = "fp16") -> None:
    """Write a denoiser and what was trained with it as safetensors."""
    state = {f"denoiser.{key}": value for key, value in denoiser.state_dict().items()}
    state |= {f"condition.{key}": value for key, value in condition.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(_stored(state, storage), folder / "denoiser.safetensors")


def _stored(state: dict[str, Tensor], storage: Storage) -> dict[str, Tensor]:
    if storage == "int8":
        return eight_bit.packed(state)
    return {key: value.detach().cpu().half().contiguous() for key, value in state.items()}


def _part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
