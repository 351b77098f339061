"""``antibench check``: does a plugin keep its contract?"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antibench.cli.diagnose import diagnosed
from antibench.cli.kind import kind_of
from antibench.errors import ExitCode, UserError
from antibench.expression import is_expression, parse_protection, parse_purification
from antibench.local_weights import checked, named_path
from antibench.registry import ALL, load_plugin_file
from antibench.suite_options import assignment

if TYPE_CHECKING:
    from antibench.testing.check import Check

_CONTRACTS = {
    "protections": "antibench.testing.protection_contract",
    "purifications": "antibench.testing.purification_contract",
    "metrics": "antibench.testing.metric_contract",
    "models": "antibench.testing.model_contract",
    "datasets": "antibench.testing.dataset_contract",
}


@click.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(list(ALL)), help="What NAME is, should it be several things.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="A parameter of NAME: path=photos/.")
@click.option(
    "--weights", "weights", multiple=True, metavar="MODEL=PATH", help="Take NAME's weights from a local folder."
)
@click.option("--plugin", "plugins", multiple=True, type=click.Path(path_type=Path), help="Load a plugin file.")
@click.option("--diagnose", is_flag=True, help="Examine the optimiser of the protection NAME instead.")
@click.option("--surrogate", help="With --diagnose: the model it is made on. [dynamicrafter-small]")
@click.option(
    "--photos", type=click.IntRange(min=2), default=2, show_default=True, help="With --diagnose: how many photos."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(
    name: str,
    kind: str | None,
    assignments: tuple[str, ...],
    weights: tuple[str, ...],
    plugins: tuple[Path, ...],
    diagnose: bool,
    surrogate: str | None,
    photos: int,
    as_json: bool,
) -> ExitCode:
    """Check the protection, purification, metric, video model or dataset NAME against its contract.

    NAME may be a composition of purifications or a protection with modifiers.

    Models of the embedded world are measured against the validity gate too. Exit code: 0 all kept, 3 not all.

    With --diagnose a protection is run a few times on a small model and its optimiser examined: zero or masked
    gradients, effect against budget, steps and random noise. Exit code: 0 nothing suspicious, 3 something is.

    \b
    antibench check my-defense --plugin my_defense.py
    antibench check 'jpeg(75)>resize(0.5)'
    antibench check 'advdm+eot(jpeg)'
    antibench check advdm --diagnose --set steps=20
    antibench check folder --set path=photos/
    antibench check svd --weights svd=weights/svd
    """
    for file in plugins:
        load_plugin_file(file)
    params: dict[str, Any] = {}
    for text in assignments:
        assignment(text)(params)
    if diagnose:
        if weights or kind not in (None, "protections"):
            raise UserError("--diagnose is for protections, on models of the small world or of the hub")
        return diagnosed(name, params, surrogate, photos, as_json)
    if is_expression(name):
        kind, label, checks = _of_expression(name, params)
    else:
        kind = kind or kind_of(name)
        plugin_cls = type(ALL[kind].create(name, params))
        given = {**params, **_local(name, kind, plugin_cls, weights)}
        label, checks = f"{plugin_cls.name}@{plugin_cls.version}", _checks(kind, plugin_cls, given)
    results: list[Check] = []
    for result in _as_they_come(checks):
        results.append(result)
        if not as_json:
            click.echo(_line(result))
    failed = sum(not result.ok for result in results)
    if as_json:
        told = [{"name": result.name, "ok": result.ok, "detail": result.detail} for result in results]
        click.echo(json.dumps({"name": label, "kind": kind, "ok": not failed, "checks": told}, indent=1))
    else:
        click.echo(f"{label}: {failed or 'none'} of {len(results)} checks failed")
    return ExitCode.CELLS_FAILED if failed else ExitCode.FINE


def _line(result: Check) -> str:
    return f"{'ok' if result.ok else 'FAIL':<4}  {result.name}{': ' if result.detail else ''}{result.detail}"


def _of_expression(name: str, params: dict[str, Any]) -> tuple[str, str, Iterator[Check]]:
    """Kind, label and checks of a composition of purifications, or of a protection with modifiers."""
    contract = importlib.import_module("antibench.testing.expression_contract")
    if "+" not in name.partition("(")[0]:
        return "purifications", parse_purification(name).label, contract.checks_of_purification(name, **params)
    return "protections", parse_protection(name).label, contract.checks_of_protection(name, **params)


def _local(name: str, kind: str, plugin_cls: type[Any], weights: tuple[str, ...]) -> dict[str, Any]:
    """The local weights of the one model that is checked."""
    found: dict[str, Any] = {}
    for text in weights:
        model, path = named_path(text)
        if kind != "models" or model != plugin_cls.name:
            told = f"what is checked is {plugin_cls.name}" if kind == "models" else f"{name} is no video model"
            raise UserError(f"--weights {text}: {told}")
        found["weights"] = checked(model, plugin_cls, path)
    return found


def _checks(kind: str, plugin_cls: type[Any], params: dict[str, Any]) -> Iterator[Check]:
    yield from importlib.import_module(_CONTRACTS[kind]).checks(plugin_cls, **params)
    if kind == "models" and plugin_cls.card.world == "small":
        yield from importlib.import_module("antibench.zoo.gate").run(plugin_cls.name)


def _as_they_come(results: Iterator[Check]) -> Iterator[Check]:
    """The results; what a plugin prints meanwhile goes to stderr, not into the answer."""
    while True:
        with contextlib.redirect_stdout(sys.stderr):
            result = next(results, None)
        if result is None:
            return
        yield result
