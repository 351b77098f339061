"""The embedded models: the zoo's networks in the adapters of the real ones."""

from __future__ import annotations

from typing import Any

from antibench.contracts import ModelSpec
from antibench.models.cogvideox import CogVideoX, CogVideoXSettings
from antibench.models.cogvideox_text import CaptionPipeline
from antibench.models.cogvideox_tokens import CogVideoXTokens, RepeatedPhotoPipeline
from antibench.models.dynamicrafter.adapter import DynamiCrafter, DynamiCrafterSettings
from antibench.models.dynamicrafter.small_networks import SmallNetworks
from antibench.models.opensora.adapter import OpenSora, OpenSoraSettings
from antibench.models.opensora.networks import OpenSoraNetworks
from antibench.models.opensora.small_text import CaptionText
from antibench.models.part import Part
from antibench.zoo.assemble import load_components


def load_cogvideox(spec: ModelSpec, device: str, **sampling: Any) -> CogVideoX:
    """A small CogVideoX; `sampling` are fields of `CogVideoXSettings`.

    Raises:
        UserError: if this installation lacks the weights.
    """
    parts = load_components(spec.name, device)
    pipe = CaptionPipeline(
        tokenizer=None,
        text_encoder=Part(parts["text_encoder"]),
        vae=parts["vae"],
        transformer=parts["transformer"],
        scheduler=parts["scheduler"],
    )
    return CogVideoX(pipe, CogVideoXSettings(size=spec.size, frames=spec.frames, **sampling), spec)


def load_cogvideox_tokens(spec: ModelSpec, device: str, *, caption_guided: bool, **sampling: Any) -> CogVideoXTokens:
    """A small CogVideoX with image tokens; `sampling` are fields of `CogVideoXSettings`.

    Raises:
        UserError: if this installation lacks the weights.
    """
    parts = load_components(spec.name, device)
    pipe = RepeatedPhotoPipeline(
        tokenizer=None,
        text_encoder=Part(parts["encoder"].captions),
        vae=parts["vae"],
        transformer=parts["transformer"],
        scheduler=parts["scheduler"],
    )
    settings = CogVideoXSettings(size=spec.size, frames=spec.frames, **sampling)
    return CogVideoXTokens(pipe, parts["encoder"], settings, spec, caption_guided=caption_guided)


def load_dynamicrafter(spec: ModelSpec, device: str, **sampling: Any) -> DynamiCrafter:
    """A small DynamiCrafter; `sampling` are fields of `DynamiCrafterSettings`. The photo's latent is the mean, as the
    small models are trained.

    Raises:
        UserError: if this installation lacks the weights.
    """
    parts = load_components(spec.name, device)
    networks = SmallNetworks(parts["vae"], parts["unet"], parts["encoder"], parts["scheduler"])
    settings = DynamiCrafterSettings(size=spec.size, frames=spec.frames, sample_posterior=False, **sampling)
    return DynamiCrafter(networks, settings, spec)


def load_opensora(spec: ModelSpec, device: str, *, told_side: int, **sampling: Any) -> OpenSora:
    """A small Open-Sora; `sampling` are fields of `OpenSoraSettings`. Captions carry no scores, and the photo's latent
    is the mean, as the small models are trained. `told_side`: height and width that the network is told, in pixels.

    Raises:
        UserError: if this installation lacks the weights.
    """
    parts = load_components(spec.name, device)
    networks = OpenSoraNetworks(parts["denoiser"], parts["vae"], CaptionText(parts["text_encoder"]))
    settings = OpenSoraSettings(
        size=spec.size,
        frames=spec.frames,
        told_size=(told_side, told_side),
        aesthetic=None,
        sample_posterior=False,
        **sampling,
    )
    return OpenSora(networks, settings, spec)
