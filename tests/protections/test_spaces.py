"""Colour and frequency spaces against scikit-image and SciPy, and what each may move."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.fft import dctn, idctn
from skimage.color import lab2rgb, rgb2lab

from antibench.perturb.dct import dct2, idct2
from antibench.perturb.lab import lab_to_rgb, rgb_to_lab
from antibench.perturb.spaces import RGB, LabChroma, LowFrequencyDCT, Space

SPACES = [RGB(), LabChroma(), LowFrequencyDCT()]


def photo(height: int = 24, width: int = 40) -> torch.Tensor:
    values = np.random.default_rng(5).random((1, 3, height, width), dtype=np.float32)
    values[..., 0] = 0
    values[..., 1] = 1
    return torch.from_numpy(values)


def test_lab_is_that_of_scikit_image() -> None:
    image = photo()
    oracle = rgb2lab(image[0].permute(1, 2, 0).double().numpy(), illuminant="D65", observer="2")
    assert np.allclose(rgb_to_lab(image)[0].permute(1, 2, 0).numpy(), oracle, atol=2e-3)


def test_rgb_is_that_of_scikit_image() -> None:
    lab = rgb_to_lab(photo())
    oracle = lab2rgb(lab[0].permute(1, 2, 0).double().numpy(), illuminant="D65", observer="2")
    assert np.allclose(lab_to_rgb(lab)[0].permute(1, 2, 0).numpy(), oracle, atol=1e-4)


@pytest.mark.parametrize("level", [0.0, 0.01, 0.04045, 0.5, 1.0])
def test_lab_has_a_finite_gradient_at_every_grey(level: float) -> None:
    image = torch.full((1, 3, 1, 1), level, requires_grad=True)
    (there,) = torch.autograd.grad(rgb_to_lab(image).sum(), image)
    lab = rgb_to_lab(image.detach()).requires_grad_()
    (back,) = torch.autograd.grad(lab_to_rgb(lab).sum(), lab)
    assert torch.isfinite(there).all()
    assert torch.isfinite(back).all()
    assert back.abs().max() > 0


def test_lab_gradients_are_those_of_finite_differences() -> None:
    image = torch.tensor([0.02, 0.4, 0.9], dtype=torch.float64).view(1, 3, 1, 1).requires_grad_()
    assert torch.autograd.gradcheck(rgb_to_lab, image)
    assert torch.autograd.gradcheck(lab_to_rgb, rgb_to_lab(image.detach()).requires_grad_())


def test_dct_is_that_of_scipy() -> None:
    image = photo(17, 30)
    oracle = dctn(image.double().numpy(), axes=(2, 3), norm="ortho")
    assert np.allclose(dct2(image).numpy(), oracle, atol=1e-5)
    assert np.allclose(idct2(image).numpy(), idctn(image.double().numpy(), axes=(2, 3), norm="ortho"), atol=1e-5)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
def test_inverse_undoes_forward(space: Space) -> None:
    assert torch.allclose(space.inverse(space.forward(photo())), photo(), atol=1e-5)


def shifted(space: Space, epsilon: float) -> torch.Tensor:
    """The photo with every free coordinate at the bound, signs drawn."""
    coordinates = space.forward(photo() * 0.4 + 0.3)
    signs = torch.randint(0, 2, coordinates.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return space.inverse(coordinates + signs * space.free(coordinates) * space.bound(epsilon))


def test_chroma_leaves_lightness_alone() -> None:
    moved = shifted(LabChroma(), 8 / 255)
    before, after = rgb_to_lab(photo() * 0.4 + 0.3), rgb_to_lab(moved)
    assert (after[:, 0] - before[:, 0]).abs().max() < 1e-3
    assert torch.allclose((after - before)[:, 1:].abs(), torch.tensor(4.0), atol=1e-2)


def test_low_frequencies_leave_the_others_alone_and_have_the_size_they_promise() -> None:
    change = shifted(LowFrequencyDCT(share=0.25, rms=0.5), 8 / 255) - (photo() * 0.4 + 0.3)
    spectrum = dctn(change.double().numpy(), axes=(2, 3), norm="ortho")
    low = np.zeros_like(spectrum, dtype=bool)
    low[..., :6, :10] = True
    assert np.abs(spectrum[~low]).max() < 1e-5
    assert np.allclose(np.abs(spectrum[low]), 2 * 8 / 255, atol=1e-5)
    assert float(change.pow(2).mean().sqrt()) == pytest.approx(4 / 255, rel=1e-3)


def test_even_the_smallest_image_has_a_low_frequency() -> None:
    assert LowFrequencyDCT().free(torch.zeros(1, 3, 1, 1)).sum() == 1
