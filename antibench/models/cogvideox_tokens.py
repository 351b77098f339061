"""A CogVideoX that also reads image tokens, conditioned as DynamiCrafter is.

This is a controlled variant of CogVideoX and in no published model. It is here to separate what image tokens under
guidance do from what the architecture does: transformer, VAE and sampler are CogVideoX's, and the rest is done as in
DynamiCrafter. The photo's latent stands beside every latent frame, not the first alone; its tokens follow the caption
in the text's place; and guidance runs over the tokens, the unconditional branch reading those of a mid-grey photo, and
over the caption as well if asked to. The latent is in both branches.

Source: architecture of Yang et al. 2024 (arXiv 2408.06072), conditions of Xing et al. 2023 (arXiv 2310.12190).
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn

from antibench.contracts import ImageU8, ModelSpec
from antibench.models.cogvideox import CogVideoX, CogVideoXSettings
from antibench.models.cogvideox_text import CaptionPipeline
from antibench.pixels import to_float


class RepeatedPhotoPipeline(CaptionPipeline):
    """The pipeline with the photo's latent beside every latent frame, in the place of the zeros that pad it."""

    def prepare_latents(self, *args: Any, **options: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Noise and what stands beside it, both (B, F, C, h, w)."""
        noise, padded = super().prepare_latents(*args, **options)
        return noise, padded[:, :1].expand(-1, noise.shape[1], -1, -1, -1)


class CogVideoXTokens(CogVideoX):
    """CogVideoX with image tokens under guidance (`antibench.contracts.VideoModel`)."""

    def __init__(
        self,
        pipe: RepeatedPhotoPipeline,
        image_encoder: nn.Module,
        settings: CogVideoXSettings,
        spec: ModelSpec,
        *,
        caption_guided: bool = True,
    ) -> None:
        """Take over a loaded pipeline and the encoder of the photo, from (B, 3, H, W) in [0, 1] to (B, K, D).

        Text length and K must add up to the transformer's text length. `caption_guided` is whether guidance runs over
        the caption as well, as DynamiCrafter's does, or over the image tokens alone.

        Raises:
            ValueError: as `CogVideoX`.
        """
        super().__init__(pipe, settings, spec)
        self.image_encoder = image_encoder.eval().requires_grad_(False)
        self._caption_guided = caption_guided
        self._null_tokens = self._image_tokens(torch.full((1, 3, *settings.size), 0.5))

    def _branches(self, photo: ImageU8, prompt: str) -> dict[str, Any]:
        with torch.no_grad():
            tokens = self._image_tokens(to_float(photo.copy()))  # torch warns of an array that is read-only
        negative, positive = self._context(prompt, tokens, guided=True).chunk(2)
        return {"prompt_embeds": positive, "negative_prompt_embeds": negative}

    def _image_tokens(self, image: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.image_encoder(image.to(self.pipe.device)))

    def _beside(self, latents: torch.Tensor, frames: int) -> torch.Tensor:
        return latents.expand(-1, frames, -1, -1, -1)

    def _context(self, prompt: str, tokens: torch.Tensor | None, *, guided: bool) -> torch.Tensor:
        """The text, then the image tokens; of the unconditional branch those of a grey photo."""
        text = super()._context(prompt, None, guided=guided and self._caption_guided)
        photo = cast(torch.Tensor, tokens)
        shown = torch.cat([self._null_tokens, photo]) if guided else photo
        return torch.cat([text.expand(len(shown), -1, -1), shown.to(text.dtype)], dim=1)
