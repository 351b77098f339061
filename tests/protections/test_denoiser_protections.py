"""SDS, DiffusionGuard, PhotoGuard through the sampler and Mist's two weights: each objective is its equation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from following import Followed, followed
from linear_surrogate import LinearSurrogate, latent
from recorder import Recorder

from antibench.attacks.advdm import AdvDM
from antibench.attacks.diffusionguard import DiffusionGuard
from antibench.attacks.mist_weights import MistPaper, MistVaijsc
from antibench.attacks.photoguard_diffusion import PhotoGuardDiffusion
from antibench.attacks.sds import SDS
from antibench.budget import settle
from antibench.contracts import Denoised, Protection, VideoModel
from antibench.perturb.pattern import contrast_pattern
from antibench.pixels import to_float
from antibench.testing.protection_contract import sample_context
from antibench.testing.purification_contract import sample_photo
from antibench.testing.tiny_opensora import TinyOpenSora
from antibench.testing.tiny_wan import TinyWan22TI2V

PHOTO_U8 = sample_photo(size=(16, 16))
PHOTO = to_float(PHOTO_U8)
LINEAR = cast(VideoModel, LinearSurrogate())


def watched(plugin: Protection, model: VideoModel) -> tuple[Followed, Recorder]:
    recorder = Recorder(model)
    found = followed(plugin, PHOTO, sample_context(cast(VideoModel, recorder)))
    recorder.denoised.clear()
    return found, recorder


def gradient(objective: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    image = PHOTO.clone().requires_grad_()
    (found,) = torch.autograd.grad(objective(image), image)
    return found


@pytest.mark.parametrize(("sign", "factor"), [("-", 1), ("+", -1)])
def test_sds_on_the_linear_surrogate(sign: Any, factor: int) -> None:
    """By hand: J_E^T (eps_theta - eps) / elements. J_E takes the mean of 2 x 2 pixels, times 4, to every frame, so each
    pixel gets the sum over frames."""
    objective, recorder = watched(SDS(sign=sign, t_min=0.5, t_max=0.6), LINEAR)
    found = gradient(objective)
    (call,) = recorder.denoised
    t, noise, z = call["t"], call["noise"], latent(PHOTO)[:, :, None].expand(-1, -1, 3, -1, -1)
    noised = (1 - t) * z + t * noise
    predicted = noised + (1 - t) * (0.3 * noised + 0.7 * z + 0.3)
    score = ((predicted - noise) / z.numel()).sum(2)
    wanted = factor * score.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-6)


class Convinced(LinearSurrogate):
    """Takes every clip for a noised one of a certain clean clip."""

    clean = torch.linspace(-1, 1, 3 * 3 * 64).reshape(1, 3, 3, 8, 8)

    def denoise(self, image: torch.Tensor, prompt: str, **how: Any) -> Denoised:
        clip, t, noise = how["clip_latents"], how["t"], how["noise"]
        seen = super().denoise(image, prompt, **how)
        return replace(seen, clean=self.clean, noise=((1 - t) * (clip - self.clean) + t * noise) / t)


@pytest.mark.parametrize(("sign", "direction"), [("-", -1), ("+", 1)])
def test_sds_minus_goes_to_the_clean_clip_and_plus_away(sign: Any, direction: int) -> None:
    model = cast(VideoModel, Convinced())
    saved = to_float(settle(SDS(sign=sign, steps=8).perturb(PHOTO, sample_context(model)), PHOTO_U8, 8).image)
    before, after = (float((model.encode_still(image) - Convinced.clean).square().mean()) for image in (PHOTO, saved))
    assert (after - before) * direction > 0.01


@pytest.mark.parametrize("name", ["svd", "cogvideox"])
def test_sds_steps_along_the_score_without_a_gradient_of_the_denoiser(
    name: str, request: pytest.FixtureRequest
) -> None:
    model: VideoModel = request.getfixturevalue(name)
    objective, recorder = watched(SDS(t_min=0.5, t_max=0.6), model)
    found = gradient(objective)
    (call,) = recorder.denoised
    assert not call["grad"]
    assert call["prompt"] == sample_context(model).caption
    still = model.encode_clip(np.stack([PHOTO_U8] * model.frames))
    torch.testing.assert_close(call["clip_latents"].detach(), still, rtol=1e-3, atol=1e-4)
    options = {key: call[key] for key in ("clip_latents", "t", "noise", "guided")}
    with torch.no_grad():
        score = model.denoise(PHOTO, call["prompt"], **options).noise - call["noise"]
    wanted = gradient(lambda image: (model.encode_still(image) * score).sum())
    assert float(torch.cosine_similarity(found.flatten(), wanted.flatten(), dim=0)) > 0.999


@pytest.mark.parametrize("spec", [TinyOpenSora(), TinyWan22TI2V()], ids=lambda spec: spec.name)
def test_sds_does_not_take_what_a_model_holds_for_a_score(spec: Any) -> None:
    model = spec.load("cpu")
    recorder = Recorder(model)
    photo_u8 = sample_photo(size=model.size)
    context = sample_context(cast(VideoModel, recorder), size=model.size)
    followed(SDS(), to_float(photo_u8), context)(to_float(photo_u8))
    call = recorder.denoised[-1]
    options = {key: call[key] for key in ("clip_latents", "t", "noise", "guided")}
    with torch.no_grad():
        score = model.denoise(call["image"], call["prompt"], **options).noise - call["noise"]
    assert not score[:, :, 0].any()
    assert float(score[:, :, 1:].abs().mean()) > 0.1


@pytest.mark.parametrize("guided", [True, False])
def test_diffusionguard_raises_the_length_of_the_first_prediction(svd: VideoModel, guided: bool) -> None:
    objective, recorder = watched(DiffusionGuard(guided=guided), svd)
    values = [objective(PHOTO, seed=seed) for seed in (1, 2)]
    one, other = recorder.denoised
    assert 0.999 <= one["t"] < 1
    assert one["guided"] is guided
    assert not torch.equal(one["noise"], other["noise"])
    for call, value in zip((one, other), values, strict=True):
        options = {key: call[key] for key in ("clip_latents", "t", "noise", "guided")}
        prediction = svd.denoise(PHOTO, call["prompt"], **options).prediction
        torch.testing.assert_close(value, -(prediction**2).sum().sqrt())


@pytest.mark.parametrize("t", [0.999, 0.9999])
def test_what_diffusionguard_starts_from_is_noise(svd: VideoModel, cogvideox: VideoModel, t: float) -> None:
    """The clip that is noised makes next to no difference."""
    for model in (svd, cogvideox):
        clips = [model.encode_clip(clip) for clip in sample_context(model).references]
        noise = torch.randn(clips[0].shape, generator=torch.Generator().manual_seed(3))
        one, other = (model.denoise(PHOTO, "", clip_latents=clip, t=t, noise=noise).prediction for clip in clips)
        assert float((one - other).norm() / one.norm()) < 0.01


@pytest.mark.parametrize("target", ["grey", "photo"])
def test_photoguard_follows_a_short_sampling_to_its_target(cogvideox: VideoModel, target: Any) -> None:
    objective, recorder = watched(PhotoGuardDiffusion(target=target), cogvideox)
    image = PHOTO.clone().requires_grad_()
    value = objective(image)
    calls = recorder.denoised
    assert [call["t"] / calls[0]["t"] for call in calls] == pytest.approx([1, 3 / 4, 2 / 4, 1 / 4])
    assert calls[0]["t"] >= 0.999
    shown = np.full((16, 16, 3), 128, np.uint8)
    if target == "photo":
        shown = (sample_context(cogvideox).target_photo[0].permute(1, 2, 0) * 255).round().numpy().astype(np.uint8)
    wanted = cogvideox.encode_clip(np.stack([shown] * cogvideox.frames))
    clip, noise = wanted, calls[0]["noise"]
    for call in calls:
        seen = cogvideox.denoise(PHOTO, call["prompt"], clip_latents=clip, t=call["t"], noise=noise, guided=True)
        clip, noise = seen.clean, seen.noise
    torch.testing.assert_close(value, ((clip - wanted) ** 2).mean(), rtol=1e-4, atol=1e-6)
    (found,) = torch.autograd.grad(value, image)
    assert found.abs().max() > 0


def loss_and_distance(recorder: Recorder, model: VideoModel) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Of the last pass: L_DM, and the sum over squared differences of the latent to the pattern's."""
    call = recorder.denoised[-1]
    seen = model.denoise(
        call["image"], call["prompt"], **{key: call[key] for key in ("clip_latents", "t", "noise", "guided")}
    )
    wanted = model.encode(contrast_pattern(16, 16)).latents
    return seen.loss, ((seen.image_latents - wanted) ** 2).sum(), wanted.numel()


