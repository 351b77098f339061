"""What a clip costs against the denoiser's passes it cannot do without."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import Ratio

from antibench.pixels import to_float
from antibench.registry import DATASETS, MODELS

LIMIT = 1.5
"""Encoding the photo, decoding the clip and the sampler may take half as long as the denoiser."""


@pytest.mark.parametrize("name", ["dynamicrafter-small", "cogvideox-tokens-small", "opensora-small"])
def test_generating_with(name: str, ratio: Ratio) -> None:
    spec = MODELS.create(name)
    model = spec.load("cpu")
    (case,) = DATASETS.create("portraits", {"count": 1, "split": "tune"}).cases()
    image = to_float(np.ascontiguousarray(case.photo))
    image = torch.nn.functional.interpolate(image, model.size, mode="area")
    latents = model.encode_clip(model.generate(case.photo, case.caption, 0))
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))

    def passes() -> None:
        with torch.no_grad():
            for step in range(spec.steps):
                t = 1 - step / spec.steps
                model.denoise(image, case.caption, clip_latents=latents, t=t, noise=noise, guided=True)

    def generate() -> None:
        model.generate(case.photo, case.caption, 0)

    ratio(generate, passes, f"{spec.steps} guided passes of the denoiser", rounds=2, limit=LIMIT)
