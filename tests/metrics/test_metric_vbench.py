"""VBench's dimensions against its formulas worked out by hand, and on degenerate clips."""

from __future__ import annotations

import numpy as np
import pytest

from antibench.contracts import CellView, FramesU8, ImageU8, Metric, Unscored
from antibench.metrics.features_consistency import FeaturesConsistencyVgg
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.flow import Flow
from antibench.metrics.judges.likeness_over_time import conformity, consistency
from antibench.metrics.vbench_dynamic_degree import VbenchDynamicDegree
from antibench.metrics.vbench_i2v_subject import VbenchI2vSubject
from antibench.metrics.vbench_i2v_subject_vgg import VbenchI2vSubjectVgg
from antibench.metrics.vbench_motion_smoothness import VbenchMotionSmoothness
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
    VbenchMotionSmoothness(),
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
    assert "frame" in value.reason


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


def flow_of(*speeds: float, share: float = 0.05) -> list[Flow]:
    """For each speed a flow in which that share of the pixels moves by it, and the others by nothing."""
    found = []
    for speed in speeds:
        flow = np.zeros((20, 20, 2), dtype=np.float32)
        flow.reshape(-1, 2)[: round(share * 400)] = [0.6 * speed, -0.8 * speed]
        found.append(flow)
    return found


@pytest.mark.parametrize(
    ("speeds", "share", "fps", "expected"),
    [
        ([1.51, 1.51] + [0] * 5, 0.05, 8, 1.0),  # 6 px at 256 are 1.5 at 64; two pairs of eight frames are enough
        ([1.49, 1.49] + [0] * 5, 0.05, 8, 0.0),
        ([1.51] + [0] * 6, 0.05, 8, 0.0),
        ([2.9, 2.9] + [0] * 5, 0.025, 8, 0.0),  # half of the fastest 5% stands still
        ([3.1, 3.1] + [0] * 5, 0.025, 8, 1.0),
        ([2.9, 2.9] + [0] * 5, 0.05, 4, 0.0),  # at half the rate twice the way
        ([3.1, 3.1] + [0] * 5, 0.05, 4, 1.0),
    ],
)
def test_dynamic_degree_by_hand(
    speeds: list[float], share: float, fps: float, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VbenchDynamicDegree, "estimate", lambda self, frames: flow_of(*speeds, share=share))
    assert VbenchDynamicDegree(fps=fps).score(view(np.stack([portrait()] * 8))) == expected


def test_dynamic_degree_thins_the_clip_to_eight_frames_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(VbenchDynamicDegree, "estimate", lambda self, frames: seen.append(len(frames)) or [])
    for fps in (7, 8, 12, 13, 16, 24):
        VbenchDynamicDegree(fps=fps).score(view(np.stack([portrait()] * 24)))
    assert seen == [24, 24, 12, 12, 12, 8]


def test_dynamic_degree_of_pans() -> None:
    """At 64 px a pan of one pixel a frame is below the threshold of 1.5 and one of two above it."""
    slow, fast = (np.stack([portrait(step * k) for k in range(5)]) for step in (1, 2))
    assert VbenchDynamicDegree().score(view(slow)) == 0.0
    assert VbenchDynamicDegree().score(view(fast)) == 1.0
    assert VbenchDynamicDegree().score(view(np.stack([portrait()] * 2))) == 0.0


def test_no_rate_of_zero() -> None:
    with pytest.raises(ValueError, match="fps"):
        VbenchDynamicDegree(fps=0)


def test_motion_smoothness_of_flat_frames_by_hand() -> None:
    """10 and 30 foretell 20, found 26; 30 and 50 foretell 40, found 40."""
    found = VbenchMotionSmoothness().score(view(levels(10, 26, 30, 40, 50)))
    assert found == pytest.approx(1 - (6 + 0) / 2 / 255)


def test_motion_smoothness_follows_the_motion() -> None:
    """A pan of 4 px between the even frames: the mean of the two would be a double picture, the flow foretells one."""
    steady = np.stack([portrait(2 * k) for k in range(5)])
    uneven = steady[[0, 0, 2, 2, 4]]
    smooth, jerky = (VbenchMotionSmoothness().score(view(frames)) for frames in (steady, uneven))
    double = 1 - np.abs((steady[0].astype(float) + steady[2]) / 2 - steady[1]).mean() / 255
    assert isinstance(smooth, float)
    assert isinstance(jerky, float)
    assert smooth > double
    assert smooth > 0.98 > jerky
    assert isinstance(VbenchMotionSmoothness().score(view(steady[:2])), Unscored)
