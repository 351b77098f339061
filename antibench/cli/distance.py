"""``antibench distance``."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from antibench.rescore import default_store
from antibench.video_sets import SetRow, set_rows


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--features", type=click.Choice(["vgg", "i3d"]), default="vgg", show_default=True, help="Of a clip.")
@click.option("--sha256", default="", help="Of i3d_torchscript.pt, which has no published hash.")
@click.option("--store", type=click.Path(path_type=Path), help="Where the run's videos are. [RUN/../../store]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")
def distance(run: Path, features: str, sha256: str, store: Path | None, as_json: bool) -> int:
    """How far the clips of protected photos as a set are from those of the clean photos: FVD and a kernel distance.

    Both have a standard error over photos and depend on how many clips there are: compare only rows of one table.
    `clean-reseeded` is what another seed does. With 50 to 100 clips FVD is biased upwards; the kernel distance is not.

    \b
    antibench distance results/runs/full-0123456789ab --features i3d --sha256 0123...
    """
    from antibench.metrics.judges.video_features import FEATURES  # brings torch

    extract = FEATURES[features]
    with contextlib.redirect_stdout(sys.stderr):
        rows = set_rows(run, store or default_store(run), lambda frames: extract(frames, sha256))
    if as_json:
        click.echo(json.dumps({"features": features, "rows": [row.as_json() for row in rows]}, allow_nan=False))
    else:
        Console(width=140).print(_table(features, rows))
    return 0


def _table(features: str, rows: list[SetRow]) -> Table:
    table = Table(title=f"Distance from the clean photos' clips, features {features}")
    for name in ("protection", "surrogate", "target", "purification", "budget", "photos", "clips", "FVD", "KVD"):
        table.add_column(name, justify="right" if name in ("budget", "photos", "clips", "FVD", "KVD") else "left")
    for row in rows:
        facts = (row.protection, row.surrogate or "", row.target, row.purification)
        numbers = (row.reason, "") if row.reason else (_told(row.fvd, row.fvd_error), _told(row.kvd, row.kvd_error))
        table.add_row(*facts, *map(str, (row.budget, row.photos, row.clips)), *numbers)
    return table


def _told(value: float | None, error: float | None) -> str:
    return f"{value:.3g} ± {error:.2g}"
