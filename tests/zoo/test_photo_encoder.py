"""The gradient through the frozen backbone, which every protection of a small model with image tokens follows."""

from __future__ import annotations

import pytest
import torch

from antibench.zoo.networks import CaptionTokenEncoder


@pytest.fixture(scope="module")
def encoder() -> CaptionTokenEncoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = CaptionTokenEncoder(8).double().eval().requires_grad_(False)
    made.attach_backbone()
    return made.double()


@pytest.mark.parametrize("layout", ["tokens first", "channels first"])
def test_the_gradient_is_right_however_the_incoming_one_lies(encoder: CaptionTokenEncoder, layout: str) -> None:
    """Against a central difference; batch normalisation in torch gets one layout of a single photo wrong."""
    generator = torch.Generator().manual_seed(1)
    photo = torch.rand(1, 3, 64, 64, generator=generator, dtype=torch.float64)
    way = torch.randn(photo.shape, generator=generator, dtype=torch.float64)
    weight = torch.randn(1, 16, 1280, generator=generator, dtype=torch.float64)
    lying = weight if layout == "tokens first" else weight.transpose(1, 2).contiguous().transpose(1, 2)

    leaf = photo.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(encoder.raw(leaf), leaf, lying)
    step = 1e-7
    with torch.no_grad():
        change = encoder.raw(photo + step * way) - encoder.raw(photo - step * way)
    assert float((gradient * way).sum()) == pytest.approx(float((change * weight).sum()) / (2 * step), rel=1e-5)
