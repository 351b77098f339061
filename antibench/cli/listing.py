"""``antibench list``."""

from __future__ import annotations

import json

import click

from antibench.expression import FORMS
from antibench.registry import ALL
from antibench.suite_names import description, suite_names

KINDS = ("suites", *ALL, "modifiers")


@click.command("list")
@click.argument("kind", required=False, type=click.Choice(KINDS))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def listing(kind: str | None, as_json: bool) -> None:
    """List what is registered: name@version and what it is; and what names may be made of (`modifiers`).

    \b
    antibench list
    antibench list protections --json
    """
    found = {name: _entries(name) for name in ([kind] if kind else KINDS)}
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for name, entries in found.items():
        click.echo(f"{name}:")
        width = max((len(entry["name"]) for entry in entries), default=0)
        for entry in entries:
            click.echo(f"  {entry['name']:<{width}}  {entry['summary']}".rstrip())


def _entries(kind: str) -> list[dict[str, str]]:
    if kind == "suites":
        return [{"name": name, "summary": description(name), "origin": "antibench"} for name in suite_names()]
    if kind == "modifiers":
        return [{"name": name, "summary": text, "origin": "antibench"} for name, text in FORMS.items()]
    return [
        {"name": f"{entry.name}@{entry.version}", "summary": entry.summary, "origin": entry.origin}
        for entry in ALL[kind].entries()
    ]
