"""The 3D U-Net against diffusers' U-Net of the same lineage, and what is DynamiCrafter's own in it."""

from __future__ import annotations

import re

import pytest
import torch
from diffusers import UNet3DConditionModel
from dynamicrafter_tiny import UNET, randomised
from pydantic import ValidationError
from torch.nn import functional as F

from antibench.models.dynamicrafter.attention import CrossAttention
from antibench.models.dynamicrafter.config import UNetConfig
from antibench.models.dynamicrafter.context import Context, split_context
from antibench.models.dynamicrafter.unet import UNet3D

FRAMES = 3


def given(config: UNetConfig, batch: int = 2, frames: int = FRAMES) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    tokens = config.text_tokens + frames * config.image_tokens_per_frame
    x = torch.randn(batch, config.in_channels, frames, 4, 2, generator=generator)
    return x, torch.tensor([7, 801][:batch]), torch.randn(batch, tokens, config.context_dim, generator=generator)


def test_wiring_is_that_of_the_model_it_descends_from() -> None:
    """ModelScope's text-to-video U-Net has the same blocks in the same order, without image tokens and fps."""
    config = UNET.model_copy(update={"image_cross_attention": False, "fs_condition": False})
    ours = randomised(UNet3D(config))
    theirs = UNet3DConditionModel(
        in_channels=8,
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
        block_out_channels=(32, 64),
        layers_per_block=1,
        cross_attention_dim=24,
        attention_head_dim=16,
    ).eval()
    state = {_diffusers_name(name): value for name, value in ours.state_dict().items()}
    theirs.load_state_dict({name: value.reshape(theirs.state_dict()[name].shape) for name, value in state.items()})
    x, timesteps, context = given(config)
    with torch.no_grad():
        expected = theirs(x, timesteps, context[:, : config.text_tokens]).sample
        torch.testing.assert_close(ours(x, timesteps, context), expected, rtol=1e-4, atol=2e-5)


_STAGES = {
    "input_blocks.0.0": "conv_in",
    "input_blocks.1": "down_blocks.0:0",
    "input_blocks.2.0.op": "down_blocks.0.downsamplers.0.conv",
    "input_blocks.3": "down_blocks.1:0",
    "middle_block.3": "mid_block:1",
    "middle_block": "mid_block:0",
    "output_blocks.0": "up_blocks.0:0",
    "output_blocks.1.1.conv": "up_blocks.0.upsamplers.0.conv",
    "output_blocks.1": "up_blocks.0:1",
    "output_blocks.2": "up_blocks.1:0",
    "output_blocks.3": "up_blocks.1:1",
    "init_attn.0": "transformer_in",
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
}
"""Our stages, and those of diffusers; after a colon the number of the layer within it."""
_PARTS = {
    "in_layers.0": "resnets.{}.norm1",
    "in_layers.2": "resnets.{}.conv1",
    "emb_layers.1": "resnets.{}.time_emb_proj",
    "out_layers.0": "resnets.{}.norm2",
    "out_layers.3": "resnets.{}.conv2",
    "skip_connection": "resnets.{}.conv_shortcut",
    "temopral_conv": "temp_convs.{}",
}


def _diffusers_name(name: str) -> str:
    start = next(stage for stage in _STAGES if name.startswith(f"{stage}."))
    block, _, number = _STAGES[start].partition(":")
    rest = name[len(start) + 1 :]
    if not number:
        return f"{block}.{rest}"
    rest = re.sub(r"^1\.", f"attentions.{number}.", re.sub(r"^2\.", f"temp_attentions.{number}.", rest))
    if start == "middle_block.3":
        rest = f"0.{rest}"
    for ours, theirs in _PARTS.items():
        rest = re.sub(rf"^0\.{re.escape(ours)}", theirs.format(number), rest)
    return f"{block}.{rest}"


