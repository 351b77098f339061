"""Distances of two sets of clips from their feature vectors: Frechet, and the kernel distance of KID.

Both compare what a model makes of protected photos with what it makes of the clean ones. A photo is the unit: rows of
the same photo belong together, in the jackknife and in what the kernel distance leaves out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Distance: TypeAlias = Callable[[Floats, Floats, Sequence[str]], float]


class Estimate(NamedTuple):
    """A distance and its standard error over photos."""

    value: float
    error: float


def frechet(features: Floats, others: Floats, photos: Sequence[str] = ()) -> float:
    """Squared Frechet distance of the normal distributions with the two sets' means and covariances, >= 0.

    |m - m'|^2 + tr S + tr S' - 2 tr (S S')^(1/2) with unbiased covariances. The last trace is the sum of the singular
    values of A^T A', where S = A A^T and A holds the centred rows: exact where the covariances are singular, as they
    are with fewer clips than dimensions, where a matrix root is not. It is biased upwards by about 1/n: only sets of
    equal size may be compared, and n belongs beside it.

    Args:
        features: (n, d), n >= 2.
        others: (m, d), m >= 2.
        photos: Not used; every distance of sets takes them.

    Raises:
        ValueError: for sets too small or of other dimensions.
    """
    _check(features, others)
    (mean, root), (mean_other, root_other) = _moments(features), _moments(others)
    shared = np.linalg.svd(root @ root_other.T, compute_uv=False).sum()
    apart = ((mean - mean_other) ** 2).sum()
    return float(max(0.0, apart + (root**2).sum() + (root_other**2).sum() - 2 * shared))


def kernel_distance(features: Floats, others: Floats, photos: Sequence[str]) -> float:
    """Squared maximum mean discrepancy under KID's kernel (x y / d + 1)^3, unbiased; may be below 0.

    Row i of both sets is of photo i. The two clips of a photo are alike, so pairs of the same photo are left out of all
    three means, not of the first two alone.

    Args:
        features: (n, d).
        others: (n, d).
        photos: (n,) whose clip each row is; at least two photos.

    Raises:
        ValueError: for sets of other sizes than said.
    """
    _check(features, others)
    if not len(features) == len(others) == len(photos):
        raise ValueError(f"{len(features)} and {len(others)} clips of {len(photos)} photos: rows must be pairs")
    names = np.asarray(photos)
    apart = names[:, None] != names[None, :]
    if not apart.any():
        raise ValueError("all clips are of one photo: a distance of sets needs two")

    def mean_of(a: Floats, b: Floats) -> float:
        return float((((a @ b.T) / a.shape[1] + 1) ** 3)[apart].mean())

    return mean_of(features, features) + mean_of(others, others) - 2 * mean_of(features, others)


def jackknife(distance: Distance, features: Floats, others: Floats, photos: Sequence[str]) -> Estimate:
    """A distance with its standard error, one photo left out at a time.

    Args:
        distance: `frechet` or `kernel_distance`.
        features: (n, d), rows paired with those of `others`.
        others: (n, d).
        photos: (n,) whose clip each row is; at least three photos.

    Raises:
        ValueError: for fewer photos.
    """
    names = sorted(set(photos))
    if len(names) < 3:
        raise ValueError(f"{len(names)} photo(s): leaving one out needs three")
    labels = np.asarray(photos)
    without = []
    for name in names:
        kept = labels != name
        without.append(distance(features[kept], others[kept], labels[kept].tolist()))
    spread = np.asarray(without)
    count = len(names)
    error = float(np.sqrt((count - 1) / count * ((spread - spread.mean()) ** 2).sum()))
    return Estimate(distance(features, others, photos), error)


def _moments(features: Floats) -> tuple[Floats, Floats]:
    """Mean, and the centred rows over sqrt(n - 1): their Gram matrix in d is the covariance."""
    mean = features.mean(axis=0)
    return mean, (features - mean) / np.sqrt(len(features) - 1)


def _check(features: Floats, others: Floats) -> None:
    if features.ndim != 2 or others.ndim != 2 or features.shape[1] != others.shape[1]:
        raise ValueError(f"sets of shapes {features.shape} and {others.shape}: two tables of the same width are needed")
    if min(len(features), len(others)) < 2:
        raise ValueError("a set of one clip has no spread")
