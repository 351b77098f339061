"""The denoiser: names of the published checkpoint, and what is Open-Sora's own in it, written out by hand."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional as F

from antibench.models.opensora.attention import CrossAttention, RMSNorm, SelfAttention
from antibench.models.opensora.blocks import FinalLayer
from antibench.models.opensora.config import STDiT3Config, VAEConfig
from antibench.models.opensora.embeddings import NumberEmbedding, PositionTable
from antibench.models.opensora.rotary import RotaryEmbedding
from antibench.models.opensora.stdit3 import STDiT3
from antibench.models.opensora.vae import OpenSoraVAE
from antibench.testing.tiny_opensora import STDIT3, redrawn

GOLDEN = Path(__file__).with_name("golden")
FRAMES = 3
TOLD = {"fps": torch.tensor([24.0, 24.0]), "height": torch.tensor([40.0, 40.0]), "width": torch.tensor([64.0, 64.0])}


def gaussian(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def network() -> STDiT3:
    return redrawn(STDiT3(STDIT3)).requires_grad_(False)


def given(tokens: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return gaussian(2, 4, FRAMES, 5, 4), torch.tensor([800.0, 150.0]), gaussian(2, 1, tokens, 24, seed=1)


@pytest.mark.parametrize("name", ["stdit3", "vae"])
def test_names_shapes_and_types_are_those_of_the_published_checkpoint(name: str) -> None:
    recorded = json.loads((GOLDEN / "checkpoints.json").read_text("utf-8"))[name]
    with torch.device("meta"):
        network = STDiT3(STDiT3Config()) if name == "stdit3" else OpenSoraVAE(VAEConfig())
    state = network.state_dict()
    lines = (f"{key} {list(v.shape)} {str(v.dtype).removeprefix('torch.')}" for key, v in sorted(state.items()))
    assert len(state) == recorded["names"]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == recorded["sha256"]


def test_frequencies_of_the_rotary_positions_are_those_that_are_saved() -> None:
    frequencies = RotaryEmbedding(72).freqs
    expected = torch.tensor([10000 ** (-2 * k / 72) for k in range(36)])
    torch.testing.assert_close(frequencies, expected, rtol=1e-6, atol=0)
    assert not frequencies.requires_grad


def test_rotary_positions_turn_adjacent_channels_by_the_frame() -> None:
    x = gaussian(1, 2, 4, 6)
    turned = RotaryEmbedding(6)(x)
    for frame in range(4):
        for k in range(3):
            angle = frame * 10000 ** (-2 * k / 6)
            first, second = x[0, :, frame, 2 * k], x[0, :, frame, 2 * k + 1]
            torch.testing.assert_close(
                turned[0, :, frame, 2 * k], math.cos(angle) * first - math.sin(angle) * second, rtol=1e-5, atol=1e-6
            )
            torch.testing.assert_close(
                turned[0, :, frame, 2 * k + 1], math.sin(angle) * first + math.cos(angle) * second, rtol=1e-5, atol=1e-6
            )


def test_positions_are_the_column_then_the_row_at_the_scale_of_the_picture() -> None:
    """A frame of 2 x 8 patches, which are as wide as those of a square of 4 x 4."""
    table = PositionTable(12)(2, 8, 0.5, torch.float32, torch.device("cpu"))[0].reshape(2, 8, 12)
    for row, column in ((0, 0), (1, 5), (0, 7)):
        x, y = column * (4 / 8) / 0.5, row * (4 / 2) / 0.5
        frequencies = [10000 ** (-2 * k / 6) for k in range(3)]
        expected = [f(p * w) for p in (x, y) for f in (math.sin, math.cos) for w in frequencies]
        torch.testing.assert_close(table[row, column], torch.tensor(expected), rtol=1e-5, atol=1e-6)


def test_a_number_is_cosines_then_sines_of_falling_frequencies() -> None:
    embedding = NumberEmbedding(4)
    seen: list[torch.Tensor] = []
    embedding.mlp.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    embedding(torch.tensor([873.5]), torch.float32)
    expected = [f(873.5 * 10000 ** (-i / 128)) for f in (math.cos, math.sin) for i in range(128)]
    torch.testing.assert_close(seen[0][0], torch.tensor(expected), rtol=0, atol=1e-4)  # float32 angles up to 873.5


def test_self_attention_normalises_queries_and_keys_of_each_head() -> None:
    layer = redrawn(SelfAttention(8, 2, normalised=True))
    tokens = gaussian(1, 5, 8)
    q, k, v = (tokens[0] @ layer.qkv.weight.T + layer.qkv.bias).split(8, dim=1)
    heads = []
    for h in range(2):
        part = slice(4 * h, 4 * h + 4)
        query = q[:, part] / (q[:, part].square().mean(1, keepdim=True) + 1e-6).sqrt() * layer.q_norm.weight
        key = k[:, part] / (k[:, part].square().mean(1, keepdim=True) + 1e-6).sqrt() * layer.k_norm.weight
        heads.append(F.softmax(query @ key.T / 2, dim=-1) @ v[:, part])
    expected = torch.cat(heads, 1) @ layer.proj.weight.T + layer.proj.bias
    torch.testing.assert_close(layer(tokens)[0], expected, rtol=1e-4, atol=1e-5)


def test_the_norm_is_computed_in_float32_whatever_the_type() -> None:
    norm = RMSNorm(4).bfloat16()
    x = torch.tensor([3.0, -1.0, 2.0, 0.5]).bfloat16()
    expected = (x.float() / (x.float().square().mean() + 1e-6).sqrt()).bfloat16()
    assert torch.equal(norm(x), expected)


def test_text_that_is_masked_is_as_if_it_were_not_there() -> None:
    layer = redrawn(CrossAttention(8, 2))
    tokens, text = gaussian(2, 5, 8), gaussian(2, 4, 8, seed=1)
    kept = torch.tensor([[True, True, False, False], [True, False, True, True]])
    whole = layer(tokens, text, kept)
    for row in range(2):
        alone = layer(tokens[row : row + 1], text[row : row + 1, kept[row]], None)
        torch.testing.assert_close(whole[row], alone[0], rtol=1e-4, atol=1e-6)


def test_both_halves_of_guidance_read_as_many_tokens_as_the_caption_has(network: STDiT3) -> None:
    x, t, y = given()
    mask = torch.tensor([[1, 1, 1, 1, 0, 0]])
    tiled = network(x, t, y, mask, **TOLD)
    torch.testing.assert_close(tiled, network(x, t, y[:, :, :4], **TOLD), rtol=1e-4, atol=1e-5)
    assert (tiled - network(x, t, y, **TOLD)).abs().max() > 1e-3
    with pytest.raises(ValueError, match="3 rows for a batch of 2"):
        network(x, t, y, mask.repeat(3, 1), **TOLD)


def test_clean_frames_are_taken_to_be_at_level_zero(network: STDiT3) -> None:
    """All clean is level 0 for the blocks; the last layer is modulated twice, and its own level once."""
    x, t, y = given()
    seen: list[torch.Tensor] = []
    handle = network.final_layer.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    network(x, t, y, x_mask=torch.zeros(2, FRAMES, dtype=torch.bool), **TOLD)
    network(x, torch.zeros(2), y, **TOLD)
    network(x, t, y, x_mask=torch.ones(2, FRAMES, dtype=torch.bool), **TOLD)
    network(x, t, y, **TOLD)
    handle.remove()
    torch.testing.assert_close(seen[0], seen[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(seen[2], seen[3], rtol=1e-4, atol=1e-5)
    assert (seen[0] - seen[2]).abs().max() > 1e-2


def test_the_last_layer_modulates_clean_frames_twice() -> None:
    layer = redrawn(FinalLayer(8, 3))
    tokens, noised, clean = gaussian(1, 4, 8), gaussian(1, 8, seed=1), gaussian(1, 8, seed=2)

    def modulated(x: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        shift, scale = layer.scale_shift_table[0] + level, layer.scale_shift_table[1] + level
        normal = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + 1e-6).sqrt()
        return normal * (1 + scale) + shift

    once = modulated(tokens[0], noised)
    twice = modulated(once, clean)
    out = layer(tokens, noised, clean, torch.tensor([[False, True]]))[0]
    weight, bias = layer.linear.weight, layer.linear.bias
    torch.testing.assert_close(out[:2], twice[:2] @ weight.T + bias, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(out[2:], once[2:] @ weight.T + bias, rtol=1e-4, atol=1e-5)


def test_odd_sizes_are_filled_up_and_cut_back(network: STDiT3) -> None:
    x, t, y = given()
    whole = F.pad(x, (0, 0, 0, 1))
    out = network(x, t, y, **TOLD)
    assert out.shape == (2, 8, FRAMES, 5, 4)
    torch.testing.assert_close(out, network(whole, t, y, **TOLD)[..., :5, :], rtol=1e-4, atol=1e-6)


def test_a_patch_is_read_and_written_in_its_place(network: STDiT3) -> None:
    """What the last layer says of token, row, column and channel is found there."""
    x, t, y = given()
    x = x[..., :4, :]
    tokens: list[torch.Tensor] = []
    handle = network.final_layer.register_forward_hook(lambda module, args, out: tokens.append(out))
    out = network(x, t, y, **TOLD)
    handle.remove()
    frame, row, column = 2, 1, 0  # of patches
    token = tokens[0][1, frame * 4 + row * 2 + column].reshape(2, 2, 8)
    for i in range(2):
        for j in range(2):
            assert torch.equal(out[1, :, frame, 2 * row + i, 2 * column + j], token[i, j])


def test_spatial_blocks_stay_within_frames_and_temporal_ones_at_their_place(network: STDiT3) -> None:
    def reached(block: torch.nn.Module) -> set[int]:
        tokens = gaussian(1, 6, 32)  # 3 frames of 2 places
        moved = tokens.clone()
        moved[0, 3] += gaussian(32, seed=3)  # the same for all channels would be normalised away
        level = gaussian(1, 1, 6, 32, seed=1)
        text = gaussian(1, 2, 32, seed=2)
        runs = [block(x, text, None, level, 3, network.rope) for x in (tokens, moved)]
        return set(((runs[1] - runs[0]).abs().amax(-1)[0] > 1e-6).nonzero().flatten().tolist())

    assert reached(network.spatial_blocks[0]) == {2, 3}
    assert reached(network.temporal_blocks[0]) == {1, 3, 5}


def test_fps_and_size_are_read(network: STDiT3) -> None:
    x, t, y = given()
    out = network(x, t, y, **TOLD)
    for name in ("fps", "height"):
        other = network(x, t, y, **{**TOLD, name: TOLD[name] * 2})
        assert (other - out).abs().max() > 1e-3


def test_a_prediction_without_the_unused_half_and_without_normalised_keys() -> None:
    network = redrawn(STDiT3(STDIT3.model_copy(update={"pred_sigma": False, "qk_norm": False})))
    x, t, y = given()
    assert network(x, t, y, **TOLD).shape == x.shape
    assert not [name for name in network.state_dict() if "norm" in name]


def test_latents_and_text_carry_gradient_and_running_again_changes_none() -> None:
    network = redrawn(STDiT3(STDIT3)).requires_grad_(False)

    def gradients() -> tuple[torch.Tensor, ...]:
        x, t, y = given()
        x.requires_grad_()
        y.requires_grad_()
        x_mask = torch.tensor([[False, True, True]] * 2)
        out = network(x, t, y, x_mask=x_mask, **TOLD)
        return torch.autograd.grad(out[:, :4, 1:].square().mean(), (x, y))

    plain = gradients()
    assert all((gradient.abs() > 0).all() for gradient in plain)  # the first frame is seen by the others
    runs: list[int] = []
    network.spatial_blocks[1].attn.register_forward_pre_hook(lambda module, args: runs.append(1))
    network.recompute_activations()
    for one, other in zip(plain, gradients(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-8)
    assert len(runs) == 2


def test_a_fraction_of_a_timestep_counts_and_is_rounded_to_the_type_of_the_weights(network: STDiT3) -> None:
    x, _, y = given()
    whole, half = (network(x, torch.tensor([t, t]), y, **TOLD) for t in (500.0, 501.5))
    assert (whole - half).abs().max() > 1e-5
    short = redrawn(STDiT3(STDIT3)).bfloat16()
    rounded = [short(x, torch.tensor([t, t]), y, **TOLD) for t in (500.0, 500.9)]
    assert torch.equal(*rounded)


@pytest.mark.parametrize(
    ("update", "told"),
    [
        ({"num_heads": 5}, "5 heads"),
        ({"patch_size": [2, 2, 2]}, "patch_size"),
        ({"skip_y_embedder": True}, "skip_y_embedder"),
        ({"unheard_of": 1}, "unheard_of"),
        ({"hidden_size": 18, "num_heads": 3}, "sines and cosines"),
    ],
)
def test_architectures_that_are_not_there_are_refused(update: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        STDiT3Config.model_validate(update)


def test_the_frequencies_of_numbers_follow_the_weights_but_not_their_type() -> None:
    with torch.device("meta"):
        embedding = NumberEmbedding(8)
    state = {name: torch.zeros(value.shape) for name, value in embedding.state_dict().items()}
    embedding.load_state_dict(state, strict=True, assign=True)
    before = embedding._frequencies.clone()
    embedding.to("cpu", torch.bfloat16)
    assert embedding._frequencies.dtype == torch.float32
    assert torch.equal(embedding._frequencies, before)
    assert embedding(torch.tensor([3.0]), torch.bfloat16).shape == (1, 8)


def test_height_and_width_may_be_numbers() -> None:
    network = redrawn(STDiT3(STDIT3))
    x, t, y = torch.ones(2, 4, 2, 4, 4), torch.tensor([10.0, 500.0]), torch.ones(2, 1, 3, STDIT3.caption_channels)
    told = {"height": torch.tensor([32.0, 32.0]), "width": torch.tensor([48.0, 48.0])}
    one = network(x, t, y, fps=torch.tensor([8.0, 8.0]), **told)
    assert torch.equal(one, network(x, t, y, fps=torch.tensor([8.0, 8.0]), height=32, width=48.0))
