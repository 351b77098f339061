"""Checks that hold for plugins of every kind: what the class says of itself, and the generators it must not touch."""

from __future__ import annotations

import dataclasses
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from antibench.contracts import Card
from antibench.registry import resolved_params
from antibench.testing.check import Check, attempt

_UNUSUAL_SEED = 0x5EED1E55  # a plugin that seeds a global generator would hardly choose this one
# In brackets stands a network by its own name, such as `buffalo_l`.
_NAME = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*(\[[a-z0-9]+([._-][a-z0-9]+)*\])?")


def fact_checks(plugin_cls: type[Any], **params: Any) -> Iterator[Check]:
    """Check name, version, card and parameters of a plugin class; `params` are those without a usable default."""
    yield attempt("name is kebab-case and version a whole number from 1", lambda: _identity(plugin_cls))
    yield attempt("card has a title of one line", lambda: _card(plugin_cls))
    yield attempt("is a frozen dataclass whose fields have defaults", lambda: _fields(plugin_cls))
    yield attempt("parameters survive JSON", lambda: _json(plugin_cls, params))


def moved_generators(act: Callable[[], object]) -> str | None:
    """Run `act` and say which global generators it drew from or seeded; afterwards they are as they were."""
    python, numpy, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(_UNUSUAL_SEED)
    np.random.seed(_UNUSUAL_SEED)
    torch.default_generator.manual_seed(_UNUSUAL_SEED)
    try:
        start = _states()
        act()
        moved = [name for name, state in _states().items() if state != start[name]]
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(torch_state)
    return f"moved the global generator of {', '.join(moved)}" if moved else None


def _states() -> dict[str, bytes]:
    numpy = np.random.get_state(legacy=False)["state"]
    return {
        "Python": repr(random.getstate()).encode(),
        "NumPy": numpy["key"].tobytes() + str(numpy["pos"]).encode(),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }


def _identity(plugin_cls: type[Any]) -> str | None:
    if not _NAME.fullmatch(plugin_cls.name):
        return f"name {plugin_cls.name!r}"
    if type(plugin_cls.version) is not int or plugin_cls.version < 1:
        return f"version {plugin_cls.version!r}"
    return None


def _card(plugin_cls: type[Any]) -> str | None:
    if not isinstance(plugin_cls.card, Card):
        return f"card is a {type(plugin_cls.card).__name__}, not an antibench.contracts.Card"
    title = plugin_cls.card.title
    return None if title.strip() and "\n" not in title else f"title {title!r}"


def _fields(plugin_cls: type[Any]) -> str | None:
    if not dataclasses.is_dataclass(plugin_cls):
        return "not a dataclass"
    if not plugin_cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return "not frozen"
    missing = dataclasses.MISSING
    bare = [f.name for f in dataclasses.fields(plugin_cls) if f.default is missing and f.default_factory is missing]
    return f"without default: {', '.join(bare)}" if bare else None


def _json(plugin_cls: type[Any], params: dict[str, Any]) -> str | None:
    given = resolved_params(plugin_cls(**params))
    returned = json.loads(json.dumps(given, allow_nan=False))
    return None if returned == given else f"{given} comes back as {returned}"
