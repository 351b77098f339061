"""Through which of its two paths does a protected photo disturb a model: image tokens, or the latent beside the clip?

``python benchmarks/attack_paths.py RUN [--store STORE] [--target MODEL]`` takes the protected photos of a finished run
and animates each with its image tokens alone, its latent alone, and both; the other path sees the clean photo. One line
a protection: ISM0[dlib] against the clean photo, mean over the photos.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from antibench.contracts import Case, CellView, FramesU8, ImageU8
from antibench.datasets.portraits import Portraits
from antibench.jobs import ScoreJob
from antibench.metrics.ism0 import Ism0
from antibench.pixels import from_png, to_float
from antibench.registry import MODELS
from antibench.rescore import default_store, work_of
from antibench.run_folder import RunFolder
from antibench.store import Store

PATHS = ("none", "tokens", "latent", "both")


def owner_of_tokens(model: Any) -> tuple[Any, str]:
    """The object and the name of its method that turns pixels into image tokens."""
    return (model.networks, "image_tokens") if hasattr(model, "networks") else (model, "_image_tokens")


def animate(model: Any, clean: ImageU8, protected: ImageU8, path: str, prompt: str) -> FramesU8:
    """A clip whose image tokens and latent each come from the clean or from the protected photo."""
    owner, method = owner_of_tokens(model)
    whole: Callable[[torch.Tensor], torch.Tensor] = getattr(owner, method)
    shown = protected if path in ("tokens", "both") else clean
    beside = protected if path in ("latent", "both") else clean
    signed = hasattr(model, "networks")  # DynamiCrafter's networks take [-1, 1]
    pixels = to_float(shown[None])
    with torch.no_grad():
        tokens = whole(pixels * 2 - 1 if signed else pixels)
    try:
        setattr(owner, method, lambda _: tokens)
        clip: FramesU8 = model.generate(beside, prompt, 0)
    finally:
        delattr(owner, method)
    return clip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--target", help="the model that animates, attacked white box (default: the first)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER", help="a parameter of the model")
    parser.add_argument("--split", default="test", choices=("test", "tune"))
    given = parser.parse_args()
    store = Store(given.store or default_store(given.run))
    work = work_of(RunFolder(given.run).plan(), (), store)
    cells = [cell for cell in work.cells if cell.scope == "video" and cell.purification == "none" and cell.target]
    target = given.target or cells[0].target
    photos = {case.id: case for case in Portraits(64, given.split).cases()}
    protected: dict[str, dict[str, ImageU8]] = {}
    for cell in cells:
        job = work.graph.jobs[work.graph.waits[cell.id]]
        perturbed = cell.role in ("protection", "control") and cell.protection != "clean-reseeded"
        if cell.target == target and cell.surrogate in (None, target) and perturbed and isinstance(job, ScoreJob):
            protected.setdefault(cell.protection, {})[cell.case] = from_png(store.get(job.seen))
    settings = {name: float(value) for name, _, value in (pair.partition("=") for pair in given.set)}
    model, judge = MODELS.create(target, settings).load("cpu"), Ism0()
    print(f"{target}, ISM0[dlib] with the protected photo in: " + ", ".join(PATHS))
    for name, images in protected.items():
        scores: dict[str, list[float]] = {path: [] for path in PATHS}
        for case, image in images.items():
            photo = photos[case]
            assert isinstance(photo, Case)
            for path in PATHS:
                clip = animate(model, photo.photo, image, path, photo.caption)
                score = judge.score(CellView(photo.photo, image, image, clip, clip, photo.caption, 8, "small"))
                if not isinstance(score, float):
                    raise SystemExit(f"{case} cannot be scored: {score.reason}")
                scores[path].append(score)
        print(
            f"{name:<16}", *(f"{np.mean(scores[path]):6.3f}" for path in PATHS), f"({len(images)} photos)", flush=True
        )


if __name__ == "__main__":
    main()
