"""The quality metric of the small world on rendered clips: distortions, held-out kinds, degenerate videos."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from antibench.contracts import CellView, FramesU8, Unscored
from antibench.metrics.judges.quality_net import quality_net
from antibench.metrics.quality_small import QualitySmall
from antibench.pixels import to_float
from antibench.zoo.portraits import portrait_clip
from antibench.zoo.quality import RATINGS


def cell(frames: FramesU8) -> CellView:
    return CellView(frames[0], frames[0], frames[0], frames, frames, world="small")


@pytest.fixture(scope="module")
def clips() -> list[FramesU8]:
    return [portrait_clip("tune", index, 64, 3)[0] for index in range(6)]


def mean_score(clips: list[FramesU8]) -> float:
    scores = [QualitySmall().score(cell(frames)) for frames in clips]
    assert all(isinstance(score, float) for score in scores)
    return float(np.mean([score for score in scores if isinstance(score, float)]))


def spoiled(clips: list[FramesU8], radius: float = 0.0, sigma: float = 0.0) -> list[FramesU8]:
    """Through Pillow's blur and NumPy's noise, neither of which the network was trained on in this form."""
    rng, out = np.random.default_rng(0), []
    for frames in clips:
        blurred = [np.asarray(Image.fromarray(frame).filter(ImageFilter.BoxBlur(radius))) for frame in frames]
        noisy = np.stack(blurred) + rng.uniform(-1, 1, frames.shape) * sigma * 3**0.5
        out.append(np.clip(np.round(noisy), 0, 255).astype(np.uint8))
    return out


def test_box_blur_and_uniform_noise_are_ranked(clips: list[FramesU8]) -> None:
    untouched = mean_score(clips)
    blurred = [mean_score(spoiled(clips, radius=radius)) for radius in (0.5, 1, 2, 4)]
    noisy = [mean_score(spoiled(clips, sigma=sigma)) for sigma in (2, 6, 14, 32)]
    for scores in (blurred, noisy):
        assert (np.diff([untouched, *scores]) < 0).all(), scores
        assert scores[-1] < untouched - 0.5
    assert untouched > 0.75


def test_a_score_is_the_mean_level_of_the_judged_frames(clips: list[FramesU8]) -> None:
    frames = np.stack([*clips[0], *spoiled(clips[:1], sigma=20)[0]])
    view, each = cell(frames), []
    for frame in frames[[2, 3, 4, 5]]:  # of six the judged four end with the last one and leave out the first
        with torch.no_grad():
            share = quality_net()(to_float(frame))[0].double().exp().numpy()
        each.append(float(share / share.sum() @ [1, 0.75, 0.5, 0.25, 0]))
    assert QualitySmall().score(view) == pytest.approx(np.mean(each), abs=1e-5)
    assert len(RATINGS) == 5


def test_the_figures_are_those_of_the_weights() -> None:
    folder = Path(str(files("antibench.zoo"))) / "weights" / "quality-small"
    figures = json.loads((folder / "card.json").read_text())["figures"]
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    for name in ("trained", "held_out", "ghost", "blur", "jpeg", "impulses", "posterised", "motion-blur", "warped"):
        stated = f"{figures[f'spearman_{name}']:.2f}"
        assert stated in QualitySmall.card.notes, name
        assert stated in page, name
    assert f"scores {figures['clean']:.2f}" in QualitySmall.card.notes


def test_degenerate_videos(clips: list[FramesU8]) -> None:
    one = cell(clips[0][:1])
    assert isinstance(QualitySmall().score(one), float)
    tiny = replace(one, frames=np.zeros((2, 7, 64, 3), dtype=np.uint8))
    assert QualitySmall().score(tiny) == Unscored("frames of 7x64 are too small for the quality network")
    noise = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    score = QualitySmall().score(cell(noise))
    assert isinstance(score, float)
    assert score < 0.2
