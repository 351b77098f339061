"""How much of the person do a small model's clean clips keep, by how the model is sampled?

``python benchmarks/clean_clips.py MODEL [SETTING ...]`` animates portraits of the split for tuning, where a setting is
``guidance=3.0`` or ``guidance=3.0,fs=7``. One line a setting: ISM0[dlib], FDFR and sharpness, means over the photos,
then ISM0[dlib] of each frame: does a clip start as somebody else, or lose the person on its way?
The first two lines are the real clips and the real clips through the model's VAE: what no sampler can exceed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from antibench.contracts import CellView, FramesU8
from antibench.metrics.fdfr import Fdfr
from antibench.metrics.ism0 import Ism0
from antibench.metrics.sharpness import Sharpness
from antibench.registry import MODELS
from antibench.zoo.assemble import load_components
from antibench.zoo.portraits import portrait_clip
from antibench.zoo.recipes import RECIPES
from antibench.zoo.training.vae import autoencode

METRICS = (Ism0(), Fdfr(), Sharpness())
Portrait = tuple[FramesU8, str]


def line(name: str, portraits: list[Portrait], clips: Iterable[FramesU8]) -> str:
    """The means of one setting; every portrait must have every score."""
    scores, frames = [], []
    for (real, caption), clip in zip(portraits, clips, strict=True):
        views = [
            CellView(real[0], real[0], real[0], part, part, caption, 0, "small")
            for part in (clip, *(clip[i : i + 1] for i in range(len(clip))))
        ]
        scores.append([metric.score(views[0]) for metric in METRICS])
        frames.append([METRICS[0].score(view) for view in views[1:]])
    means, by_frame = (np.mean(np.asarray(part, dtype=float), axis=0) for part in (scores, frames))
    told = "  ".join(f"{value:.3f}" for value in means)
    return f"{name:<19} {told}   by frame " + " ".join(f"{value:.2f}" for value in by_frame)


@torch.no_grad()
def through_vae(vae: Any, clip: FramesU8) -> FramesU8:
    """A clip encoded and decoded."""
    pixels = torch.from_numpy(clip.copy()).permute(0, 3, 1, 2)[None].float() / 127.5 - 1
    decoded, _ = autoencode(vae, pixels, sample=False)
    return ((decoded[0].clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def parameters(setting: str) -> dict[str, int | float | bool]:
    """``guidance=3.0,fs=7,caption_guided=false`` as numbers and truth values."""
    return {name: json.loads(value) for name, value in (pair.split("=") for pair in setting.split(",") if pair)}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=sorted(RECIPES))
    parser.add_argument("settings", nargs="*")
    parser.add_argument("--portraits", type=int, default=10)
    parser.add_argument("--first", type=int, default=10, help="index of the first portrait")
    parser.add_argument("--still", action="store_true", help="everybody keeps still, and is told to")
    given = parser.parse_args()
    recipe = RECIPES[given.model]
    chosen = range(given.first, given.first + given.portraits)
    actions = (0, 0, 0) if given.still else None
    portraits = [portrait_clip("tune", index, recipe.size, recipe.frames, actions) for index in chosen]
    still = ", still" if given.still else ""
    print(f"{given.model}, {given.portraits} portraits from {given.first}{still}: ISM0[dlib], FDFR, sharpness")
    print(line("real clips", portraits, (real for real, _ in portraits)))
    vae = load_components(given.model)["vae"]
    print(line("through the VAE", portraits, (through_vae(vae, real) for real, _ in portraits)), flush=True)
    for setting in given.settings or [""]:
        model = MODELS.create(given.model, parameters(setting)).load("cpu")
        clips = (model.generate(real[0], caption, 0) for real, caption in portraits)
        print(line(setting or "as it is", portraits, clips), flush=True)


if __name__ == "__main__":
    main()
