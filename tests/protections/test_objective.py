"""One forward pass a step, the draws it takes, and the scale of its terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from recorder import Recorder

from antibench.contracts import Denoised, VideoModel
from antibench.perturb.auxiliary import ClipDistance
from antibench.perturb.objective import Objective, Term, View
from antibench.perturb.terms import Anchor, DiffusionLoss
from antibench.pixels import to_float
from antibench.testing.protection_contract import sample_context
from antibench.testing.purification_contract import sample_photo

PHOTO = to_float(sample_photo(size=(16, 16)))


class Constant(Term):
    """A term of a known value, that depends on the photo."""

    def __init__(self, *values: float, bounded: bool = False) -> None:
        self._values = list(values)
        self.bounded = bounded

    def value(self, view: View) -> torch.Tensor:
        return self._values.pop(0) + 0 * view.image.sum()


def objective(model: Any, *terms: tuple[float, Term], **options: Any) -> Objective:
    settings: dict[str, Any] = {"guided": True, "t_range": (0.0, 1.0), **options}
    return Objective(sample_context(model), terms, **settings)


def test_terms_are_weighted(svd: VideoModel) -> None:
    assert float(objective(svd, (2.0, Constant(3.0)), (-1.0, Constant(5.0)))(PHOTO)) == 1.0


def test_unbounded_terms_are_divided_by_their_first_size(svd: VideoModel) -> None:
    terms = (1.0, Constant(-4.0, 6.0)), (1.0, Constant(0.0, 7.0)), (1.0, Constant(0.5, 0.25, bounded=True))
    normalised = objective(svd, *terms, normalise=True)
    assert float(normalised(PHOTO)) == -1.0 + 0.0 + 0.5
    assert float(normalised(PHOTO)) == 1.5 + 7.0 + 0.25


def test_the_scale_is_taken_at_the_middle_of_the_noise_levels(svd: VideoModel) -> None:
    recorder = Recorder(svd)
    normalised = objective(recorder, (1.0, DiffusionLoss()), t_range=(0.2, 0.6), normalise=True)
    normalised(PHOTO)
    normalised(PHOTO)
    assert recorder.denoised[0]["t"] == pytest.approx(0.4)
    assert recorder.denoised[1]["t"] != pytest.approx(0.4)


def test_levels_noise_and_clips_are_drawn_anew_and_cover_their_range(svd: VideoModel) -> None:
    recorder = Recorder(svd)
    asked = objective(recorder, (1.0, DiffusionLoss()), t_range=(0.2, 0.6))
    with torch.no_grad():
        for _ in range(40):
            asked(PHOTO)
    levels = [call["t"] for call in recorder.denoised]
    assert 0.2 <= min(levels) < 0.25 < 0.55 < max(levels) < 0.6
    noise = torch.stack([call["noise"] for call in recorder.denoised])
    assert float(noise.mean()) == pytest.approx(0, abs=0.02)
    assert float(noise.std()) == pytest.approx(1, abs=0.02)
    clips = {call["clip_latents"].sum().item() for call in recorder.denoised}
    assert len(clips) == len(sample_context(svd).references)


def test_an_anchor_sees_both_photos_under_one_draw_and_costs_one_pass_without_gradient(svd: VideoModel) -> None:
    recorder = Recorder(svd)
    target = 1 - PHOTO
    asked = objective(recorder, (1.0, DiffusionLoss()), (1.0, Anchor(recorder, target, svd.layers[-2:])))
    asked(PHOTO.clone().requires_grad_())
    mine, theirs = recorder.denoised
    assert torch.equal(mine["image"], PHOTO)
    assert torch.equal(theirs["image"], target)
    assert (mine["grad"], theirs["grad"]) == (True, False)
    assert (mine["guided"], theirs["guided"]) == (True, False)
    assert (mine["t"], mine["prompt"]) == (theirs["t"], theirs["prompt"])
    assert torch.equal(mine["noise"], theirs["noise"])
    assert torch.equal(mine["clip_latents"], theirs["clip_latents"])


@contextmanager
def encoder_calls(model: Any) -> Iterator[Counter[str]]:
    """How often the VAE's encoder and the image encoder run."""
    calls: Counter[str] = Counter()
    networks = {"vae": model.pipe.vae.encoder, "tokens": getattr(model.pipe, "image_encoder", None)}
    handles = [
        network.register_forward_hook(lambda *args, name=name: calls.update([name]))
        for name, network in networks.items()
        if network is not None
    ]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # The photo once, for denoiser and terms; the target photo was encoded before the first step.
        ("cogvideox", {"vae": 1}),
        # Photo and target go into the denoiser with this step's noise on them, the photo to the terms without.
        ("svd", {"vae": 3, "tokens": 1}),
    ],
)
def test_nothing_is_encoded_twice_in_a_step(
    name: str, expected: dict[str, int], request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(name)
    asked = objective(model, (1.0, DiffusionLoss()), (1.0, Anchor(model, 1 - PHOTO, model.layers[-2:])))
    for _ in range(2):
        with encoder_calls(model) as calls:
            asked(PHOTO.clone().requires_grad_())
        assert calls == expected


def test_sharing_the_encoding_changes_neither_value_nor_gradient(svd: VideoModel, cogvideox: VideoModel) -> None:
    class Forgetful(Recorder):
        def denoise(self, image: torch.Tensor, prompt: str, **options: Any) -> Denoised:
            return super().denoise(image, prompt, **{**options, "encoded": None})

    for model in (svd, cogvideox):
        found = []
        for surrogate in (model, Forgetful(model)):
            image = (PHOTO * 0.9).requires_grad_()
            terms = (1.0, DiffusionLoss()), (1.0, Anchor(surrogate, 1 - PHOTO, model.layers[-2:]))
            value = objective(surrogate, *terms)(image)
            found.append((value.detach(), *torch.autograd.grad(value, image)))
        for shared, alone in zip(*found, strict=True):
            torch.testing.assert_close(shared, alone, rtol=1e-4, atol=1e-6 * float(alone.abs().max()))


def test_guidance_is_used_where_it_is_given_and_asked_for(svd: VideoModel) -> None:
    for gives, guided, expected in ((svd.gives, True, True), (svd.gives, False, False), (frozenset(), True, False)):
        recorder = Recorder(svd)
        recorder.gives = gives  # type: ignore[attr-defined]
        objective(recorder, (1.0, DiffusionLoss()), guided=guided)(PHOTO)
        assert recorder.denoised[0]["guided"] is expected


def gradient(model: VideoModel, guided: bool, term: Term) -> torch.Tensor:
    image = (PHOTO * 0.9).requires_grad_()
    (given,) = torch.autograd.grad(objective(model, (1.0, term), guided=guided)(image), image)
    return given


def test_gradients_flow_through_both_branches(svd: VideoModel, cogvideox: VideoModel) -> None:
    for model in (svd, cogvideox):
        alone, guided = (gradient(model, flag, DiffusionLoss()) for flag in (False, True))
        assert alone.abs().max() > 0
        assert guided.abs().max() > 0
        assert not torch.allclose(alone.sign(), guided.sign())


def test_gradients_flow_through_latents_and_tokens_alike(svd: VideoModel) -> None:
    class Latents(Term):
        def value(self, view: View) -> torch.Tensor:
            return view.denoised.image_latents.square().sum()

    assert gradient(svd, True, Latents()).abs().max() > 0
    assert gradient(svd, True, ClipDistance(svd, PHOTO.flip(-1), None)).abs().max() > 0


def test_without_a_reference_clip_there_is_no_objective(svd: VideoModel) -> None:
    bare = replace(sample_context(svd), references=())
    with pytest.raises(ValueError, match="reference clip"):
        Objective(bare, [(1.0, DiffusionLoss())], guided=True, t_range=(0.0, 1.0))


def test_a_term_that_does_not_say_that_it_encodes_cannot_read_the_encoders(svd: VideoModel) -> None:
    class Silent(Term):
        def value(self, view: View) -> torch.Tensor:
            return view.encoding().latents.sum()

    with pytest.raises(ValueError, match="must set `encodes`"):
        objective(svd, (1.0, Silent()))(PHOTO)


def test_the_loss_is_that_of_the_clip_the_sampler_arrives_at(cogvideox: VideoModel) -> None:
    recorder = Recorder(cogvideox)
    image = PHOTO.clone().requires_grad_()
    asked = objective(recorder, (1.0, DiffusionLoss("-")), t_range=(0.6, 0.9), sampler_steps=3)
    value = asked(image)
    first, second, third = recorder.denoised
    assert [second["t"], third["t"]] == pytest.approx([first["t"] * 2 / 3, first["t"] / 3])
    assert all(call["guided"] for call in recorder.denoised)
    assert len(recorder.encoded) == 1  # shared by the three passes
    known = cogvideox.encode(image)
    clip, noise = first["clip_latents"], first["noise"]
    for call in (first, second, third):
        at = cogvideox.denoise(
            image, call["prompt"], clip_latents=clip, t=call["t"], noise=noise, guided=True, encoded=known
        )
        torch.testing.assert_close(call["clip_latents"], clip)
        clip, noise = at.clean, at.noise
    torch.testing.assert_close(value, torch.mean((clip - first["clip_latents"]) ** 2))
    (gradient,) = torch.autograd.grad(value, image)
    assert gradient.abs().max() > 0


def test_one_sampler_step_is_the_training_loss(cogvideox: VideoModel) -> None:
    recorder = Recorder(cogvideox)
    value = objective(recorder, (1.0, DiffusionLoss("-")), sampler_steps=1)(PHOTO)
    (call,) = recorder.denoised
    options = {name: call[name] for name in ("clip_latents", "t", "noise", "guided")}
    torch.testing.assert_close(value, cogvideox.denoise(PHOTO, call["prompt"], **options).loss)
