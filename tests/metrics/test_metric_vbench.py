"""VBench's dimensions against its formulas worked out by hand, and on degenerate clips."""

from __future__ import annotations

import numpy as np
import pytest

from antibench.contracts import CellView, FramesU8, ImageU8, Metric, Unscored
from antibench.metrics.features_consistency import FeaturesConsistencyVgg
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.likeness_over_time import conformity, consistency
from antibench.metrics.vbench_i2v_subject import VbenchI2vSubject
from antibench.metrics.vbench_i2v_subject_vgg import VbenchI2vSubjectVgg
from antibench.metrics.vbench_subject_consistency import VbenchSubjectConsistency
from antibench.metrics.vbench_subject_consistency_vgg import VbenchSubjectConsistencyVgg
from antibench.metrics.vbench_temporal_flickering import VbenchTemporalFlickering
from antibench.testing.metric_contract import portrait, ruined_views, sample_view


def view(frames: FramesU8, photo: ImageU8 | None = None) -> CellView:
    first = frames[0] if photo is None else photo
    return CellView(first, first, first, frames, frames)


def at(degrees: float, length: float = 1.0) -> Features:
    """A vector in the plane: cosines are those of angles."""
    angle = np.deg2rad(degrees)
    return np.array([np.cos(angle), np.sin(angle)], dtype=np.float32) * np.float32(length)


def test_consistency_by_hand() -> None:
    """0, 60, 120 degrees: neighbours at 60, first at 60 and 120, whose -1/2 counts 0; lengths do not matter."""
    found = consistency([at(0), at(60, 7), at(120, 0.1)])
    assert found == pytest.approx(((0.5 + 0.5) / 2 + (0.5 + 0) / 2) / 2, abs=1e-6)


def test_conformity_by_hand() -> None:
    """Photo at 30 degrees; frames at 0, 60, 150: to the photo 30, 30, 120; neighbours 60, 90."""
    found = conformity(at(30), [at(0), at(60), at(150)])
    assert found == pytest.approx(0.4 * np.sqrt(3) / 2 + 0.3 * (0.5 + 0) / 2 + 0.3 * 0, abs=1e-6)


def levels(*values: int) -> FramesU8:
    return np.stack([np.full((32, 32, 3), value, dtype=np.uint8) for value in values])


def brightness(image: ImageU8) -> Features:
    """One degree a level: flat frames have the angle of their brightness."""
    return at(float(image.mean()))


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (VbenchSubjectConsistency, ((0.5 + 0.5) / 2 + (0.5 + 0) / 2) / 2),
        (VbenchI2vSubject, 0.4 * np.sqrt(3) / 2 + 0.3 * 0.5 + 0.3 * 0.5),
        (FeaturesConsistencyVgg, 0.5),
    ],
)
def test_metrics_look_at_every_frame(metric: type[Metric], expected: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames at 0, 60 and 120 degrees, a photo at 30."""
    monkeypatch.setattr(metric, "extract", lambda self, image: brightness(image))
    assert metric().score(view(levels(0, 60, 120), levels(30)[0])) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("frames", "expected"),
    [(levels(10, 60), 1 - 50 / 255), (levels(60, 10), 1 - 50 / 255), (levels(0, 255, 0), 0.0), (levels(9, 9, 9), 1.0)],
)
def test_flickering_by_hand(frames: FramesU8, expected: float) -> None:
    """Falling brightness too: in eight bits 10 - 60 would be 206."""
    assert VbenchTemporalFlickering().score(view(frames)) == pytest.approx(expected)


def test_flickering_of_uniform_noise_is_its_expectation() -> None:
    """Two independent uniform levels are (256^2 - 1) / (3 * 256) apart on average."""
    noise = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
    assert VbenchTemporalFlickering().score(view(noise)) == pytest.approx(1 - (256**2 - 1) / 768 / 255, abs=0.003)


ALL: list[Metric] = [
    VbenchTemporalFlickering(),
    VbenchSubjectConsistencyVgg(),
    FeaturesConsistencyVgg(),
    VbenchI2vSubjectVgg(),
]


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_a_frozen_photo_is_perfect(metric: Metric) -> None:
    assert metric.score(view(np.stack([portrait()] * 4))) == pytest.approx(1.0)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_one_frame_is_not_compared_over_time(metric: Metric) -> None:
    value = metric.score(view(portrait()[None]))
    assert isinstance(value, Unscored)
    assert "one frame" in value.reason


def test_noise_looks_consistent_which_is_why_consistency_only_describes() -> None:
    """Every frame of noise is like the one before; only against the photo is it unlike."""
    noise = ruined_views()["noise"]
    assert VbenchSubjectConsistencyVgg().score(noise) > 0.98
    assert VbenchSubjectConsistencyVgg.protects_when == "neither"
    assert VbenchI2vSubjectVgg().score(noise) < 0.7 < 0.98 < VbenchI2vSubjectVgg().score(sample_view())


def test_i2v_subject_is_lifted_by_one_good_frame() -> None:
    noise = ruined_views()["noise"].frames
    one_good = np.concatenate([portrait()[None], noise[1:]])
    lifted, plain = (VbenchI2vSubjectVgg().score(view(frames, portrait())) for frames in (one_good, noise))
    assert isinstance(lifted, float)
    assert isinstance(plain, float)
    assert lifted > plain
