"""``antibench power``: how many photos?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antibench.errors import ExitCode, UserError

if TYPE_CHECKING:
    from antibench.power import Design, Pilot

POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command()
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option("--effect", type=POSITIVE, metavar="X", help="How many photos does a strength, or difference, of X need?")
@click.option("--photos", type=click.IntRange(min=2), metavar="N", help="What do N photos show? [RUN's own number]")
@click.option("--sd", type=POSITIVE, metavar="S", help="Standard deviation over photos, instead of RUN's.")
@click.option("-p", "--protection", "protections", multiple=True, help="Only this protection of RUN; repeatable.")
@click.option("--against", metavar="LABEL", help="The difference from this protection or control, photo by photo.")
@click.option("--over", default="worst", show_default=True, help="'worst' case, 'none' or another purification.")
@click.option("--metric", metavar="M", help="Default RUN's headline.")
@click.option("--target", metavar="MODEL", help="Only on this model.")
@click.option("--budget", type=click.IntRange(min=0), help="Only at this budget.")
@click.option("--power", "power_", type=click.FloatRange(0, 1), default=0.8, show_default=True)
@click.option("--alpha", type=click.FloatRange(0, 1), default=0.05, show_default=True, help="Two-sided.")
@click.option("--rows", type=click.IntRange(min=1), default=1, show_default=True, help="Rows that Holm corrects over.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def power(
    run: Path | None,
    effect: float | None,
    photos: int | None,
    sd: float | None,
    power_: float,
    alpha: float,
    rows: int,
    as_json: bool,
    **chosen: Any,
) -> ExitCode:
    """How many photos does a strength need to be shown, and what do so many photos show?

    How much photos differ is taken from the run in folder RUN, or given by --sd (0.1 to 0.35 in the validity
    gates of the small models).

    \b
    antibench power --sd 0.3 --effect 0.1              photos for a strength of 0.1
    antibench power RUN --effect 0.1                   for each protection of a run, in the worst case
    antibench power RUN --photos 64 --over none        what 64 photos would show unpurified
    antibench power RUN --effect 0.1 -p advdm --against mist --rows 10

    Exit codes: 0 fine, 4 usage, 5 the run has no strength with an interval.
    """
    import json

    from antibench.power import Design
    from antibench.report.power import power_json, power_text

    if effect is not None and photos is not None:
        raise UserError("--effect asks for a number of photos and --photos for an effect: give one of them")
    design = Design(power_, alpha, rows)
    if run is None:
        found, facts = _given(sd, effect, photos, chosen)
    elif sd is not None:
        raise UserError("give a run or --sd, not both")
    else:
        found, facts = _of_run(run, chosen)
    wanted = power_json(design, found, effect, _photos(found, effect, photos, design), facts)
    click.echo(json.dumps(wanted, indent=2, allow_nan=False) if as_json else power_text(wanted), nl=as_json)
    return ExitCode.FINE


def _given(
    sd: float | None, effect: float | None, photos: int | None, chosen: dict[str, Any]
) -> tuple[list[Pilot], dict[str, Any]]:
    from antibench.power import Pilot

    if sd is None:
        raise UserError("give the folder of a run, or a standard deviation: --sd 0.3")
    if effect is None and photos is None:
        raise UserError("give --effect, to be told the photos, or --photos, to be told the effect")
    asked = [name for name, value in chosen.items() if value not in (None, (), "worst")]
    if asked:
        raise UserError(f"--{asked[0].removesuffix('s')} asks something of a run, and none is given")
    return [Pilot({}, None, sd, None)], {"metric": None, "over": None, "against": None}


def _of_run(run: Path, chosen: dict[str, Any]) -> tuple[list[Pilot], dict[str, Any]]:
    from antibench.power import pilots
    from antibench.runfiles import read_run
    from antibench.scores import Scores

    read = read_run(run)
    metric = chosen["metric"] or read.header["headline"]
    found = pilots(Scores(read.header, read.cells), **{**chosen, "metric": metric})
    return found, {"metric": metric, "over": chosen["over"], "against": chosen["against"]}


def _photos(found: list[Pilot], effect: float | None, photos: int | None, design: Design) -> int | None:
    """The number asked about; without any question that of the run, or the fewest that can show something."""
    if effect is not None or photos is not None:
        return photos
    return max([design.fewest, *(item.photos for item in found if item.photos is not None)])
