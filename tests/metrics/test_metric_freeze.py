"""Freezing and destroying are told apart, on clips made for it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import skimage.data

from antibench.contracts import CellView, FramesU8, Unscored
from antibench.metrics.destruction import Destruction
from antibench.metrics.freeze import Freeze
from antibench.metrics.judges import flow
from antibench.testing.metric_contract import portrait

CLEAN = {
    "portrait": np.stack([portrait(2 * k) for k in range(5)]),
    "cat": np.stack([skimage.data.chelsea()[60:188, 100 + 3 * k : 228 + 3 * k] for k in range(5)]),
}
"""Clips that pan by 2 and 3 pixels a frame."""


def cell(frames: FramesU8, clean: FramesU8) -> CellView:
    photo = clean[0]
    return CellView(photo, photo, photo, np.ascontiguousarray(frames), clean)


def blurred(clip: FramesU8, sigma: float) -> FramesU8:
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in clip])


def clips(clean: FramesU8) -> dict[str, FramesU8]:
    rng = np.random.default_rng(0)
    still = np.stack([clean[0]] * len(clean))
    jitter = np.clip(still + rng.normal(size=still.shape) * 2, 0, 255).astype(np.uint8)
    grey = np.broadcast_to(clean[0].mean(axis=(0, 1)).astype(np.uint8), clean.shape)
    noise = rng.integers(0, 256, clean.shape, dtype=np.uint8)
    return {
        "normal": clean,
        "frozen": still,
        "frozen with grain": jitter,
        "half speed": np.stack([clean[k // 2] for k in range(len(clean))]),
        "shuffled": clean[[2, 0, 4, 1, 3]],
        "noise": noise,
        "frozen noise": np.stack([noise[0]] * len(clean)),
        "grey": grey,
        "blur": blurred(clean, 4),
        "frozen blur": blurred(still, 4),
    }


EXPECTED = {
    "normal": ((0.0, 0.01), (0.0, 0.01)),
    "frozen": ((0.99, 1.0), (0.0, 0.01)),
    "frozen with grain": ((0.97, 1.0), (0.0, 0.03)),
    "half speed": ((0.4, 0.7), (0.0, 0.01)),
    "shuffled": ((0.0, 0.01), (0.0, 0.01)),
    "noise": ((0.0, 0.05), (0.95, 1.0)),
    "frozen noise": ((0.0, 0.05), (0.95, 1.0)),
    "grey": ((0.0, 0.01), (0.98, 1.0)),
    "blur": ((0.0, 0.05), (0.6, 0.8)),
    "frozen blur": ((0.2, 0.4), (0.6, 0.8)),
}
"""Ranges of `freeze` and `destruction`."""


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("clean", CLEAN.values(), ids=CLEAN)
def test_freezing_and_destroying_are_told_apart(name: str, clean: FramesU8) -> None:
    view = cell(clips(clean)[name], clean)
    freeze, destruction = Freeze().score(view), Destruction().score(view)
    assert not isinstance(freeze, Unscored)
    assert not isinstance(destruction, Unscored)
    for value, (low, high) in zip((freeze, destruction), EXPECTED[name], strict=True):
        assert low <= value <= high
    assert freeze + destruction <= 1 + 1e-9


class DarkDestruction(Destruction):
    """Features whose cosines are known: (share of the top half in the brightness, 1)."""

    def extract(self, image):  # type: ignore[no-untyped-def]
        top = image[: len(image) // 2].mean()
        return np.array([top, image.mean() * 2 - top], dtype=np.float32)


def test_destruction_by_hand() -> None:
    """Photo and clean clip white over black, a flat picture of their mean between, the video white over grey."""

    def halves(top: int, bottom: int) -> FramesU8:
        frame = np.full((32, 32, 3), top, dtype=np.uint8)
        frame[16:] = bottom
        return np.stack([frame] * 3)

    view = cell(halves(200, 100), halves(200, 0))
    flat, mine = 1 / np.sqrt(2), 2 / np.sqrt(5)  # cosines of (200, 0) with (100, 100) and with (200, 100)
    assert DarkDestruction().score(view) == pytest.approx(1 - (mine - flat) / (1 - flat), abs=1e-6)


def test_freeze_is_stillness_times_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    clean = CLEAN["portrait"]
    view = cell(blurred(clean, 4), clean)
    motions = {view.frames.tobytes(): 0.5, clean.tobytes(): 2.0}
    monkeypatch.setattr(flow, "mean_motion", lambda frames: motions[frames.tobytes()])
    destruction = Destruction().score(view)
    assert not isinstance(destruction, Unscored)
    assert Freeze().score(view) == pytest.approx((1 - 0.5 / 2.0) * (1 - destruction))


def test_a_clean_clip_that_stands_still_cannot_be_frozen() -> None:
    still = np.stack([portrait()] * 4)
    value = Freeze().score(cell(still, still))
    assert isinstance(value, Unscored)
    assert "hardly moves" in value.reason
    assert Destruction().score(cell(still, still)) == 0.0


def test_a_clean_clip_without_the_photo_has_no_looks_to_lose() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    value = Destruction().score(replace(cell(noise, noise), photo=portrait()))
    assert isinstance(value, Unscored)
    assert "flat picture" in value.reason


@pytest.mark.parametrize("which", ["frames", "clean_frames"])
def test_one_frame_neither_moves_nor_freezes(which: str) -> None:
    clean = CLEAN["portrait"]
    value = Freeze().score(replace(cell(clean, clean), **{which: clean[:1]}))
    assert isinstance(value, Unscored)
    assert "one frame" in value.reason


def test_videos_of_two_sizes_are_not_compared_in_pixels() -> None:
    clean = CLEAN["portrait"]
    value = Freeze().score(cell(clean[:, ::2, ::2], clean))
    assert isinstance(value, Unscored)


def test_the_least_motion_is_above_zero() -> None:
    with pytest.raises(ValueError, match="least_motion"):
        Freeze(least_motion=0)
