"""The adapter of CogVideoX repeats the arithmetic of the pipeline it wraps, for each kind of checkpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from antibench.models.cogvideox import CogVideoX
from antibench.pixels import to_float
from antibench.testing.tiny_cogvideox import SERIES_1_5, TinyCogVideoX

SPECS = {
    "learned-and-rotary": TinyCogVideoX(),
    "neither": TinyCogVideoX(
        transformer={"use_rotary_positional_embeddings": False, "use_learned_positional_embeddings": False}
    ),
    "series-1.5": TinyCogVideoX(transformer=SERIES_1_5, vae={"invert_scale_latents": True}),
    "dpm": TinyCogVideoX(scheduler="dpm"),
    "dynamic-guidance": TinyCogVideoX(settings={"use_dynamic_cfg": True, "negative_prompt": "blur"}),
    "unguided": TinyCogVideoX(settings={"guidance_scale": 1.0}),
}


@dataclass
class Pass:
    """One denoising step of the pipeline, as the scheduler and the transformer saw it."""

    sample: torch.Tensor
    timestep: int
    prediction: torch.Tensor
    beside: torch.Tensor


def load(spec: TinyCogVideoX) -> CogVideoX:
    """The pipeline samples the posterior of the photo; with no variance that is its mean, which the adapter takes."""
    model = spec.load("cpu")
    with torch.no_grad():
        model.pipe.vae.encoder.conv_out.conv.weight[4:] = 0
        model.pipe.vae.encoder.conv_out.conv.bias[4:] = -60
    return model


@pytest.fixture(scope="module", params=list(SPECS))
def model(request: pytest.FixtureRequest) -> CogVideoX:
    return load(SPECS[request.param])


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def passes(model: CogVideoX, photo: np.ndarray, prompt: str, monkeypatch: pytest.MonkeyPatch) -> list[Pass]:
    """Run the pipeline and keep what goes in and out of each step."""
    seen: list[Pass] = []
    beside: list[torch.Tensor] = []
    step = model.pipe.scheduler.step

    def watch(output: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        dpm = len(args) > 2
        timestep, sample = (args[1], args[3]) if dpm else args[:2]
        seen.append(Pass(sample.clone(), int(timestep), output.clone(), beside[-1]))
        return step(output, *args, **kwargs)

    monkeypatch.setattr(model.pipe.scheduler, "step", watch)
    handle = model.pipe.transformer.register_forward_pre_hook(
        lambda module, args, kwargs: beside.append(kwargs["hidden_states"][-1:, :, 4:].clone()), with_kwargs=True
    )
    model.generate(photo, prompt, 5)
    handle.remove()
    return seen


def test_adapter_predicts_what_the_pipeline_predicts(
    model: CogVideoX, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = model.encode(to_float(photo)).latents
    guided = model.settings.guidance_scale > 1
    steps = passes(model, photo, "smile", monkeypatch)
    assert len(steps) == model.settings.steps
    for step in steps:
        torch.testing.assert_close(step.beside[:, :1], latents, rtol=1e-4, atol=1e-5)
        assert not step.beside[:, 1:].any()
        with torch.no_grad():
            ours = model.predict(step.sample, step.timestep, latents, "smile", guided=guided)
        torch.testing.assert_close(ours, step.prediction, rtol=1e-4, atol=1e-4)


def test_guidance_and_prompt_move_the_prediction_by_more_than_the_tolerance(photo: np.ndarray) -> None:
    model = load(SPECS["learned-and-rotary"])
    latents = model.encode(to_float(photo)).latents
    noised = torch.randn(1, 3, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    plain = model.predict(noised, 500, latents, "smile", guided=False)
    assert (plain - model.predict(noised, 500, latents, "smile", guided=True)).abs().max() > 0.01
    assert (plain - model.predict(noised, 500, latents, "nod", guided=False)).abs().max() > 0.001


def test_the_negative_prompt_is_the_other_branch(photo: np.ndarray) -> None:
    """At equal prompts both branches agree, so guidance changes nothing."""
    model = load(TinyCogVideoX(settings={"negative_prompt": "blur"}))
    latents = model.encode(to_float(photo)).latents
    noised = torch.randn(1, 3, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    guided = model.predict(noised, 500, latents, "blur", guided=True)
    plain = model.predict(noised, 500, latents, "blur", guided=False)
    torch.testing.assert_close(guided, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("inverted", "expected"), [(False, 0.7), (True, 1 / 0.7)])
def test_image_latents_are_scaled_as_the_vae_says(photo: np.ndarray, inverted: bool, expected: float) -> None:
    model = load(TinyCogVideoX(vae={"invert_scale_latents": inverted}))
    pixels = (to_float(photo) * 2 - 1)[:, :, None]
    mean = model.pipe.vae.encode(pixels).latent_dist.mean.transpose(1, 2)
    torch.testing.assert_close(model.encode(to_float(photo)).latents, mean * expected, rtol=1e-5, atol=1e-6)
    decoded = model.pipe.vae.decode(mean.transpose(1, 2)).sample[:, :, 0]
    torch.testing.assert_close(
        model.decode_image(mean * expected), (decoded / 2 + 0.5).clamp(0, 1), rtol=1e-4, atol=1e-5
    )


def test_clip_latents_fill_up_to_whole_patches_with_the_first_frame(photo: np.ndarray) -> None:
    clip = np.stack([photo + i for i in range(9)])
    plain = load(SPECS["learned-and-rotary"]).encode_clip(clip)
    patched = load(SPECS["series-1.5"]).encode_clip(clip)
    assert plain.shape == (1, 3, 4, 4, 4)
    assert patched.shape == (1, 4, 4, 4, 4)
    torch.testing.assert_close(patched, torch.cat([plain[:, :1], plain], dim=1))


def test_loss_is_zero_for_a_denoiser_that_knows_the_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    """The noised clip x and v determine the clip: clip = sqrt(a) x - sqrt(1 - a) v (Salimans and Ho)."""
    model = load(SPECS["learned-and-rotary"])
    clip, noise = torch.randn(2, 1, 3, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    a = float(model.pipe.scheduler.alphas_cumprod[600])

    def oracle(noised: torch.Tensor, *rest: Any, **kwargs: Any) -> torch.Tensor:
        return (math.sqrt(a) * noised - clip) / math.sqrt(1 - a)

    monkeypatch.setattr(model, "predict", oracle)
    photo = torch.rand(1, 3, 16, 16)
    seen = model.denoise(photo, "", clip_latents=clip, t=0.6, noise=noise)
    assert float(seen.loss) < 1e-6
    torch.testing.assert_close(seen.clean, clip, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(seen.noise, noise, rtol=1e-3, atol=1e-3)
    monkeypatch.setattr(model, "predict", lambda noised, *rest, **kwargs: oracle(noised) + 0.5)
    loss = model.denoise(photo, "", clip_latents=clip, t=0.6, noise=noise).loss
    assert float(loss) == pytest.approx(0.25, rel=1e-3)


def test_levels_run_over_the_training_timesteps() -> None:
    model = load(SPECS["learned-and-rotary"])
    assert [model.timestep(t) for t in (0.0, 0.5, 0.9999999)] == [0, 500, 999]


def test_dynamic_guidance_at_known_places() -> None:
    """Four sampling steps: at timestep 0 progress is 1, so cos(pi) gives the full weight; at timestep 4 it is 0."""
    model = load(TinyCogVideoX(settings={"use_dynamic_cfg": True, "steps": 4, "guidance_scale": 6.0}))
    assert model.guidance(0) == pytest.approx(7.0)
    assert model.guidance(4) == pytest.approx(1.0)


def test_tiles_are_for_the_decoder_alone(photo: np.ndarray) -> None:
    model = load(TinyCogVideoX(settings={"tile_decoder": True}))
    calls: list[str] = []
    vae = model.pipe.vae
    vae.tile_sample_min_height = vae.tile_sample_min_width = 8
    vae.tile_latent_min_height = vae.tile_latent_min_width = 2
    vae.tile_overlap_factor_height = vae.tile_overlap_factor_width = 0.5
    encode, decode = vae.tiled_encode, vae.tiled_decode
    vae.tiled_encode = lambda *args, **kwargs: calls.append("encode") or encode(*args, **kwargs)
    vae.tiled_decode = lambda *args, **kwargs: calls.append("decode") or decode(*args, **kwargs)
    assert model.generate(photo, "smile", 0).shape == (9, 16, 16, 3)
    assert calls == ["decode"]
    assert not vae.use_tiling


@pytest.mark.parametrize("frames", [8, 16])
def test_latent_frames_in_pairs_come_out_as_long_as_they_went_in(frames: int, photo: np.ndarray) -> None:
    model = TinyCogVideoX(settings={"frames": frames}).load("cpu")
    clip = model.generate(photo, "smile", 0)
    assert clip.shape == (frames, 16, 16, 3)
    assert model.encode_clip(clip).shape[1] == frames // 4


@pytest.mark.parametrize("frames", [5, 12, 13])
def test_a_length_the_decoder_gets_wrong_is_refused(frames: int) -> None:
    with pytest.raises(ValueError, match="cannot decode"):
        TinyCogVideoX(settings={"frames": frames}).load("cpu")


def test_epsilon_prediction_is_refused() -> None:
    model = TinyCogVideoX().load("cpu")
    model.pipe.scheduler.register_to_config(prediction_type="epsilon")
    with pytest.raises(ValueError, match="v-prediction"):
        CogVideoX(model.pipe, model.settings, TinyCogVideoX())


def test_photos_of_another_size_are_fitted(photo: np.ndarray) -> None:
    model = load(SPECS["learned-and-rotary"])
    large = np.asarray(Image.fromarray(photo).resize((40, 32)))
    assert model.generate(large, "smile", 0).shape == (9, 16, 16, 3)
