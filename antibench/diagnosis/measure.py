"""Measuring a protection's optimiser on a few photos: by its own objective, then by the clips."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch

from antibench.attacks.random_lowfreq import RandomLowFrequency
from antibench.attacks.random_sign import RandomSign
from antibench.budget import Settled, settle
from antibench.contracts import Case, FramesU8, ImageU8, PerturbContext, Protection, VideoModel
from antibench.diagnosis import findings
from antibench.diagnosis.findings import Finding
from antibench.diagnosis.held import Floats, Held, Steps
from antibench.errors import reason_of
from antibench.perturb.interception import intercepting
from antibench.perturb.modified import Modified
from antibench.pixels import fit, to_float

BUDGETS = (2, 4, 8, 16)
BUDGET = 8
DRAWS = 8
POINTS = 5
"""Places of a run, from its first step to its last, at which the loss is looked at."""
LENGTHS = (0.05, 0.25, 1.0)
"""Of finite differences, in levels."""
REFERENCE_SEED = 2000

Judge = Callable[[ImageU8, FramesU8], float]
"""Likeness of a clip to a photo: the clean photo and the frames -> a number, lower where protection is stronger."""


@dataclass(frozen=True)
class Setting:
    """On what a protection is diagnosed.

    Attributes:
        surrogate: The model it is made on, and that animates.
        others: Further models of an ensemble.
        cases: Photos, at least two if clips are judged.
        judge: Scores clips; None to leave the clips out.
    """

    surrogate: VideoModel
    cases: Sequence[Case]
    others: Sequence[VideoModel] = ()
    judge: Judge | None = None


@dataclass
class Photo:
    """One photo's runs. Each starts from the same draws, so budgets and steps are all that differs."""

    plugin: Protection
    setting: Setting
    case: Case
    index: int
    clips: list[tuple[FramesU8, ...]] = field(init=False)

    def __post_init__(self) -> None:
        models = [self.setting.surrogate, *self.setting.others]
        clean = [fit(self.case.photo, model.size) for model in models]
        pairs = zip(models, clean, strict=True)
        wanted = "references" in self.plugin.needs
        self.clips = [
            (model.generate(photo, self.case.caption, REFERENCE_SEED),) if wanted else () for model, photo in pairs
        ]

    @cached_property
    def clean(self) -> ImageU8:
        """(H, W, 3) at the surrogate's size."""
        return fit(self.case.photo, self.setting.surrogate.size)

    def context(self, budget: int) -> PerturbContext:
        """What the protection is given."""
        first, *others = (
            PerturbContext(
                caption=self.case.caption,
                budget_levels=budget,
                surrogate=model,
                references=clips,
                target_photo=to_float(fit(self._stranger.photo, model.size)),
                generator=torch.Generator().manual_seed(1000 * number + self.index),
            )
            for number, (model, clips) in enumerate(
                zip([self.setting.surrogate, *self.setting.others], self.clips, strict=True)
            )
        )
        return dataclasses.replace(first, others=tuple(others))

    @property
    def _stranger(self) -> Case:
        return self.setting.cases[(self.index + 1) % len(self.setting.cases)]

    @cached_property
    def steps(self) -> Steps:
        """What the optimiser did in the run at `BUDGET`."""
        return self._main[0]

    @cached_property
    def held(self) -> Held | None:
        """The objective of the run at `BUDGET`; None if nothing descended."""
        steps, context, _, _ = self._main
        return None if steps.objective is None else Held(steps.objective, context, DRAWS)

    @property
    def proposal(self) -> torch.Tensor:
        """What the protection returned in the run at `BUDGET`, before rounding."""
        return self._main[2]

    @property
    def _main(self) -> tuple[Steps, PerturbContext, torch.Tensor, Settled]:
        return self._runs(BUDGET, None)

    def protected(self, budget: int = BUDGET, steps: int | None = None) -> Settled:
        """The protected photo at a budget, with a number of steps."""
        return self._runs(budget, steps)[3]

    def effect(self, image: ImageU8) -> Floats:
        """(draws,) how much lower the objective is than at the clean photo; 0 if there is no objective."""
        if self.held is None:
            return np.zeros(DRAWS)
        return self._at_clean - self.held.values(to_float(image))

    @cached_property
    def _at_clean(self) -> Floats:
        assert self.held is not None
        return self.held.values(to_float(self.clean))

    def noise(self, control: Protection | None = None, draw: int = 0) -> ImageU8:
        """A control at `BUDGET`, random signs unless told otherwise."""
        context = self.context(BUDGET)
        context.generator.manual_seed(context.generator.initial_seed() + 100_000 * draw)
        plugin = RandomSign() if control is None else control
        return settle(plugin.perturb(to_float(self.clean), context), self.clean, BUDGET).image

    def _runs(self, budget: int, steps: int | None) -> tuple[Steps, PerturbContext, torch.Tensor, Settled]:
        known = self.__dict__.setdefault("_known", {})
        if (budget, steps) not in known:
            plugin = self.plugin if steps is None else with_steps(self.plugin, steps)
            seen, context = Steps(), self.context(budget)
            with intercepting(seen.watch):
                proposal = plugin.perturb(to_float(self.clean), context)
            known[budget, steps] = seen, context, proposal, settle(proposal, self.clean, budget)
        found: tuple[Steps, PerturbContext, torch.Tensor, Settled] = known[budget, steps]
        return found


