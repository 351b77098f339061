"""Named layers come in the order they run, and watching them leaves no trace."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel
from torch import nn

from antibench.models.layers import captured, unet_layers
from antibench.testing.tiny_cogvideox import TinyCogVideoX
from antibench.testing.tiny_svd import TinySVD


class Pair(nn.Module):
    """Returns two tensors, as a joint block over video and text does."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x + 1, x + 2


def test_the_first_of_several_outputs_is_kept() -> None:
    layers = {"pair": Pair(), "single": nn.ReLU()}
    with captured(layers, ["pair", "single"]) as seen:
        layers["pair"](torch.zeros(1))
        layers["single"](torch.tensor([-1.0]))
    assert seen == {"pair": torch.ones(1), "single": torch.zeros(1)}


def test_hooks_go_when_the_block_fails() -> None:
    layer = nn.ReLU()
    with pytest.raises(RuntimeError, match="midway"), captured({"a": layer}, ["a"]):
        raise RuntimeError("midway")
    assert not layer._forward_hooks


def test_an_unknown_layer_is_named_before_anything_is_hooked() -> None:
    layer = nn.ReLU()
    with pytest.raises(ValueError, match="no layer 'b'; the layers are a"), captured({"a": layer}, ["a", "b"]):
        pass
    assert not layer._forward_hooks


@pytest.mark.parametrize("spec", [TinySVD(), TinyCogVideoX()], ids=["svd", "cogvideox"])
def test_names_are_in_running_order(spec: Any) -> None:
    model = spec.load("cpu")
    ran: list[str] = []
    for name, layer in {**model._vae_layers, **model._layers}.items():
        layer.register_forward_hook(lambda module, args, output, name=name: ran.append(name))
    image = torch.rand(1, 3, *model.size)
    latents = model.encode_clip((torch.rand(model.frames, *model.size, 3) * 255).byte().numpy())
    ran.clear()
    model.denoise(image, "", clip_latents=latents, t=0.5, noise=torch.randn_like(latents))
    assert tuple(ran) == (*model.vae_layers, *model.layers)


def test_the_published_unet_has_the_blocks_that_methods_speak_of() -> None:
    """Four levels of two, a middle, four levels of three."""
    with torch.device("meta"):
        unet = UNetSpatioTemporalConditionModel()
    names = list(unet_layers(unet, kinds=("attentions", "resnets")))
    assert len(names) == 8 + 1 + 12
    assert names[2] == "down_blocks.1.attentions.0"
    assert names[6:10] == ["down_blocks.3.resnets.0", "down_blocks.3.resnets.1", "mid_block", "up_blocks.0.resnets.0"]
    assert names[-1] == "up_blocks.3.attentions.2"
