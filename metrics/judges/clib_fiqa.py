"""CLIB-FIQA (Ou et al., CVPR 2024): how good a face is for recognition, by a CLIP that names its flaws and its quality.

The network is OpenAI's CLIP RN50, trained further. Its file comes from the authors' Google Drive; its state is that of
the whole CLIP, so OpenAI's own file is not needed beside it.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from antibench.contracts import ImageU8
from antibench.errors import UserError
from antibench.metrics.judges.downloaded import checked, judges_folder
from antibench.pixels import to_float

FILE = "CLIB-FIQA_R50.pth"
URL = "https://drive.google.com/file/d/18-Bkno_CWDaT9EA-FbnJ1oDcg1RDkPTt"
FLAWS = (
    ("hazy", "blurry", "clear"),
    ("obstructed", "unobstructed"),
    ("profile", "slight angle", "frontal"),
    ("exaggerated expression", "typical expression"),
    ("extreme lighting", "normal lighting"),
)
"""Blur, occlusion, pose, expression, illumination."""
QUALITIES = ("bad", "poor", "fair", "good", "perfect")
BINS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""The score that each quality stands for."""
SIDE = 224
_MEAN, _STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
_BESIDE = ("input_resolution", "context_length", "vocab_size")
"""Numbers that OpenAI's files hold beside the weights."""


def prompts() -> list[str]:
    """The 360 joint prompts, quality running fastest."""
    return [
        f"a photo of a {blur}, {occlusion}, and {pose} face with {expression} under {light}, which is of {q} quality"
        for blur, occlusion, pose, expression, light, q in product(*FLAWS, QUALITIES)
    ]


def expected_quality(logits: Tensor) -> Tensor:
    """Logits (N, 360) of faces against the prompts to scores (N,) in 0.1..0.9: the mean of the marginal's bins."""
    marginal = logits.float().softmax(dim=1).view(len(logits), -1, len(QUALITIES)).sum(dim=1)
    return marginal @ torch.tensor(BINS, device=logits.device)


def pixels(face: ImageU8) -> Tensor:
    """An aligned face as the network takes it, (1, 3, 224, 224): resized (bilinear) whatever its aspect."""
    resized = Image.fromarray(face).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (_MEAN, _STD))
    return (to_float(np.array(resized)) - mean) / std


class ClibFiqa:
    """A CLIP with the features of the prompts."""

    def __init__(self, clip: nn.Module) -> None:
        """`clip` has `encode_image`, `encode_text` and `logit_scale`, as that of open_clip."""
        import open_clip

        self._clip = cast(Any, clip)
        with torch.no_grad():
            tokens = open_clip.get_tokenizer("RN50-quickgelu")(prompts())
            self._texts: Tensor = self._clip.encode_text(tokens, normalize=True)

    @torch.no_grad()
    def score(self, face: ImageU8) -> float:
        """Quality of an aligned (H, W, 3) face, 0.1..0.9."""
        image = self._clip.encode_image(pixels(face), normalize=True)
        return float(expected_quality(self._clip.logit_scale.exp() * image @ self._texts.T))


def build_clip(config: dict[str, Any] | None = None) -> nn.Module:
    """CLIP with fresh weights; `config` as open_clip writes them, None for RN50 with OpenAI's activation."""
    import open_clip
    from open_clip.model import CLIP

    with torch.random.fork_rng(devices=[]):  # building a layer draws from the global generator
        return cast(nn.Module, CLIP(**(config or open_clip.get_model_config("RN50-quickgelu"))))


def fill(clip: nn.Module, path: Path) -> nn.Module:
    """Fill a CLIP with the weights of a file, every one; it comes back frozen, in evaluation mode, in float32.

    Raises:
        UserError: if the file cannot be read as weights, or does not fit the network.
    """
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        own = {name.removeprefix("module."): value.float() for name, value in stored.items() if name not in _BESIDE}
        clip.load_state_dict(own, strict=True)
    except (RuntimeError, UnpicklingError, AttributeError, EOFError) as error:
        raise UserError(f"{path} does not hold the weights of CLIB-FIQA ({str(error).splitlines()[0]})") from error
    return clip.eval().requires_grad_(False)


@lru_cache(maxsize=1)
def clib_fiqa(sha256: str) -> ClibFiqa:
    """Load the network once per process.

    Raises:
        UserError: if no hash is given, or the file is missing or is another one.
    """
    path = judges_folder() / "clib-fiqa" / FILE
    if not path.is_file():
        raise UserError(f"CLIB-FIQA needs {FILE}; fetch it once from {URL} into {path.parent}")
    if not sha256:
        raise UserError(
            f"no hash of {FILE} is known here: set the metric's parameter sha256 to what `sha256sum {path}` prints, so "
            "that a result says of which weights it is"
        )
    return ClibFiqa(fill(build_clip(), checked(path, sha256)))
