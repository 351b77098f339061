"""How much each purification changes a photo, and how near its differentiable twin comes: a Markdown table.

    python benchmarks/purification_twins.py

On eight portraits of the tuning split; a few seconds on one core.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from antibench.contracts import Case, Purification
from antibench.pixels import to_float
from antibench.registry import DATASETS, PURIFICATIONS

PEOPLE = 8


def row(label: str, plugin: Purification, strength: float, photos: list[Case]) -> str:
    """Means over the photos: change (root mean square), twin's distance (mean absolute, PSNR)."""
    changes, distances, psnrs = [], [], []
    for case in photos:
        real = plugin.apply(case.photo, strength=strength, rng=np.random.default_rng(0))
        twin = plugin.twin(to_float(case.photo), strength=strength, generator=torch.Generator())
        if twin is None:
            return f"| {label} | {strength:g} | | | |"
        error = twin[0].permute(1, 2, 0).numpy() * 255.0 - real
        changes.append(np.sqrt(np.mean((real.astype(np.float64) - case.photo) ** 2)))
        distances.append(np.abs(error).mean())
        psnrs.append(20 * math.log10(255) - 10 * math.log10(float(np.mean(error**2))))
    means = [float(np.mean(values)) for values in (changes, distances, psnrs)]
    return f"| {label} | {strength:g} | {means[0]:.1f} | {means[1]:.2f} | {means[2]:.0f} dB |"


def main() -> None:
    """Print the table."""
    dataset = DATASETS.create("portraits", {"count": PEOPLE, "split": "tune", "frames": 1})
    photos = [case for case in dataset.cases() if isinstance(case, Case)]
    print("| purification | strength | change, RMS levels | twin, mean levels | twin, PSNR |\n|---|---|---|---|---|")
    for label, params in [("jpeg", {}), ("jpeg", {"subsampling": "4:4:4"}), ("resize", {}), ("gaussian-blur", {})]:
        plugin = PURIFICATIONS.create(label, params)
        for strength in plugin.grid:
            print(row(" ".join([label, *params.values()]), plugin, strength, photos))


if __name__ == "__main__":
    main()
