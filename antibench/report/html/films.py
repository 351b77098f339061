"""Clips for a page: H.264 that browsers play, or animated WebP where PyAV cannot write that."""

from __future__ import annotations

import io
import math
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from antibench.contracts import FramesU8
from antibench.report.html.medium import Medium, data_uri

SMALLEST = 128
"""Shortest side of a film; what is smaller is enlarged to it by a whole factor. H.264 halves the resolution of colour,
so an enlarged clip keeps all of it."""
LONGEST = 512
ENCODER = "libx264"
QUALITY = {"small": 20, "large": 27}
"""H.264's rate factor, less is better: of a small clip every pixel is looked at, large ones must not fill the page."""
KEYFRAMES_EVERY = 12
"""A page seeks frame by frame; the nearest whole frame must not be far."""


def film(frames: FramesU8, fps: float) -> Medium:
    """A clip of (T, H, W, 3) for a page."""
    original = (frames.shape[2], frames.shape[1])
    shown = fitted(frames)
    if has_encoder():
        return Medium("video", data_uri(_mp4(shown, fps), "video/mp4"), *_size(shown), original, len(frames), fps)
    uri = data_uri(_animation(shown, fps), "image/webp")
    return Medium("animation", uri, *_size(shown), original, len(frames), fps)


def has_encoder() -> bool:
    """Whether PyAV can write H.264 here."""
    return ENCODER in av.codecs_available


def fitted(frames: FramesU8) -> FramesU8:
    """Frames of even sides, enlarged by a whole factor up to `SMALLEST` or scaled down to `LONGEST`."""
    height, width = frames.shape[1:3]
    if max(height, width) > LONGEST:
        scale = LONGEST / max(height, width)
        size = max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))
        small = [np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS)) for frame in frames]
        return cast(FramesU8, np.stack(small))
    factor = math.ceil(SMALLEST / min(height, width))
    large = frames.repeat(factor, axis=1).repeat(factor, axis=2)
    odd = [(0, side % 2) for side in large.shape[1:3]]
    return cast(FramesU8, np.pad(large, [(0, 0), *odd, (0, 0)], mode="edge"))


def _size(frames: FramesU8) -> tuple[int, int]:
    return frames.shape[2], frames.shape[1]


def _mp4(frames: FramesU8, fps: float) -> bytes:
    """H.264 with the index in front; writing it there takes a file that can be read back."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        options = {"movflags": "+faststart", "fflags": "+bitexact"}
        with av.open(str(path), "w", format="mp4", options=options) as container:
            _write(container, frames, fps)
        return path.read_bytes()


def _write(container: av.container.OutputContainer, frames: FramesU8, fps: float) -> None:
    quality = QUALITY["small" if max(frames.shape[1:3]) <= 2 * SMALLEST else "large"]
    options = {"crf": str(quality), "preset": "medium", "g": str(KEYFRAMES_EVERY), "bf": "0"}
    stream = container.add_stream(ENCODER, rate=Fraction(fps).limit_denominator(1000), options=options)
    stream.width, stream.height = _size(frames)
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.thread_count = 1
    context.flags |= av.codec.context.Flags.bitexact
    # Said in the file, as players guess otherwise: the matrix by the size of the picture, and they differ in it.
    context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
    context.color_primaries = context.color_trc = 1
    for frame in frames:
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        container.mux(stream.encode(picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)))
    container.mux(stream.encode(None))


def _animation(frames: FramesU8, fps: float) -> bytes:
    first, *others = map(Image.fromarray, frames)
    buffer = io.BytesIO()
    first.save(
        buffer, "WEBP", save_all=True, append_images=others, duration=round(1000 / fps), loop=0, quality=85, method=4
    )
    return buffer.getvalue()
