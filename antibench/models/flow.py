"""What the image-to-video models trained by flow matching share behind the `VideoModel` contract.

A clip x and noise e are mixed along a straight line, x_s = (1 - s) x + s e, and the transformer predicts the velocity
v = e - x of its points. So x = x_s - s v and e = x_s + (1 - s) v, at every level s. The levels of a sampler are uniform
ones, shifted towards noise: s = k u / (1 + (k - 1) u). The timestep that the transformer reads is s times the number of
training steps.

Source: Lipman et al. 2022 (arXiv 2210.02747), Liu et al. 2022 (arXiv 2209.03003); shift of Esser et al. 2024
(arXiv 2403.03206), section 5.3.2.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from PIL import Image
from torch import nn

from antibench.contracts import Denoised, Encoded, FramesU8, ImageU8, ModelSpec
from antibench.models.layers import captured, encoder_layers
from antibench.pixels import fit, to_float


@dataclass(frozen=True, kw_only=True)
class FlowSettings:
    """How a pipeline is called."""

    size: tuple[int, int]
    """(height, width)."""
    frames: int
    steps: int
    fps: float
    guidance_scale: float
    """Weight of the conditional branch; 1 or less runs it alone."""
    negative_prompt: str = ""


class FlowModel(ABC):
    """An image-to-video model around a pipeline of diffusers (`antibench.contracts.VideoModel`).

    Subclasses say how the photo and the clip are encoded and what one pass of the transformer is. Latents of clips are
    (1, C, F, h, w).
    """

    frame_axis = 2
    attentions: tuple[str, ...] = ()
    """None of these models says which of its attentions run across frames."""
    held = 0
    """Latent frames at the start that are shown without noise, as the photo's latent, and that the sampler leaves."""

    def __init__(self, pipe: Any, settings: FlowSettings, spec: ModelSpec) -> None:
        """Take over a loaded pipeline: its weights are frozen and its progress bar is turned off.

        Raises:
            ValueError: if the scheduler is not one of flow matching, or the VAE would decode another number of frames.
        """
        if (settings.frames - 1) % self._frames_a_latent(pipe):
            raise ValueError(
                f"{spec.name} cannot decode {settings.frames} frames: one, then {self._frames_a_latent(pipe)} a latent"
            )
        self._shift, self._whole_timesteps = _sampler(pipe.scheduler, self._mu(pipe), spec.name)
        for part in pipe.components.values():
            if isinstance(part, nn.Module):
                part.eval().requires_grad_(False)
        pipe.set_progress_bar_config(disable=True)
        self.pipe = pipe
        self.name = spec.name
        self.version = spec.version
        self.card = spec.card
        self.gives = spec.gives
        self.size = settings.size
        self.frames = settings.frames
        self.fps = settings.fps
        self._guidance_scale = settings.guidance_scale
        self._vae_layers = encoder_layers(pipe.vae.encoder)
        self.layers = tuple(self._blocks(0.0))
        self.vae_layers = tuple(self._vae_layers)

    def generate(self, image: ImageU8, prompt: str, seed: int) -> FramesU8:
        """Animate a photo with the pipeline's own sampler."""
        height, width = self.size
        clip = self.pipe(
            image=Image.fromarray(fit(image, self.size)),
            **self._told(prompt),
            height=height,
            width=width,
            num_frames=self.frames,
            generator=torch.Generator("cpu").manual_seed(seed),
            **self._call(),
        ).frames[0]
        return cast(FramesU8, np.stack([np.asarray(frame) for frame in clip]))

    def encode(self, image: torch.Tensor, *, capture: Sequence[str] = ()) -> Encoded:
        """The photo's latents, as the transformer gets them, and tokens, where it reads any; features (1, C, h, w) of
        the encoder's pass over the photo as a clip of one frame."""
        with captured(self._vae_layers, capture) as features:
            if capture:
                self._clip_latents((image * 2 - 1)[:, :, None])
        first = {name: value[:, :, 0] for name, value in features.items()}
        return Encoded(self._image_latents(image), first, self._image_tokens(image))

    @torch.no_grad()
    def encode_clip(self, frames: FramesU8) -> torch.Tensor:
        """Latents (1, C, F, h, w) of a clip at the model's size and length, normalised as the transformer noises them.

        Raises:
            ValueError: for a clip of another size or length.
        """
        if frames.shape[:3] != (self.frames, *self.size):
            raise ValueError(f"{self.name} takes clips of {(self.frames, *self.size)}, not {frames.shape[:3]}")
        return self._clip_latents((to_float(frames) * 2 - 1).transpose(0, 1)[None])

    def encode_still(self, image: torch.Tensor) -> torch.Tensor:
        """As `encode_clip`, of a clip of copies of the photo; differentiable."""
        return self._clip_latents((image * 2 - 1)[:, :, None].expand(-1, -1, self.frames, -1, -1))

    def decode_image(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode the first frame of `Encoded.latents`, apart, to a (1, 3, H, W) image in [0, 1]."""
        return (self._decoded(latents[:, :, :1])[:, :, 0].float() / 2 + 0.5).clamp(0, 1)

    def sigma(self, t: float) -> float:
        """Share of the noise at `t`: the sampler's shift of uniform levels."""
        return self._shift * t / (1 + (self._shift - 1) * t)

    def timestep(self, t: float) -> float:
        """What the transformer reads at `t`; whole where the sampler rounds down, as its own are."""
        step = self.sigma(t) * self.pipe.scheduler.config.num_train_timesteps
        return float(int(step)) if self._whole_timesteps else float(step)

    def denoise(
        self,
        image: torch.Tensor,
        prompt: str,
        *,
        clip_latents: torch.Tensor,
        t: float,
        noise: torch.Tensor,
        guided: bool = False,
        capture: Sequence[str] = (),
        encoded: Encoded | None = None,
    ) -> Denoised:
        """One pass of the transformer on (1 - sigma(t)) * clip + sigma(t) * noise.

        The prediction is v = noise - clip and the loss its mean squared error, which is the training loss. Frames that
        are held are the photo's latent at every level, their velocity is zero, their noise is what was given, and they
        have no part in the loss. Where the guidance scale is 1 or less, one branch runs alone, as in the sampler.

        Raises:
            ValueError: if `noise` has another shape than `clip_latents`, or a layer is unknown.
        """
        if noise.shape != clip_latents.shape:
            raise ValueError(f"noise of shape {tuple(noise.shape)} for latents of {tuple(clip_latents.shape)}")
        clip, noise = clip_latents.to(self.pipe.device).float(), noise.to(self.pipe.device).float()
        sigma, step = self.sigma(t), self.timestep(t)
        known = self.encode(image) if encoded is None else encoded
        noised = (1 - sigma) * clip + sigma * noise
        if self.held:
            noised = torch.cat([known.latents[:, :, : self.held], noised[:, :, self.held :]], dim=2)
        with captured(self._blocks(step), capture) as features:
            prediction = self.predict(noised, step, image, prompt, known, guided=guided)
        loss = torch.mean((prediction - (noise - clip))[:, :, self.held :] ** 2)
        clean, implied = noised - sigma * prediction, noised + (1 - sigma) * prediction
        if self.held:
            implied = torch.cat([noise[:, :, : self.held], implied[:, :, self.held :]], dim=2)
        return Denoised(loss, prediction, features, known.latents, clean, implied)

    def predict(
        self,
        noised: torch.Tensor,
        timestep: float,
        image: torch.Tensor,
        prompt: str,
        encoded: Encoded,
        *,
        guided: bool,
    ) -> torch.Tensor:
        """The velocity (1, C, F, h, w) of noised latents of that shape.

        Args:
            noised: Clip latents at the noise level of `timestep`, held frames being the photo's.
            timestep: What the transformer reads.
            image: The photo, (1, 3, H, W) in [0, 1].
            prompt: Caption of the conditional branch.
            encoded: What `encode` made of the photo.
            guided: Run both branches, the conditional one last, and combine them.
        """
        scale = self._scale(timestep)
        unconditional = None
        if guided and scale > 1:
            context = self._context(image, prompt, encoded, conditional=False)
            unconditional = self._velocity(noised, timestep, encoded, context)
        context = self._context(image, prompt, encoded, conditional=True)
        prediction = self._velocity(noised, timestep, encoded, context)
        if unconditional is not None:
            prediction = unconditional + scale * (prediction - unconditional)
        if not self.held:
            return prediction
        still = torch.zeros_like(prediction[:, :, : self.held])
        return torch.cat([still, prediction[:, :, self.held :]], dim=2)

    def _scale(self, timestep: float) -> float:
        """Guidance scale at a timestep."""
        del timestep
        return self._guidance_scale

    def _image_tokens(self, image: torch.Tensor) -> torch.Tensor | None:
        """(1, K, D), differentiable in the image, or None if the transformer reads none."""
        del image
        return None

    def _mu(self, pipe: Any) -> float:
        """Logarithm of the shift, where a scheduler leaves it to the pipeline."""
        del pipe
        return 0.0

    def _told(self, prompt: str) -> dict[str, Any]:
        """What the pipeline is told of the caption."""
        return {"prompt": prompt}

    @abstractmethod
    def _call(self) -> dict[str, Any]:
        """What the pipeline is told besides photo, caption, size, length and generator."""

    @abstractmethod
    def _frames_a_latent(self, pipe: Any) -> int:
        """Frames that a latent frame after the first stands for."""

    def _blocks(self, timestep: float) -> Mapping[str, nn.Module]:
        """The transformer's blocks in the order they run at a timestep; the names are the same at all of them."""
        del timestep
        blocks = enumerate(self.pipe.transformer.transformer_blocks)
        return {f"transformer_blocks.{i}": block for i, block in blocks}

    @abstractmethod
    def _image_latents(self, image: torch.Tensor) -> torch.Tensor:
        """(1, 3, H, W) in [0, 1] -> (1, C, 1 or F, h, w), as the transformer gets them."""

    @abstractmethod
    def _clip_latents(self, pixels: torch.Tensor) -> torch.Tensor:
        """(1, 3, T, H, W) in [-1, 1] -> (1, C, F, h, w), mean of the posterior, normalised."""

    @abstractmethod
    def _decoded(self, latents: torch.Tensor) -> torch.Tensor:
        """(1, C, F, h, w), normalised -> (1, 3, T, H, W) in [-1, 1]."""

    @abstractmethod
    def _context(self, image: torch.Tensor, prompt: str, encoded: Encoded, *, conditional: bool) -> dict[str, Any]:
        """What one branch of the transformer reads besides the latents, as arguments of its forward pass."""

    @abstractmethod
    def _velocity(
        self, noised: torch.Tensor, timestep: float, encoded: Encoded, context: dict[str, Any]
    ) -> torch.Tensor:
        """One pass of the transformer, (1, C, F, h, w) in float32."""


def _sampler(scheduler: Any, mu: float, name: str) -> tuple[float, bool]:
    """The shift of a scheduler, and whether it rounds timesteps down.

    Raises:
        ValueError: if it is not one of flow matching.
    """
    config = scheduler.config
    if isinstance(scheduler, FlowMatchEulerDiscreteScheduler):
        return (math.exp(mu) if config.use_dynamic_shifting else float(config.shift)), False
    if config.get("use_flow_sigmas") and config.prediction_type == "flow_prediction":
        return float(config.flow_shift), True
    raise ValueError(f"{name} needs a scheduler of flow matching")
