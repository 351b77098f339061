"""Modifiers change what a protection descends, and nothing in its file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
import torch
from recorder import Recorder

from antibench.attacks.advdm import AdvDM
from antibench.attacks.anti_i2v import AntiI2V
from antibench.attacks.mist import Mist
from antibench.attacks.random_sign import RandomSign
from antibench.composition import Composition
from antibench.contracts import Card, PerturbContext, Protection, VideoModel
from antibench.perturb.ensemble import Average
from antibench.perturb.eot import EOT
from antibench.perturb.fitting import fitted
from antibench.perturb.interception import Minimisation, intercepted, intercepting
from antibench.perturb.modified import Modified
from antibench.perturb.pgd import pgd
from antibench.pixels import as_saved, fit, to_float
from antibench.purifications.gaussian_blur import GaussianBlur
from antibench.purifications.jpeg import Jpeg
from antibench.purifications.resize import Resize
from antibench.testing.protection_contract import sample_context
from antibench.testing.purification_contract import sample_photo

PHOTO = to_float(sample_photo(size=(16, 16)))
JPEG = ((Jpeg(), (30.0,)),)
SMALLER = ((Resize(), (0.5, 0.25)),)
CHAIN = ((Jpeg(), (30.0,)), (Resize(), (0.5,)))


@dataclass(frozen=True)
class Linear:
    """Calls `pgd` with an objective of its own, <weights, photo>, without `Objective` or a surrogate."""

    weights: torch.Tensor
    steps: int = 1
    times: int = 1
    seen: list[torch.Tensor] = field(default_factory=list)

    name: ClassVar[str] = "linear"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card("for tests")
    needs: ClassVar[frozenset[str]] = frozenset({"diffusion_loss"})
    stochastic: ClassVar[bool] = False
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        def objective(photo: torch.Tensor) -> torch.Tensor:
            self.seen.append(photo.detach().clone())
            return (self.weights * photo).sum()

        result = image
        for _ in range(self.times):
            result = pgd(image, objective, epsilon=context.epsilon, steps=self.steps, alpha=0.5)
        return result


def linear_context(seed: int = 0) -> PerturbContext:
    return PerturbContext("", 8, object(), (), PHOTO, torch.Generator().manual_seed(seed))  # type: ignore[arg-type]


def through(*choices: Any, identity: bool = False) -> EOT:
    return EOT(tuple(choices), identity)


def modified(protection: Any, eot: EOT | None = None, *, ensemble: bool = False) -> Modified:
    return Modified(protection, "modified", eot=eot, ensemble=ensemble)


def weights(seed: int = 0, size: tuple[int, int] = (16, 16)) -> torch.Tensor:
    return torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(seed))


def images_of_first_steps(protection: Any, eot: EOT, count: int) -> list[torch.Tensor]:
    """What the objective sees in the first step, when the photo is still clean, under several seeds."""
    plugin = Linear(weights())
    for seed in range(count):
        modified(replace(plugin, seen=plugin.seen), eot).perturb(PHOTO, linear_context(seed))
    return plugin.seen


def test_a_step_sees_the_photo_through_each_choice_equally_often_and_as_it_is() -> None:
    seen = images_of_first_steps(Linear, through(JPEG, SMALLER, identity=True), 240)
    twins = {
        "photo": PHOTO,
        "jpeg": Jpeg().twin(PHOTO, strength=30, generator=torch.Generator()),
        "half": Resize().twin(PHOTO, strength=0.5, generator=torch.Generator()),
        "quarter": Resize().twin(PHOTO, strength=0.25, generator=torch.Generator()),
    }
    saved = {name: (twin * 255).round() / 255 for name, twin in twins.items()}
    found = Counter(name for image in seen for name, twin in saved.items() if torch.allclose(image, twin, atol=1e-6))
    assert sum(found.values()) == len(seen)
    # A third each, and half of a third for each strength; four standard deviations of 240 draws.
    assert all(abs(found[name] - 80) < 30 for name in ("photo", "jpeg"))
    assert all(abs(found[name] - 40) < 24 for name in ("half", "quarter"))


def test_without_identity_no_step_sees_the_photo_itself() -> None:
    seen = images_of_first_steps(Linear, through(JPEG), 12)
    twin = as_saved(Jpeg().twin(PHOTO, strength=30, generator=torch.Generator()))
    assert all(torch.equal(image, twin) for image in seen)


def test_a_composition_is_its_twins_in_turn() -> None:
    (seen, *_) = images_of_first_steps(Linear, through(CHAIN), 1)
    first = Jpeg().twin(PHOTO, strength=30, generator=torch.Generator())
    second = Resize().twin((first * 255).round() / 255, strength=0.5, generator=torch.Generator())
    assert torch.allclose(seen, (second * 255).round() / 255, atol=1e-6)
    without = Composition(((Jpeg(), 30.0), (_NoTwin(), 1.0)))
    assert without.twin(PHOTO, generator=torch.Generator()) is None


class _NoTwin(Jpeg):
    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor:
        return None  # type: ignore[return-value]


def test_the_step_follows_the_gradient_through_the_purification() -> None:
    """Of <w, B x> with a linear B it is B^T w, here from B applied to every unit image: no autograd."""
    eot = through(((GaussianBlur(), (1.0,)),))
    small = to_float(sample_photo(size=(10, 10))) * 0.5 + 0.25  # within [0, 1] whatever is blurred or stepped
    plain = Linear(weights(size=(10, 10)))
    result = modified(plain, eot).perturb(small, linear_context())
    units = torch.eye(100).view(100, 1, 10, 10) * 0.5
    blurred = torch.cat([GaussianBlur().twin(unit[None], strength=1.0, generator=torch.Generator()) for unit in units])
    slope = torch.einsum("nchw,kchw->kn", blurred * 2, plain.weights.view(3, 1, 10, 10)).view(1, 3, 10, 10)
    assert torch.equal((result - small).sign(), -slope.sign())
    assert not torch.equal(slope.sign(), plain.weights.sign())  # so ignoring the blur would not pass


@pytest.mark.parametrize("plugin", [AdvDM(steps=2), Mist(steps=2), AntiI2V(steps=2)], ids=lambda item: item.name)
def test_any_protection_that_descends_is_made_through_it(plugin: Protection, svd: VideoModel) -> None:
    """Its file knows nothing of it: every pass with a gradient is on a purified photo, and on it alone."""
    recorder = Recorder(svd)
    modified(plugin, through(JPEG)).perturb(PHOTO, sample_context(recorder))  # type: ignore[arg-type]
    first = next(call["image"] for call in recorder.denoised if call["grad"])
    assert torch.equal(first, as_saved(Jpeg().twin(PHOTO, strength=30, generator=torch.Generator())))
    target = sample_context(svd).target_photo
    anchors = [call["image"] for call in recorder.denoised if not call["grad"]]
    assert all(torch.equal(image, target) for image in anchors)


def test_draws_come_from_the_context_alone(svd: VideoModel) -> None:
    plugin = modified(AdvDM(steps=4), through(JPEG, SMALLER, identity=True))
    one, again, other = (plugin.perturb(PHOTO, sample_context(svd, seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_purification_outside_the_choices_leaves_the_gradient_alone() -> None:
    plain, nothing = Linear(weights()), through(identity=True)
    assert torch.equal(
        modified(plain, nothing).perturb(PHOTO, linear_context()), plain.perturb(PHOTO, linear_context())
    )


def test_what_does_not_descend_is_refused_and_not_passed_off_as_modified() -> None:
    for eot, ensemble in ((through(JPEG), False), (None, True)):
        with pytest.raises(ValueError, match=r"random-sign does not descend through antibench\.perturb\.pgd"):
            modified(RandomSign(), eot, ensemble=ensemble).perturb(PHOTO, linear_context())


def test_an_ensemble_of_one_is_the_protection_itself(svd: VideoModel) -> None:
    for plugin in (AdvDM(steps=3), AntiI2V(steps=3)):
        alone = plugin.perturb(PHOTO, sample_context(svd))
        assert torch.equal(modified(plugin, ensemble=True).perturb(PHOTO, sample_context(svd)), alone)


def joined(*models: Any) -> PerturbContext:
    first, *others = (sample_context(model, seed=seed) for seed, model in enumerate(models))
    return replace(first, others=tuple(others))


def test_every_model_of_an_ensemble_is_asked_at_every_step(svd: VideoModel, cogvideox: VideoModel) -> None:
    recorders = Recorder(svd), Recorder(cogvideox)
    steps = 3
    plugin = modified(AdvDM(steps=steps), through(JPEG), ensemble=True)
    result = plugin.perturb(PHOTO, joined(*recorders))
    photos = [[call["image"] for call in recorder.denoised] for recorder in recorders]
    assert [len(images) for images in photos] == [steps, steps]
    assert all(torch.equal(one, other) for one, other in zip(*photos, strict=True))  # one draw a step, seen by all
    assert recorders[0].denoised[0]["clip_latents"].shape != recorders[1].denoised[0]["clip_latents"].shape
    alone = modified(AdvDM(steps=steps), through(JPEG)).perturb(PHOTO, sample_context(svd))
    assert float((result == alone).float().mean()) < 0.9


def test_each_member_counts_alike_however_large_its_objective() -> None:
    """The mean of gradients whose mean size is 1: by hand, for objectives a million times apart."""
    small, large = weights(0), weights(1)
    average = Average([(lambda x: (small * x).sum() * 1e-3, (16, 16)), (lambda x: (large * x).sum() * 1e3, (16, 16))])
    photo = PHOTO.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(average(photo), photo)
    expected = (small / small.abs().mean() + large / large.abs().mean()) / 2
    assert torch.allclose(gradient, expected, rtol=1e-4, atol=1e-6)


def test_its_value_without_a_gradient_has_the_slope_of_the_last_gradient() -> None:
    one, other = weights(0), weights(1)
    average = Average([(lambda x: (one * x).sum() * 5, (16, 16)), (lambda x: ((other * x) ** 2).sum(), (16, 16))])
    photo = PHOTO.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(average(photo), photo)
    along = weights(2)
    with torch.no_grad():
        rise = float(average(PHOTO + 1e-3 * along) - average(PHOTO - 1e-3 * along)) / 2e-3
    assert rise == pytest.approx(float((gradient * along).sum()), rel=0.02)


def test_a_member_without_a_gradient_adds_nothing_and_not_nan() -> None:
    kept = weights(0)
    average = Average([(lambda x: (kept * x).sum(), (16, 16)), (lambda x: (0 * x).sum(), (16, 16))])
    photo = PHOTO.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(average(photo), photo)
    assert torch.allclose(gradient, kept / kept.abs().mean() / 2, rtol=1e-4)


@pytest.mark.parametrize("gradients", [True, False])
def test_each_member_sees_the_photo_at_the_size_of_its_model(gradients: bool) -> None:
    seen: list[torch.Tensor] = []

    def other(photo: torch.Tensor) -> torch.Tensor:
        seen.append(photo.detach())
        return photo.square().mean()

    average = Average([(lambda photo: photo.mean(), (16, 16)), (other, (8, 12))])
    with torch.set_grad_enabled(gradients):
        average(PHOTO)
    (photo,) = seen
    assert torch.equal(photo, fitted(PHOTO, (8, 12)))
    assert photo.shape == (1, 3, 8, 12)


def test_a_second_descent_on_several_models_is_refused() -> None:
    twice = modified(Linear(weights(), times=2), ensemble=True)
    context = replace(linear_context(), others=(replace(linear_context(), surrogate=_Sized()),))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="linear descends more than once"):
        twice.perturb(PHOTO, context)


@dataclass(frozen=True)
class _Sized:
    size: tuple[int, int] = (16, 16)


@pytest.mark.parametrize("have", [(32, 48), (48, 32), (16, 16), (24, 40), (9, 31)])
def test_a_model_of_another_size_sees_what_the_harness_would_show_it(have: tuple[int, int]) -> None:
    """Against Pillow's own resizing of 8-bit pixels, which rounds once more, between rows and columns."""
    photo = sample_photo(size=have) // 2 + 64
    seen = fitted(to_float(photo), (16, 24))[0].permute(1, 2, 0).numpy() * 255
    real = fit(photo, (16, 24)).astype(float)
    assert seen.shape == real.shape
    assert np.abs(seen - real).max() <= 1.001
    assert np.abs(seen - real).mean() < 0.3  # bicubic, or one pixel aside, is 0.7 or more


