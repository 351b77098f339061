"""Lossless video: clips as FFV1 in Matroska, bit-exact RGB."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import cast

import av
import numpy as np

from antibench.contracts import FramesU8


def encode(frames: FramesU8, fps: float) -> bytes:
    """Encode a (T, H, W, 3) uint8 clip without loss.

    Raises:
        ValueError: if the clip is empty, of another shape or not uint8.
    """
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or 0 in frames.shape:
        raise ValueError(f"expected a clip of uint8 frames (T, H, W, 3), got {frames.dtype} {frames.shape}")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska", options={"fflags": "+bitexact"}) as container:
        rate = Fraction(fps).limit_denominator(1000)
        stream = container.add_stream("ffv1", rate=rate, options={"level": "1"})  # no slices: any size works
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "bgra"  # RGB in another order, as NumPy can hand it over: nothing converts, so nothing rounds
        stream.codec_context.thread_count = 1  # starting threads takes longer than they save on frames without slices
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        for frame in np.insert(frames[..., ::-1], 3, 255, axis=-1):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="bgra")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def decode(data: bytes) -> FramesU8:
    """Decode what `encode` wrote: (T, H, W, 3) uint8."""
    with av.open(io.BytesIO(data), "r", format="matroska") as container:
        container.streams.video[0].codec_context.thread_count = 1
        frames = [frame.to_ndarray() for frame in container.decode(video=0)]
    return cast(FramesU8, np.ascontiguousarray(np.stack(frames)[..., 2::-1]))


def frame_rate(data: bytes) -> float:
    """Frames a second of what `encode` wrote."""
    with av.open(io.BytesIO(data), "r", format="matroska") as container:
        return float(container.streams.video[0].average_rate)
