"""The autoencoder's view of a photo: by hand, and whether it tells a perturbation from a portrait."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from antibench.contracts import Case, CellView, ImageU8, Unscored
from antibench.metrics.vae_consistency import VaeConsistencySmall
from antibench.registry import DATASETS
from antibench.zoo.purifiers import load_purifier

METRIC = VaeConsistencySmall()


@pytest.fixture(scope="module")
def photos() -> list[ImageU8]:
    """Of people whom the autoencoder has not seen."""
    dataset = DATASETS.create("portraits", {"count": 8, "split": "tune", "frames": 1})
    return [case.photo for case in dataset.cases() if isinstance(case, Case)]


def view(seen: ImageU8, photo: ImageU8 | None = None) -> CellView:
    """A cell whose video nobody looks at."""
    photo = seen if photo is None else photo
    return CellView(photo, photo, seen, seen[None], seen[None], "", 8, "small")


def score(seen: ImageU8, photo: ImageU8 | None = None) -> float:
    """As a number."""
    found = METRIC.score(view(seen, photo))
    assert not isinstance(found, Unscored)
    return found


def test_it_is_the_mean_change_in_levels(photos: list[ImageU8]) -> None:
    pixels = torch.from_numpy(photos[0].astype(np.float32)).permute(2, 0, 1)[None]
    with torch.no_grad():
        again = load_purifier("purifier-vae-small")(pixels / 127.5 - 1).sample.clamp(-1, 1)  # type: ignore[operator]
    wanted = (127.5 * (again + 1)).round() - pixels
    assert score(photos[0]) == pytest.approx(float(wanted.abs().mean()), abs=1e-3)


def test_it_looks_at_the_photo_as_seen_alone(photos: list[ImageU8]) -> None:
    assert score(photos[0], photo=photos[1]) == score(photos[0])


def test_signs_of_eight_levels_stand_out_of_every_clean_portrait(photos: list[ImageU8]) -> None:
    clean, disturbed = [], []
    for index, photo in enumerate(photos):
        signs = np.random.default_rng(index).choice([-8, 8], photo.shape)
        clean.append(score(photo))
        disturbed.append(score(np.clip(photo.astype(int) + signs, 0, 255).astype(np.uint8)))
    assert min(disturbed) > 1.5 * max(clean)
