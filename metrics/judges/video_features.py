"""One vector for a whole clip, for distances of sets of clips (`antibench distance`)."""

from __future__ import annotations

import warnings
from functools import cache
from math import ceil
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F

from antibench.contracts import FramesU8
from antibench.errors import UserError
from antibench.metrics.judges import stlpips
from antibench.metrics.judges.deep_features import vgg_features
from antibench.metrics.judges.fetched import fetched_file
from antibench.pixels import to_float
from antibench.set_distance import Floats

I3D = "i3d_torchscript.pt"
I3D_URL = "https://www.dropbox.com/s/ge9e5ujwgetktms/i3d_torchscript.pt?dl=1"
I3D_FRAMES = 10
"""Fewest frames that I3D's strides leave something of."""
_SIDE = 224
_STAGES = 3
"""Parts of the VGG16 features, each of unit length."""


def vgg_clip_features(frames: FramesU8, sha256: str = "") -> Floats:
    """Mean over (T, H, W, 3) frames of the VGG16 features, and their standard deviation over time: (2560,).

    The first half says what is to be seen, the second how much of it changes; the whole is scaled so that the kernel of
    KID sees a mean square of about 1/2 an entry. Not I3D: nothing in it knows an action.

    Args:
        frames: The clip.
        sha256: Not used: the weights ship in a package.

    Raises:
        UserError: if the weights are not installed, or the frames are too small for them.
    """
    if min(frames.shape[1:3]) < stlpips.SMALLEST:
        raise UserError(f"clips of {frames.shape[1]}x{frames.shape[2]} are too small for image features")
    each = np.stack([vgg_features(np.ascontiguousarray(frame)) for frame in frames]).astype(np.float64)
    return cast(Floats, np.concatenate([each.mean(axis=0), each.std(axis=0)]) * np.sqrt(each.shape[1] / _STAGES))


def i3d_features(frames: FramesU8, sha256: str) -> Floats:
    """Logits of I3D (Kinetics-400) on a (T, H, W, 3) clip as StyleGAN-V's FVD takes them: (400,).

    Short side to 224 px (bilinear), the centre, [-1, 1], all frames.

    Args:
        frames: The clip, of at least ten frames.
        sha256: Of `i3d_torchscript.pt`, 64 hex digits; none is published. The file holds code.

    Raises:
        UserError: if it was not fetched, no hash is given, it is another file, or the clip is too short.
    """
    if len(frames) < I3D_FRAMES:
        raise UserError(f"I3D needs at least {I3D_FRAMES} frames, the clips have {len(frames)}")
    with torch.no_grad():
        logits = i3d_net(sha256)(i3d_input(frames), rescale=False, resize=False, return_features=True)
    return cast(Floats, logits[0].numpy().astype(np.float64))


def i3d_input(frames: FramesU8) -> torch.Tensor:
    """(T, H, W, 3) uint8 as I3D sees it: (1, 3, T, 224, 224)."""
    pixels = to_float(frames)
    height, width = pixels.shape[2:]
    scale = _SIDE / min(height, width)
    size = (_SIDE, ceil(width * scale)) if height < width else (ceil(height * scale), _SIDE)
    pixels = F.interpolate(pixels, size, mode="bilinear", align_corners=False)
    top, left = (pixels.shape[2] - _SIDE) // 2, (pixels.shape[3] - _SIDE) // 2
    return ((pixels[:, :, top : top + _SIDE, left : left + _SIDE] - 0.5) * 2).transpose(0, 1)[None]


@cache
def i3d_net(sha256: str) -> Any:
    """The network of StyleGAN-V's FVD, once per process.

    Raises:
        UserError: as `i3d_features`.
    """
    if len(sha256) not in (0, 64):
        raise UserError(f"sha256 is {sha256!r}: {I3D} holds code, so all 64 digits of its hash are needed")
    path = fetched_file(I3D, I3D_URL, sha256)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch means to drop the format, which this file has
        load: Any = torch.jit.load
        return load(str(path), map_location="cpu").eval()


FEATURES = {"vgg": vgg_clip_features, "i3d": i3d_features}
"""Feature vectors of a clip by the name of their network."""
