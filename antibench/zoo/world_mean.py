"""The mean embedding of the embedded world's faces: ``python -m antibench.zoo.world_mean``.

Rendered faces share a look, and with it a large part of any network's embedding; cosines are taken after this mean is
subtracted. It is computed for each network on training portraits, which no suite scores.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from antibench.metrics.judges.faces import RECOGNITION, embed
from antibench.zoo.portraits import portrait_clip

PORTRAITS = 512
SIZE = 64


def main() -> int:
    """Write `weights/world_mean.safetensors`."""
    photos = [portrait_clip("train", index, SIZE, 1)[0][0] for index in range(PORTRAITS)]
    means: dict[str, torch.Tensor] = {}
    for recogniser in RECOGNITION:
        found = [face for photo in photos if (face := embed(photo, recogniser)) is not None]
        means[recogniser] = torch.from_numpy(np.mean(found, 0, dtype=np.float64).astype(np.float32))
        print(f"{recogniser}: mean of {len(found)} faces in {PORTRAITS} portraits", file=sys.stderr)
    save_file(means, Path(str(files("antibench.zoo"))) / "weights" / "world_mean.safetensors")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
