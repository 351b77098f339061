"""What CLIP is shown is what the image processor of transformers makes of the photo, and a gradient passes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPImageProcessor

from antibench.models.clip_view import clip_view
from antibench.pixels import to_float

SIZES = [(16, 32), (300, 260), (480, 832), (32, 16), (225, 451)]
LEVEL = 1 / 255 / 0.261
"""One level of 8 bits over the smallest of CLIP's deviations."""


@pytest.mark.parametrize("size", SIZES)
def test_pixels_are_those_of_the_processor_but_for_its_rounding(size: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    processor = CLIPImageProcessor()
    theirs = processor(images=Image.fromarray(photo), return_tensors="pt").pixel_values
    ours = clip_view(processor, to_float(photo))
    difference = (ours - theirs).abs()
    assert difference.max() < 1.2 * LEVEL
    assert difference.mean() < LEVEL / 3


def test_a_gradient_passes() -> None:
    image = torch.rand(1, 3, 20, 40, requires_grad=True)
    (gradient,) = torch.autograd.grad(clip_view(CLIPImageProcessor(), image).square().sum(), image)
    assert gradient[..., 10:30].abs().min() > 0
    assert not gradient[..., :8].any(), "the sides are cut off"


@pytest.mark.parametrize("options", [{"do_center_crop": False}, {"resample": 2}, {"size": {"height": 9, "width": 9}}])
def test_another_processor_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="does not resize the shorter side"):
        clip_view(CLIPImageProcessor(**options), torch.rand(1, 3, 20, 40))
