"""The sentences around the pictures: what is shown, what is left out, what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from antibench.report.html.leaderboard import listed
from antibench.report.html.look import View
from antibench.report.html.views import Place


def said(views: Sequence[View]) -> str:
    """What there is to choose from."""
    places = [view.place for view in views]
    purifications = _names(place.purification for place in places if place.purification != "none")
    after = f" and after {_count(purifications, 'purification')}" if purifications else ""
    return (
        f"{_count(_names(place.photo for place in places), 'photo')}, "
        f"{_count(_names(place.protection for place in places), 'protection or control', 'protections and controls')}, "
        f"{_count(_names(place.model for place in places), 'model')}; without purification{after}. "
        "These are the photos and clips that were scored."
    )


def left_out(views: Sequence[View], wanted: Sequence[Place], most_bytes: int) -> list[str]:
    """What did not fit."""
    shown = [view.place for view in views]
    limit = f"the pictures of a page may take {most_bytes / 1e6:.3g} MB"
    planned, photos = _names(place.photo for place in wanted), _names(place.photo for place in shown)
    told = []
    if len(photos) < len(planned):
        absent = [photo for photo in planned if photo not in photos]
        fewer = ", ".join(photos) if len(photos) <= len(absent) else f"all but {', '.join(absent)}"
        named = f" ({fewer})" if photos else ""
        told.append(f"Shown {len(photos)} of {_count(planned, 'photo')}{named}: {limit}.")
    for photo in photos:
        whole = [place for place in wanted if place.photo == photo]
        if len(part := [place for place in shown if place.photo == photo]) < len(whole):
            told.append(f"Of {photo}, {_parts(part, whole)}: {limit}.")
    return told


def _parts(part: Sequence[Place], whole: Sequence[Place]) -> str:
    pairs, planned = ({(place.model, place.purification): 0 for place in places} for places in (part, whole))
    full = [
        pair
        for pair in pairs
        if sum((place.model, place.purification) == pair for place in whole)
        == sum((place.model, place.purification) == pair for place in part)
    ]
    if full:
        named = "; ".join(_under(model, full, list(planned)) for model in _names(model for model, _ in full))
        return f"{len(full)} of {_count(list(planned), 'pair')} of model and purification ({named})"
    return f"{len(part)} of {_count(whole, 'view')} ({'; '.join(place.protection for place in part)})"


def _under(model: str, shown: Sequence[tuple[str, str]], planned: Sequence[tuple[str, str]]) -> str:
    """A model with the purifications that are shown of it."""
    names, every = ([purification for own, purification in pairs if own == model] for pairs in (shown, planned))
    return f"{model}: {'all' if len(names) == len(every) else listed(names)}"


def other_seeds(seeds: Sequence[int]) -> list[str]:
    """What other clips the run has of the same photos."""
    if len(seeds) < 2:
        return []
    return [f"Clips of seed {seeds[0]} are shown, not those of {', '.join(map(str, seeds[1:]))}."]


def missing(views: Sequence[View]) -> list[str]:
    """Every photo and clip that a view should show and does not, by name, with the reason."""
    return _names(
        f"{shown.alternative}: {shown.gone}"
        for view in views
        for slot, shown in view.slots.items()
        if shown.gone is not None and slot != "difference"  # which goes with its photos
    )


def _names(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))


def _count(items: Sequence[object], one: str, many: str = "") -> str:
    return f"{len(items)} {one if len(items) == 1 else many or one + 's'}"
