"""The pretrained networks of auxiliary terms are fed what they were trained on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from antibench.attacks.anti_i2v import AntiI2V
from antibench.contracts import VideoModel
from antibench.errors import UserError
from antibench.perturb.backbones import clip_embedding, lpips_distance
from antibench.pixels import to_float
from antibench.testing.protection_contract import sample_context
from antibench.testing.purification_contract import sample_photo

CPU = torch.device("cpu")
PHOTO = to_float(sample_photo(size=(16, 16)))


class Tower(nn.Module):
    """Stands in for CLIP: what it is given, flat."""

    def encode_image(self, image: torch.Tensor) -> torch.Tensor:
        return image.flatten(1)


class Perceptual(nn.Module):
    """Stands in for LPIPS, whose `normalize` takes images in [0, 1] to the [-1, 1] it was trained on."""

    def forward(self, one: torch.Tensor, other: torch.Tensor, normalize: bool = False) -> torch.Tensor:
        scale = 2 if normalize else 1
        return (scale * (one - other)).square().mean((1, 2, 3), keepdim=True)


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for load in (clip_embedding, lpips_distance):
        load.cache_clear()
    monkeypatch.setattr("open_clip.create_model", lambda *args, **kwargs: Tower())
    monkeypatch.setattr("lpips.LPIPS", lambda *args, **kwargs: Perceptual())
    yield
    for load in (clip_embedding, lpips_distance):
        load.cache_clear()


def test_clip_sees_224_pixels_in_its_own_units() -> None:
    white = clip_embedding(CPU)(torch.ones(1, 3, 40, 60)).view(1, 3, 224, 224)
    published = (1 - torch.tensor([0.48145466, 0.4578275, 0.40821073])) / torch.tensor(
        [0.26862954, 0.26130258, 0.27577711]
    )
    assert torch.allclose(white, published.view(1, 3, 1, 1).expand_as(white), atol=1e-4)


def test_lpips_is_told_that_images_are_in_zero_to_one() -> None:
    assert float(lpips_distance(CPU)(torch.ones(1, 3, 8, 8), torch.zeros(1, 3, 8, 8))) == 4.0


def test_a_network_is_loaded_once() -> None:
    assert clip_embedding(CPU) is clip_embedding(CPU)


def test_anti_i2v_runs_on_pretrained_networks(svd: VideoModel) -> None:
    results = [
        AntiI2V(steps=2, auxiliary=auxiliary).perturb(PHOTO, sample_context(svd))  # type: ignore[arg-type]
        for auxiliary in ("pretrained", "surrogate")
    ]
    assert not torch.equal(*results)


@pytest.mark.parametrize(
    ("load", "name"), [(clip_embedding, "open_clip.create_model"), (lpips_distance, "lpips.LPIPS")]
)
def test_weights_out_of_reach_are_one_line(load: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OSError("no connection")

    monkeypatch.setattr(name, refuse)
    with pytest.raises(UserError, match="no connection; auxiliary='surrogate' needs none"):
        load(CPU)
