"""What is written at a picture: its title, and the text for those who do not see it."""

from __future__ import annotations

from antibench.report.html.views import Place, Slot
from antibench.suite import NONE


def heading(place: Place) -> str:
    """What was done to the photo."""
    return f"{place.protection}{_budget(place)}{_then(place)}"


def detail(place: Place) -> str:
    """Which photo, and which models had to do with it."""
    return f"{place.photo}{_made_on(place)}, animated by {place.model}"


def protected(place: Place) -> str:
    """The photo of a view as its model would be given it without purification."""
    return f"{place.photo} with {place.protection}{_budget(place)}{_made_on(place)}"


def title(slot: Slot, place: Place, factor: int) -> str:
    """What stands under a picture."""
    then = _then(place)
    return {
        "clean": "clean",
        "protected": place.protection,
        "difference": f"difference × {factor} around grey",
        "purified": f"{place.protection}{then}",
        "clean_clip": "clean",
        "protected_clip": place.protection,
        "purified_clean_clip": f"clean{then}",
        "purified_clip": f"{place.protection}{then}",
    }[slot]


def alternative(slot: Slot, place: Place, factor: int) -> str:
    """What a picture shows, in words."""
    clean, bare, then = f"the clean photo {place.photo}", f"photo {protected(place)}", _then(place)
    by = f"clip that {place.model} made of"
    text = {
        "clean": clean,
        "protected": bare,
        "difference": f"difference between {clean} and {bare}, amplified {factor} times around grey",
        "purified": f"{bare}{then}",
        "clean_clip": f"{by} {clean}",
        "protected_clip": f"{by} {bare}",
        "purified_clean_clip": f"{by} {clean}{then}",
        "purified_clip": f"{by} {bare}{then}",
    }[slot]
    return text[:1].upper() + text[1:]


def _then(place: Place) -> str:
    return "" if place.purification == NONE else f", then {place.purification}"


def _budget(place: Place) -> str:
    return "" if place.budget is None else f" at {place.budget} {'level' if place.budget == 1 else 'levels'}"


def _made_on(place: Place) -> str:
    return "" if place.surrogate is None else f", made on {place.surrogate}"
