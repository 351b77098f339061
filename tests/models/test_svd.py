"""The adapter of Stable Video Diffusion repeats the arithmetic of the pipeline it wraps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from antibench.models.svd import SVD
from antibench.pixels import to_float
from antibench.testing.tiny_svd import TinySVD

STEPS = 3


@pytest.fixture(scope="module", params=[False, True], ids=["tokens", "clip"])
def model(request: pytest.FixtureRequest) -> SVD:
    settings = {"steps": STEPS, "noise_aug_strength": 0.3, "min_guidance_scale": 1.5, "max_guidance_scale": 4.0}
    return TinySVD(clip=request.param, settings=settings).load("cpu")


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def sampled(model: SVD, photo: np.ndarray, seed: int, **override: Any) -> list[torch.Tensor]:
    """The latents the pipeline itself passes through, one a step."""
    seen: list[torch.Tensor] = []

    def keep(pipe: Any, step: int, timestep: Any, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        seen.append(tensors["latents"].clone())
        return tensors

    settings = model.settings
    arguments = {
        "height": 16, "width": 16, "num_frames": settings.frames, "num_inference_steps": settings.steps,
        "min_guidance_scale": settings.min_guidance_scale, "max_guidance_scale": settings.max_guidance_scale,
        "fps": settings.fps, "motion_bucket_id": settings.motion_bucket_id,
        "noise_aug_strength": settings.noise_aug_strength, "output_type": "latent",
    }  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    model.pipe(Image.fromarray(photo), generator=generator, callback_on_step_end=keep, **{**arguments, **override})
    return seen


def walked(model: SVD, photo: np.ndarray, seed: int, guided: bool) -> list[torch.Tensor]:
    """The same walk through the adapter's own parts and the Euler step written out."""
    generator = torch.Generator().manual_seed(seed)
    image = to_float(photo)
    augmented = image * 2 - 1 + model.settings.noise_aug_strength * torch.randn(image.shape, generator=generator)
    latents = model.encode((augmented + 1) / 2).latents
    tokens = model.encode(image).tokens
    assert tokens is not None
    levels = [model.sigma(1 - step / (STEPS - 1)) for step in range(STEPS)] + [0.0]
    noised = torch.randn(1, model.frames, 4, 8, 8, generator=generator) * (levels[0] ** 2 + 1) ** 0.5
    seen = []
    with torch.no_grad():
        for sigma, following in pairwise(levels):
            v = model.predict(noised, sigma, latents, tokens, guided=guided)
            clean = noised / (sigma**2 + 1) - v * sigma / (sigma**2 + 1) ** 0.5
            noised = noised + (noised - clean) / sigma * (following - sigma)
            seen.append(noised)
    return seen


@pytest.mark.parametrize("guided", [True, False])
def test_adapter_walks_the_path_of_the_pipeline(model: SVD, photo: np.ndarray, guided: bool) -> None:
    override = {} if guided else {"min_guidance_scale": 1.0, "max_guidance_scale": 1.0}
    for theirs, ours in zip(sampled(model, photo, 5, **override), walked(model, photo, 5, guided), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2e-4, atol=2e-4)


def test_guidance_moves_the_path_by_more_than_the_tolerance(model: SVD, photo: np.ndarray) -> None:
    guided, plain = (walked(model, photo, 5, guided)[-1] for guided in (True, False))
    assert (guided - plain).abs().max() > 0.01


def test_levels_are_those_of_the_sampler(model: SVD) -> None:
    model.pipe.scheduler.set_timesteps(STEPS)
    expected = model.pipe.scheduler.sigmas[:-1]
    ours = torch.tensor([model.sigma(1 - step / (STEPS - 1)) for step in range(STEPS)])
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=0)
    assert model.sigma(0.0) == pytest.approx(0.002, rel=1e-4)


