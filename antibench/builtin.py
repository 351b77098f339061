"""Everything antibench itself registers, by name, so that `antibench list` imports none of it.

A test checks each row against the class it names.
"""

from __future__ import annotations

BUILTIN: dict[str, list[tuple[str, str, str]]] = {
    "protections": [],
    "purifications": [],
    "metrics": [],
    "models": [],
    "datasets": [],
}
