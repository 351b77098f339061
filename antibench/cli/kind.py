"""Which registry a name on the command line is from."""

from __future__ import annotations

from antibench.errors import UserError, closest
from antibench.registry import ALL


def kind_of(name: str) -> str:
    """The kind of a registered name.

    Raises:
        UserError: for a name that nothing has, with those that come close, or that several things have.
    """
    bare = name.partition("@")[0]
    named = {kind: [entry.name for entry in registry.entries()] for kind, registry in ALL.items()}
    kinds = [kind for kind, names in named.items() if bare in names]
    if len(kinds) > 1:
        raise UserError(f"{name!r} is the name of several things; add --kind {' or --kind '.join(kinds)}")
    if not kinds:
        hint = closest(bare, (item for names in named.values() for item in names))
        raise UserError(f"nothing is registered as {name!r}{hint} (`antibench list` shows all)")
    return kinds[0]