def test_mist_of_the_paper_sums_and_that_of_the_port_takes_the_mean(svd: VideoModel) -> None:
    for plugin, share in ((MistPaper(), 1.0), (MistVaijsc(), None)):
        objective, recorder = watched(plugin, svd)
        value = objective(PHOTO)
        loss, total, elements = loss_and_distance(recorder, svd)
        weight = share if share is not None else 1 / elements
        torch.testing.assert_close(value, weight * total - 1e4 * loss, rtol=1e-4, atol=1e-3)


def test_mist_of_the_paper_has_the_balance_of_mist_at_the_papers_latent() -> None:
    """10^4 against a sum of 4 x 64 x 64 squares is 0.61 against their mean."""
    assert MistPaper().diffusion_weight / (4 * 64 * 64) == pytest.approx(0.61, abs=0.001)
    assert MistVaijsc().diffusion_weight == 1e4


def test_the_sign_of_the_port_turns_both_terms(svd: VideoModel) -> None:
    plus, minus = (followed(MistVaijsc(sign=sign), PHOTO, sample_context(svd)) for sign in ("+", "-"))  # type: ignore[arg-type]
    torch.testing.assert_close(plus(PHOTO), -minus(PHOTO))


MOVES: list[tuple[Protection, Protection, int]] = [
    # What is run, what is measured by its objective, and which way that moves.
    (DiffusionGuard(steps=8), DiffusionGuard(), -1),
    (PhotoGuardDiffusion(steps=8, sampler_steps=2), PhotoGuardDiffusion(sampler_steps=2), -1),
    (AdvDM(steps=8, t_min=0.5, t_max=0.6), AdvDM(t_min=0.5, t_max=0.6, sign="-"), 1),
    (AdvDM(steps=8, t_min=0.5, t_max=0.6, sign="-"), AdvDM(t_min=0.5, t_max=0.6, sign="-"), -1),
    (MistVaijsc(steps=8, t_min=0.5, t_max=0.6), AdvDM(t_min=0.5, t_max=0.6, sign="-"), 1),
    (MistVaijsc(steps=8, t_min=0.5, t_max=0.6, sign="-"), AdvDM(t_min=0.5, t_max=0.6, sign="-"), -1),
]


@pytest.mark.parametrize(("plugin", "measure", "direction"), MOVES, ids=lambda value: getattr(value, "name", ""))
def test_the_saved_photo_moved_the_way_the_sign_says(
    svd: VideoModel, plugin: Protection, measure: Protection, direction: int
) -> None:
    """The objective "-" of the measure is the plain quantity: L_DM, -length, distance."""
    saved = to_float(settle(plugin.perturb(PHOTO, sample_context(svd)), PHOTO_U8, 8).image)
    quantity = followed(measure, PHOTO, sample_context(svd))
    assert (quantity.mean(saved) - quantity.mean(PHOTO)) * direction > 0