def test_loss_is_zero_for_a_denoiser_that_knows_the_clip(model: SVD, monkeypatch: pytest.MonkeyPatch) -> None:
    """The noised clip and v determine the clip; the loss vanishes exactly there."""
    clip, noise = torch.randn(2, 1, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    angle = np.arctan(model.sigma(0.6))

    def oracle(noised: torch.Tensor, *rest: Any, **kwargs: Any) -> torch.Tensor:
        return (noised * np.cos(angle) ** 2 - clip) / np.sin(angle)

    monkeypatch.setattr(model, "predict", oracle)
    seen = model.denoise(torch.rand(1, 3, 16, 16), "", clip_latents=clip, t=0.6, noise=noise)
    assert float(seen.loss) < 1e-4
    torch.testing.assert_close(seen.clean, clip, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(seen.noise, noise, rtol=1e-3, atol=1e-3)
    monkeypatch.setattr(model, "predict", lambda noised, *rest, **kwargs: oracle(noised) + 0.5)
    seen = model.denoise(torch.rand(1, 3, 16, 16), "", clip_latents=clip, t=0.6, noise=noise)
    assert float(seen.loss) == pytest.approx(0.25, rel=1e-3)


def test_tokens_are_those_the_pipeline_feeds(model: SVD, photo: np.ndarray) -> None:
    with torch.no_grad():
        theirs = model.pipe._encode_image(Image.fromarray(photo), torch.device("cpu"), 1, True)
        ours = model.encode(to_float(photo)).tokens
    assert ours is not None
    torch.testing.assert_close(ours, theirs[1:], rtol=1e-4, atol=1e-5)
    assert not theirs[0].any()


def test_clip_latents_are_scaled_and_image_latents_are_not(model: SVD, photo: np.ndarray) -> None:
    clip = model.encode_clip(np.stack([photo] * 3))
    image = model.encode(to_float(photo)).latents
    torch.testing.assert_close(clip[:, 0], image * model.pipe.vae.config.scaling_factor, rtol=1e-4, atol=1e-5)


def test_decode_image_inverts_what_encode_scales(model: SVD, photo: np.ndarray) -> None:
    latents = model.encode(to_float(photo)).latents
    theirs = model.pipe.decode_latents(latents[None] * model.pipe.vae.config.scaling_factor, 1)[:, :, 0]
    torch.testing.assert_close(model.decode_image(latents), (theirs / 2 + 0.5).clamp(0, 1), rtol=1e-4, atol=1e-5)


def test_a_clip_of_another_length_is_refused(model: SVD, photo: np.ndarray) -> None:
    with pytest.raises(ValueError, match="takes clips of"):
        model.encode_clip(np.stack([photo] * 2))


def test_the_augmentation_follows_the_noise(model: SVD) -> None:
    clip = torch.zeros(1, 3, 4, 8, 8)
    image = torch.rand(1, 3, 16, 16)

    def latents(seed: int) -> torch.Tensor:
        noise = torch.randn(clip.shape, generator=torch.Generator().manual_seed(seed))
        return model.denoise(image, "", clip_latents=clip, t=0.5, noise=noise).image_latents

    assert torch.equal(latents(0), latents(0))
    assert not torch.equal(latents(0), latents(1))


def test_guidance_of_one_runs_one_branch() -> None:
    model = TinySVD(settings={"max_guidance_scale": 1.0}).load("cpu")
    clip, noise = torch.randn(2, 1, 3, 4, 8, 8)
    seen: list[int] = []
    handle = model.pipe.unet.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape[0]))
    model.denoise(torch.rand(1, 3, 16, 16), "", clip_latents=clip, t=0.5, noise=noise, guided=True)
    handle.remove()
    assert seen == [1]


def test_a_scheduler_of_another_kind_is_refused() -> None:
    model = TinySVD().load("cpu")
    model.pipe.scheduler.register_to_config(prediction_type="epsilon")
    with pytest.raises(ValueError, match="v-prediction"):
        SVD(model.pipe, model.settings, TinySVD())


def test_capture_takes_the_conditional_branch(model: SVD) -> None:
    clip, noise = torch.randn(2, 1, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    run: Callable[..., Any] = model.denoise
    image = torch.rand(1, 3, 16, 16)
    guided = run(image, "", clip_latents=clip, t=0.5, noise=noise, guided=True, capture=model.layers)
    plain = run(image, "", clip_latents=clip, t=0.5, noise=noise, capture=model.layers)
    for name in model.layers:
        torch.testing.assert_close(guided.features[name], plain.features[name], rtol=1e-3, atol=1e-4)
