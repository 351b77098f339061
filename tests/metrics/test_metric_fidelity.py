"""Fidelity of the photo: hand-computed cases and independent oracles; the traps of 8-bit arithmetic."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
from scipy.ndimage import correlate1d
from skimage.metrics import peak_signal_noise_ratio

from antibench.contracts import CellView, ImageU8, Metric, Unscored
from antibench.metrics.ciede2000 import Ciede2000
from antibench.metrics.linf_levels import LinfLevels
from antibench.metrics.psnr import Psnr
from antibench.metrics.ssim import Ssim
from antibench.testing.metric_contract import portrait

FIDELITY: list[tuple[Metric, float]] = [(Psnr(), 100.0), (Ssim(), 1.0), (Ciede2000(), 0.0), (LinfLevels(), 0.0)]


def score(metric: Metric, photo: ImageU8, protected: ImageU8) -> float:
    value = metric.score(CellView(photo, protected, protected, protected[None], protected[None]))
    assert isinstance(value, float)
    return value


def flat(*colour: int, size: int = 16) -> ImageU8:
    return np.full((size, size, 3), colour if len(colour) == 3 else colour * 3, dtype=np.uint8)


@pytest.mark.parametrize(("metric", "equal"), FIDELITY)
@pytest.mark.parametrize("photo", [portrait(), flat(0), flat(128), flat(255)])
def test_equal_photos_have_the_declared_identity_value(metric: Metric, equal: float, photo: ImageU8) -> None:
    assert score(metric, photo, photo.copy()) == pytest.approx(equal, abs=1e-12)


@pytest.mark.parametrize(("metric", "_"), FIDELITY)
def test_fidelity_does_not_depend_on_which_photo_is_first(metric: Metric, _: float) -> None:
    photo, other = portrait(), portrait(shift=2)
    assert score(metric, photo, other) == pytest.approx(score(metric, other, photo), rel=1e-6)


@pytest.mark.parametrize("levels", [1, 8, 16, 17, 100])
def test_psnr_of_signs_does_not_wrap(levels: int) -> None:
    """+-16 squares to 256, which is 0 in eight bits; +-17 to 289, which is 33."""
    photo = flat(128)
    signs = np.where(np.indices((16, 16)).sum(axis=0) % 2, levels, -levels)[..., None]
    protected = (photo.astype(int) + signs).astype(np.uint8)
    assert score(Psnr(), photo, protected) == pytest.approx(20 * math.log10(255 / levels), abs=1e-9)


def test_psnr_of_black_and_white_is_zero() -> None:
    assert score(Psnr(), flat(0), flat(255)) == 0.0


def test_psnr_is_that_of_scikit_image() -> None:
    photo, other = portrait(), portrait(shift=1)
    assert score(Psnr(), photo, other) == pytest.approx(peak_signal_noise_ratio(photo, other, data_range=255))


def test_psnr_is_capped_where_one_level_of_a_large_photo_differs() -> None:
    photo = np.zeros((500, 500, 3), dtype=np.uint8)
    other = photo.copy()
    other[0, 0, 0] = 1
    assert 10 * math.log10(255**2 * photo.size) > 100
    assert score(Psnr(), photo, other) == 100.0


def test_ssim_of_flat_photos_is_the_luminance_term() -> None:
    """Without structure SSIM is (2 a b + C1) / (a^2 + b^2 + C1), C1 = (0.01 x 255)^2."""
    a, b, c1 = 100.0, 140.0, (0.01 * 255) ** 2
    assert score(Ssim(), flat(100), flat(140)) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), abs=1e-6)


def ssim_by_definition(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    """Wang et al. 2004, one channel: an 11-pixel Gaussian window of sigma 1.5, mean over full windows."""
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()

    def mean(z: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return correlate1d(correlate1d(z, taps, axis=0), taps, axis=1)[5:-5, 5:-5]

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    return float(np.mean((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))))


def test_ssim_is_that_of_the_paper() -> None:
    photo, other = portrait(), portrait(shift=1)
    channels = [ssim_by_definition(photo[..., c].astype(float), other[..., c].astype(float)) for c in range(3)]
    assert score(Ssim(), photo, other) == pytest.approx(np.mean(channels), abs=1e-6)


def test_ssim_needs_a_window() -> None:
    small = flat(3, size=10)
    assert isinstance(Ssim().score(CellView(small, small, small, small[None], small[None])), Unscored)


def grey_lightness(level: int) -> float:
    """CIE L* of an sRGB grey."""
    share = level / 255
    linear = share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
    return 116 * linear ** (1 / 3) - 16


def test_ciede2000_of_greys_is_the_weighted_difference_of_lightness() -> None:
    """Between greys only dL / S_L is left, S_L = 1 + 0.015 (L - 50)^2 / sqrt(20 + (L - 50)^2), L their mean."""
    one, two = grey_lightness(100), grey_lightness(110)
    middle = ((one + two) / 2 - 50) ** 2
    expected = (two - one) / (1 + 0.015 * middle / math.sqrt(20 + middle))
    assert score(Ciede2000(), flat(100), flat(110)) == pytest.approx(expected, abs=1e-3)


def test_ciede2000_is_a_mean_over_pixels() -> None:
    half = flat(100)
    half[:8] = 110
    assert score(Ciede2000(), flat(100), half) == pytest.approx(score(Ciede2000(), flat(100), flat(110)) / 2)


def test_ciede2000_weighs_colour_as_the_eye_does() -> None:
    """The same step in levels is more visible in a grey than in a saturated blue."""
    grey = score(Ciede2000(), flat(128, 128, 128), flat(128, 128, 144))
    blue = score(Ciede2000(), flat(20, 20, 200), flat(20, 20, 216))
    assert grey > 1.5 * blue > 0


@pytest.mark.parametrize(("photo", "protected", "levels"), [(0, 255, 255), (255, 0, 255), (200, 208, 8), (8, 0, 8)])
def test_linf_does_not_wrap(photo: int, protected: int, levels: int) -> None:
    changed = flat(photo)
    changed[3, 5, 1] = protected
    assert score(LinfLevels(), flat(photo), changed) == levels


def test_fidelity_of_a_large_photo_is_one_number() -> None:
    photo = skimage.data.astronaut()
    for metric, _ in FIDELITY:
        assert math.isfinite(score(metric, photo, np.ascontiguousarray(photo[:, ::-1])))
