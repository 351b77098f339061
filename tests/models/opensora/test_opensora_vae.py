"""The autoencoder: causal, in chunks and micro-batches, normalised by channel."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional as F

from antibench.models.opensora.causal import CausalConv, ResidualBlock, interleaved
from antibench.models.opensora.config import TemporalVAEConfig, VAEConfig
from antibench.models.opensora.temporal_vae import TemporalVAE
from antibench.models.opensora.vae import OpenSoraVAE
from antibench.testing.tiny_opensora import VAE, redrawn

TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


def gaussian(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def vae() -> OpenSoraVAE:
    """Five frames a chunk, four frames a latent frame, two frames a micro-batch."""
    return redrawn(OpenSoraVAE(VAE)).requires_grad_(False)


@pytest.mark.parametrize("stride", [1, 2])
def test_no_frame_sees_a_later_one(stride: int) -> None:
    conv = redrawn(CausalConv(2, 3, 3, time_stride=stride))
    x = gaussian(1, 2, 6, 4, 5)
    out = conv(x)
    assert out.shape == (1, 3, 6 // stride, 4, 5)
    later = x.clone()
    later[:, :, 3:] += 1
    same = [bool(torch.equal(out[:, :, i], conv(later)[:, :, i])) for i in range(out.shape[2])]
    # With stride 2, output i reads up to input 2i + 1.
    assert same == ([True] * 3 + [False] * 3 if stride == 1 else [True, False, False])


def test_before_the_first_frame_there_are_zeros() -> None:
    conv = redrawn(CausalConv(2, 3, 3))
    x = gaussian(1, 2, 2, 4, 5)
    ahead = F.pad(x, (1, 1, 1, 1, 2, 0))
    torch.testing.assert_close(conv(x), F.conv3d(ahead, conv.conv.weight, conv.conv.bias), **TOLERANCE)


def test_a_residual_block_normalises_over_time_and_space_together() -> None:
    block = redrawn(ResidualBlock(4, 6, 2))
    x = gaussian(1, 4, 3, 4, 5)
    hidden = x
    for norm, conv in ((block.norm1, block.conv1), (block.norm2, block.conv2)):
        groups = hidden.reshape(1, 2, -1)
        normal = (groups - groups.mean(-1, keepdim=True)) / (groups.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
        weight, bias = (value[:, None, None, None] for value in (norm.weight, norm.bias))
        hidden = conv(F.silu(normal.reshape(hidden.shape) * weight + bias))
    torch.testing.assert_close(block(x), hidden + block.conv3(x), **TOLERANCE)
    assert not [name for name in block.state_dict() if name.endswith("conv.bias")]


def test_adjacent_channels_become_adjacent_frames() -> None:
    x = torch.arange(4 * 2.0).reshape(1, 4, 2, 1, 1)  # channel c of frame t is 2c + t
    frames = interleaved(x)[0, :, :, 0, 0]
    assert frames.tolist() == [[0, 2, 1, 3], [4, 6, 5, 7]]


def test_zeros_in_front_make_whole_groups_and_what_comes_of_them_is_dropped(vae: OpenSoraVAE) -> None:
    temporal = vae.temporal_vae
    x = gaussian(1, 4, 5, 3, 2)
    filled = F.pad(x, (0, 0, 0, 0, 3, 0))
    assert torch.equal(temporal.encode(x).mean, temporal.encode(filled).mean)
    z = temporal.encode(x).mean
    assert z.shape == (1, 4, 2, 3, 2)
    assert torch.equal(temporal.decode(z, 5), temporal.decode(z, 8)[:, :, 3:])


def test_chunks_go_on_their_own(vae: OpenSoraVAE) -> None:
    latents = gaussian(1, 4, 12, 3, 2)
    whole = vae.temporal_latents(latents)
    parts = [vae.temporal_latents(latents[:, :, start : start + 5]) for start in (0, 5, 10)]
    assert [part.shape[2] for part in parts] == [2, 2, 1]
    torch.testing.assert_close(whole, torch.cat(parts, dim=2), **TOLERANCE)
    latent = gaussian(1, 4, 5, 4, 4)
    decoded = vae.decode(latent, 12)
    for frames, start in ((slice(0, 5), 0), (slice(5, 10), 2)):
        torch.testing.assert_close(decoded[:, :, frames], vae.decode(latent[:, :, start : start + 2], 5), **TOLERANCE)
    torch.testing.assert_close(decoded[:, :, 10:], vae.decode(latent[:, :, 4:], 2), **TOLERANCE)


@pytest.mark.parametrize("update", [{"micro_batch_size": None}, {"micro_batch_size": 3}])
def test_micro_batches_change_nothing(vae: OpenSoraVAE, update: dict[str, int | None]) -> None:
    other = OpenSoraVAE(VAE.model_copy(update=update)).eval()
    other.load_state_dict(vae.state_dict())
    pixels = gaussian(2, 3, 7, 6, 8).clamp(-1, 1)
    torch.testing.assert_close(other.encode(pixels), vae.encode(pixels), **TOLERANCE)


def test_a_clip_may_be_one_chunk(vae: OpenSoraVAE) -> None:
    whole = OpenSoraVAE(VAE.model_copy(update={"micro_frame_size": None})).eval()
    whole.load_state_dict(vae.state_dict())
    pixels = gaussian(1, 3, 9, 4, 4)
    latents = whole.encode(pixels)
    assert latents.shape[2] == whole.latent_frames(9) == 3
    assert vae.latent_frames(9) == 3  # 2 of the first five frames, 1 of the rest: other numbers, as many of them
    assert not torch.allclose(latents, vae.encode(pixels), atol=1e-3)
    assert whole.decode(latents, 9).shape == pixels.shape


def test_latents_are_scaled_shifted_and_divided_as_published(vae: OpenSoraVAE) -> None:
    pixels = gaussian(1, 3, 1, 4, 6).clamp(-1, 1)
    of_image = vae.image_vae.encode(pixels[:, :, 0]).latent_dist.mean[:, :, None] * 0.18215
    torch.testing.assert_close(vae.spatial_latents(pixels), of_image, **TOLERANCE)
    mean = vae.temporal_vae.encode(of_image).mean
    shift, scale = torch.tensor([-0.10, 0.34, 0.27, 0.98]), torch.tensor([3.85, 2.32, 2.33, 3.06])
    expected = (mean - shift.reshape(1, 4, 1, 1, 1)) / scale.reshape(1, 4, 1, 1, 1)
    torch.testing.assert_close(vae.encode(pixels), expected, **TOLERANCE)
    decoded = vae.temporal_vae.decode(mean, 1)[:, :, 0] / 0.18215
    torch.testing.assert_close(
        vae.decode(expected, 1)[:, :, 0], vae.image_vae.decode(decoded).sample, rtol=1e-4, atol=1e-4
    )


def test_samples_are_means_plus_deviations_times_noise(vae: OpenSoraVAE) -> None:
    pixels = gaussian(1, 3, 3, 4, 4).clamp(-1, 1)
    drawn: list[torch.Tensor] = []

    def noise(mean: torch.Tensor) -> torch.Tensor:
        drawn.append(gaussian(*mean.shape, seed=len(drawn)))
        return drawn[-1]

    sampled = vae.encode(pixels, noise)
    assert [tuple(one.shape) for one in drawn] == [(2, 4, 2, 2), (1, 4, 2, 2), (1, 4, 1, 2, 2)]
    posterior = vae.image_vae.encode(pixels[0].transpose(0, 1)).latent_dist
    frames = (posterior.mean + posterior.std * torch.cat(drawn[:2])).transpose(0, 1)[None] * 0.18215
    chunk = vae.temporal_vae.encode(frames)
    expected = (chunk.mean + chunk.std * drawn[2] - vae.shift) / vae.scale
    torch.testing.assert_close(sampled, expected, **TOLERANCE)


@pytest.mark.parametrize(("frames", "latent"), [(1, 1), (2, 1), (5, 2), (16, 4), (17, 5), (18, 6), (51, 15), (102, 30)])
def test_latent_sizes_of_the_published_autoencoder(frames: int, latent: int) -> None:
    with torch.device("meta"):
        published = OpenSoraVAE(VAEConfig())
    assert published.latent_size(frames, 240, 426) == (latent, 30, 53)
    assert published.config.latent_chunk == 5
    assert published.patch == 8


def test_columns_beyond_whole_patches_are_lost(vae: OpenSoraVAE) -> None:
    assert vae.encode(gaussian(1, 3, 1, 5, 7)).shape == (1, 4, 1, 2, 3)


def test_another_number_of_latent_frames_is_refused(vae: OpenSoraVAE) -> None:
    with pytest.raises(ValueError, match="3 latent frames, where 5 frames have 2"):
        vae.decode(gaussian(1, 4, 3, 2, 2), 5)


def test_pixels_carry_gradient_through_both_autoencoders(vae: OpenSoraVAE) -> None:
    pixels = gaussian(1, 3, 6, 4, 4).requires_grad_()
    decoded = vae.decode(vae.encode(pixels), 6)
    (gradient,) = torch.autograd.grad(decoded.square().mean(), pixels)
    assert (gradient.abs().amax(dim=(1, 3, 4)) > 0).all()


def test_levels_without_halving_keep_the_frames() -> None:
    config = TemporalVAEConfig(
        filters=4, num_res_blocks=1, channel_multipliers=(1, 2, 1), temporal_downsample=(False, True), num_groups=2
    )
    temporal = redrawn(TemporalVAE(config))
    posterior = temporal.encode(gaussian(1, 4, 3, 2, 2))
    assert posterior.mean.shape == (1, 4, 2, 2, 2)
    assert temporal.decode(posterior.mean, 3).shape == (1, 4, 3, 2, 2)
    assert not [name for name in temporal.state_dict() if "conv_blocks.0" in name]


@pytest.mark.parametrize(
    ("update", "told"),
    [
        ({"shift": (0.0,)}, "1 and 4 entries, not 4"),
        ({"micro_z_frame_size": 4}, "4, where chunks have 5"),
        ({"vae2d": {"latent_channels": 8}}, "in_out_channels"),
        ({"temporal": {"temporal_downsample": (True,)}}, "1 entries for 4 levels"),
        ({"temporal": {"activation_fn": "relu"}}, "swish"),
    ],
)
def test_configurations_that_do_not_fit_are_refused(update: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        VAEConfig.model_validate(update)
