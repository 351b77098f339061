"""8-bit images: the one place where floats become bytes and bytes become files."""

from __future__ import annotations

import hashlib
import io
from typing import cast

import numpy as np
import torch
from PIL import Image

from antibench.contracts import FramesU8, ImageU8


def to_float(image: ImageU8) -> torch.Tensor:
    """(H, W, 3) uint8 -> (1, 3, H, W) float32 in [0, 1]; (T, H, W, 3) -> (T, 3, H, W)."""
    if image.dtype != np.uint8 or image.shape[-1] != 3 or image.ndim not in (3, 4):
        raise ValueError(f"expected uint8 of shape (H, W, 3) or (T, H, W, 3), got {image.dtype} {image.shape}")
    batch = image[None] if image.ndim == 3 else image
    return torch.from_numpy(np.ascontiguousarray(batch)).permute(0, 3, 1, 2).to(torch.float32) / 255


def to_u8(image: torch.Tensor) -> ImageU8:
    """(1, 3, H, W) float in [0, 1] -> (H, W, 3) uint8, rounded, never truncated.

    Raises:
        ValueError: for a shape other than (1, 3, H, W) or a value that is not finite.
    """
    if image.ndim != 4 or image.shape[0] != 1 or image.shape[1] != 3:
        raise ValueError(f"expected one image of shape (1, 3, H, W), got {tuple(image.shape)}")
    return cast(ImageU8, frames_to_u8(image)[0])


def frames_to_u8(frames: torch.Tensor) -> FramesU8:
    """(T, 3, H, W) float in [0, 1] -> (T, H, W, 3) uint8, rounded."""
    if not torch.isfinite(frames).all():
        raise ValueError("image holds a value that is not finite")
    levels = (frames.detach().to(torch.float32).clamp(0, 1) * 255).round().to(torch.uint8)
    return cast(FramesU8, levels.permute(0, 2, 3, 1).contiguous().cpu().numpy())


def digest(image: ImageU8 | FramesU8) -> str:
    """SHA-256 of shape and pixels."""
    return hashlib.sha256(str(image.shape).encode() + np.ascontiguousarray(image).tobytes()).hexdigest()


def to_png(image: ImageU8) -> bytes:
    """Encode as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def from_png(data: bytes) -> ImageU8:
    """Decode a PNG that `to_png` wrote."""
    with Image.open(io.BytesIO(data)) as image:
        return cast(ImageU8, np.array(image.convert("RGB")))


def fit(image: ImageU8, size: tuple[int, int]) -> ImageU8:
    """Cut to the aspect of `size` = (height, width) around the centre, then resize (Lanczos, antialiased)."""
    height, width = size
    if image.shape[:2] == (height, width):
        return image
    have_h, have_w = image.shape[:2]
    scale = min(have_h / height, have_w / width)
    crop_h, crop_w = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (have_h - crop_h) // 2, (have_w - crop_w) // 2
    cut = Image.fromarray(image[top : top + crop_h, left : left + crop_w])
    return cast(ImageU8, np.array(cut.resize((width, height), Image.Resampling.LANCZOS)))


def as_saved(image: torch.Tensor) -> torch.Tensor:
    """A float image in [0, 1] as 8 bits would hold it, still float; the gradient passes straight through."""
    saved = (image.detach().clamp(0, 1) * 255).round() / 255
    return image + (saved - image.detach())
