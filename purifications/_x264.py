"""One photo as a still clip through x264, encoded and decoded in memory."""

from __future__ import annotations

import io
from typing import cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from antibench.contracts import ImageU8

_FRAMES, _TAKEN = 8, 4
# Without these flags swscale reads every second pixel for chroma and truncates: the photo gets a level or two darker.
_FULL = Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
_SWSCALE = Interpolation.BICUBIC | _FULL | Interpolation.ACCURATE_RND | Interpolation.BITEXACT


def encoded(image: ImageU8, rate_factor: int) -> bytes:
    """The photo eight times over as raw H.264; sides must be even."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="h264") as container:
        options = {"crf": str(rate_factor), "preset": "medium", "threads": "1"}
        stream = container.add_stream("libx264", rate=8, options=options)
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt = "yuv420p"
        for _ in range(_FRAMES):
            rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            limited = {"dst_colorspace": Colorspace.ITU601, "dst_color_range": ColorRange.MPEG}
            container.mux(stream.encode(rgb.reformat(format="yuv420p", interpolation=_SWSCALE, **limited)))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def decoded(data: bytes) -> ImageU8:
    """The frame that is taken, (H, W, 3) uint8."""
    with av.open(io.BytesIO(data), "r", format="h264") as container:
        frame = list(container.decode(video=0))[_TAKEN]
    limited = {"src_colorspace": Colorspace.ITU601, "src_color_range": ColorRange.MPEG}
    return cast(ImageU8, frame.reformat(format="rgb24", interpolation=_SWSCALE, **limited).to_ndarray())
