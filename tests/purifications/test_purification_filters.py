"""Median, bilateral and guided filters against SciPy and against loops over windows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from real_photos import photographs, portrait, rms
from scipy.ndimage import median_filter

from antibench.errors import UserError
from antibench.pixels import to_float
from antibench.purifications._bilateral import bilateral
from antibench.purifications._guided_filter import guided_filter
from antibench.purifications.adverse_cleaner import AdverseCleaner
from antibench.purifications.bilateral import Bilateral
from antibench.purifications.median import Median
from antibench.registry import PURIFICATIONS
from antibench.testing.purification_contract import sample_photo

RNG = np.random.default_rng(0)
Floats = npt.NDArray[np.float64]


@pytest.mark.parametrize("size", [(48, 64), (37, 51), (3, 40), (1, 1)])
@pytest.mark.parametrize("side", [3, 5, 7, 9])
def test_median_is_scipys(side: int, size: tuple[int, int]) -> None:
    photo = sample_photo(size=size)
    expected = median_filter(photo, size=(side, side, 1), mode="nearest")
    assert np.array_equal(Median().apply(photo, strength=side, rng=RNG), expected)
    twin = Median().twin(to_float(photo), strength=side, generator=torch.Generator())
    assert np.abs(twin[0].permute(1, 2, 0).numpy() * 255 - expected).max() < 1e-3


def test_the_gradient_of_a_median_goes_to_the_pixel_it_is() -> None:
    image = (torch.arange(9.0).reshape(1, 1, 3, 3) / 10).expand(1, 3, 3, 3).clone().requires_grad_()
    out = Median().twin(image, strength=3, generator=torch.Generator())
    (gradient,) = torch.autograd.grad(out[0, 0, 1, 1], image)
    expected = torch.zeros(1, 3, 3, 3)
    expected[0, 0, 1, 1] = 1  # 0.4, of 0 to 0.8
    assert torch.equal(gradient, expected)


def bilateral_by_loops(image: Floats, diameter: int, sigma_colour: float, sigma_space: float) -> Floats:
    radius = diameter // 2
    height, width, _ = image.shape
    padded = np.pad(image, ((radius, radius), (radius, radius), (0, 0)), mode="reflect")
    out = np.empty_like(image)
    for y in range(height):
        for x in range(width):
            total, mass = np.zeros(3), 0.0
            for dy in range(-radius, radius + 1):
                for dx in range(-radius, radius + 1):
                    if dy * dy + dx * dx <= radius * radius:
                        other = padded[y + radius + dy, x + radius + dx]
                        far = np.abs(other - image[y, x]).sum()
                        weight = np.exp(-0.5 * (far / sigma_colour) ** 2 - 0.5 * (dy * dy + dx * dx) / sigma_space**2)
                        total, mass = total + weight * other, mass + weight
            out[y, x] = total / mass
    return out


@pytest.mark.parametrize("size", [(20, 27), (3, 5), (1, 1)])
@pytest.mark.parametrize(("diameter", "sigma_space", "sigma_colour"), [(9, 3.0, 30.0), (5, 8.0, 8.0)])
def test_bilateral_is_the_loop(diameter: int, sigma_space: float, sigma_colour: float, size: tuple[int, int]) -> None:
    photo = sample_photo(size=size)
    expected = bilateral_by_loops(photo.astype(np.float64), diameter, sigma_colour, sigma_space)
    assert np.abs(Bilateral(diameter, sigma_space).apply(photo, strength=sigma_colour, rng=RNG) - expected).max() < 0.51
    twin = bilateral(to_float(photo) * 255, diameter=diameter, sigma_colour=sigma_colour, sigma_space=sigma_space)
    assert np.abs(twin[0].permute(1, 2, 0).numpy() - expected).max() < 1e-2


def guided_by_regression(image: Floats, guide: Floats, radius: int, epsilon: float) -> Floats:
    """A ridge regression of image on guide in each window, by least squares; at each pixel the mean of the fits."""
    height, width, _ = image.shape
    sides = ((2 * radius, 2 * radius), (2 * radius, 2 * radius), (0, 0))
    image, guide = np.pad(image, sides, mode="symmetric"), np.pad(guide, sides, mode="symmetric")
    total = np.zeros((height, width, 3))
    side = 2 * radius + 1
    for top in range(height + 2 * radius):
        for left in range(width + 2 * radius):
            x = guide[top : top + side, left : left + side].reshape(-1, 3)
            y = image[top : top + side, left : left + side].reshape(-1, 3)
            rows = np.vstack((x - x.mean(0), np.sqrt(len(x) * epsilon) * np.eye(3)))
            slopes = np.linalg.lstsq(rows, np.vstack((y - y.mean(0), np.zeros((3, 3)))), rcond=None)[0]
            fit = (guide[top : top + side, left : left + side] - x.mean(0)) @ slopes + y.mean(0)
            for row in range(side):
                for column in range(side):
                    place = (top + row - 2 * radius, left + column - 2 * radius)
                    if 0 <= place[0] < height and 0 <= place[1] < width:
                        total[place] += fit[row, column]
    return total / side**2


def test_guided_filter_is_the_regression() -> None:
    """Windows that reach over the edge average mirrored functions here and mirrored pixels there: the inside counts."""
    guide, image = (sample_photo(seed, (19, 22)).astype(np.float64) for seed in (0, 1))
    once = guided_by_regression(image, guide, radius=2, epsilon=16.0)
    tensors = [torch.from_numpy(array).permute(2, 0, 1)[None] for array in (image, guide)]
    found = guided_filter(*tensors, radius=2, epsilon=16.0, passes=1)[0].permute(1, 2, 0).numpy()
    assert np.abs(found - once)[4:-4, 4:-4].max() < 1e-6
    twice = guided_filter(*tensors, radius=2, epsilon=16.0, passes=2)
    again = guided_filter(torch.from_numpy(found).permute(2, 0, 1)[None], tensors[1], radius=2, epsilon=16.0, passes=1)
    assert torch.allclose(twice, again)


def test_a_photo_guided_by_itself_keeps_its_edges_and_loses_its_grain() -> None:
    edge = np.full((40, 40, 3), 60.0)
    edge[:, 20:] = 190
    grainy = edge + np.random.default_rng(0).normal(scale=2, size=edge.shape)
    tensor = torch.from_numpy(grainy).permute(2, 0, 1)[None]
    out = guided_filter(tensor, tensor, radius=4, epsilon=16.0, passes=1)[0].permute(1, 2, 0).numpy()
    assert np.std((out - edge)[:, :12]) < np.std((grainy - edge)[:, :12]) / 2
    assert np.abs(out[:, 21].mean() - out[:, 18].mean() - 130) < 3


@pytest.mark.parametrize("guided", [True, False])
def test_adverse_cleaner_takes_the_grain_of_a_flat_wall_and_leaves_an_edge(guided: bool) -> None:
    wall = np.full((48, 48, 3), 90, dtype=np.int16)
    wall[:, 24:] = 160
    grainy = (wall + np.random.default_rng(0).integers(-4, 5, wall.shape)).astype(np.uint8)
    out = AdverseCleaner(guided).apply(grainy, strength=64, rng=RNG).astype(int)
    assert np.std(out[8:-8, 6:18] - 90) < np.std(grainy[8:-8, 6:18] - 90.0) / (1.5 if guided else 3)
    assert abs(out[:, 26:40].mean() - out[:, 8:22].mean() - 70) < 1


def test_the_guide_brings_back_what_the_bilateral_passes_took() -> None:
    """The author's own warning: with the photo as guide the result is nearer the photo."""
    for photo in [*photographs(), portrait()]:
        with_guide, without = (AdverseCleaner(guided).apply(photo, strength=64, rng=RNG) for guided in (True, False))
        assert 1 < rms(with_guide, photo) < 0.95 * rms(without, photo)


@pytest.mark.parametrize(
    ("name", "params", "told"),
    [
        ("bilateral", {"diameter": 4}, "diameter must be an odd number from 3"),
        ("bilateral", {"diameter": 5.0}, "diameter must be an odd number from 3"),
        ("bilateral", {"sigma_space": 0}, "sigma_space must be above 0"),
        ("adverse-cleaner", {"guided": 1}, "guided must be true or false"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(name: str, params: dict[str, object], told: str) -> None:
    with pytest.raises(UserError, match=told):
        PURIFICATIONS.create(name, params)
