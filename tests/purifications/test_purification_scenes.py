"""Platforms, screens and paper: what they do to patterns whose fate can be worked out by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from real_photos import decibels, photographs, portrait
from scipy.ndimage import gaussian_filter

from antibench.contracts import ImageU8
from antibench.errors import UserError
from antibench.pixels import to_float, to_u8
from antibench.purifications._jpeg_twin import jpeg_twin
from antibench.purifications._paper import Tier, scanned
from antibench.purifications.jpeg import Jpeg
from antibench.purifications.print_scan import PrintScan
from antibench.purifications.screenshot import Screenshot
from antibench.purifications.social_media import SocialMedia
from antibench.registry import PURIFICATIONS

RNG = np.random.default_rng(0)
NOTHING = Tier(saturation=1, paper=0, corner=0, blur=1e-3, noise=0, quality=95)


def stripes(period: float, size: int = 64) -> ImageU8:
    wave = 128 + 60 * np.sin(2 * np.pi * np.arange(size) / period)
    return np.broadcast_to(wave[None, :, None], (size, size, 3)).round().astype(np.uint8)


def contrast(photo: ImageU8) -> float:
    """Standard deviation inside, relative to the 42.4 of a sine of amplitude 60."""
    return float(photo[8:-8, 8:-8].std() / (60 / np.sqrt(2)))


def test_a_small_photo_shrinks_in_proportion() -> None:
    """1080 of 2048 is 0.527: a period of 3 pixels falls beyond what is left of the resolution, one of 6 does not."""
    fine, coarse = (
        [contrast(SocialMedia().apply(stripes(p), strength=tier, rng=RNG)) for tier in (1, 2, 3)] for p in (3, 6)
    )
    assert fine[0] > 0.9
    assert fine[1] < 0.25
    assert fine[2] < 0.25
    assert all(0.75 < value < 1.1 for value in coarse)


def test_a_photo_that_stands_for_itself_is_compressed_only() -> None:
    photo, own = portrait(), SocialMedia(long_edge=1)
    once = Jpeg().apply(photo, strength=75, rng=RNG)
    assert np.array_equal(own.apply(photo, strength=2, rng=RNG), once)
    twice = Jpeg().apply(Jpeg().apply(photo, strength=70, rng=RNG), strength=70, rng=RNG)
    assert np.array_equal(own.apply(photo, strength=3, rng=RNG), twice)


def test_a_large_photo_is_cut_to_the_long_edge_whichever_side_that_is() -> None:
    """3240 pixels are three times 1080: a period of 5 is gone there, at 2048 (a period of 3.2 left) it is not."""
    strip = np.ascontiguousarray(np.tile(stripes(5.0, 3240)[:40], (1, 1, 1)))
    for photo in (strip, strip.transpose(1, 0, 2)):
        kept = [contrast(SocialMedia().apply(photo, strength=tier, rng=RNG)) for tier in (1, 2)]
        assert kept[0] > 0.7
        assert kept[1] < 0.3


@pytest.mark.parametrize("long_edge", [0, -5, 10.5, True])
def test_a_long_edge_that_is_none_is_refused(long_edge: float) -> None:
    with pytest.raises(UserError, match="long_edge must be a whole number of pixels from 1"):
        PURIFICATIONS.create("social-media", {"long_edge": long_edge})


def test_a_screen_darkens_the_middle_and_keeps_the_ends() -> None:
    """255 (128 / 255)^1.05 = 123.7."""
    for level, expected in ((0, 0), (128, 124), (255, 255)):
        flat = np.full((40, 40, 3), level, dtype=np.uint8)
        assert np.array_equal(Screenshot().apply(flat, strength=1, rng=RNG), np.full_like(flat, expected))
        assert np.abs(Screenshot().apply(flat, strength=2, rng=RNG).astype(int) - expected).max() <= 1


def test_a_screenshot_is_taken_at_four_fifths() -> None:
    """What is left resolves periods from 2.5 pixels on."""
    lost, left = (contrast(Screenshot().apply(stripes(period), strength=1, rng=RNG)) for period in (2.2, 4.0))
    assert lost < 0.3
    assert left > 0.7


def test_moire_are_stripes_of_that_period_direction_and_depth_and_the_channels_follow_each_other() -> None:
    size = 350
    flat = np.full((size, size, 3), 128, dtype=np.uint8)
    found = Screenshot().apply(flat, strength=3, rng=RNG).astype(np.float64)
    spectra = np.fft.fft2(found - found.mean(axis=(0, 1)), axes=(0, 1))[:, : size // 2]
    luma = np.abs(spectra[..., 1])
    peak = np.unravel_index(luma.argmax(), luma.shape)
    frequency = np.array([np.fft.fftfreq(size)[peak[0]], peak[1] / size])
    angle = np.radians(20)
    assert np.abs(frequency - 0.8 / 7 * np.array([np.sin(angle), np.cos(angle)])).max() < 1 / size
    green = found[..., 1]
    assert abs(green.std() * np.sqrt(2) / green.mean() - 0.06) < 0.015
    phases = np.angle(spectra[(*peak, slice(None))])
    for one, other in ((0, 1), (1, 2)):
        assert abs((phases[other] - phases[one] + np.pi) % (2 * np.pi) - np.pi - 2 * np.pi / 3) < 0.5


def tensors(size: tuple[int, int] = (60, 80)) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth picture and noise for it."""
    generator = torch.Generator().manual_seed(0)
    rough = torch.rand((1, 3, *size), generator=generator)
    smooth = np.stack([gaussian_filter(channel.numpy(), 4) for channel in rough[0]])
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    return torch.from_numpy(smooth)[None].float(), torch.randn(rough.shape, generator=generator)


