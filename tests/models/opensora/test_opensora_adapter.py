"""The adapter samples as the equations say, predicts what its sampler predicts, and the photo is its first frame."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from antibench.contracts import PerturbContext
from antibench.models.opensora.adapter import OpenSora
from antibench.models.opensora.networks import OpenSoraNetworks
from antibench.models.opensora.rflow import timesteps
from antibench.models.opensora.stdit3 import STDiT3
from antibench.models.opensora.text import T5Text
from antibench.models.opensora.vae import OpenSoraVAE
from antibench.pixels import to_float
from antibench.registry import PROTECTIONS
from antibench.testing.tiny_opensora import STDIT3, TEXT_LENGTH, VAE, TinyOpenSora, tiny_networks, tiny_t5

SETTINGS = {"steps": 4, "guidance_scale": 5.0, "told_size": (17, 21)}
SHAPE = (1, 4, 3, 8, 10)
"""Seven frames are a chunk of two latent frames and one of one; 16 x 20 pixels are 8 x 10 places."""


def load(**settings: Any) -> OpenSora:
    return TinyOpenSora(settings={**SETTINGS, **settings}).load("cpu")


@pytest.fixture(scope="module")
def model() -> OpenSora:
    return load()


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (16, 20, 3), dtype=np.uint8)


def gaussian(seed: int) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def read_by(networks: OpenSoraNetworks, prompt: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens of the caption without its padding, and as many of the null text."""
    tokenizer, encoder = networks.text_encoder.tokenizer, networks.text_encoder.encoder
    ids = tokenizer([prompt], return_tensors="pt")["input_ids"]
    tokens = encoder(input_ids=ids).last_hidden_state
    return tokens[:, None], networks.denoiser.y_embedder.y_embedding[: tokens.shape[1]][None, None]


@torch.no_grad()
def walked(model: OpenSora, photo: np.ndarray, caption: str, seed: int) -> np.ndarray:
    """A clip by a plain loop: both branches one after the other, the flow written out, the first frame put back."""
    networks, settings = model.networks, model.settings
    vae = networks.vae
    height, width = settings.told_size or settings.size
    r = math.sqrt(height * width / 512**2) * math.sqrt(2)  # seven frames count two
    even = [1 - i / settings.steps for i in range(settings.steps)]
    times = [1000 * r * u / (1 + (r - 1) * u) for u in even]
    draws = torch.Generator().manual_seed(seed)
    pixels = torch.from_numpy(photo / 127.5 - 1).float().permute(2, 0, 1)[None]
    posterior = vae.image_vae.encode(pixels).latent_dist
    of_image = posterior.mean
    if settings.sample_posterior:
        of_image = of_image + posterior.std * torch.randn(of_image.shape, generator=draws)
    posterior = vae.temporal_vae.encode(of_image[:, :, None] * 0.18215)
    latent = posterior.mean
    if settings.sample_posterior:
        latent = latent + posterior.std * torch.randn(latent.shape, generator=draws)
    latent = (latent - vae.shift) / vae.scale
    z = torch.randn(SHAPE, generator=draws)
    texts = read_by(networks, caption)
    told = {"fps": torch.tensor([24.0]), "height": torch.tensor([float(height)]), "width": torch.tensor([float(width)])}
    x_mask = torch.tensor([[False, True, True]])
    for k, t in enumerate(times):
        z[:, :, :1] = latent
        conditional, null = (
            networks.denoiser(z, torch.tensor([t]), text, x_mask=x_mask, **told)[:, :4] for text in texts
        )
        velocity = null + settings.guidance_scale * (conditional - null)
        z = z + velocity * (t - (times[k + 1] if k + 1 < len(times) else 0)) / 1000
    z[:, :, :1] = latent
    frames = vae.decode(z, 7)[0]
    return (frames.permute(1, 2, 3, 0).clamp(-1, 1) * 127.5 + 127.5).numpy()


