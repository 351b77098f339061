"""Identity metrics: hand-made embeddings for the arithmetic, a real face for the chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from safetensors.numpy import save_file

from antibench.contracts import CellView, ImageU8, Metric, Unscored
from antibench.errors import UserError
from antibench.metrics.fdfr import Fdfr
from antibench.metrics.ism import Ism
from antibench.metrics.ism0 import Ism0
from antibench.metrics.ism_own_input import IsmOwnInput
from antibench.metrics.ism_photo import IsmPhoto
from antibench.metrics.judges import identity
from antibench.metrics.judges.dlib_face import face_net
from antibench.metrics.judges.faces import Embedding
from antibench.pixels import fit
from antibench.testing.metric_contract import ruined_views, sample_view

ALL: list[Metric] = [Ism(), Ism0(), IsmPhoto(), IsmOwnInput()]
SHARED = np.full(128, 7.0, dtype=np.float32)
"""What all faces of the hand-made world share."""


@pytest.fixture
def angles(monkeypatch: pytest.MonkeyPatch) -> None:
    """A world in which a picture's level is the angle of its face in degrees, and level 255 has no face."""

    def embed(image: ImageU8) -> Embedding | None:
        level = int(image[0, 0, 0])
        if level == 255:
            return None
        face = SHARED.copy()
        face[:2] += [np.cos(np.radians(level)), np.sin(np.radians(level))]
        return face

    monkeypatch.setattr(identity, "embed", embed)
    monkeypatch.setattr(identity, "mean_embedding", lambda world: SHARED)


def level(value: int) -> ImageU8:
    return np.full((8, 8, 3), value, dtype=np.uint8)


def view(photo: int, seen: int, *frames: int) -> CellView:
    video = np.stack([level(frame) for frame in frames])
    return CellView(level(photo), level(seen), level(seen), video, video)


@pytest.mark.usefixtures("angles")
def test_missing_faces_drop_out_of_ism_and_count_zero_in_ism0() -> None:
    cell = view(0, 0, 0, 60, 255, 90, 0)  # frame 0 is not judged
    assert Ism().score(cell) == pytest.approx((0.5 + 0 + 1) / 3, abs=1e-5)
    assert Ism0().score(cell) == pytest.approx((0.5 + 0 + 0 + 1) / 4, abs=1e-5)


@pytest.mark.usefixtures("angles")
def test_a_shared_mean_is_subtracted() -> None:
    assert Ism0().score(view(0, 0, 180)) == pytest.approx(-1, abs=1e-5)


@pytest.mark.usefixtures("angles")
def test_own_input_compares_with_what_the_model_saw() -> None:
    cell = view(0, 90, 90, 90, 90, 255, 90)
    assert IsmOwnInput().score(cell) == pytest.approx(3 / 4, abs=1e-5)
    assert Ism0().score(cell) == pytest.approx(0, abs=1e-5)
    assert IsmPhoto().score(cell) == pytest.approx(0, abs=1e-5)


@pytest.mark.usefixtures("angles")
def test_a_photo_that_lost_its_face_counts_zero() -> None:
    assert IsmPhoto().score(view(60, 255, 60)) == 0.0
    assert IsmPhoto().score(view(60, 0, 60)) == pytest.approx(0.5, abs=1e-5)


@pytest.mark.usefixtures("angles")
@pytest.mark.parametrize(
    ("metric", "cell"),
    [
        (Ism(), view(0, 0, 0, 255, 255)),
        (Ism(), view(255, 0, 0, 0)),
        (Ism0(), view(255, 0, 0, 0)),
        (IsmPhoto(), view(255, 0, 0, 0)),
        (IsmOwnInput(), view(0, 255, 0, 0)),
    ],
)
def test_unscored_with_a_reason_where_there_is_nothing_to_compare(metric: Metric, cell: CellView) -> None:
    value = metric.score(cell)
    assert isinstance(value, Unscored)
    assert "face" in value.reason


@pytest.mark.parametrize("metric", ALL)
def test_the_same_face_scores_one(metric: Metric) -> None:
    cell = sample_view()
    still = replace(cell, frames=np.stack([cell.photo] * 3))
    assert metric.score(still) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("name", ["black", "grey", "white", "noise"])
def test_ruined_videos_have_no_face(name: str) -> None:
    cell = ruined_views()[name]
    assert Fdfr().score(cell) == 1.0
    assert Ism0().score(cell) == 0.0
    assert IsmPhoto().score(cell) == 0.0
    assert isinstance(Ism().score(cell), Unscored)
    assert isinstance(IsmOwnInput().score(cell), Unscored)


def test_fdfr_counts_judged_frames_without_a_face() -> None:
    cell = sample_view()
    frames = cell.frames.copy()
    frames[[0, 2]] = 0  # frame 0 is not judged
    assert Fdfr().score(cell) == 0.0
    assert Fdfr().score(replace(cell, frames=frames)) == 0.25
    assert Fdfr(judged_frames=1).score(replace(cell, frames=frames)) == 0.0


def test_the_photo_is_compared_at_the_size_of_the_video() -> None:
    cell = sample_view()
    half = replace(cell, frames=np.stack([fit(cell.photo, (48, 48))] * 2))
    assert Ism0().score(half) == pytest.approx(1.0, abs=1e-6)


@pytest.fixture
def fresh_means() -> Iterator[None]:
    identity.mean_embedding.cache_clear()
    yield
    identity.mean_embedding.cache_clear()


@pytest.mark.usefixtures("fresh_means")
def test_the_small_world_never_falls_back_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "MEAN_FILE", "weights/no-such-file.safetensors")
    with pytest.raises(UserError, match="no-such-file"):
        Ism0().score(replace(sample_view(), world="small"))


@pytest.mark.usefixtures("fresh_means")
def test_the_small_world_subtracts_its_own_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mean = np.arange(128, dtype=np.float32)
    save_file({"dlib": mean}, tmp_path / "mean.safetensors")
    monkeypatch.setattr(identity, "MEAN_FILE", str(tmp_path / "mean.safetensors"))
    np.testing.assert_array_equal(identity.mean_embedding("small"), mean)


def test_the_mean_of_real_faces_brings_strangers_to_zero() -> None:
    """Embeddings of 20 other faces of the same collection: raw cosines are high, centred ones spread around zero."""
    faces = np.round(skimage.data.lfw_subset()[:20] * 255).astype(np.uint8)
    large = [Image.fromarray(face).resize((150, 150), Image.Resampling.BICUBIC).convert("RGB") for face in faces]
    with torch.no_grad():
        found = face_net()(
            torch.tensor(np.stack([np.array(face) for face in large])).permute(0, 3, 1, 2).float()
        ).numpy()

    def mean_of_pairs(vectors: np.ndarray) -> float:
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return float((unit @ unit.T)[np.triu_indices(len(unit), 1)].mean())

    assert mean_of_pairs(found) > 0.7
    assert abs(mean_of_pairs(found - identity.mean_embedding("real"))) < 0.1