def test_a_print_without_any_fault_is_the_photo() -> None:
    image, noise = tensors()
    assert torch.allclose(scanned(image, NOTHING, torch.zeros(4, 2), noise), image, atol=1e-5)


OUTWARDS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])


@pytest.mark.parametrize("directions", [np.random.default_rng(1).uniform(-1, 1, (4, 2)), OUTWARDS, -OUTWARDS])
def test_perspective_is_opencvs(directions: np.ndarray) -> None:
    """In pixels of a photo of 60 x 80, corners moved by up to a tenth; OpenCV's pixel centres are whole numbers."""
    image, noise = tensors()
    shifts = directions.astype(np.float32)
    found = scanned(image, NOTHING._replace(corner=0.1), torch.from_numpy(shifts), noise)[0].permute(1, 2, 0).numpy()
    result = np.array([[0, 0], [80, 0], [80, 60], [0, 60]], dtype=np.float32)
    photo = result + 0.1 * shifts * np.array([80, 60], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(result - 0.5, photo - 0.5)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    source = np.ascontiguousarray(image[0].permute(1, 2, 0).numpy())
    expected = cv2.warpPerspective(source, matrix, (80, 60), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(found - expected).max() * 255 < 1.5  # OpenCV rounds places to 1/32 of a pixel
    assert np.abs(found - source).max() * 255 > 30


def test_ink_and_paper() -> None:
    """Red (1, 0, 0) at saturation 0.8 is 0.8 red and 0.2 of its grey, 0.299; then black is 0.04 and white 0.96."""
    tier = NOTHING._replace(saturation=0.8, paper=0.04)
    patches = torch.tensor([[1.0, 0, 0], [0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5]]).T.reshape(1, 3, 1, 4)
    image = patches.repeat_interleave(6, dim=3).repeat_interleave(6, dim=2)
    found = scanned(image, tier, torch.zeros(4, 2), torch.zeros_like(image))[0, :, 3, 3::6].T
    red = [0.04 + 0.92 * (0.8 * value + 0.2 * 0.299) for value in (1, 0, 0)]
    assert torch.allclose(found, torch.tensor([red, [0.04] * 3, [0.96] * 3, [0.5] * 3]), atol=1e-5)


def test_blur_and_noise_of_a_scan() -> None:
    image, noise = tensors()
    found = scanned(image, NOTHING._replace(blur=1.6), torch.zeros(4, 2), noise)[0].numpy()
    expected = np.stack([gaussian_filter(channel.double().numpy(), 1.6, mode="mirror") for channel in image[0]])
    assert np.abs(found - expected).max() < 1e-4
    grey = torch.full_like(image, 0.5)
    noisy = scanned(grey, NOTHING._replace(noise=0.04), torch.zeros(4, 2), noise)
    assert torch.allclose(noisy, grey + 0.04 * noise, atol=1e-5)


def test_a_scan_differs_from_draw_to_draw_in_place_and_grain() -> None:
    """Noise alone would leave the means of blocks as they are; the perspective moves them."""
    photo = photographs()[0]
    scans = [PrintScan().apply(photo, strength=2, rng=np.random.default_rng(seed)).astype(float) for seed in range(2)]
    blocks = [cv2.blur(scan, (9, 9)) for scan in scans]
    assert np.abs(blocks[0] - blocks[1]).mean() > 1.5
    grain = [(scan - cv2.GaussianBlur(scan, (0, 0), 1.5)).std() for scan in scans]
    assert all(value > 4 for value in grain)


@pytest.mark.parametrize("strength", [1, 2, 3])
def test_a_print_and_its_twin_differ_by_the_codec_alone(strength: float) -> None:
    """On the same draws. Over eight draws of their own both are equally far from the photo."""
    photo = photographs()[0]
    tier = (
        Tier(0.9, 0.02, 0.01, 0.5, 0.01, 92),
        Tier(0.8, 0.04, 0.02, 0.8, 0.02, 85),
        Tier(0.7, 0.08, 0.04, 1.6, 0.04, 75),
    )
    here, rng = tier[int(strength) - 1], np.random.default_rng(0)
    corners, noise = rng.uniform(-1, 1, (4, 2)), rng.normal(size=(1, 3, *photo.shape[:2]))
    seen = scanned(to_float(photo), here, torch.from_numpy(corners).float(), torch.from_numpy(noise).float())
    real = PrintScan().apply(photo, strength=strength, rng=np.random.default_rng(0))
    twin = jpeg_twin(seen, quality=here.quality, halve_chroma=True)
    assert np.abs(to_u8(twin).astype(int) - real).mean() < 1.8
    own = [
        PrintScan().twin(to_float(photo), strength=strength, generator=torch.Generator().manual_seed(s))
        for s in range(8)
    ]
    reals = [PrintScan().apply(photo, strength=strength, rng=np.random.default_rng(s)) for s in range(8)]
    damage = [np.mean([decibels(image, photo) for image in images]) for images in ([to_u8(out) for out in own], reals)]
    assert abs(damage[0] - damage[1]) < 1.5
