"""Total variation minimisation against scikit-image without dropped pixels, and against SciPy's optimiser with them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from real_photos import portrait
from scipy.optimize import minimize
from skimage.restoration import denoise_tv_chambolle

from antibench.errors import UserError
from antibench.pixels import to_float
from antibench.purifications._total_variation import restored
from antibench.purifications.tvm import Tvm
from antibench.registry import PURIFICATIONS
from antibench.testing.purification_contract import sample_photo


@pytest.mark.parametrize("weight", [0.01, 0.03, 0.1])
def test_without_drops_it_is_scikit_images(weight: float) -> None:
    photo = portrait()
    by_channel = {"eps": 1e-9, "max_num_iter": 3000}
    expected = [denoise_tv_chambolle(photo[..., c] / 255, weight=weight, **by_channel) for c in range(3)]
    found = Tvm(drop=0).apply(photo, strength=weight, rng=np.random.default_rng(0))
    assert np.abs(found - 255 * np.stack(expected, axis=-1)).mean() < 0.35  # 0.25 of it is rounding


def smooth_objective(flat: np.ndarray, image: np.ndarray, keep: np.ndarray, weight: float) -> tuple[float, np.ndarray]:
    """The objective of one channel and its gradient, the corner of the norm rounded off by 1e-5."""
    u = torch.from_numpy(flat.reshape(image.shape)).requires_grad_()
    down = torch.cat((u.diff(dim=0), torch.zeros_like(u[:1])))
    right = torch.cat((u.diff(dim=1), torch.zeros_like(u[:, :1])), dim=1)
    fit = (torch.from_numpy(keep) * (u - torch.from_numpy(image)) ** 2).sum() / 2
    value = fit + weight * (down**2 + right**2 + 1e-10).sqrt().sum()
    (gradient,) = torch.autograd.grad(value, u)
    return value.item(), gradient.numpy().ravel()


@pytest.mark.parametrize("weight", [0.01, 0.03, 0.1])
def test_with_drops_it_reaches_the_minimum_that_scipy_finds(weight: float) -> None:
    image = to_float(sample_photo(size=(16, 20)))[0, 0].double().numpy()
    keep = (np.random.default_rng(1).random(image.shape) >= 0.5).astype(np.float64)
    options = {"maxiter": 5000, "maxfun": 20000, "ftol": 1e-14, "gtol": 1e-9}
    start = np.full(image.size, 0.5)
    best = minimize(smooth_objective, start, (image, keep, weight), jac=True, method="L-BFGS-B", options=options)
    tensors = [torch.from_numpy(array).expand(1, 3, *array.shape) for array in (image, keep)]
    found = restored(*tensors, weight)[0, 0].numpy()
    reached = smooth_objective(found.ravel(), image, keep, weight)[0]
    assert reached < best.fun * 1.002
    assert np.abs(found - best.x.reshape(image.shape)).mean() * 255 < 1


def test_what_is_dropped_has_no_influence_and_half_is_dropped() -> None:
    image = to_float(portrait())
    keep = (torch.rand(image.shape, generator=torch.Generator().manual_seed(0)) >= 0.5).float()
    other = torch.where(keep > 0, image, 1 - image).requires_grad_()
    out = restored(other, keep, 0.03)
    assert torch.equal(out, restored(image, keep, 0.03))
    (gradient,) = torch.autograd.grad(out.square().sum(), other)
    assert torch.equal(gradient[keep == 0], torch.zeros(int((keep == 0).sum())))
    assert (gradient[keep > 0] != 0).float().mean() > 0.95
    used = torch.autograd.functional.jacobian(
        lambda photo: Tvm().twin(photo, strength=0.03, generator=torch.Generator().manual_seed(3)).sum(), image
    )
    assert abs(float((used != 0).float().mean()) - 0.5) < 0.03


def test_twin_is_the_same_solver() -> None:
    """With the same drops (none) they differ by rounding alone; the drops of each are half of the values."""
    photo = portrait()
    for weight in Tvm.grid:
        twin = Tvm(drop=0).twin(to_float(photo), strength=weight, generator=torch.Generator())
        real = Tvm(drop=0).apply(photo, strength=weight, rng=np.random.default_rng(0))
        assert np.abs(twin[0].permute(1, 2, 0).numpy() * 255 - real).max() < 0.51
    twin = Tvm().twin(to_float(photo), strength=0.03, generator=torch.Generator().manual_seed(0))
    real = Tvm().apply(photo, strength=0.03, rng=np.random.default_rng(0))
    far = np.sqrt(np.mean((twin[0].permute(1, 2, 0).numpy() * 255 - photo) ** 2))
    assert abs(far / np.sqrt(np.mean((real - photo.astype(float)) ** 2)) - 1) < 0.1


def test_a_flat_photo_stays_and_a_missing_pixel_takes_its_neighbours_value() -> None:
    flat = np.full((12, 12, 3), 77, dtype=np.uint8)
    assert np.array_equal(Tvm().apply(flat, strength=0.03, rng=np.random.default_rng(0)), flat)


@pytest.mark.parametrize("drop", [-0.1, 1, float("nan")])
def test_a_share_that_leaves_nothing_is_refused(drop: float) -> None:
    with pytest.raises(UserError, match="drop is a share from 0, below 1"):
        PURIFICATIONS.create("tvm", {"drop": drop})
