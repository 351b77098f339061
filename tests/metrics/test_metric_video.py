"""Metrics of the video: clips whose motion, sharpness and likeness are known by construction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageFilter

from antibench.contracts import CellView, FramesU8, ImageU8, Metric, Unscored
from antibench.metrics.features_image import FeaturesImageVgg
from antibench.metrics.features_photo import FeaturesPhotoVgg
from antibench.metrics.features_video import FeaturesVideoVgg
from antibench.metrics.motion import Motion
from antibench.metrics.result import within
from antibench.metrics.sampling import judged, judged_indices
from antibench.metrics.sharpness import Sharpness
from antibench.metrics.temporal_consistency import TemporalConsistency
from antibench.testing.metric_contract import ruined_views, sample_view


def view(frames: FramesU8, photo: ImageU8 | None = None) -> CellView:
    first = frames[0] if photo is None else photo
    return CellView(first, first, first, frames, frames)


def pan(dx: int, dy: int = 0, count: int = 4, size: int = 128) -> FramesU8:
    """A window that moves over a photo by whole pixels: what it shows moves by (-dx, -dy) a frame."""
    whole = skimage.data.chelsea()
    return np.stack([whole[60 + k * dy : 60 + k * dy + size, 100 + k * dx : 100 + k * dx + size] for k in range(count)])


@pytest.mark.parametrize(
    ("total", "count", "expected"),
    [
        (9, 4, [2, 4, 6, 8]),
        (14, 4, [4, 7, 10, 13]),
        (5, 4, [1, 2, 3, 4]),
        (3, 4, [1, 2]),
        (2, 1, [1]),
        (1, 4, [0]),
        (49, 1, [48]),
    ],
)
def test_judged_frames(total: int, count: int, expected: list[int]) -> None:
    assert judged_indices(total, count) == expected
    assert judged(np.arange(total)[:, None], count)[:, 0].tolist() == expected


def test_no_frame_is_judged_twice_and_the_last_always_is() -> None:
    for total in range(2, 60):
        for count in range(1, 12):
            found = judged_indices(total, count)
            assert len(set(found)) == len(found) == min(count, total - 1)
            assert found[-1] == total - 1
            assert found[0] > 0


@pytest.mark.parametrize("metric", [FeaturesImageVgg, Sharpness])
def test_no_judged_frame_is_refused_when_the_metric_is_made(metric: type[Metric]) -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        metric(**{"last_frames" if metric is Sharpness else "judged_frames": 0})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1.1])
def test_a_number_outside_the_bounds_never_leaves_a_metric(value: float) -> None:
    with pytest.raises(ValueError, match="declared range"):
        within((0.0, 1.0), value)


@pytest.mark.parametrize(("dx", "dy"), [(1, 0), (3, 0), (0, -2), (3, 4)])
def test_motion_of_a_pan_is_its_speed(dx: int, dy: int) -> None:
    assert Motion().score(view(pan(dx, dy))) == pytest.approx(np.hypot(dx, dy), rel=0.1)


def test_a_frozen_video_does_not_move_and_is_consistent() -> None:
    still = view(pan(0))
    assert Motion().score(still) == 0.0
    assert TemporalConsistency().score(still) == 1.0


def test_a_pan_is_consistent_and_a_flickering_one_is_not() -> None:
    moving = pan(2)
    flicker = moving.copy()
    flicker[1::2] = np.clip(flicker[1::2].astype(int) + 40, 0, 255)
    steady, flickering = (TemporalConsistency().score(view(frames)) for frames in (moving, flicker))
    assert steady > 0.98
    assert flickering == pytest.approx(1 - 40 / 255, abs=0.02)


@pytest.mark.parametrize("levels", [(0, 255), (10, 60)])
def test_consistency_of_flat_frames_is_their_difference(levels: tuple[int, int]) -> None:
    frames = np.stack([np.full((32, 32, 3), level, dtype=np.uint8) for level in levels])
    assert TemporalConsistency().score(view(frames)) == pytest.approx(1 - (levels[1] - levels[0]) / 255)


@pytest.mark.parametrize("metric", [Motion(), TemporalConsistency()])
def test_one_frame_has_no_motion(metric: Metric) -> None:
    value = metric.score(view(pan(0, count=1)))
    assert isinstance(value, Unscored)
    assert "one frame" in value.reason


def test_sharpness_of_the_photo_itself_is_one_and_blur_lowers_it() -> None:
    photo = pan(0)[0]
    values = []
    for sigma in (0, 1, 2):
        blurred = np.array(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(sigma)))
        values.append(Sharpness().score(view(np.stack([photo, blurred, blurred]), photo)))
    assert values[0] == pytest.approx(1.0)
    assert values[0] > 3 * values[1] > 9 * values[2] > 0


def test_sharpness_by_hand() -> None:
    """Columns of 0 and v: the Laplacian is +-2 v everywhere (the border mirrors), its variance (2 v)^2."""

    def columns(value: int) -> ImageU8:
        return np.tile(np.array([0, value], dtype=np.uint8)[None, :, None], (16, 8, 3))

    frames = np.stack([columns(200), columns(100), columns(50)])
    assert Sharpness().score(view(frames, columns(100))) == pytest.approx((1 + 0.25) / 2)
    assert Sharpness(last_frames=1).score(view(frames, columns(100))) == pytest.approx(0.25)


def test_sharpness_of_noise_against_an_almost_flat_photo_is_capped() -> None:
    photo = np.full((64, 64, 3), 9, dtype=np.uint8)
    photo[0, 0] = 10
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    assert Sharpness().score(view(noise, photo)) == 100.0


def test_a_flat_photo_has_no_sharpness_to_compare_with() -> None:
    assert isinstance(Sharpness().score(view(pan(0), np.zeros((128, 128, 3), dtype=np.uint8))), Unscored)


def test_features_of_the_same_video_and_photo_are_alike() -> None:
    cell = sample_view()
    assert FeaturesVideoVgg().score(cell) == pytest.approx(1.0)
    assert FeaturesPhotoVgg().score(cell) == pytest.approx(1.0)
    assert FeaturesImageVgg().score(replace(cell, frames=np.stack([cell.photo] * 3))) == pytest.approx(1.0)
    assert 0.9 < FeaturesImageVgg().score(cell) < 1.0


@pytest.mark.parametrize("metric", [FeaturesImageVgg(), FeaturesVideoVgg(), FeaturesPhotoVgg()])
@pytest.mark.parametrize("name", ["black", "grey", "white", "noise"])
def test_ruined_pictures_are_unlike(metric: Metric, name: str) -> None:
    assert metric.score(ruined_views()[name]) < 0.6


def test_features_video_pairs_equal_frame_numbers() -> None:
    cell = sample_view()
    backwards = replace(cell, clean_frames=cell.frames[::-1])
    assert FeaturesVideoVgg().score(backwards) < FeaturesVideoVgg().score(cell)


def test_features_video_needs_a_clean_video_of_the_same_length() -> None:
    cell = sample_view()
    assert isinstance(FeaturesVideoVgg().score(replace(cell, clean_frames=cell.frames[:2])), Unscored)
