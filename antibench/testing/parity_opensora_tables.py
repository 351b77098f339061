"""Reference tables of Open-Sora 1.2: timesteps, mask strategies, prompts and sizes, each a JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from antibench.models.opensora.mask_strategy import apply, parse
from antibench.models.opensora.prompt import cleaned, with_scores
from antibench.models.opensora.rflow import LEVELS, timesteps
from antibench.models.opensora.sizes import NUM_FRAMES, SIZES
from antibench.testing.parity_compare import Compared, compare

TIMESTEPS = 1e-6 * LEVELS
"""Of numbers up to 1000, computed in float32."""
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
"""In which size and length are held, by the names in the table."""
REFERENCE = 100
"""What the first frame of each further reference is counted from."""


def rflow_timesteps(path: Path) -> Iterator[Compared]:
    """Transformed timesteps of every size, length and number of steps."""
    for case in _cases(path):
        height, width = case["image_size"]
        for name, dtype in TYPES.items():
            if name in case:
                found = timesteps(case["steps"], (height, width), case["num_frames"], dtype)
                label = f"{case['steps']} steps, {height} x {width}, {case['num_frames']} frames, {name}"
                yield compare(label, found, torch.tensor(case[name]), TIMESTEPS)


def mask_strategies(path: Path) -> Iterator[Compared]:
    """What every strategy is read as, which frames it masks, and where these come from."""
    for i, case in enumerate(_cases(path)):
        label = f"{i}: {case['strategy']!r}"
        groups = parse(case["strategy"])
        read = [list(group) for group in groups]
        yield Compared(f"{label} parsed", 0.0 if read == case["parsed"] else torch.inf, 0.0, f"{read}")
        references = [
            (REFERENCE * k + torch.arange(float(frames))).reshape(1, -1, 1, 1)
            for k, frames in enumerate(case["reference_latent_frames"])
        ]
        nothing = torch.full((1, case["latent_frames"], 1, 1), -1.0)
        start, mask = apply(groups, nothing, references, loop=case["loop_index"], align=case["align"])
        yield compare(f"{label} mask", mask, torch.tensor(case["mask"]), 0.0)
        yield compare(f"{label} frames", start.flatten(), torch.tensor(case["frame_source"]).float(), 0.0)


def prompts(path: Path) -> Iterator[Compared]:
    """Prompts with what is asked for besides, and cleaned."""
    for i, case in enumerate(_cases(path)):
        scored = with_scores(case["prompt"], case["aes"], case["flow"], case["camera_motion"])
        yield _equal(f"{i}: with scores", scored, case["with_scores"])
        yield _equal(f"{i}: cleaned", cleaned(case["with_scores"]), case["cleaned"])


def sizes(path: Path) -> Iterator[Compared]:
    """Named sizes and lengths: all of them, and no others."""
    listed = json.loads(path.read_text("utf-8"))
    for resolution, wanted in listed["sizes"].items():
        found = {aspect: list(size) for aspect, size in SIZES.get(resolution, {}).items()}
        yield _equal(resolution, found, wanted)
    yield _equal("resolutions", sorted(SIZES), sorted(listed["sizes"]))
    yield _equal("lengths", NUM_FRAMES, listed["num_frames"])


def _equal(name: str, found: object, wanted: object) -> Compared:
    same = found == wanted
    return Compared(name, 0.0 if same else torch.inf, 0.0, "" if same else f"{found!r}, not {wanted!r}"[:200])


def _cases(path: Path) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["cases"]
    return cases
