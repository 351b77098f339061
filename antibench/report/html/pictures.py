"""Photos for a page: small ones to the pixel, large ones as a person looks at them."""

from __future__ import annotations

import io
from typing import cast

import numpy as np
from PIL import Image

from antibench.contracts import ImageU8
from antibench.report.html.medium import Medium, data_uri

EXACT_UP_TO = 256
"""Longest side of a photo that is kept to the pixel, as PNG."""
LONGEST = 512
"""Longest side of what is shown of a larger one."""
QUALITY = 85


def picture(image: ImageU8) -> Medium:
    """A photo of (H, W, 3): as PNG if it is small, else as WebP of quality 85 and at most 512 pixels a side."""
    height, width = image.shape[:2]
    shown = Image.fromarray(image)
    buffer = io.BytesIO()
    if max(height, width) <= EXACT_UP_TO:
        shown.save(buffer, "PNG", optimize=True)
        uri = data_uri(buffer.getvalue(), "image/png")
    else:
        shown.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
        shown.save(buffer, "WEBP", quality=QUALITY, method=6)
        uri = data_uri(buffer.getvalue(), "image/webp")
    return Medium("image", uri, *shown.size, (width, height))


def amplified_difference(photo: ImageU8, other: ImageU8, factor: int) -> ImageU8:
    """What was changed, around grey: 128 + factor * (other - photo), cut off at 0 and 255.

    Both are (H, W, 3) of one size; the factor is in levels a level.
    """
    change = other.astype(np.int16) - photo.astype(np.int16)
    return cast(ImageU8, np.clip(128 + factor * change, 0, 255).astype(np.uint8))