def diagnose(plugin: Protection, setting: Setting) -> Iterator[Finding]:
    """Ask everything, line by line. What a protection raises becomes a line."""
    photos: list[Photo] = []
    try:
        photos += [Photo(plugin, setting, case, index) for index, case in enumerate(setting.cases)]
        settled = [photo.protected() for photo in photos]
    except Exception as error:
        why = reason_of(error)
        if "not require grad" in why or "not have been used in the graph" in why:
            why = f"the objective does not depend on the photo, or its gradient is cut: {why}"
        yield Finding("runs", "suspicious", why=why)
        return
    changed = [float((item.image != photo.clean).mean()) for item, photo in zip(settled, photos, strict=True)]
    yield findings.change([item.final_levels for item in settled], BUDGET, changed)
    yield from _by_objective(photos)
    yield from _by_clips(photos, setting.judge)


def _by_objective(photos: list[Photo]) -> Iterator[Finding]:
    if any(photo.held is None for photo in photos):
        why = "it does not descend through antibench.perturb.pgd, so its objective is not known"
        for name in ("share of zero gradients", "loss over the steps", "objective over the budget"):
            yield findings.unknown(name, why)
        return
    yield findings.zeros([share for photo in photos for share in photo.steps.zeros])
    yield findings.curve(np.concatenate([_curve(photo) for photo in photos]))
    budgets = {
        budget: np.concatenate([photo.effect(photo.protected(budget).image) for photo in photos]) for budget in BUDGETS
    }
    yield findings.by_budget(budgets, "objective")
    yield _by_steps(photos, float(budgets[BUDGET].mean()))
    noise = float(np.mean([photo.effect(photo.noise()).mean() for photo in photos]))
    yield findings.against_noise(float(budgets[BUDGET].mean()), noise, "objective")
    yield findings.rounding([_cosine(photo) for photo in photos])
    ratios = [_slopes(photo) for photo in photos]
    plugin = photos[0].plugin
    stand_in = isinstance(plugin, Modified) and plugin.eot is not None
    yield findings.slope(np.concatenate(ratios), LENGTHS, stand_in=stand_in)


def _curve(photo: Photo) -> Floats:
    """(draws, points): the objective at the photo of some steps, from the clean photo to the result."""
    assert photo.held is not None
    seen = [photo.clean, *photo.steps.seen[1:], photo.protected().image]
    places = np.linspace(0, len(seen) - 1, POINTS).round().astype(int)
    return np.stack([photo.held.values(to_float(seen[place])) for place in places], axis=1)


