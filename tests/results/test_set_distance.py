"""Distances of sets against closed forms, scipy's matrix root and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from antibench.set_distance import Distance, frechet, jackknife, kernel_distance


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_frechet_in_one_dimension_is_known() -> None:
    """(m - m')^2 + (s - s')^2."""
    a, b = 2 + 3 * normal(0, 50, 1), -1 + 0.5 * normal(1, 70, 1)
    expected = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    assert frechet(a, b) == pytest.approx(expected)


def test_frechet_is_that_of_a_matrix_root() -> None:
    a, b = normal(0, 60, 6) @ normal(2, 6, 6), 1 + normal(1, 80, 6) @ normal(3, 6, 6)
    s, t = np.cov(a.T), np.cov(b.T)
    root = np.real(scipy.linalg.sqrtm(s @ t))
    expected = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum() + np.trace(s + t - 2 * root)
    assert frechet(a, b) == pytest.approx(expected, rel=1e-8)


def test_frechet_with_fewer_clips_than_dimensions() -> None:
    """A copy shifted by 0.1 in each of 400 directions is 4 away, with covariances of rank 7."""
    a = normal(0, 8, 400)
    assert frechet(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet(a, a + 0.1) == pytest.approx(4, rel=1e-9)
    rotation = np.linalg.qr(normal(1, 400, 400))[0]
    b = normal(2, 8, 400)
    assert frechet(a @ rotation, b @ rotation) == pytest.approx(frechet(a, b))
    assert frechet(b, a) == pytest.approx(frechet(a, b))


def test_frechet_of_few_clips_is_biased_upwards() -> None:
    """Why n belongs beside it: two samples of one distribution, of 10 and of 200 clips."""
    small, large = (np.mean([frechet(normal(k, n, 20), normal(k + 50, n, 20)) for k in range(20)]) for n in (10, 200))
    assert small > 5 * large > 0


def test_the_kernel_distance_is_unbiased() -> None:
    """In one dimension (x y + 1)^3 compares the first three moments: 3 d1^2 + 3 d2^2 + d3^2, here of two uniform laws
    whose moments are known: on 0..1 they are 1/2, 1/3, 1/4, on 0..2 they are 1, 4/3, 2. Mean of 3000 pairs."""
    rng = np.random.default_rng(0)
    names = [str(k) for k in range(6)]
    found = [kernel_distance(rng.random((6, 1)), 2 * rng.random((6, 1)), names) for _ in range(3000)]
    expected = 3 * 0.5**2 + 3 * 1.0**2 + 1.75**2
    error = np.std(found) / np.sqrt(len(found))
    assert np.mean(found) == pytest.approx(expected, abs=3 * error)
    assert error < 0.05 * expected


def test_equal_laws_are_zero_apart_on_average_even_if_clips_are_paired() -> None:
    """Both clips of a photo share most of it. Pairs of one photo in the cross term would give a mean below zero."""
    rng = np.random.default_rng(0)
    names = [str(k) for k in range(8)]
    found = []
    for _ in range(1500):
        shared = rng.normal(size=(8, 4))
        found.append(kernel_distance(shared + rng.normal(size=(8, 4)), shared + rng.normal(size=(8, 4)), names))
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found)) < 3 * error
    assert error < 0.15


def test_the_kernel_distance_by_loops() -> None:
    """Two clips of each of three photos."""
    a, b = normal(0, 6, 5), normal(1, 6, 5) + 0.3
    names = ["x", "x", "y", "y", "z", "z"]

    def kernel(u: np.ndarray, v: np.ndarray) -> float:
        return float((u @ v / 5 + 1) ** 3)

    pairs = [(i, j) for i in range(6) for j in range(6) if names[i] != names[j]]
    expected = np.mean([kernel(a[i], a[j]) + kernel(b[i], b[j]) - 2 * kernel(a[i], b[j]) for i, j in pairs])
    assert kernel_distance(a, b, names) == pytest.approx(expected)


@pytest.mark.parametrize("distance", [frechet, kernel_distance])
def test_order_does_not_matter_and_swapping_changes_nothing(distance: Distance) -> None:
    a, b, names = normal(0, 6, 3), normal(1, 6, 3) + 1, ["u", "u", "v", "v", "w", "w"]
    order = [3, 0, 5, 1, 4, 2]
    found = jackknife(distance, a, b, names)
    again = jackknife(distance, a[order], b[order], [names[k] for k in order])
    assert again == pytest.approx(found)
    assert jackknife(distance, b, a, names) == pytest.approx(found)


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    """For the difference of means it is the textbook's s / sqrt(n); with two clips a photo that of photos' means."""
    a, b = normal(0, 12, 1), normal(1, 12, 1)
    names = [str(k // 2) for k in range(12)]

    def difference(x: np.ndarray, y: np.ndarray, photos: object) -> float:
        return float(x.mean() - y.mean())

    by_photo = (a - b).reshape(6, 2).mean(axis=1)
    found = jackknife(difference, a, b, names)
    assert found.value == pytest.approx((a - b).mean())
    assert found.error == pytest.approx(by_photo.std(ddof=1) / np.sqrt(6))


def test_the_jackknifed_error_is_the_spread_over_samples() -> None:
    """For the kernel distance of shifted normals: mean of the errors against the standard deviation of 200 values."""
    names = [str(k) for k in range(40)]
    found = [jackknife(kernel_distance, normal(k, 40, 3), normal(k + 500, 40, 3) + 1, names) for k in range(200)]
    assert np.mean([item.error for item in found]) == pytest.approx(np.std([item.value for item in found]), rel=0.25)


@pytest.mark.parametrize(
    ("a", "b", "names", "message"),
    [
        (normal(0, 1, 3), normal(1, 4, 3), ["x"], "no spread"),
        (normal(0, 4, 3), normal(1, 4, 2), ["x", "y", "z", "z"], "same width"),
        (normal(0, 4, 3), normal(1, 3, 3), ["x", "y", "z", "z"], "pairs"),
        (normal(0, 4, 3), normal(1, 4, 3), ["x", "y", "z"], "pairs"),
        (normal(0, 4, 3), normal(1, 4, 3), ["x"] * 4, "one photo"),
    ],
)
def test_what_is_no_pair_of_sets_is_refused(a: np.ndarray, b: np.ndarray, names: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kernel_distance(a, b, names)
    if message == "one photo":
        with pytest.raises(ValueError, match="needs three"):
            jackknife(frechet, a, b, ["x", "x", "y", "y"])
