"""One image file -> one photo, whatever its size and mode.

The photo is what a viewer would show: EXIF orientation applied, transparency on white, CMYK and palettes as RGB,
16-bit greyscale scaled to 8 bits, the first frame of an animation. Embedded colour profiles are ignored, as the
loaders of video pipelines ignore them.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from antibench.contracts import ImageU8

MIN_SIDE = 16
"""Smallest side in pixels: below, there is no face to animate."""
MAX_PIXELS = 120_000_000
"""Largest photo, 360 MB of RGB; a small file can claim to be far larger."""


class UnreadablePhotoError(Exception):
    """A file that is not a usable photo; the message says why in one line, without naming the file."""


def read_photo(path: Path) -> ImageU8:
    """Read a photo as (H, W, 3) uint8 RGB.

    Raises:
        UnreadablePhotoError: if the file is not an image, is damaged, too small or too large.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise UnreadablePhotoError(f"cannot be opened: {error.strerror}") from error
    with file, warnings.catch_warnings():
        # Remarks on odd metadata, and on size: Pillow's limit is a setting of the process, MAX_PIXELS replaces it here.
        warnings.simplefilter("ignore")
        try:
            return _read(file)
        except UnreadablePhotoError:
            raise
        except UnidentifiedImageError as error:
            raise UnreadablePhotoError("not an image in a format that Pillow reads") from error
        except Image.DecompressionBombError as error:
            raise UnreadablePhotoError(f"too large: more than {MAX_PIXELS:,} pixels") from error
        except Exception as error:  # Pillow's decoders raise a dozen types on damaged files
            found = " ".join(str(error).split()) or type(error).__name__
            raise UnreadablePhotoError(f"damaged: {found}") from error


def _read(file: BinaryIO) -> ImageU8:
    with Image.open(file) as image:
        _check_size(*image.size)
        image.load()
        return _as_rgb(ImageOps.exif_transpose(image))


def _check_size(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise UnreadablePhotoError(f"too small: {width}x{height} pixels, each side must have at least {MIN_SIDE}")
    if width * height > MAX_PIXELS:
        raise UnreadablePhotoError(f"too large: {width}x{height}, more than {MAX_PIXELS:,} pixels")


def _as_rgb(image: Image.Image) -> ImageU8:
    if image.mode in ("I", "F"):
        raise UnreadablePhotoError("32-bit pixels have no known range; save it with 8 or 16 bits a channel")
    if image.mode.startswith("I;16"):
        levels = np.array(image).astype(np.float64) / 257
        return np.repeat(levels.round().astype(np.uint8)[..., None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return cast(ImageU8, np.array(image.convert("RGB")))
