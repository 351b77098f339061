"""A picture or clip as a page holds it: a data URI with its facts."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Medium:
    """A picture, or a clip.

    Attributes:
        kind: "image", "video" (can be sought frame by frame) or "animation" (plays on its own).
        uri: ``data:`` URI.
        width: Pixels of what the URI holds.
        height: The same.
        original: (width, height) of what it was made of.
        frames: Frames; 1 for an image.
        fps: Frames a second; 0 for an image.
    """

    kind: Literal["image", "video", "animation"]
    uri: str
    width: int
    height: int
    original: tuple[int, int]
    frames: int = 1
    fps: float = 0.0

    @property
    def size(self) -> int:
        """Bytes it adds to a page."""
        return len(self.uri)

    def as_json(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)


def data_uri(content: bytes, mime: str) -> str:
    """Content as a URI that stands for itself."""
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"
