"""The adapter samples as the equations say, predicts what its sampler predicts, and the photo has two ways in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from antibench.models.dynamicrafter.adapter import DynamiCrafter
from antibench.models.dynamicrafter.ddim import DDIM
from antibench.pixels import to_float
from antibench.testing.tiny_dynamicrafter import NOISE_PREDICTING, TinyDynamiCrafter

SETTINGS = {"steps": 4, "guidance_scale": 5.0, "guidance_rescale": 0.6, "fs": 15}
SHAPE = (1, 4, 3, 8, 8)


def load(**settings: Any) -> DynamiCrafter:
    return TinyDynamiCrafter(settings={**SETTINGS, **settings}).load("cpu")


@pytest.fixture(scope="module")
def model() -> DynamiCrafter:
    return load()


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def gaussian(seed: int) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def walked(model: DynamiCrafter, photo: np.ndarray, prompt: str, seed: int) -> np.ndarray:
    """A clip by a plain loop: 512's schedule, trailing steps, both branches one after the other, DDIM written out."""
    networks, settings = model.networks, model.settings
    steps, eta = settings.steps, settings.eta
    root = np.sqrt(np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2))
    bar = ((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2
    times = [round(1000 - 1000 / steps * k) - 1 for k in range(steps)]
    draws = torch.Generator().manual_seed(seed)
    pixels = torch.from_numpy(photo / 127.5 - 1).float().permute(2, 0, 1)[None]
    posterior = networks.first_stage_model.encode(pixels)
    latent = posterior.mean
    if settings.sample_posterior:
        latent = latent + posterior.std * torch.randn(latent.shape, generator=draws)
    latent = latent * 0.18215
    x = torch.randn(SHAPE, generator=draws)
    tower, projector = networks.embedder, networks.image_proj_model
    text = networks.text_tokens([prompt, ""])
    told = [
        torch.cat([text[row : row + 1], projector(tower(picture))], 1)
        for row, picture in enumerate((pixels, torch.zeros_like(pixels)))
    ]
    for k, t in enumerate(times):
        scale = np.interp(t, np.arange(400), np.linspace(1, 0.7, 400))
        following = times[k + 1] if k + 1 < steps else times[-1]
        a, a_prev = bar[t], bar[following] if k + 1 < steps else bar[0]
        given = torch.cat([x, latent[:, :, None].expand(-1, -1, 3, -1, -1)], 1)
        cond, uncond = (
            networks.unet(given, torch.tensor([t]), context, torch.tensor([settings.fs])) for context in told
        )
        v = uncond + settings.guidance_scale * (cond - uncond)
        share = settings.guidance_rescale
        v = share * v * cond.std() / v.std() + (1 - share) * v
        clean = a**0.5 * x - (1 - a) ** 0.5 * v
        eps = a**0.5 * v + (1 - a) ** 0.5 * x
        clean = clean * np.interp(following, np.arange(400), np.linspace(1, 0.7, 400)) / scale
        sigma = eta * ((1 - a_prev) / (1 - a) * (1 - a / a_prev)) ** 0.5
        x = a_prev**0.5 * clean + max(0.0, 1 - a_prev - sigma**2) ** 0.5 * eps
        x = (x + sigma * torch.randn(SHAPE, generator=draws)).float()
    frames = [networks.first_stage_model.decode(x[:, :, i] / 0.18215)[0] for i in range(3)]
    return (torch.stack(frames).permute(0, 2, 3, 1).clamp(-1, 1) * 127.5 + 127.5).numpy()


@pytest.mark.parametrize(
    "settings",
    [{}, {"eta": 0.0, "sample_posterior": False}, {"steps": 7, "guidance_rescale": 0.0}],
    ids=["as-published", "no-noise", "seven-steps"],
)
def test_a_clip_is_that_of_a_plain_loop(photo: np.ndarray, settings: dict[str, Any]) -> None:
    model = load(**settings)
    ours, plain = model.generate(photo, "a smile", 5), walked(model, photo, "a smile", 5)
    assert np.abs(ours - plain).max() < 0.55  # rounded to a level
    other = walked(model, photo, "a nod", 5)
    assert np.abs(ours - other).max() > 2


@pytest.mark.parametrize("caption_guided", [True, False])
def test_one_guided_pass_is_the_step_of_the_sampler(
    photo: np.ndarray, monkeypatch: pytest.MonkeyPatch, caption_guided: bool
) -> None:
    """The clip's noised latent of a step can be written as any clip and the noise that is then left."""
    model = load(sample_posterior=False, caption_guided=caption_guided)
    seen: list[tuple[torch.Tensor, int, torch.Tensor]] = []
    predict = model.predict

    def watch(noised: torch.Tensor, timestep: int, *rest: Any) -> torch.Tensor:
        prediction = predict(noised, timestep, *rest)
        seen.append((noised, timestep, prediction))
        return prediction

    monkeypatch.setattr(model, "predict", watch)
    model.generate(photo, "a smile", 5)
    monkeypatch.undo()
    assert [timestep for _, timestep, _ in seen] == [999, 749, 499, 249]
    clip, schedule = gaussian(0), model._schedule
    for noised, timestep, expected in seen:
        t = torch.tensor([timestep])
        signal = schedule.noised(clip, torch.zeros_like(clip), t)
        noise = (noised - signal) / (1 - schedule.alphas_cumprod[t]).sqrt()
        image, level = to_float(photo), (timestep + 0.5) / 1000
        found = model.denoise(image, "a smile", clip_latents=clip, t=level, noise=noise, guided=True)
        torch.testing.assert_close(found.prediction, expected, rtol=1e-4, atol=1e-4)
        plain = model.denoise(image, "a smile", clip_latents=clip, t=level, noise=noise).prediction
        assert (plain - expected).abs().max() > 0.05


@pytest.mark.parametrize("guided", [False, True])
def test_the_gradient_is_the_sum_of_both_ways(photo: np.ndarray, monkeypatch: pytest.MonkeyPatch, guided: bool) -> None:
    model = load()

    def gradient(*cut: str) -> torch.Tensor:
        with monkeypatch.context() as patch:
            for way in cut:
                real = getattr(model, way)
                patch.setattr(model, way, lambda *args, real=real: real(*args).detach())
            image = to_float(photo).requires_grad_()
            loss = model.denoise(
                image, "a smile", clip_latents=gaussian(0), t=0.6, noise=gaussian(1), guided=guided
            ).loss
            (found,) = torch.autograd.grad(loss, image)
            return found

    whole, by_latent, by_tokens = gradient(), gradient("_tokens"), gradient("_latent")
    assert by_latent.norm() > 1e-3 * whole.norm()
    assert by_tokens.norm() > 1e-3 * whole.norm()
    torch.testing.assert_close(by_latent + by_tokens, whole, rtol=1e-3, atol=1e-3 * float(whole.abs().max()))


@pytest.mark.parametrize("caption_guided", [True, False])
def test_branches_differ_in_the_tokens_alone(photo: np.ndarray, caption_guided: bool) -> None:
    model = load(caption_guided=caption_guided)
    encoded = model.encode(to_float(photo))
    assert encoded.tokens is not None
    told = model.conditioning(encoded.latents, encoded.tokens, "a smile", guided=True)
    assert torch.equal(told.latent[0], told.latent[1])
    assert told.fs.tolist() == [15, 15]
    text = model.networks.text_tokens(["" if caption_guided else "a smile", "a smile"])
    torch.testing.assert_close(told.context[:, :8], text, rtol=1e-4, atol=1e-5)
    grey = model.encode(torch.full((1, 3, 16, 16), 0.5)).tokens
    assert grey is not None
    torch.testing.assert_close(told.context[:, 8:], torch.cat([grey, encoded.tokens]), rtol=1e-4, atol=1e-5)
    assert len(model.conditioning(encoded.latents, encoded.tokens, "a smile", guided=False).context) == 1


def test_loss_is_zero_for_a_denoiser_that_knows_the_clip(model: DynamiCrafter, monkeypatch: pytest.MonkeyPatch) -> None:
    """At timestep 600, where the clip is scaled by 0.7: s clip = sqrt(a) x - sqrt(1 - a) v."""
    clip, noise = gaussian(0), gaussian(1)
    a = float(model._schedule.alphas_cumprod[600])

    def oracle(noised: torch.Tensor, *rest: Any) -> torch.Tensor:
        return (a**0.5 * noised - 0.7 * clip) / (1 - a) ** 0.5

    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    monkeypatch.setattr(model, "predict", oracle)
    seen = model.denoise(image, "", clip_latents=clip, t=0.6, noise=noise)
    assert float(seen.loss) < 1e-6
    torch.testing.assert_close(seen.clean, clip, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(seen.noise, noise, rtol=1e-3, atol=1e-3)
    monkeypatch.setattr(model, "predict", lambda noised, *rest: oracle(noised) + 0.5)
    loss = model.denoise(image, "", clip_latents=clip, t=0.6, noise=noise).loss
    assert float(loss) == pytest.approx(0.25, rel=1e-3)


def test_the_256_model_is_held_to_the_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    model = TinyDynamiCrafter(diffusion=NOISE_PREDICTING, settings={"spacing": "uniform"}).load("cpu")
    monkeypatch.setattr(model, "predict", lambda *args: gaussian(1))
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    seen = model.denoise(image, "", clip_latents=gaussian(0), t=0.3, noise=gaussian(1))
    assert float(seen.loss) == 0
    torch.testing.assert_close(seen.clean, gaussian(0), rtol=1e-3, atol=1e-4)


def test_levels_run_over_the_training_timesteps(model: DynamiCrafter) -> None:
    assert [model.timestep(t) for t in (0.0, 0.5, 0.9999999)] == [0, 500, 999]


def test_layers_are_named_in_the_order_they_run(model: DynamiCrafter, photo: np.ndarray) -> None:
    ran: list[str] = []
    handles = [
        part.register_forward_hook(lambda *args, name=name: ran.append(name))
        for name, part in model.networks.unet.named_modules()
        if name in model.layers
    ]
    model.denoise(to_float(photo), "", clip_latents=gaussian(0), t=0.5, noise=gaussian(1))
    for handle in handles:
        handle.remove()
    assert tuple(ran) == model.layers
    assert model.layers[:3] == ("input_blocks.0", "init_attn", "input_blocks.1")
    assert model.vae_layers == ("encoder.down_blocks.0", "encoder.down_blocks.1", "encoder.mid_block")


def test_capture_takes_the_conditional_branch(model: DynamiCrafter, photo: np.ndarray) -> None:
    options = {"clip_latents": gaussian(0), "t": 0.5, "noise": gaussian(1), "capture": model.layers}
    image = to_float(photo)
    guided = model.denoise(image, "a smile", guided=True, **options)
    plain = model.denoise(image, "a smile", **options)
    for name in model.layers:
        assert guided.features[name].shape[0] == 3
        torch.testing.assert_close(guided.features[name], plain.features[name], rtol=1e-3, atol=1e-4)


def test_guidance_of_one_runs_one_branch(photo: np.ndarray) -> None:
    model = load(guidance_scale=1.0)
    rows: list[int] = []
    handle = model.networks.unet.register_forward_pre_hook(lambda module, args: rows.append(args[0].shape[0]))
    model.denoise(to_float(photo), "", clip_latents=gaussian(0), t=0.5, noise=gaussian(1), guided=True)
    model.generate(photo, "", 0)
    handle.remove()
    assert set(rows) == {1}


def test_latents_of_clip_and_photo_have_one_scale_and_decode(model: DynamiCrafter, photo: np.ndarray) -> None:
    latents = model.encode(to_float(photo)).latents
    clip = model.encode_clip(np.stack([photo, 255 - photo, photo]))
    assert clip.shape == SHAPE
    torch.testing.assert_close(clip[:, :, 2], latents, rtol=1e-4, atol=1e-5)
    decoded = model.networks.first_stage_model.decode(latents / 0.18215)
    torch.testing.assert_close(model.decode_image(latents), (decoded / 2 + 0.5).clamp(0, 1), rtol=1e-4, atol=1e-5)


def test_a_clip_of_another_length_is_refused(model: DynamiCrafter, photo: np.ndarray) -> None:
    with pytest.raises(ValueError, match="takes clips of"):
        model.encode_clip(np.stack([photo] * 2))
    with pytest.raises(ValueError, match="noise of shape"):
        model.denoise(to_float(photo), "", clip_latents=gaussian(0), t=0.5, noise=gaussian(0)[:, :, :2])


def test_steps_that_the_schedule_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="one too many"):
        load(steps=3, spacing="uniform")


@torch.no_grad()
@pytest.mark.parametrize("given", [{}, {"diffusion": NOISE_PREDICTING}])
def test_clean_clip_and_noise_at_the_next_level_are_a_step_of_the_sampler(
    photo: np.ndarray, given: dict[str, Any]
) -> None:
    model = TinyDynamiCrafter(**given, settings={**SETTINGS, "eta": 0.0}).load("cpu")
    ddim = DDIM.of(model._schedule, 4, model.settings.spacing, eta=0.0)
    image, clip, noise = to_float(photo), gaussian(1), gaussian(2)
    high, low = ddim.timesteps[2:3], ddim.timesteps[1:2]
    levels = len(model._schedule.alphas_cumprod)
    seen = model.denoise(image, "turns", clip_latents=clip, t=(float(high) + 0.5) / levels, noise=noise, guided=True)
    stepped = ddim.step(2, model._schedule.noised(clip, noise, high), seen.prediction, torch.zeros_like(noise))
    torch.testing.assert_close(
        model._schedule.noised(seen.clean, seen.noise, low), stepped.previous, rtol=1e-4, atol=1e-5
    )
