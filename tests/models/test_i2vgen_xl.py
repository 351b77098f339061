"""The adapter of I2VGen-XL repeats the arithmetic of the pipeline it wraps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.deprecated.i2vgen_xl.pipeline_i2vgen_xl import _center_crop_wide, _resize_bilinear
from PIL import Image

from antibench.models.i2vgen_xl import I2VGenXL
from antibench.pixels import to_float
from antibench.testing.model_contract import checks
from antibench.testing.tiny_i2vgen_xl import TinyI2VGenXL


def load(**settings: Any) -> I2VGenXL:
    """The pipeline samples the posterior of the photo; with no variance that is its mean, which the adapter takes."""
    model = TinyI2VGenXL(settings=settings).load("cpu")
    with torch.no_grad():
        model.pipe.vae.quant_conv.weight[4:] = 0
        model.pipe.vae.quant_conv.bias[4:] = -60
    return model


@pytest.fixture(scope="module")
def model() -> I2VGenXL:
    return load()


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (16, 24, 3), dtype=np.uint8)


def frames(video: torch.Tensor) -> torch.Tensor:
    """(1, C, T, h, w) as the pipeline hands it to the scheduler: (T, C, h, w)."""
    return video[0].transpose(0, 1)


@pytest.mark.parametrize("scale", [9.0, 1.0])
def test_one_pass_is_the_step_of_the_sampler(scale: float, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(guidance_scale=scale, negative_prompt="blur")
    scheduler = model.pipe.scheduler
    step, seen = scheduler.step, []

    def watch(output: torch.Tensor, timestep: torch.Tensor, sample: torch.Tensor, **rest: Any) -> Any:
        found = step(output, timestep, sample, **rest)
        seen.append((output.clone(), int(timestep), sample.clone(), found.prev_sample.clone()))
        return found

    monkeypatch.setattr(scheduler, "step", watch)
    model.generate(photo, "smile", 5)
    assert len(seen) == 2
    expected, timestep, sample, after = seen[0]
    noised = sample.transpose(0, 1)[None]
    clip = torch.randn(noised.shape, generator=torch.Generator().manual_seed(0))
    a, later = (float(scheduler.alphas_cumprod[step]) for step in (timestep, seen[1][1]))
    passed = model.denoise(
        to_float(photo),
        "smile",
        clip_latents=clip,
        t=(timestep + 0.5) / 1000,
        noise=(noised - a**0.5 * clip) / (1 - a) ** 0.5,
        guided=True,
    )
    torch.testing.assert_close(frames(passed.prediction), expected, rtol=1e-4, atol=2e-4)
    ours = later**0.5 * passed.clean + (1 - later) ** 0.5 * passed.noise
    torch.testing.assert_close(frames(ours), after, rtol=1e-4, atol=2e-4)


def test_photo_and_prompt_move_the_prediction_by_more_than_the_tolerance(model: I2VGenXL, photo: np.ndarray) -> None:
    encoded, other = model.encode(to_float(photo)), model.encode(1 - to_float(photo))
    noised = torch.randn(1, 4, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        plain = model.predict(noised, 500, encoded, "smile", guided=True)
        for changed in (replace(encoded, latents=other.latents), replace(encoded, tokens=other.tokens)):
            assert (plain - model.predict(noised, 500, changed, "smile", guided=True)).abs().max() > 2e-3
        assert (plain - model.predict(noised, 500, encoded, "nod", guided=True)).abs().max() > 2e-3
        assert (plain - model.predict(noised, 500, encoded, "smile", guided=False)).abs().max() > 2e-3


def test_clip_is_shown_what_the_pipeline_shows_it(model: I2VGenXL, photo: np.ndarray) -> None:
    """But for the pipeline's rounding to 8 bits, after each axis: one level, 0.0153 over a deviation of 0.26."""
    wide = _resize_bilinear(_center_crop_wide(Image.fromarray(photo), (24, 24)), (224, 224))
    theirs = model.pipe.feature_extractor(
        images=model.pipe.video_processor.numpy_to_pt(model.pipe.video_processor.pil_to_numpy(wide)),
        do_center_crop=False, do_resize=False, do_rescale=False, return_tensors="pt",
    ).pixel_values  # fmt: skip
    torch.testing.assert_close(model._clip_pixels(to_float(photo)), theirs, rtol=0, atol=0.016)


@pytest.mark.parametrize("kept", ["latents", "tokens"])
def test_the_gradient_comes_by_each_way_alone(model: I2VGenXL, photo: np.ndarray, kept: str) -> None:
    image = to_float(photo).requires_grad_()
    encoded = model.encode(image)
    assert encoded.tokens is not None
    cut: Any = {"latents": encoded.latents.detach(), "tokens": encoded.tokens.detach()}
    del cut[kept]
    clip, noise = torch.randn(2, 1, 4, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    seen = model.denoise(image, "smile", clip_latents=clip, t=0.6, noise=noise, encoded=replace(encoded, **cut))
    (gradient,) = torch.autograd.grad(seen.loss, image)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().max() > 0


def test_the_loss_vanishes_where_the_prediction_is_right(model: I2VGenXL, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, noise = torch.randn(2, 1, 4, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    a = float(model.pipe.scheduler.alphas_cumprod[600])
    v = a**0.5 * noise - (1 - a) ** 0.5 * clip
    monkeypatch.setattr(model, "predict", lambda *args, **options: v + 0.5)
    seen = model.denoise(torch.rand(1, 3, 16, 24), "", clip_latents=clip, t=0.6, noise=noise)
    assert float(seen.loss) == pytest.approx(0.25, rel=1e-5)
    torch.testing.assert_close(seen.clean, clip - (1 - a) ** 0.5 * 0.5, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(seen.noise, noise + a**0.5 * 0.5, rtol=1e-4, atol=1e-5)


def test_what_does_not_fit_is_refused(model: I2VGenXL, photo: np.ndarray) -> None:
    for clip in (np.stack([photo] * 2), np.zeros((3, 16, 16, 3), np.uint8)):
        with pytest.raises(ValueError, match="takes clips of"):
            model.encode_clip(clip)
    latents = torch.zeros(1, 4, 3, 8, 12)
    with pytest.raises(ValueError, match="noise of shape"):
        model.denoise(to_float(photo), "", clip_latents=latents, t=0.5, noise=latents[:, :, :2])
    with pytest.raises(ValueError, match="no layer 'nowhere'"):
        model.denoise(to_float(photo), "", clip_latents=latents, t=0.5, noise=latents, capture=["nowhere"])
    model.pipe.scheduler.register_to_config(prediction_type="epsilon")
    with pytest.raises(ValueError, match="v-prediction"):
        I2VGenXL(model.pipe, model.settings, TinyI2VGenXL())
    model.pipe.scheduler.register_to_config(prediction_type="v_prediction")


@pytest.mark.slow
def test_the_contract_holds() -> None:
    assert [check for check in checks(TinyI2VGenXL) if not check.ok] == []
