"""``antibench info``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from antibench.cli.kind import kind_of
from antibench.registry import ALL, load_plugin_file


@click.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(list(ALL)), help="Which registry, if the name is in several.")
@click.option("--plugin", "plugins", multiple=True, type=click.Path(path_type=Path), help="Load a plugin file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(name: str, kind: str | None, plugins: tuple[Path, ...], as_json: bool) -> None:
    """Print the card of NAME: source, licence, parameters, deviations, what its authors claim and what was measured.

    \b
    antibench info anti-i2v
    antibench info jpeg --kind purifications --json
    """
    from antibench.report.card import facts
    from antibench.report.numbers import printable

    for file in plugins:
        load_plugin_file(file)
    where = kind or kind_of(name)
    cls = ALL[where].load(name)
    lines = facts(cls)
    if as_json:
        card = {"name": f"{cls.name}@{cls.version}", "kind": where, "title": cls.card.title}
        click.echo(json.dumps({**card, "citation": cls.card.citation, **dict(lines)}, indent=1))
        return
    click.echo(printable(f"{cls.name}@{cls.version}, {where}: {cls.card.title}"))
    for heading, texts in lines:
        click.echo(f"\n{heading}:")
        for text in texts:
            click.echo(f"  {printable(text)}")
    if cls.card.citation:
        click.echo("\n" + "\n".join(printable(line) for line in cls.card.citation.splitlines()))
