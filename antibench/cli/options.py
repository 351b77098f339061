"""Options that several commands share: which suite, narrowed and changed how."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from antibench.registry import load_plugin_file
from antibench.suite import Suite
from antibench.suite_file import load_suite
from antibench.suite_options import (
    Override,
    assignment,
    first_cases,
    image_folder,
    no_purifications,
    only,
    only_metrics,
    only_models,
)

F = TypeVar("F", bound=Callable[..., Any])

_SUITE_OPTIONS = (
    click.option("--suite", "suite_spec", default="smoke", show_default=True, help="A suite's name, or a TOML file."),
    click.option("-p", "--protection", "protections", multiple=True, help="Only this protection; repeatable."),
    click.option("--purification", "purifications", multiple=True, help="Only this purification, or 'none'."),
    click.option("--model", "models", multiple=True, help="Only this video model."),
    click.option("--metric", "metrics", multiple=True, help="Only this metric."),
    click.option("--limit", type=click.IntRange(min=1), help="Only the first photos."),
    click.option("--images", type=click.Path(path_type=Path), help="Use the photos of this folder."),
    click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change a key: budgets=[4,8]."),
    click.option(
        "--weights",
        "weights",
        multiple=True,
        metavar="MODEL=PATH",
        help="Take the weights of a model or purification from a local folder: svd=weights/svd.",
    ),
    click.option("--plugin", "plugins", multiple=True, type=click.Path(path_type=Path), help="Load a plugin file."),
    click.option("--store", type=click.Path(path_type=Path), help="Folder of finished results. [results/store]"),
    click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True),
)


def suite_options(command: F) -> F:
    """Add the options that say what to run."""
    for option in reversed(_SUITE_OPTIONS):
        command = option(command)
    return command


def chosen_suite(
    suite_spec: str,
    protections: tuple[str, ...],
    purifications: tuple[str, ...],
    models: tuple[str, ...],
    metrics: tuple[str, ...],
    limit: int | None,
    images: Path | None,
    assignments: tuple[str, ...],
    plugins: tuple[Path, ...],
) -> Suite:
    """The suite that the options describe; plugin files are loaded."""
    for file in plugins:
        load_plugin_file(file)
    overrides: list[Override] = []
    if images is not None:
        overrides.append(image_folder(images))
    if protections:
        overrides.append(only("protections", protections))
    if purifications:
        named = tuple(name for name in purifications if name != "none")
        overrides.append(only("purifications", named) if named else no_purifications)
    if models:
        overrides.append(only_models(models))
    if metrics:
        overrides.append(only_metrics(metrics))
    if limit is not None:
        overrides.append(first_cases(limit))
    overrides.extend(assignment(text) for text in assignments)
    return load_suite(suite_spec, overrides)
