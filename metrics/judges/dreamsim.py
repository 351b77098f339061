"""DreamSim (Fu et al., NeurIPS 2023), the ensemble, through its own package (extra `dreamsim`).

The package's loader unpickles its checkpoints and takes DINO's code from GitHub through torch.hub, pinned to nothing.
antibench runs no such code unless it is told to: the metrics' parameter `remote_code`.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

import torch
from PIL import Image
from torchvision.transforms.functional import InterpolationMode, resize, to_tensor

from antibench.contracts import ImageU8
from antibench.errors import UserError
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.memo import PixelMemo

VERSION = "0.2.1"
URL = "https://github.com/ssundaram21/dreamsim/releases/download/v0.2.0-checkpoints/dreamsim_ensemble_checkpoint.zip"
LICENCE = "MIT (dreamsim)"
REFERENCE = f"package dreamsim {VERSION}, release v0.2.0-checkpoints, ensemble; its files have no published SHA-256"
PARTS = (
    "dino_vitb16_pretrain.pth",
    "open_clip_vitb16_pretrain.pth.tar",
    "clip_vitb16_pretrain.pth.tar",
    "ensemble_lora",
)
_SIDE = 224


@cache
def dreamsim_net(remote_code: bool) -> Any:
    """The ensemble on the CPU, once per process.

    Args:
        remote_code: Whether the package's loader may run.

    Raises:
        UserError: if it may not, the package is not installed in the version known, or its files were not fetched.
    """
    if not remote_code:
        raise UserError(
            "DreamSim's package unpickles its weights and takes code from GitHub; set the metric's parameter "
            "remote_code = true if that may be"
        )
    try:
        found = version("dreamsim")
    except PackageNotFoundError:
        raise UserError("package dreamsim is not installed; run: pip install 'antibench[dreamsim]'") from None
    if found != VERSION:
        raise UserError(f"package dreamsim is {found}, not {VERSION}; run: pip install 'antibench[dreamsim]'")
    folder = Path(torch.hub.get_dir()) / "checkpoints" / "dreamsim"
    if not all((folder / part).exists() for part in PARTS):
        place = '"$(python -c "import torch; print(torch.hub.get_dir())")/checkpoints/dreamsim"'
        raise UserError(
            f"the weights of DreamSim are not in torch's cache; fetch them once with: "
            f"curl -L -o dreamsim.zip {URL} && unzip dreamsim.zip -d {place}"
        )
    from dreamsim import dreamsim

    before = torch.hub.get_dir()
    try:
        with torch.random.fork_rng(devices=[]):
            net, _ = dreamsim(pretrained=True, device="cpu", cache_dir=str(folder), dreamsim_type="ensemble")
    finally:
        torch.hub.set_dir(before)  # which the package moves
    return net.eval().requires_grad_(False)


def dreamsim_features(image: ImageU8, remote_code: bool) -> Features:
    """Embedding of an (H, W, 3) uint8 image, (1792,); the distance of two is 1 - their cosine.

    Raises:
        UserError: as `dreamsim_net`.
    """
    dreamsim_net(remote_code)
    return _EMBEDDINGS(image)


def dreamsim_input(image: ImageU8) -> torch.Tensor:
    """(H, W, 3) uint8 as DreamSim sees it: (1, 3, 224, 224) in [0, 1], bicubic by PIL, aspect not kept."""
    return cast(
        torch.Tensor, to_tensor(resize(Image.fromarray(image), [_SIDE, _SIDE], InterpolationMode.BICUBIC))[None]
    )


def _embedding(image: ImageU8) -> Features:
    with torch.no_grad():
        return cast(Features, dreamsim_net(True).embed(dreamsim_input(image)).flatten().numpy())


_EMBEDDINGS = PixelMemo(_embedding)
