"""Write the golden results of the purifications, for the versions of the libraries that are installed.

    python tests/purifications/make_golden.py

`golden/source.png` is kept if it is there. Run it when a golden test says that a library changed its result, look at
the difference, and raise the purification's version: stored results no longer compare with new ones.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np

from antibench.contracts import ImageU8
from antibench.pixels import from_png, to_png
from antibench.registry import PURIFICATIONS
from antibench.testing.purification_contract import sample_photo

GOLDEN = Path(__file__).parent / "golden"
SETTINGS: list[tuple[str, dict[str, str], float]] = [
    *[("jpeg", {}, quality) for quality in (90, 75, 50, 30)],
    ("jpeg", {"subsampling": "4:4:4"}, 75),
    *[("gaussian-blur", {}, sigma) for sigma in (0.5, 1.0, 2.0)],
    *[("resize", {}, scale) for scale in (0.75, 0.5, 0.25)],
    ("resize", {"filter": "lanczos"}, 0.5),
]


def backend_version(name: str) -> str:
    """The versions of everything that decides the bytes of a purification's result."""
    backend: str = PURIFICATIONS.load(name).backend
    return f"{backend}, {backend.split()[0]} {version(backend.split()[0])}"


def golden_path(name: str, params: dict[str, str], strength: float) -> Path:
    words = [name, str(strength), *(value.replace(":", "") for value in params.values())]
    return GOLDEN / f"{'-'.join(words)}.png"


def source() -> ImageU8:
    return from_png((GOLDEN / "source.png").read_bytes())


def purified(name: str, params: dict[str, str], strength: float) -> ImageU8:
    plugin = PURIFICATIONS.create(name, params)
    result: ImageU8 = plugin.apply(source(), strength=strength, rng=np.random.default_rng(0))
    return result


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    if not (GOLDEN / "source.png").exists():
        (GOLDEN / "source.png").write_bytes(to_png(sample_photo()))
    for name, params, strength in SETTINGS:
        golden_path(name, params, strength).write_bytes(to_png(purified(name, params, strength)))
    made_with = {name: backend_version(name) for name, _, _ in SETTINGS}
    (GOLDEN / "made_with.json").write_text(json.dumps(made_with, indent=2) + "\n")


if __name__ == "__main__":
    main()
