"""What every metric must do: the public checks of the contract.

The checks score a small real portrait (a photo in the public domain that ships with scikit-image) that pans by a
pixel a frame, and ruined versions of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, cast

import numpy as np
import skimage.data
from PIL import Image

from antibench.contracts import CellView, FramesU8, ImageU8, Metric, Unscored
from antibench.registry import METRICS
from antibench.testing.check import Check, attempt
from antibench.testing.facts import fact_checks, moved_generators

_READS = {
    "photo": ("photo", "seen"),
    "fidelity": ("photo", "protected"),
    "video": ("photo", "seen", "protected", "frames", "clean_frames"),
}
"""What a metric of each scope may look at."""
_NOISE_LEVELS = (0, 4, 16, 64)
"""Standard deviations of the rising noise, in 8-bit levels."""


def checks(plugin_cls: type[Any], **params: Any) -> Iterator[Check]:
    """Check a metric on a portrait of 64x64 and a clip of five frames, untouched and ruined.

    Args:
        plugin_cls: A class that follows `antibench.contracts.Metric`.
        params: Its parameters, where not the defaults.
    """
    yield from fact_checks(plugin_cls, **params)
    try:
        plugin: Metric = plugin_cls(**params)
    except Exception as error:
        yield Check("can be made with its parameters", False, repr(error))
        return
    yield attempt("direction, bounds, scope and twin are declared and make sense", lambda: _declared(plugin))
    yield attempt("finite and within the bounds, or unscored with a reason", lambda: _bounded(plugin))
    yield attempt("the untouched portrait is scored", lambda: _scored(plugin))
    yield attempt("one frame, other sizes and other lengths are no crash", lambda: _shapes(plugin))
    yield attempt("same cell, same score, whatever was scored before", lambda: _repeats(plugin))
    yield attempt("reads only what its scope allows, and something of it", lambda: _scope(plugin))
    yield attempt("inputs untouched", lambda: _inputs(plugin))
    yield attempt("global generators untouched", lambda: moved_generators(lambda: plugin.score(sample_view())))
    yield attempt("rising noise moves the score one way, the declared one", lambda: _monotone(plugin))
    yield attempt("fidelity falls with every larger step, where 8 bits would wrap too", lambda: _steps(plugin))


def portrait(shift: int = 0, size: int = 64) -> ImageU8:
    """A real face, (size, size, 3), seen `shift` pixels (at 64) further to the right."""
    step = 150 / 64
    box = (150 + shift * step, 10, 300 + shift * step, 160)
    cut = Image.fromarray(skimage.data.astronaut()).resize((size, size), Image.Resampling.LANCZOS, box=box)
    return cast(ImageU8, np.array(cut))


def sample_view() -> CellView:
    """A cell in which nothing is protected: the photo, and a clip in which it pans by a pixel a frame."""
    frames = np.stack([portrait(shift) for shift in range(5)])
    photo = frames[0]
    return CellView(photo, photo.copy(), photo.copy(), frames, frames.copy(), caption="a person pans", budget_levels=8)


def with_noise(view: CellView, sigma: float) -> CellView:
    """The cell with Gaussian noise of `sigma` levels, always the same draws, on all that a protection changes."""

    def noisy(image: ImageU8 | FramesU8) -> ImageU8:
        noise = np.random.default_rng(0).normal(size=image.shape) * sigma
        return np.clip(np.round(image + noise), 0, 255).astype(np.uint8)

    return replace(view, protected=noisy(view.protected), seen=noisy(view.seen), frames=noisy(view.frames))


def ruined_views() -> dict[str, CellView]:
    """Cells whose protected photo and video are one flat colour or pure noise."""
    view = sample_view()
    flat = {name: _filled(view, np.uint8(level)) for name, level in (("black", 0), ("grey", 128), ("white", 255))}
    random = np.random.default_rng(1).integers(0, 256, view.frames.shape, dtype=np.uint8)
    return {**flat, "noise": replace(view, protected=random[0], seen=random[0], frames=random)}


def _filled(view: CellView, level: np.uint8) -> CellView:
    photo, frames = np.full_like(view.photo, level), np.full_like(view.frames, level)
    return replace(view, protected=photo, seen=photo, frames=frames)


def _declared(plugin: Metric) -> str | None:
    if plugin.protects_when not in ("lower", "higher", "neither"):
        return f"protects_when {plugin.protects_when!r}"
    if plugin.scope not in _READS:
        return f"scope {plugin.scope!r}"
    low, high = plugin.bounds
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return f"bounds {plugin.bounds}: two finite numbers, the lower first"
    if plugin.photo_twin is not None and METRICS.load(plugin.photo_twin).scope != "photo":
        return f"photo_twin {plugin.photo_twin!r} is not of scope photo"
    return None


def _fault(plugin: Metric, view: CellView) -> str | None:
    """What is wrong with the answer for one cell."""
    value = plugin.score(view)
    if isinstance(value, Unscored):
        return None if value.reason.strip() else "unscored without a reason"
    if not isinstance(value, float) or not math.isfinite(value):
        return f"{value!r}, neither a finite float nor unscored"
    low, high = plugin.bounds
    return None if low <= value <= high else f"{value} outside {plugin.bounds}"


def _first_fault(plugin: Metric, views: dict[str, CellView]) -> str | None:
    for name, view in views.items():
        fault = _fault(plugin, view)
        if fault:
            return f"{name}: {fault}"
    return None


def _bounded(plugin: Metric) -> str | None:
    untouched = sample_view()
    return _first_fault(plugin, {"untouched": untouched, "noisy": with_noise(untouched, 16), **ruined_views()})


def _scored(plugin: Metric) -> str | None:
    value = plugin.score(sample_view())
    return f"unscored: {value.reason}" if isinstance(value, Unscored) else None


def _shapes(plugin: Metric) -> str | None:
    view = sample_view()
    half, tiny = view.frames[:, ::2, ::2], np.zeros((1, 1, 3), dtype=np.uint8)
    views = {
        "one frame": replace(view, frames=view.frames[:1], clean_frames=view.clean_frames[:1]),
        "video half the photo's size": replace(view, frames=half, clean_frames=half),
        "clean video of another length": replace(view, clean_frames=view.clean_frames[:3]),
        "one pixel": CellView(tiny, tiny, tiny, tiny[None], tiny[None]),
    }
    return _first_fault(plugin, views)


def _repeats(plugin: Metric) -> str | None:
    first = plugin.score(sample_view())
    plugin.score(ruined_views()["noise"])
    again = plugin.score(sample_view())
    return None if first == again else f"{first}, then {again}"


def _scope(plugin: Metric) -> str | None:
    view, noise = sample_view(), ruined_views()["noise"]
    noise = replace(noise, photo=noise.seen, clean_frames=noise.frames)
    reads = _READS[plugin.scope]
    pictures = [item.name for item in fields(CellView) if item.name in _READS["video"]]
    other = replace(view, **{name: getattr(noise, name) for name in pictures if name not in reads})
    if plugin.score(view) != plugin.score(other):
        return f"scope {plugin.scope}, but the score depends on more than {' and '.join(reads)}"
    judged = [name for name in reads if name not in ("photo", "clean_frames")]
    changed = replace(view, **{name: getattr(noise, name) for name in judged})
    frozen = replace(
        changed, frames=np.stack([view.photo] * len(view.frames))
    )  # for one of stillness noise is no event
    same = all(plugin.score(view) == plugin.score(ruined) for ruined in (changed, frozen))
    return "the score does not depend on what it judges" if same else None


def _inputs(plugin: Metric) -> str | None:
    view, same = sample_view(), sample_view()
    plugin.score(view)
    changed = [name for name in _READS["video"] if not np.array_equal(getattr(view, name), getattr(same, name))]
    return f"wrote to {', '.join(changed)}" if changed else None


def _monotone(plugin: Metric) -> str | None:
    """Whether noise counts as damage.

    Fidelity may only fall, step by step. Scores of photos and videos must be in order at the ends, and no step may take
    back a quarter of the way. Descriptive video metrics are free.
    """
    values = [plugin.score(with_noise(sample_view(), sigma)) for sigma in _NOISE_LEVELS]
    scores = np.array([value for value in values if not isinstance(value, Unscored)])
    listed = ", ".join("unscored" if isinstance(value, Unscored) else f"{value:.3g}" for value in values)
    if len(scores) < 2:
        return f"scores under rising noise: {listed}"
    sign = {"lower": -1.0, "higher": 1.0, "neither": np.sign(scores[-1] - scores[0])}[plugin.protects_when]
    if plugin.protects_when == "neither" and plugin.scope == "video":
        return None
    steps, way = sign * np.diff(scores), sign * (scores[-1] - scores[0])
    fine = way > 0 and (steps.min() > 0 if plugin.scope == "fidelity" else steps.min() >= -way / 4)
    return None if fine else f"protects when {plugin.protects_when}, scores under rising noise: {listed}"


def _steps(plugin: Metric) -> str | None:
    """A checkerboard of +-d levels: in uint8 a step of 16 squares to 0, and a negative one becomes large."""
    if plugin.scope != "fidelity":
        return None
    photo = np.clip(portrait(), 64, 191)
    signs = np.where(np.indices(photo.shape).sum(axis=0) % 2, 1, -1)
    values = []
    for levels in (0, 8, 16, 17, 64):
        changed = (photo.astype(np.int16) + levels * signs).astype(np.uint8)
        values.append(plugin.score(CellView(photo, changed, changed, changed[None], photo[None])))
    scores = [value for value in values if not isinstance(value, Unscored)]
    steps = np.diff(scores)
    fine = len(scores) == len(values) and ((steps > 0).all() or (steps < 0).all())
    return None if fine else f"scores at 0, 8, 16, 17 and 64 levels: {values}"
