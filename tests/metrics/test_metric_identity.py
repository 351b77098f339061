"""Identity metrics: hand-made embeddings for the arithmetic, a real face for the chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from safetensors.numpy import save_file

from antibench.contracts import CellView, ImageU8, Metric, Unscored
from antibench.errors import UserError
from antibench.metrics.fdfr import Fdfr
from antibench.metrics.ism import Ism
from antibench.metrics.ism0 import Ism0
from antibench.metrics.ism0_mobileface import Ism0MobileFace
from antibench.metrics.ism_own_input import IsmOwnInput
from antibench.metrics.ism_photo import IsmPhoto
from antibench.metrics.ism_photo_mobileface import IsmPhotoMobileFace
from antibench.metrics.judges import identity
from antibench.metrics.judges.faces import RECOGNITION, Embedding, Recogniser, embed
from antibench.pixels import fit
from antibench.testing.metric_contract import ruined_views, sample_view
from antibench.zoo.portraits import portrait_clip

ALL: list[Metric] = [Ism(), Ism0(), IsmPhoto(), IsmOwnInput(), Ism0MobileFace(), IsmPhotoMobileFace()]
SHARED = np.full(128, 7.0, dtype=np.float32)
"""What all faces of the hand-made world share."""


@pytest.fixture
def angles(monkeypatch: pytest.MonkeyPatch) -> None:
    """A world in which a picture's level is the angle of its face in degrees, and level 255 has no face.

    The second network sees half the angle.
    """

    def angle(image: ImageU8, recogniser: Recogniser) -> Embedding | None:
        level = int(image[0, 0, 0])
        if level == 255:
            return None
        face, seen = SHARED.copy(), np.radians(level if recogniser == "dlib" else level / 2)
        face[:2] += [np.cos(seen), np.sin(seen)]
        return face

    monkeypatch.setattr(identity, "embed", angle)
    monkeypatch.setattr(identity, "mean_embedding", lambda world, recogniser: SHARED)


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
def test_the_second_judge_scores_as_the_first_with_its_own_embeddings() -> None:
    cell = view(0, 120, 0, 60, 255, 120, 0)  # frame 0 is not judged
    assert Ism0MobileFace().score(cell) == pytest.approx((np.sqrt(0.75) + 0 + 0.5 + 1) / 4, abs=1e-5)
    assert IsmPhotoMobileFace().score(cell) == pytest.approx(0.5, abs=1e-5)
    assert IsmPhoto().score(cell) == pytest.approx(-0.5, abs=1e-5)


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
        (Ism0MobileFace(), view(255, 0, 0, 0)),
        (IsmPhotoMobileFace(), view(255, 0, 0, 0)),
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
    means = {"dlib": np.arange(128, dtype=np.float32), "mobileface": np.arange(256, dtype=np.float32)}
    save_file(means, tmp_path / "mean.safetensors")
    monkeypatch.setattr(identity, "MEAN_FILE", str(tmp_path / "mean.safetensors"))
    for recogniser in RECOGNITION:
        np.testing.assert_array_equal(identity.mean_embedding("small", recogniser), means[recogniser])


@pytest.mark.parametrize("recogniser", RECOGNITION)
def test_the_small_worlds_mean_brings_its_strangers_to_zero_and_keeps_one_person_together(
    recogniser: Recogniser,
) -> None:
    """Twelve people of the split for tuning, first and last frame of their clips."""
    centre = identity.mean_embedding("small", recogniser)
    clips = [portrait_clip("tune", index, 64, 9)[0] for index in range(12)]
    found = [[embed(frame, recogniser) for frame in clip[[0, -1]]] for clip in clips]
    people = np.stack([pair for pair in found if pair[0] is not None and pair[1] is not None]) - centre
    assert len(people) >= 10
    unit = people / np.linalg.norm(people, axis=2, keepdims=True)
    alike = unit[:, 0] @ unit[:, 1].T
    assert np.diag(alike).mean() > 0.6
    assert abs(alike[~np.eye(len(alike), dtype=bool)].mean()) < 0.1


@pytest.mark.parametrize(("recogniser", "alike"), [("dlib", 0.7), ("mobileface", 0.2)])
def test_the_mean_of_real_faces_brings_strangers_to_zero(recogniser: Recogniser, alike: float) -> None:
    """Embeddings of 20 faces of the collection: raw cosines are high, centred ones spread around zero."""
    size = RECOGNITION[recogniser].size
    faces = np.round(skimage.data.lfw_subset()[:20] * 255).astype(np.uint8)
    large = [Image.fromarray(face).resize((size, size), Image.Resampling.BICUBIC).convert("RGB") for face in faces]
    found = np.stack([face for image in large if (face := embed(np.array(image), recogniser)) is not None])
    assert len(found) >= 18

    def mean_of_pairs(vectors: np.ndarray) -> float:
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return float((unit @ unit.T)[np.triu_indices(len(unit), 1)].mean())

    assert mean_of_pairs(found) > alike
    assert abs(mean_of_pairs(found - identity.mean_embedding("real", recogniser))) < 0.1
