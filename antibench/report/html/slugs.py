"""Names that are safe as a file's name and as the fragment of a link, no two alike."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 80


def slug(text: str) -> str:
    """Lower-case letters, digits and single ``-``; "x" if nothing is left of it."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:LONGEST].strip("-") or "x"


class Slugs:
    """Hands out slugs; what would be taken already gets a number."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, *parts: object) -> str:
        """A slug of these parts that nobody has yet."""
        first = slug("-".join(str(part) for part in parts))
        found, number = first, 2
        while found in self._taken:
            found, number = f"{first}-{number}", number + 1
        self._taken.add(found)
        return found
