"""Made-up runs as folders on the disk."""

from __future__ import annotations

import json
from pathlib import Path

from made_up_runs import World


def write(world: World, folder: Path) -> Path:
    """Write a run's folder; a cell's line in the plan is that of its scores without what the run found."""
    folder.mkdir()
    found = ("metric", "status", "value", "reason")
    cells = {line["cell"]: {key: line[key] for key in line if key not in found} for line in world.cells}
    (folder / "plan.json").write_text(json.dumps({"header": world.header, "cells": list(cells.values())}))
    (folder / "cells.jsonl").write_text("".join(json.dumps(line) + "\n" for line in world.cells))
    (folder / "costs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in world.costs))
    return folder