def _by_steps(photos: list[Photo], whole: float) -> Finding:
    steps = steps_of(photos[0].plugin)
    if steps is None or steps < 4:
        return findings.unknown("objective over the number of steps", "it has no parameter `steps` of 4 or more")
    effects = {
        count: float(np.mean([photo.effect(photo.protected(BUDGET, count).image).mean() for photo in photos]))
        for count in (steps // 4, steps // 2)
    }
    return findings.by_steps({**effects, steps: whole})


def _cosine(photo: Photo) -> float:
    assert photo.held is not None
    saved = photo.held.gradient(to_float(photo.protected().image))
    unrounded = photo.held.gradient(photo.proposal.detach().to(torch.float32).clamp(0, 1))
    lengths = float(saved.norm() * unrounded.norm())
    return float((saved * unrounded).sum()) / lengths if lengths else float("nan")


def _slopes(photo: Photo) -> Floats:
    assert photo.held is not None
    return photo.held.slopes(to_float(photo.protected().image), [length / 255 for length in LENGTHS])


def _by_clips(photos: list[Photo], judge: Judge | None) -> Iterator[Finding]:
    names = ("strength over the budget", "strength against random noise")
    if judge is None:
        for name in names:
            yield findings.unknown(name, "only models of the small world are animated and judged here")
        return
    clean, floor = _clean_and_floor(photos, judge)
    span = float((clean - floor).mean())
    if not span > 0:
        for name in names:
            yield findings.unknown(name, "the judge cannot tell these photos' clips from a stranger's")
        return

    def strength(images: list[ImageU8]) -> Floats:
        scores = [_score(photo, image, judge) for photo, image in zip(photos, images, strict=True)]
        found: Floats = (clean - np.array(scores)) / span
        return found

    by_budget = {budget: strength([photo.protected(budget).image for photo in photos]) for budget in BUDGETS}
    yield findings.by_budget(by_budget, "strength")
    controls: list[tuple[Protection, int]] = [
        (RandomSign(), 0),
        (RandomSign(), 1),
        (RandomLowFrequency(), 0),
        (RandomLowFrequency(), 1),
    ]
    noise = [float(strength([photo.noise(*control) for photo in photos]).mean()) for control in controls]
    again = [judge(photo.clean, _animated(photo, photo.clean, seed=1)) for photo in photos]
    reseeded = abs(float((clean - np.array(again)).mean())) / span
    told = "random signs and low frequencies, twice each, or another seed, at most"
    yield findings.against_noise(float(by_budget[BUDGET].mean()), max(*noise, reseeded), "strength", told)


def _clean_and_floor(photos: list[Photo], judge: Judge) -> tuple[Floats, Floats]:
    """(photos,) scores of the clean photo's clip, and of the next photo's clip against this photo."""
    clips = [_animated(photo, photo.clean) for photo in photos]
    strangers = [*clips[1:], clips[0]]
    clean = [judge(photo.clean, clip) for photo, clip in zip(photos, clips, strict=True)]
    floor = [judge(photo.clean, clip) for photo, clip in zip(photos, strangers, strict=True)]
    return np.array(clean), np.array(floor)


def _score(photo: Photo, image: ImageU8, judge: Judge) -> float:
    return judge(photo.clean, _animated(photo, image))


def _animated(photo: Photo, image: ImageU8, seed: int = 0) -> FramesU8:
    return photo.setting.surrogate.generate(image, photo.case.caption, seed)


def steps_of(plugin: Any) -> int | None:
    """The number of steps a protection is set to."""
    base = plugin.protection if isinstance(plugin, Modified) else plugin
    steps = getattr(base, "steps", None)
    return steps if isinstance(steps, int) else None


def with_steps(plugin: Any, steps: int) -> Protection:
    """The same protection with another number of steps."""
    if isinstance(plugin, Modified):
        modified = dataclasses.replace(plugin, protection=with_steps(plugin.protection, steps))
        return cast(Protection, modified)
    changed: Protection = dataclasses.replace(plugin, steps=steps)
    return changed
