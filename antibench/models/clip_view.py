"""What a CLIP image encoder is shown of a photo, differentiably: the arithmetic of transformers' image processor."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch.nn import functional as F


def clip_view(processor: Any, image: torch.Tensor) -> torch.Tensor:
    """The pixels that `processor(images=photo)` makes of the photo, but for its rounding to 8 bits after resizing.

    Args:
        processor: A `CLIPImageProcessor` that resizes the shorter side (bicubic), cuts out the centre and normalises.
        image: (1, 3, H, W) in [0, 1].

    Returns:
        (1, 3, h, w), the size being the processor's.

    Raises:
        ValueError: for a processor that does anything else.
    """
    edge, crop = processor.size.get("shortest_edge"), processor.crop_size
    if edge is None or not (processor.do_resize and processor.do_center_crop) or int(processor.resample) != 3:
        raise ValueError("the image processor does not resize the shorter side, bicubic, and cut out the centre")
    height, width = image.shape[-2:]
    short = min(height, width)
    resized = shrunk(image, (int(edge * height / short), int(edge * width / short)), "bicubic")
    top, left = ((have - crop[side]) // 2 for have, side in zip(resized.shape[-2:], ("height", "width"), strict=True))
    return normalised(processor, resized[..., top : top + crop["height"], left : left + crop["width"]])


def shrunk(image: torch.Tensor, size: tuple[int, int], mode: Literal["bilinear", "bicubic"]) -> torch.Tensor:
    """(1, 3, H, W) in [0, 1] resized to `size` = (height, width), antialiased: along the rows, then the columns, and
    held to [0, 1] after either, as images of 8 bits are."""
    for target in ((image.shape[-2], size[1]), size):
        image = F.interpolate(image, size=target, mode=mode, antialias=True, align_corners=False).clamp(0, 1)
    return image


def normalised(processor: Any, image: torch.Tensor) -> torch.Tensor:
    """(1, 3, H, W) in [0, 1] less the processor's mean, over its standard deviation."""
    mean, std = (
        torch.tensor(values, device=image.device)[None, :, None, None]
        for values in (processor.image_mean, processor.image_std)
    )
    return (image - mean) / std