@pytest.mark.parametrize(
    "settings",
    [{}, {"sample_posterior": False}, {"steps": 7, "told_size": None}],
    ids=["as-published", "mean", "seven-steps"],
)
def test_a_clip_is_that_of_a_plain_loop(photo: np.ndarray, settings: dict[str, Any]) -> None:
    model = load(**settings)
    ours = model.generate(photo, "A smile", 5)
    plain = walked(model, photo, "a smile aesthetic score: 6.5.", 5)
    assert np.abs(ours - plain).max() < 0.6  # rounded to a level
    other = walked(model, photo, "a nod", 5)
    assert np.abs(ours - other).max() > 1


def test_one_guided_pass_is_the_step_of_the_sampler(photo: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clip's noised latent of a step can be written as any clip and the noise that is then left."""
    model = load(sample_posterior=False)
    seen: list[tuple[torch.Tensor, float, torch.Tensor]] = []
    predict = model.predict

    def watch(z: torch.Tensor, timestep: torch.Tensor, *rest: Any) -> torch.Tensor:
        velocity = predict(z, timestep, *rest)
        seen.append((z, float(timestep), velocity))
        return velocity

    monkeypatch.setattr(model, "predict", watch)
    model.generate(photo, "a smile", 5)
    monkeypatch.undo()
    assert [timestep for _, timestep, _ in seen] == timesteps(4, (17, 21), 7).tolist()
    clip, image = gaussian(0), to_float(photo)
    for z, timestep, expected in seen:
        share = timestep / 1000
        noise = (z - (1 - share) * clip) / share
        options = {"clip_latents": clip, "t": share, "noise": noise}
        found = model.denoise(image, "a smile", guided=True, **options)
        torch.testing.assert_close(found.prediction, expected, rtol=1e-4, atol=1e-4)
        assert (model.denoise(image, "a smile", **options).prediction - expected).abs().max() > 0.02


@torch.no_grad()
def test_clean_clip_and_noise_at_the_next_level_are_a_step_of_the_sampler(model: OpenSora, photo: np.ndarray) -> None:
    image, clip, noise = to_float(photo), gaussian(1), gaussian(2)
    high, low = (float(t) / 1000 for t in model._timesteps[1:3])
    seen = model.denoise(image, "turns", clip_latents=clip, t=high, noise=noise, guided=True)
    z = (1 - high) * clip + high * noise
    stepped = z + seen.prediction * (high - low)
    again = (1 - low) * seen.clean + low * seen.noise
    torch.testing.assert_close(again[:, :, 1:], stepped[:, :, 1:], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(seen.clean[:, :, :1], model.encode(image).latents, rtol=1e-4, atol=1e-5)
    assert torch.equal(seen.noise[:, :, :1], noise[:, :, :1])
    assert not seen.prediction[:, :, :1].any()


@pytest.mark.parametrize("guided", [False, True])
def test_the_gradient_reaches_the_photo_and_is_the_slope(photo: np.ndarray, guided: bool) -> None:
    model = load()
    model.networks.double()
    model._dtype = torch.float64
    networks, image = model.networks, to_float(photo).double()
    noise, clip = gaussian(1).double(), gaussian(0).double()
    active, step = torch.tensor([[False, True, True]]), torch.tensor([600.0], dtype=torch.float64)
    text = model.conditioning("a smile", guided=guided)

    def loss(pixels: torch.Tensor) -> torch.Tensor:
        """`denoise` in double precision, which rounds nothing to float32 on the way but the prediction."""
        latent = networks.image_latent(pixels * 2 - 1)
        z = torch.cat([latent, (0.4 * clip + 0.6 * noise)[:, :, 1:]], dim=2)
        told = {name: torch.tensor([value] * len(text.tokens)) for name, value in zip(
            ("fps", "height", "width"), (24.0, 17.0, 21.0), strict=True)}  # fmt: skip
        rows = len(text.tokens)
        out = networks.denoiser(
            z.expand(rows, -1, -1, -1, -1), step.expand(rows), text.tokens, text.mask, active.expand(rows, -1), **told
        )[:, :4]
        velocity = out if rows == 1 else out[1:] + 5 * (out[:1] - out[1:])
        return ((velocity - (clip - noise))[:, :, 1:] ** 2).mean()

    leaf = image.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(leaf), leaf)
    direction = torch.randn(image.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    with torch.no_grad():
        up, down = (float(loss(image + sign * 1e-5 * direction)) for sign in (1, -1))
    assert (up - down) / 2e-5 == pytest.approx(float((slope * direction).sum()), rel=1e-5)

    single = load()
    pixels = to_float(photo).requires_grad_()
    seen = single.denoise(pixels, "a smile", clip_latents=gaussian(0), t=0.6, noise=gaussian(1), guided=guided)
    (gradient,) = torch.autograd.grad(seen.loss, pixels)
    assert (gradient != 0).all()
    torch.testing.assert_close(gradient.double(), slope, rtol=1e-3, atol=1e-4 * float(slope.abs().max()))


@pytest.mark.parametrize("name", ["advdm", "mist", "anti-i2v"])
def test_protections_are_made_on_it(photo: np.ndarray, name: str) -> None:
    model, image = load(), to_float(photo)
    reference = model.generate(photo, "a smile", 0)
    target = torch.rand(image.shape, generator=torch.Generator().manual_seed(4))
    context = PerturbContext("a smile", 8, model, (reference,), target, torch.Generator().manual_seed(0))
    moved = (PROTECTIONS.create(name, {"steps": 2}).perturb(image, context) - image).abs() * 255
    assert torch.isfinite(moved).all()
    assert moved.max() > 1


def test_loss_is_zero_for_a_denoiser_that_knows_the_clip(model: OpenSora, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, noise = gaussian(0), gaussian(1)
    kept = torch.tensor([0.0, 1.0, 1.0]).reshape(1, 1, 3, 1, 1)
    image = torch.rand(1, 3, 16, 20, generator=torch.Generator().manual_seed(2))
    monkeypatch.setattr(model, "predict", lambda *args: (clip - noise) * kept)
    seen = model.denoise(image, "", clip_latents=clip, t=0.6, noise=noise)
    assert float(seen.loss) == 0
    torch.testing.assert_close(seen.clean[:, :, 1:], clip[:, :, 1:], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(seen.noise, noise, rtol=1e-4, atol=1e-5)
    monkeypatch.setattr(model, "predict", lambda *args: (clip - noise + 0.5) * kept)
    assert float(model.denoise(image, "", clip_latents=clip, t=0.6, noise=noise).loss) == pytest.approx(0.25, rel=1e-4)


def test_what_the_denoiser_is_told(model: OpenSora, photo: np.ndarray) -> None:
    seen: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    handle = model.networks.denoiser.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append((args, kwargs)), with_kwargs=True
    )
    model.denoise(to_float(photo), "a smile", clip_latents=gaussian(0), t=0.6, noise=gaussian(1), guided=True)
    handle.remove()
    (z, timestep, tokens, mask, active), told = seen[0]
    assert torch.equal(z[0], z[1])
    torch.testing.assert_close(z[:1, :, :1], model.encode(to_float(photo)).latents, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(z[:1, :, 1:], (0.4 * gaussian(0) + 0.6 * gaussian(1))[:, :, 1:])
    assert timestep.tolist() == [600, 600]
    assert active.tolist() == [[False, True, True]] * 2
    assert {name: value.tolist() for name, value in told.items()} == {
        "fps": [24, 24], "height": [17, 17], "width": [21, 21]
    }  # fmt: skip
    caption, _ = read_by(model.networks, "a smile aesthetic score: 6.5.")
    assert mask.shape == (1, TEXT_LENGTH)
    assert int(mask.sum()) == caption.shape[2]
    torch.testing.assert_close(tokens[:1, :, : caption.shape[2]], caption, rtol=1e-4, atol=1e-5)
    assert torch.equal(tokens[1, 0], model.networks.denoiser.y_embedder.y_embedding)


def test_levels_are_shares_of_noise(model: OpenSora) -> None:
    assert [model.timestep(t) for t in (0.0, 0.5, 0.999)] == [0, 500, 999]


def test_layers_are_named_in_the_order_they_run(model: OpenSora, photo: np.ndarray) -> None:
    ran: list[str] = []
    handles = [
        part.register_forward_hook(lambda *args, name=name: ran.append(name))
        for name, part in model.networks.denoiser.named_modules()
        if name in model.layers
    ]
    model.denoise(to_float(photo), "", clip_latents=gaussian(0), t=0.5, noise=gaussian(1))
    for handle in handles:
        handle.remove()
    assert tuple(ran) == model.layers
    assert model.layers[:3] == ("spatial_blocks.0", "temporal_blocks.0", "spatial_blocks.1")
    assert model.vae_layers == ("encoder.down_blocks.0", "encoder.down_blocks.1", "encoder.mid_block")


def test_capture_takes_the_conditional_branch(model: OpenSora, photo: np.ndarray) -> None:
    options = {"clip_latents": gaussian(0), "t": 0.5, "noise": gaussian(1), "capture": model.layers}
    image = to_float(photo)
    guided = model.denoise(image, "a smile", guided=True, **options)
    plain = model.denoise(image, "a smile", **options)
    for name in model.layers:
        assert guided.features[name].shape == (1, 3 * 4 * 5, 32)
        torch.testing.assert_close(guided.features[name], plain.features[name], rtol=1e-3, atol=1e-4)


def test_guidance_of_one_runs_one_branch(photo: np.ndarray) -> None:
    model = load(guidance_scale=1.0)
    rows: list[int] = []
    handle = model.networks.denoiser.register_forward_pre_hook(lambda module, args: rows.append(args[0].shape[0]))
    model.denoise(to_float(photo), "", clip_latents=gaussian(0), t=0.5, noise=gaussian(1), guided=True)
    model.generate(photo, "", 0)
    handle.remove()
    assert set(rows) == {1}


def test_latents_of_clip_and_photo_have_one_scale_and_decode(photo: np.ndarray) -> None:
    """The sixth of six frames is a chunk of its own, as a photo is."""
    model = load(frames=6)
    latents = model.encode(to_float(photo)).latents
    assert latents.shape == (1, 4, 1, 8, 10)
    clip = model.encode_clip(np.stack([*[255 - photo] * 5, photo]))
    assert clip.shape == SHAPE
    torch.testing.assert_close(clip[:, :, 2:], latents, rtol=1e-4, atol=1e-5)
    decoded = model.networks.vae.decode(latents, 1)[:, :, 0]
    torch.testing.assert_close(model.decode_image(latents), (decoded / 2 + 0.5).clamp(0, 1), rtol=1e-4, atol=1e-5)


def test_scores_are_added_to_prompts_as_asked(photo: np.ndarray) -> None:
    asked: list[str] = []
    for settings in ({}, {"aesthetic": None}, {"motion": 4.0, "camera": "pan right"}):
        model = load(**settings)
        encoder = model.networks.text_encoder
        encoder.register_forward_pre_hook(lambda module, args: asked.extend(args[0]))
        model.conditioning("A Cat", guided=False)
    assert asked == [
        "a cat aesthetic score: 6.5.",
        "a cat",
        "a cat aesthetic score: 6.5. motion score: 4.0. camera motion: pan right.",
    ]


def test_clips_that_do_not_fit_are_refused(model: OpenSora, photo: np.ndarray) -> None:
    with pytest.raises(ValueError, match="takes clips of"):
        model.encode_clip(np.stack([photo] * 2))
    with pytest.raises(ValueError, match="noise of shape"):
        model.denoise(to_float(photo), "", clip_latents=gaussian(0), t=0.5, noise=gaussian(0)[:, :, :2])
    with pytest.raises(ValueError, match="not multiples of 2"):
        load(size=(16, 21))
    with pytest.raises(ValueError, match="4 frames: all would be the photo's"):
        load(frames=4)


def test_parts_that_do_not_fit_together_are_refused() -> None:
    networks = tiny_networks()
    tokenizer, encoder = tiny_t5()
    with pytest.raises(ValueError, match="text of 9 tokens; the null text has 64"):
        OpenSoraNetworks(networks.denoiser, networks.vae, T5Text(tokenizer, encoder, 9))
    wider = STDiT3(STDIT3.model_copy(update={"in_channels": 8}))
    with pytest.raises(ValueError, match="latents of 4 channels; the denoiser reads 8"):
        OpenSoraNetworks(wider, OpenSoraVAE(VAE), networks.text_encoder)