def test_text_and_image_tokens_are_two_attentions_added() -> None:
    layer = randomised(CrossAttention(32, 2, 24, image=True, learnable_scale=True))
    generator = torch.Generator().manual_seed(2)
    tokens = torch.randn(4, 6, 32, generator=generator)  # two clips of two frames
    text, image = torch.randn(2, 5, 24, generator=generator), torch.randn(4, 3, 24, generator=generator)

    def head(weights: torch.Tensor, source: torch.Tensor, h: int) -> torch.Tensor:
        return (source @ weights.T)[..., h * 16 : h * 16 + 16]

    rows = []
    for frame in range(4):
        q, t, i = tokens[frame], text[frame // 2], image[frame]
        heads = []
        for h in range(2):
            query = head(layer.to_q.weight, q, h) / 4
            of_text = F.softmax(query @ head(layer.to_k.weight, t, h).T, -1) @ head(layer.to_v.weight, t, h)
            of_image = F.softmax(query @ head(layer.to_k_ip.weight, i, h).T, -1) @ head(layer.to_v_ip.weight, i, h)
            heads.append(of_text + (torch.tanh(layer.alpha) + 1) * of_image)
        rows.append(torch.cat(heads, -1) @ layer.to_out[0].weight.T + layer.to_out[0].bias)
    torch.testing.assert_close(layer(tokens, Context(text, image)), torch.stack(rows), rtol=1e-4, atol=1e-5)


def test_each_frame_reads_its_own_image_tokens_unless_their_number_does_not_fit() -> None:
    context = torch.arange(2 * 11 * 1.0).reshape(2, 11, 1)
    own = split_context(context, frames=3, text_tokens=5, image_tokens_per_frame=2)
    assert own.text.flatten(1).tolist() == [[0, 1, 2, 3, 4], [11, 12, 13, 14, 15]]
    assert own.image.flatten(1).tolist() == [[5, 6], [7, 8], [9, 10], [16, 17], [18, 19], [20, 21]]
    shared = split_context(context, frames=2, text_tokens=5, image_tokens_per_frame=2)
    assert shared.image.flatten(1).tolist() == [[5, 6, 7, 8, 9, 10], [16, 17, 18, 19, 20, 21]]
    with pytest.raises(ValueError, match="4 tokens, where 5 of text"):
        split_context(context[:, :4], 3, 5, 2)


def test_a_shared_context_is_every_frame_given_all_of_it() -> None:
    """Six image tokens for three frames: two a frame, or, where the network expects another number, all for each."""
    each_all = randomised(UNet3D(UNET.model_copy(update={"image_tokens_per_frame": 6})))
    shared = UNet3D(UNET.model_copy(update={"image_tokens_per_frame": 5})).eval()
    shared.load_state_dict(each_all.state_dict())
    x, timesteps, context = given(UNET)
    repeated = torch.cat([context[:, :5], context[:, 5:].repeat(1, FRAMES, 1)], dim=1)
    with torch.no_grad():
        expected = each_all(x, timesteps, repeated)
        torch.testing.assert_close(shared(x, timesteps, context), expected, rtol=1e-4, atol=1e-5)


def test_fs_left_out_is_the_default_and_another_value_is_another_video() -> None:
    network = randomised(UNet3D(UNET))
    x, timesteps, context = given(UNET)
    with torch.no_grad():
        default = network(x, timesteps, context)
        assert torch.equal(default, network(x, timesteps, context, torch.tensor([24, 24])))
        other = network(x, timesteps, context, torch.tensor([24, 5]))
    torch.testing.assert_close(other[0], default[0], rtol=1e-4, atol=1e-5)
    assert (other[1] - default[1]).abs().max() > 1e-3


@pytest.mark.parametrize(
    "update",
    [
        {},
        {"in_channels": 32, "out_channels": 16, "model_channels": 96, "channel_mult": (1,), "num_head_channels": 32},
        {"use_linear": False, "transformer_depth": 2, "addition_attention": False},
        {"temporal_conv": False, "temporal_attention": False, "text_tokens": 0},
    ],
)
def test_both_image_paths_carry_gradient_and_compilation_never_breaks(update: dict[str, object]) -> None:
    config = UNET.model_copy(update=update)
    network = randomised(UNet3D(config))
    x, timesteps, context = given(config)
    x.requires_grad_()
    context.requires_grad_()
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    out = compiled(x, timesteps, context)
    assert out.shape == (2, config.out_channels, FRAMES, 4, 2)
    torch.testing.assert_close(out, network(x, timesteps, context))
    out.square().mean().backward()
    assert x.grad is not None
    assert context.grad is not None
    assert (x.grad.flatten(2).abs().amax(-1) > 0).all()
    assert (context.grad.abs().amax(-1) > 0).all()


def test_gradient_is_the_slope() -> None:
    config = UNET
    network = randomised(UNet3D(config)).double()
    x, timesteps, context = given(config, batch=1)
    x, context = x.double().requires_grad_(), context.double().requires_grad_()
    network(x, timesteps, context).square().mean().backward()
    for value in (x, context):
        direction = torch.randn(value.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        step, rest = 1e-5, [x.detach(), context.detach()]
        with torch.no_grad():
            moved = [
                [held + sign * step * direction if held.shape == value.shape else held for held in rest]
                for sign in (1, -1)
            ]
            up, down = (network(one[0], timesteps, one[1]).square().mean() for one in moved)
        assert value.grad is not None
        assert float((up - down) / (2 * step)) == pytest.approx(float((value.grad * direction).sum()), rel=1e-6)


def test_a_fresh_network_starts_at_zero_and_trains() -> None:
    network = UNet3D(UNET)
    x, timesteps, context = given(UNET)
    out = network(x, timesteps, context)
    assert not out.any()
    (out - 1).square().mean().backward()
    assert network.out[2].weight.grad.abs().max() > 0


def test_sizes_that_do_not_halve_and_architectures_that_do_not_exist_are_refused() -> None:
    x, timesteps, context = given(UNET)
    with pytest.raises(ValueError, match="must be multiples of 2"):
        UNet3D(UNET)(x[..., :1], timesteps, context)
    with pytest.raises(ValueError, match="heads of width 128 do not fit"):
        UNet3D(UNET.model_copy(update={"num_head_channels": 128}))
    with pytest.raises(ValidationError, match="use_relative_position"):
        UNetConfig.model_validate({"use_relative_position": True})
    with pytest.raises(ValidationError, match="unheard_of"):
        UNetConfig.model_validate({"unheard_of": 1})
