"""JPEG against OpenCV's encoder and Pillow's tables; its twin against itself."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from antibench.contracts import ImageU8
from antibench.errors import UserError
from antibench.pixels import to_float, to_u8
from antibench.purifications._jpeg_twin import quantisation
from antibench.purifications.jpeg import Jpeg
from antibench.registry import PURIFICATIONS
from antibench.testing.purification_contract import sample_photo

RNG = np.random.default_rng(0)


def mean_levels(twin: torch.Tensor, real: ImageU8) -> float:
    return float(np.abs(twin.detach()[0].permute(1, 2, 0).numpy() * 255 - real).mean())


def test_tables_are_those_of_the_encoder_at_every_quality() -> None:
    for quality in range(1, 101):
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
        tables = Image.open(file).quantization
        assert quantisation(quality, chroma=False).flatten().tolist() == list(tables[0])
        assert quantisation(quality, chroma=True).flatten().tolist() == list(tables[1])


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
@pytest.mark.parametrize("quality", [90, 30])
def test_agrees_with_opencv(subsampling: str, quality: int) -> None:
    photo = sample_photo()
    factor = {"4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444}[subsampling]
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor]
    encoded = cv2.imencode(".jpg", photo[..., ::-1], settings)[1]
    other = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1]
    mine = Jpeg(subsampling).apply(photo, strength=quality, rng=RNG)
    assert np.abs(mine.astype(int) - other).mean() < 0.25


def test_subsampling_shows_where_colour_changes_from_pixel_to_pixel() -> None:
    photo = np.zeros((16, 16, 3), dtype=np.uint8)
    photo[:, ::2, 0] = 255
    halved, full = (Jpeg(kind).apply(photo, strength=100, rng=RNG) for kind in ("4:2:0", "4:4:4"))
    assert np.abs(full.astype(int) - photo).max() <= 3
    assert np.abs(halved.astype(int) - photo).max() > 60


@pytest.mark.parametrize("size", [(48, 64), (37, 51), (9, 17), (1, 1)])
@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_twin_is_close(size: tuple[int, int], subsampling: str) -> None:
    """Coefficients next to a rounding edge may fall on the other side; with any wrong part it is 2.5 to 8."""
    photo = sample_photo(size=size)
    plugin = Jpeg(subsampling)
    for quality in plugin.grid:
        twin = plugin.twin(to_float(photo), strength=quality, generator=torch.Generator())
        assert mean_levels(twin, plugin.apply(photo, strength=quality, rng=RNG)) < 1.5


def effect_left(through_twin: bool, quality: int) -> float:
    """What a change of at most 8 levels, made to move the responses of a small network, does after a real JPEG."""
    torch_rng = torch.Generator().manual_seed(0)
    kernels = [torch.randn(shape, generator=torch_rng) / 10 for shape in [(16, 3, 5, 5), (32, 16, 5, 5)]]

    def responses(image: torch.Tensor) -> torch.Tensor:
        for kernel in kernels:
            image = F.gelu(F.conv2d(image, kernel, stride=2))
        return image

    photo, plugin = sample_photo(), Jpeg()
    image, clean = to_float(photo), responses(to_float(plugin.apply(photo, strength=quality, rng=RNG)))
    change = (torch.rand(image.shape, generator=torch_rng) - 0.5) * 16 / 255
    for _ in range(20):
        change.requires_grad_()
        seen = (image + change).clamp(0, 1)
        if through_twin:
            seen = plugin.twin(seen, strength=quality, generator=torch_rng)
        (gradient,) = torch.autograd.grad(F.mse_loss(responses(seen), clean), change)
        change = (change.detach() + gradient.sign() / 255).clamp(-8 / 255, 8 / 255)
    purified = plugin.apply(to_u8((image + change).clamp(0, 1)), strength=quality, rng=RNG)
    return float(F.mse_loss(responses(to_float(purified)), clean))


@pytest.mark.parametrize("quality", [75, 30])
def test_an_optimisation_through_the_twin_survives_the_real_codec(quality: int) -> None:
    """Measured: 3.6 times the effect at both qualities."""
    assert effect_left(through_twin=True, quality=quality) > 2 * effect_left(through_twin=False, quality=quality)


@pytest.mark.parametrize("strength", [0, 101, 74.5, float("nan")])
def test_a_quality_that_is_none_is_refused(strength: float) -> None:
    with pytest.raises(ValueError, match="whole quality from 1 to 100"):
        Jpeg().apply(sample_photo(), strength=strength, rng=RNG)


def test_a_subsampling_that_is_none_is_refused() -> None:
    with pytest.raises(UserError, match="subsampling must be"):
        PURIFICATIONS.create("jpeg", {"subsampling": "4:1:1"})
