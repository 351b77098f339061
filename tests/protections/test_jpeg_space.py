"""JPEG coefficients against Pillow and SciPy, and DCT-Shield on them."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from following import followed
from PIL import Image
from scipy.fft import dctn

from antibench.attacks.dct_shield import DCTShield
from antibench.budget import settle
from antibench.contracts import ImageU8, VideoModel
from antibench.perturb.jpeg_space import JpegCoefficients
from antibench.pixels import to_float
from antibench.testing.protection_contract import sample_context
from antibench.testing.purification_contract import sample_photo

SIZE = (24, 32)
PHOTO_U8 = sample_photo(size=SIZE)
PHOTO = to_float(PHOTO_U8)


def through_pillow(image: ImageU8, quality: int) -> ImageU8:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling=0)
    return np.array(Image.open(file))


@pytest.mark.parametrize("size", [(24, 32), (13, 22), (1, 1)])
def test_back_and_forth_is_nothing(size: tuple[int, int]) -> None:
    image = to_float(sample_photo(size=size))
    space = JpegCoefficients(size, 50)
    torch.testing.assert_close(space.inverse(space.forward(image)), image, atol=1e-5, rtol=0)


@pytest.mark.parametrize("quality", [30, 75])
def test_whole_coordinates_are_what_a_file_holds(quality: int) -> None:
    """What Pillow decodes has whole coordinates, but for its rounding to 8 bits; and they are ours, rounded."""
    photo = np.clip(PHOTO_U8, 80, 175)  # decoded values that leave [0, 255] would be clipped
    space = JpegCoefficients(SIZE, quality)
    theirs = space.forward(to_float(through_pillow(photo, quality)))
    apart = float((theirs - theirs.round()).abs().mean())
    assert apart < 0.05
    ours = space.forward(to_float(photo))
    assert float((ours - ours.round()).abs().mean()) > 4 * apart
    assert float((ours.round() == theirs.round()).float().mean()) > 0.95


def test_one_step_of_a_coordinate_is_its_entry_of_the_table() -> None:
    """Quality 50 is the standard's own table: 10 for the third luma frequency of the first row, 99 for the last."""
    space = JpegCoefficients((8, 8), 50)
    grey = torch.full((1, 3, 8, 8), 0.5)
    for at, entry in (((0, 2), 10), ((7, 7), 99)):
        coordinates = space.forward(grey)
        coordinates[(0, 0, 0, 0, *at)] += 1
        change = (space.inverse(coordinates) - grey)[0].mean(0) * 255  # a change of Y is the same in R, G and B
        wanted = np.zeros((8, 8))
        wanted[at] = entry
        assert np.allclose(dctn(change.numpy(), norm="ortho"), wanted, atol=1e-2)


def test_luma_only_leaves_the_colours_alone(svd: VideoModel) -> None:
    photo = sample_photo(size=svd.size)
    result = DCTShield(steps=3, luma_only=True, alpha=0.1).perturb(
        to_float(photo), sample_context(svd, budget_levels=255)
    )
    for channel in (1, 2):
        moved, before = (JpegCoefficients(svd.size).forward(image)[0, channel] for image in (result, to_float(photo)))
        assert float((moved - before).abs().max()) <= 0.5 + 1e-2  # the rounding of the file they start from
    moved, before = (JpegCoefficients(svd.size).forward(image)[0, 0] for image in (result, to_float(photo)))
    assert float((moved - before).abs().max()) > 0.6


def test_the_descent_starts_from_the_file_and_stays_within_one_step_of_it(svd: VideoModel) -> None:
    photo, space = to_float(sample_photo(size=svd.size)), JpegCoefficients(svd.size)
    caught = followed(DCTShield(), photo, sample_context(svd))
    file = space.forward(photo).round()
    torch.testing.assert_close(caught.how["origin"], space.inverse(file).clamp(0, 1))
    # Grey, so that nothing is clipped at black or white.
    grey = 0.3 + 0.4 * photo
    file = space.forward(grey).round()
    result = space.forward(DCTShield(steps=40).perturb(grey, sample_context(svd, budget_levels=255)))
    assert float((result - file).abs().max()) == pytest.approx(1, abs=1e-3)


def test_what_the_budget_does_not_clip_survives_the_codec(svd: VideoModel) -> None:
    """Changes of a whole step are still there after the same quality; after one far lower most are not."""
    photo = np.clip(sample_photo(size=svd.size), 80, 175)
    saved = settle(
        DCTShield(steps=40).perturb(to_float(photo), sample_context(svd, budget_levels=255)), photo, 255
    ).image
    change = saved.astype(float) - through_pillow(photo, 95)
    kept = {}
    for quality in (95, 10):
        after = through_pillow(saved, quality).astype(float) - through_pillow(photo, quality)
        kept[quality] = float((after * change).sum() / (change * change).sum())
    assert kept[95] > 0.9
    assert kept[10] < 0.5
