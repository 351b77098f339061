"""What each purification does to clean photos, and how near its differentiable twin comes: a Markdown table.

    OMP_NUM_THREADS=1 python benchmarks/purification_damage.py > docs/results/purifications.md

On eight portraits of the tuning split; names as arguments choose purifications; a few minutes on one core. PSNR and
ST-LPIPS are between the purified and the clean photo. The twin's distance is from the purified photo; a stochastic
purification draws for itself, so there is none. Those are averaged over three seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from antibench.contracts import Case, CellView, ImageU8, Purification
from antibench.metrics.psnr import Psnr
from antibench.metrics.st_lpips import StLpipsVgg
from antibench.pixels import to_float
from antibench.registry import DATASETS, PURIFICATIONS

PEOPLE = 8
SEEDS = 3
VARIANTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("jpeg", {"subsampling": "4:4:4"}),
    ("adverse-cleaner", {"guided": False}),
    ("social-media", {"long_edge": 1}),
)
"""Parameters other than the defaults that have rows of their own."""
NAMES = [
    *("jpeg", "webp", "avif", "h264", "gaussian-blur", "median", "bilateral", "adverse-cleaner", "resize"),
    *("crop-resize", "gaussian-noise", "bit-depth", "tvm", "social-media", "screenshot", "print-scan"),
    *("diffpure", "gridpure", "impress", "img2img", "vae-round-trip", "denoiser", "sr-down-up", "noisy-upscaling"),
]
HEAD = (
    "| purification | strength | PSNR, dB | ST-LPIPS\\[vgg\\] | twin, mean levels |",
    "|---|---:|---:|---:|---:|",
)


def portraits() -> list[ImageU8]:
    """The photos that are purified."""
    dataset = DATASETS.create("portraits", {"count": PEOPLE, "split": "tune", "frames": 1})
    return [case.photo for case in dataset.cases() if isinstance(case, Case)]


def purified(plugin: Purification, strength: float, photos: list[ImageU8]) -> Iterator[tuple[ImageU8, ImageU8]]:
    """Pairs of clean and purified photos, each photo once for every seed."""
    for seed in range(SEEDS if plugin.stochastic else 1):
        for index, photo in enumerate(photos):
            yield photo, plugin.apply(photo, strength=strength, rng=np.random.default_rng((seed, index)))


def psnr(pairs: list[tuple[ImageU8, ImageU8]]) -> float:
    """Mean PSNR in dB."""
    return float(np.mean([Psnr().score(_view(*pair)) for pair in pairs]))


def rows(label: str, plugin: Purification, photos: list[ImageU8]) -> Iterator[str]:
    """One row for each strength of the grid."""
    for strength in plugin.grid:
        pairs = list(purified(plugin, strength, photos))
        lpips = float(np.mean([StLpipsVgg().score(_view(*pair)) for pair in pairs]))
        twin = _twin_distance(plugin, strength, pairs)
        yield f"| {label} | {strength:g} | {psnr(pairs):.1f} | {lpips:.3f} | {twin} |"


def label_of(name: str, params: dict[str, Any]) -> str:
    """``jpeg, subsampling 4:4:4``."""
    return ", ".join([f"`{name}`", *(f"{key} {str(value).lower()}" for key, value in params.items())])


def entries(names: list[str]) -> Iterator[tuple[str, Purification]]:
    """Labels and purifications in the order of the table."""
    for name in names:
        for params in [{}, *(given for of, given in VARIANTS if of == name)]:
            yield label_of(name, params), PURIFICATIONS.create(name, params)


def _view(photo: ImageU8, changed: ImageU8) -> CellView:
    return CellView(photo, changed, changed, changed[None], changed[None], world="small")


def _twin_distance(plugin: Purification, strength: float, pairs: list[tuple[ImageU8, ImageU8]]) -> str:
    errors = []
    for photo, real in pairs:
        with torch.no_grad():
            twin = plugin.twin(to_float(photo), strength=strength, generator=torch.Generator())
        if twin is None:
            return "none"
        if plugin.stochastic:
            return "-"
        errors.append(np.abs(twin[0].permute(1, 2, 0).numpy() * 255 - real).mean())
    return f"{np.mean(errors):.2f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES, help="purifications; default: those without a network")
    print("\n".join(HEAD))
    photos = portraits()
    for label, plugin in entries(parser.parse_args().names):
        for row in rows(label, plugin, photos):
            print(row, flush=True)


if __name__ == "__main__":
    main()
