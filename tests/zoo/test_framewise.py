"""The VAE that sees every frame as a photo: what it does to a clip is what the VAE of CogVideoX does to each frame."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKLCogVideoX

from antibench.zoo.assemble import load_vae, weights_folder
from antibench.zoo.framewise import FramewiseAutoencoderKLCogVideoX
from antibench.zoo.recipes import RECIPES


@pytest.fixture(scope="module")
def vaes() -> tuple[FramewiseAutoencoderKLCogVideoX, AutoencoderKLCogVideoX]:
    folder = weights_folder("cogvideox-small")
    framewise, clipwise = (load_vae(RECIPES[f"cogvideox-{kind}small"], folder).eval() for kind in ("tokens-", ""))
    assert isinstance(framewise, FramewiseAutoencoderKLCogVideoX)
    assert isinstance(clipwise, AutoencoderKLCogVideoX)
    return framewise, clipwise


@torch.no_grad()
def test_a_clip_is_its_frames(vaes: tuple[FramewiseAutoencoderKLCogVideoX, AutoencoderKLCogVideoX]) -> None:
    framewise, clipwise = vaes
    clips = torch.rand(2, 3, 5, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    posterior = framewise.encode(clips).latent_dist
    assert posterior.mode().shape == (2, 16, 5, 8, 8)
    decoded = framewise.decode(posterior.mode()).sample
    assert decoded.shape == clips.shape
    for clip in range(2):
        for frame in range(5):
            photo = clipwise.encode(clips[clip : clip + 1, :, frame : frame + 1]).latent_dist
            torch.testing.assert_close(posterior.mean[clip, :, frame], photo.mean[0, :, 0], rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(posterior.logvar[clip, :, frame], photo.logvar[0, :, 0], rtol=1e-4, atol=1e-5)
            again = clipwise.decode(photo.mode()).sample[0, :, 0]
            torch.testing.assert_close(decoded[clip, :, frame], again, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_tuples_come_where_no_dictionary_is_asked_for(
    vaes: tuple[FramewiseAutoencoderKLCogVideoX, AutoencoderKLCogVideoX],
) -> None:
    framewise, _ = vaes
    clip = torch.zeros(1, 3, 3, 16, 16)
    (posterior,) = framewise.encode(clip, return_dict=False)
    (decoded,) = framewise.decode(posterior.mode(), return_dict=False)
    torch.testing.assert_close(decoded, framewise.decode(framewise.encode(clip).latent_dist.mode()).sample)
    assert framewise.config.temporal_compression_ratio == 1
