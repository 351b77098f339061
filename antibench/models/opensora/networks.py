"""The networks of Open-Sora 1.2 together: denoiser, autoencoder and text encoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from antibench.models.opensora.stdit3 import STDiT3
from antibench.models.opensora.text import Text, TextEncoder
from antibench.models.opensora.vae import OpenSoraVAE


class OpenSoraNetworks(nn.Module):
    """What the adapter needs of the model. Latents are normalised, pixels in [-1, 1]."""

    def __init__(self, denoiser: STDiT3, vae: OpenSoraVAE, text_encoder: TextEncoder) -> None:
        """Put the parts together; each is of one type of weights.

        Raises:
            ValueError: if text or latents of one part are not what another reads.
        """
        super().__init__()
        if text_encoder.length != denoiser.config.model_max_length:
            raise ValueError(
                f"text of {text_encoder.length} tokens; the null text has {denoiser.config.model_max_length}"
            )
        if vae.config.temporal_vae.embed_dim != denoiser.config.in_channels:
            raise ValueError(
                f"latents of {vae.config.temporal_vae.embed_dim} channels; the denoiser reads "
                f"{denoiser.config.in_channels}"
            )
        self.denoiser = denoiser
        self.vae = vae
        self.text_encoder: Any = text_encoder

    def text(self, prompts: list[str]) -> Text:
        """Captions as the conditional branch reads them."""
        read: Text = self.text_encoder(prompts)
        return read

    def null_text(self, rows: int) -> Tensor:
        """(rows, 1, L, C): what the unconditional branch reads, instead of an empty caption."""
        return self.denoiser.y_embedder.y_embedding.expand(rows, 1, -1, -1)

    def image_latent(self, pixels: Tensor, draws: torch.Generator | None = None) -> Tensor:
        """(B, 3, H, W) to the latent of a clip of one frame (B, C, 1, h, w), differentiable.

        Args:
            pixels: The pictures, of the type of the weights.
            draws: On the CPU; draws samples of both posteriors, as generation does. Their means if None.
        """
        if draws is None:
            return self.vae.encode(pixels[:, :, None])
        return self.vae.encode(pixels[:, :, None], lambda mean: torch.randn(mean.shape, generator=draws).to(mean))