def test_the_gradient_reaches_every_pixel_that_another_size_keeps() -> None:
    photo = to_float(sample_photo(size=(20, 48))).requires_grad_()
    (gradient,) = torch.autograd.grad(fitted(photo, (10, 10)).sum(), photo)
    kept = (gradient[0, 0].abs() > 1e-4).any(dim=0)
    assert kept.tolist() == [False] * 14 + [True] * 20 + [False] * 14
    assert float(gradient.sum()) == pytest.approx(3 * 10 * 10, rel=1e-3)  # each output pixel is a weighted mean


def test_interceptors_nest_and_end() -> None:
    def adding(number: float) -> Callable[[Minimisation], Callable[[torch.Tensor], torch.Tensor]]:
        return lambda descent: lambda photo: descent.objective(photo) * 10 + number

    descent = Minimisation(PHOTO, lambda photo: photo.sum() * 0, 8 / 255, 1)
    with intercepting(adding(1)), intercepting(adding(2)):
        assert float(intercepted(descent)(PHOTO)) == 21
        with intercepting(adding(3), alone=True):
            assert float(intercepted(descent)(PHOTO)) == 3
    assert float(intercepted(descent)(PHOTO)) == 0


def test_what_the_saved_photo_holds_is_what_is_seen() -> None:
    photo = torch.tensor([0.1, 0.5, 0.9999, -0.2, 1.3]).requires_grad_()
    saved = as_saved(photo)
    assert torch.allclose(saved * 255, torch.tensor([26.0, 128.0, 255.0, 0.0, 255.0]), atol=1e-3)  # 127.5 goes to even
    (gradient,) = torch.autograd.grad((saved * torch.arange(5.0)).sum(), photo)
    assert torch.equal(gradient, torch.arange(5.0))
