"""What measurements of a protection's optimiser mean: each a line that says ok or suspicious, and why.

After the lists of Athalye et al. 2018 (section 3) and Carlini et al. 2019 (sections 3 and 4), turned round: there the
defence may mask the gradients of an attack, here the one who optimises is the one that is examined. The bounds are this
project's own; each stands beside what it judges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np

from antibench.diagnosis.held import Floats

Verdict: TypeAlias = Literal["ok", "suspicious", "unknown"]

MANY_ZEROS = 0.25
"""Share of zero gradients from which a good part of the photo cannot be used."""
MOST = 0.75
"""Share of photos and draws in which something that should hold has to hold."""
STILL_FALLING = 0.25
"""Share of the whole fall of the loss in the last quarter of the steps (a straight line has this share)."""
UNCONVERGED = 0.25
"""Share of the effect that the second half of the steps adds."""
NOISE_SHARE = 0.5
"""Share of the effect that random noise of the same size may reach."""
SAME_DIRECTION = 0.5
"""Cosine between the gradients at the saved and at the unrounded photo."""
SLOPE = (0.5, 1.5)
"""Measured slope as a share of what the gradient says; the photo is moved by up to a level along it."""

NOT_FINITE = "a value is not finite"


@dataclass(frozen=True)
class Finding:
    """One line of a diagnosis.

    Attributes:
        name: What is asked.
        verdict: "unknown" where it could not be asked.
        found: The numbers.
        why: What they mean, if they are suspicious, or why there are none.
        points: Of a curve, (x, mean over photos and draws): the loss over the share of the steps taken, an effect over
            the budget in levels or the number of steps.
    """

    name: str
    verdict: Verdict
    found: str = ""
    why: str = ""
    points: tuple[tuple[float, float], ...] = ()


def unknown(name: str, why: str) -> Finding:
    """A question that could not be asked."""
    return Finding(name, "unknown", why=why)


def change(levels: Sequence[int], budget: int, shares: Sequence[float]) -> Finding:
    """Does it change the photo? `levels` is the largest change of each photo, `shares` the part of values changed."""
    found = f"up to {max(levels)} of {budget} levels, {100 * float(np.mean(shares)):.0f}% of the values changed"
    if max(levels) == 0:
        return Finding("changes the photo", "suspicious", found, "the photo comes back as it was")
    if max(levels) < budget:
        return Finding("changes the photo", "suspicious", found, "the budget is not used: the step may be too small")
    return Finding("changes the photo", "ok", found)


def zeros(shares: Sequence[float]) -> Finding:
    """Does the gradient reach every pixel? Share of zeros at each step that had a gradient."""
    name = "share of zero gradients"
    if not len(shares):
        return Finding(name, "suspicious", why="no step had a gradient: the objective does not depend on the photo")
    found = f"{100 * float(np.mean(shares)):.1f}% on average, {100 * max(shares):.1f}% at worst"
    if max(shares) == 1:
        return Finding(name, "suspicious", found, "a step had no gradient at all: it is cut or saturated")
    if float(np.mean(shares)) > MANY_ZEROS:
        return Finding(name, "suspicious", found, "a good part of the photo gets no gradient: something masks it")
    return Finding(name, "ok", found)


def curve(losses: Floats) -> Finding:
    """Does the loss fall, and has it stopped? (photos and draws, points of a run from start to end), the same draws."""
    shares = np.linspace(0, 1, losses.shape[1])
    return _with_points(_curve(losses), zip(shares, losses.mean(axis=0), strict=True))


def _with_points(finding: Finding, points: Iterable[tuple[float, float]]) -> Finding:
    """The curve that a finding is about, where all of it is finite."""
    known = tuple((float(x), float(y)) for x, y in sorted(points))
    return replace(finding, points=known) if np.isfinite(known).all() else finding


def _curve(losses: Floats) -> Finding:
    name = "loss over the steps"
    mean = losses.mean(axis=0)
    if not np.isfinite(losses).all():
        return Finding(name, "suspicious", why=NOT_FINITE)
    fall = float(mean[0] - mean.min())
    found = f"first {mean[0]:.4g}, lowest {mean.min():.4g}, last {mean[-1]:.4g}"
    fell = float((losses[:, -1] < losses[:, 0]).mean())
    if fell < MOST:
        return Finding(name, "suspicious", found, f"it ends lower than it began in {100 * fell:.0f}% of draws only")
    last = float(mean[-2] - mean[-1]) / fall
    if last > STILL_FALLING:
        return Finding(
            name, "suspicious", found, f"still falling: {100 * last:.0f}% of it in the last quarter of steps"
        )
    if mean[-1] > mean.min() + 0.25 * fall:
        return Finding(name, "suspicious", found, "it rises again: steps may be too long")
    return Finding(name, "ok", found + ", no longer falling fast")


def by_budget(effects: Mapping[int, Floats], what: str) -> Finding:
    """Does a larger budget do more? Effects by budget, each (photos and draws,) or (photos,), higher is more."""
    means = {budget: float(effects[budget].mean()) for budget in sorted(effects)}
    return _with_points(_by_budget(means, f"{what} over the budget"), means.items())


def _by_budget(by_budget: Mapping[int, float], name: str) -> Finding:
    budgets, means = list(by_budget), list(by_budget.values())
    found = ", ".join(f"{budget}: {mean:.3g}" for budget, mean in zip(budgets, means, strict=True))
    if not np.isfinite(means).all():
        return Finding(name, "suspicious", found, NOT_FINITE)
    if means[-1] <= 0:
        return Finding(name, "suspicious", found, "no effect at the largest budget: the objective is not what it hits")
    if means[-1] <= means[0]:
        return Finding(name, "suspicious", found, "a larger budget does no more: gradients do not lead where it could")
    drop = max(before - after for before, after in pairwise(means))
    if drop > 0.25 * means[-1]:
        return Finding(name, "suspicious", found, "the effect falls on the way up")
    return Finding(name, "ok", found)


def by_steps(effects: Mapping[int, float]) -> Finding:
    """Is it converged? Mean effect by number of steps."""
    return _with_points(_by_steps(effects), effects.items())


def _by_steps(effects: Mapping[int, float]) -> Finding:
    name = "objective over the number of steps"
    steps = sorted(effects)
    found = ", ".join(f"{count}: {effects[count]:.3g}" for count in steps)
    half, whole = effects[steps[-2]], effects[steps[-1]]
    if not np.isfinite([half, whole]).all():
        return Finding(name, "suspicious", found, NOT_FINITE)
    if whole <= 0:
        return Finding(name, "suspicious", found, "all steps together have no effect")
    if (whole - half) / whole > UNCONVERGED:
        why = (
            f"the second half of the steps adds {100 * (whole - half) / whole:.0f}%: it is not converged, give it more"
        )
        return Finding(name, "suspicious", found, why)
    return Finding(name, "ok", found)


def against_noise(effect: float, noise: float, what: str, controls: str = "random signs") -> Finding:
    """Is it better than what does not optimise at the same size? `noise` is the most that the controls reach."""
    name = f"{what} against random noise"
    found = f"{effect:.3g}, {controls} {noise:.3g}"
    if not np.isfinite([effect, noise]).all():
        return Finding(name, "suspicious", found, NOT_FINITE)
    if effect <= max(noise, 0):
        return Finding(name, "suspicious", found, "random noise does as well: the gradient leads nowhere, or away")
    if noise > NOISE_SHARE * effect:
        return Finding(name, "suspicious", found, f"random noise reaches {100 * noise / effect:.0f}% of it")
    return Finding(name, "ok", found)


def rounding(cosines: Sequence[float]) -> Finding:
    """Is the gradient at the saved photo that of the photo the optimiser holds?"""
    name = "gradient through rounding to 8 bits"
    known = [cosine for cosine in cosines if np.isfinite(cosine)]
    if not known:
        return Finding(name, "suspicious", why="there is no gradient")
    found = f"cosine {float(np.mean(known)):.2f}, lowest {min(known):.2f}"
    if float(np.mean(known)) < SAME_DIRECTION:
        return Finding(
            name, "suspicious", found, "half a level turns the gradient: what is saved is not what is optimised"
        )
    return Finding(name, "ok", found)


def slope(ratios: Floats, lengths: Sequence[float], *, stand_in: bool = False) -> Finding:
    """Is the gradient that of the objective?

    Args:
        ratios: (draws, lengths): measured slope over claimed slope, along the gradient's sign.
        lengths: In levels.
        stand_in: The gradient passes through twins that round, whose slopes are stand-ins: it need only point upwards.
    """
    name = "gradient against finite differences"
    known = ratios[np.isfinite(ratios).all(axis=1)]
    if not len(known):
        return Finding(name, "suspicious", why="the gradient is zero, so there is nothing to compare")
    medians = np.median(known, axis=0)
    shown = ", ".join(f"{ratio:.2f} over {length:g}" for ratio, length in zip(medians, lengths, strict=True))
    best = float(medians[np.argmin(np.abs(medians - 1))])
    found = f"measured / claimed slope {shown} levels"
    if best <= 0:
        return Finding(name, "suspicious", found, "the objective does not rise where its gradient says: wrong sign")
    if stand_in:
        return Finding(name, "ok", f"{found}; through rounding, so only the sign counts")
    if not SLOPE[0] <= best <= SLOPE[1]:
        return Finding(name, "suspicious", found, "the gradient is not that of the objective: a part is cut or masked")
    return Finding(name, "ok", found)
