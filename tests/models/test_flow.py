"""Every adapter of flow matching: one pass is a step of its sampler, the photo is reached by each way, and what does
not fit is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from flow_steps import PROMPT, differences

from antibench.models.flow import FlowModel
from antibench.pixels import to_float
from antibench.testing.model_contract import checks
from antibench.testing.tiny_cosmos import TinyCosmos
from antibench.testing.tiny_hunyuan_video import TinyHunyuanVideo
from antibench.testing.tiny_ltx import TinyLTX
from antibench.testing.tiny_skyreels import TinySkyReels
from antibench.testing.tiny_wan import TinyWan21, TinyWan22A14B, TinyWan22TI2V

SPECS: dict[str, Any] = {
    "wan2.1": TinyWan21(),
    "wan2.1-negative": TinyWan21(settings={"negative_prompt": "blur"}),
    "wan2.1-unguided": TinyWan21(settings={"guidance_scale": 1.0}),
    "wan2.2-a14b": TinyWan22A14B(),
    "wan2.2-ti2v": TinyWan22TI2V(),
    "ltx": TinyLTX(),
    "ltx-negative": TinyLTX(settings={"negative_prompt": "blur"}),
    "skyreels": TinySkyReels(),
    "hunyuan-video": TinyHunyuanVideo(),
    "cosmos": TinyCosmos(),
    "cosmos-negative": TinyCosmos(settings={"negative_prompt": "blur"}),
    "cosmos-unguided": TinyCosmos(settings={"guidance_scale": 1.0}),
}
PLAIN = [name for name in SPECS if not name.endswith(("-negative", "-unguided"))]


@pytest.fixture(scope="module")
def models() -> dict[str, FlowModel]:
    return {}


@pytest.fixture
def model(request: pytest.FixtureRequest, models: dict[str, FlowModel]) -> FlowModel:
    name = request.param
    if name not in models:
        models[name] = SPECS[name].load("cpu")
    return models[name]


def picture(model: FlowModel, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*model.size, 3), dtype=np.uint8)


def pair(model: FlowModel) -> tuple[torch.Tensor, torch.Tensor]:
    """A clip and a noise."""
    clip = model.encode_clip(np.stack([picture(model, seed) for seed in range(model.frames)]))
    return clip, torch.randn(clip.shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("model", list(SPECS), indirect=True)
def test_one_pass_is_the_step_of_the_sampler(model: FlowModel, monkeypatch: pytest.MonkeyPatch) -> None:
    prediction, latents = differences(model, picture(model), monkeypatch)
    print(f"largest difference: prediction {prediction:.2g}, latents {latents:.2g}")
    assert prediction < 1e-4
    assert latents < 1e-4


@pytest.mark.parametrize("model", PLAIN, indirect=True)
def test_what_is_shown_moves_the_prediction_by_more_than_the_tolerance(model: FlowModel) -> None:
    clip, noise = pair(model)
    image = to_float(picture(model))

    def predicted(image: torch.Tensor = image, prompt: str = PROMPT, guided: bool = True) -> torch.Tensor:
        with torch.no_grad():
            seen = model.denoise(image, prompt, clip_latents=clip, t=0.6, noise=noise, guided=guided)
        return seen.prediction

    plain = predicted()
    changed = [predicted(1 - image), predicted(prompt="nod")]
    if "guidance" in model.gives:
        changed.append(predicted(guided=False))
    for other in changed:
        assert (plain - other).abs().max() > 1e-3


@pytest.mark.parametrize("kept", ["latents", "tokens"])
@pytest.mark.parametrize("model", PLAIN, indirect=True)
def test_the_gradient_comes_by_each_way_alone(model: FlowModel, kept: str) -> None:
    image = to_float(picture(model)).requires_grad_()
    encoded = model.encode(image)
    if kept == "tokens" and "image_tokens" not in model.gives:
        assert encoded.tokens is None
        return
    cut = {"latents": encoded.latents.detach(), "tokens": None if encoded.tokens is None else encoded.tokens.detach()}
    del cut[kept]
    clip, noise = pair(model)
    known = replace(encoded, **cut)  # type: ignore[arg-type]
    seen = model.denoise(image, PROMPT, clip_latents=clip, t=0.6, noise=noise, encoded=known, guided=True)
    (gradient,) = torch.autograd.grad(seen.loss, image)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().max() > 0


@pytest.mark.parametrize("model", PLAIN, indirect=True)
def test_the_loss_vanishes_where_the_prediction_is_right(model: FlowModel, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, noise = pair(model)
    monkeypatch.setattr(model, "_velocity", lambda *args: noise - clip + 0.5)
    seen = model.denoise(to_float(picture(model)), "", clip_latents=clip, t=0.6, noise=noise)
    sigma = model.sigma(0.6)
    moved = slice(model.held, None)
    assert float(seen.loss) == pytest.approx(0.25, rel=1e-4)
    torch.testing.assert_close(seen.clean[:, :, moved], (clip - 0.5 * sigma)[:, :, moved], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(seen.noise[:, :, moved], (noise + 0.5 * (1 - sigma))[:, :, moved], rtol=1e-4, atol=1e-5)
    assert torch.equal(seen.clean[:, :, : model.held], seen.image_latents[:, :, : model.held])
    assert torch.equal(seen.noise[:, :, : model.held], noise[:, :, : model.held])


@pytest.mark.parametrize("model", PLAIN, indirect=True)
def test_decoding_undoes_the_normalisation_of_encoding(model: FlowModel) -> None:
    """The decoder, shown the encoder's own numbers, makes of them what `decode_image` makes of the normalised ones."""
    pixels = (to_float(picture(model)) * 2 - 1)[:, :, None]
    with torch.no_grad():
        mode = model.pipe.vae.encode(pixels).latent_dist.mode()
        theirs = (model.pipe.vae.decode(mode).sample[:, :, 0] / 2 + 0.5).clamp(0, 1)
        ours = model.decode_image(model._clip_latents(pixels))
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("model", PLAIN, indirect=True)
def test_what_does_not_fit_is_refused(model: FlowModel) -> None:
    photo = picture(model)
    height, width = model.size
    for clip in (np.stack([photo] * 2), np.zeros((model.frames, height, width - 2, 3), np.uint8)):
        with pytest.raises(ValueError, match="takes clips of"):
            model.encode_clip(clip)
    latents, _ = pair(model)
    with pytest.raises(ValueError, match="noise of shape"):
        model.denoise(to_float(photo), "", clip_latents=latents, t=0.5, noise=latents[:, :, :1])
    with pytest.raises(ValueError, match="no layer 'nowhere'"):
        model.denoise(to_float(photo), "", clip_latents=latents, t=0.5, noise=latents, capture=["nowhere"])
    with pytest.raises(ValueError, match="cannot decode"):
        replace(next(spec for spec in SPECS.values() if spec.name == model.name), settings={"frames": 8}).load("cpu")


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAIN)
def test_the_contract_holds(name: str) -> None:
    assert [check for check in checks(type(SPECS[name])) if not check.ok] == []


def test_another_scheduler_is_refused() -> None:
    model = SPECS["wan2.1"].load("cpu")
    model.pipe.scheduler.register_to_config(use_flow_sigmas=False)
    with pytest.raises(ValueError, match="scheduler of flow matching"):
        type(model)(model.pipe, model.settings, SPECS["wan2.1"])


def test_levels_are_shifted_towards_noise() -> None:
    """k = 3: the level half way is 3 / 4."""
    model = SPECS["wan2.1"].load("cpu")
    assert [model.sigma(t) for t in (0.0, 0.5, 1.0)] == [0.0, 0.75, 1.0]
    assert model.timestep(0.5001) == 750.0
