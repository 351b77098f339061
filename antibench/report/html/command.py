"""The command that computes a line of the leaderboard again, from the suite that the run's plan holds."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from antibench.errors import UserError
from antibench.registry import ALL
from antibench.report.html.reading import Reported
from antibench.report.table import Row
from antibench.suite import CONTROLS, RESEEDED, Suite
from antibench.suite_file import load_suite, validated
from antibench.suite_options import Override, assignment, first_cases, image_folder, only, only_models

FILE = "suite.toml"
"""What the run's own suite is called where the one of that name is another by now; the page holds its text."""
PHOTOS, WEIGHTS, PLUGIN = "PHOTOS", "FOLDER", "PLUGIN.py"
"""Stand for places that only whoever runs it knows."""


class Commands:
    """Writes commands for a run's lines."""

    def __init__(self, run: Reported) -> None:
        self._header = run.header
        self._cuda = run.plan.get("precision") == "cuda" or run.header["level"] == "L2"
        self.suite: Suite | None = None
        self.uses_file = False
        """Whether any command so far needs `FILE`."""
        try:
            self.suite = validated(dict(run.plan["suite"]))
        except (KeyError, TypeError, UserError):
            return  # a plan of another antibench, or without one

    def whole(self) -> dict[str, str | None]:
        """The command of the whole run."""
        return self._written([], [], self._models())

    def of(self, row: Row) -> dict[str, str | None]:
        """``command``, or None, and ``note``: what it takes besides.

        It computes the line's protection with the controls it is held against; a p-value that is adjusted for all lines
        needs the whole run.
        """
        if self.suite is None:
            return self._written([], [], [])
        # `clean-reseeded` is no protection that could be asked for, but comes with every run of one.
        label = CONTROLS[0] if row["protection"] == RESEEDED else str(row["protection"])
        arguments = ["-p", label]
        overrides: list[Override] = [only("protections", (label,))]
        models = self._needed(row)
        if models != self._models():
            overrides.append(only_models(tuple(models)))
            arguments += [word for model in models for word in ("--model", model)]
        if row["budget"] and len(self.suite.budgets) > 1:
            changed = f"budgets=[{row['budget']}]"
            overrides.append(assignment(changed))
            arguments += ["--set", changed]
        return self._written(arguments, overrides, models)

    def file(self) -> str:
        """The run's suite as TOML."""
        if self.suite is None:
            return ""
        return "".join(f"{key} = {_toml(value)}\n" for key, value in self.suite.as_dict().items())

    def _written(self, arguments: list[str], overrides: list[Override], models: list[str]) -> dict[str, str | None]:
        if self.suite is None:
            return {"command": None, "note": "the run's plan.json holds no suite that this antibench reads"}
        own, notes = self.suite.as_dict(), []
        if own["dataset"]["name"] == "folder":
            overrides = [_some_folder, *overrides]
            arguments = [*arguments, "--images", PHOTOS]
            notes.append(f"{PHOTOS} is the folder of the run's photos")
        first = ["--suite", self._source(own, overrides, arguments)]
        if first[1] == FILE:
            self.uses_file = True
            notes.append(f"{FILE} is the suite of this run, at the end of the page")
        if self._cuda:
            arguments = [*arguments, "--device", "cuda"]
        local = [item["name"] for item in self._header["models"] if item.get("local_weights")]
        for name in [*(item for item in local if item in models), *self._header.get("purification_weights", {})]:
            arguments = [*arguments, "--weights", f"{name}={WEIGHTS}"]
            notes.append(f"{WEIGHTS} holds the weights of {name}")
        strangers = self._strangers(arguments)
        if strangers:
            arguments = [*arguments, "--plugin", PLUGIN]
            notes.append(f"{PLUGIN} registers {', '.join(strangers)}")
        command = shlex.join(["antibench", "run", *first, *arguments])
        return {"command": command, "note": "; ".join(notes) or None}

    def _source(self, own: dict[str, Any], overrides: list[Override], arguments: list[str]) -> str:
        """The suite's name if by that name it is still the same, perhaps with fewer photos; `FILE` if not."""
        wanted = _changed(own, overrides)
        fewer: list[list[Override]] = [[]]
        if own.get("limit"):
            fewer.append([first_cases(int(own["limit"]))])
        for more in fewer:
            try:
                named = load_suite(str(own["name"]), [*more, *overrides])
            except UserError:
                return FILE
            if named.as_dict() == wanted:
                arguments += ["--limit", str(own["limit"])] if more else []
                return str(own["name"])
        return FILE

    def _models(self) -> list[str]:
        return [choice.shown for choice in self.suite.models] if self.suite else []

    def _needed(self, row: Row) -> list[str]:
        """The models that a line needs; all of them if it is made on one that is no target."""
        known = self._models()
        made_on = {str(row["surrogate"])} if row["surrogate"] else set()
        if not made_on <= set(known):
            return known
        return [model for model in known if model in made_on | {str(row["target"])}]

    def _strangers(self, arguments: list[str]) -> list[str]:
        """What a command needs that this installation does not know."""
        if self.suite is None:
            return []
        shown = arguments[arguments.index("-p") + 1] if "-p" in arguments else None
        chosen = [item for item in self.suite.scored_protections if shown in (None, item.shown)]
        found = [name for item in chosen for name in item.names if not _known("protections", name)]
        for kind in ("purifications", "metrics", "models"):
            choices = getattr(self.suite, kind)
            found += [name for item in choices for name in item.names if not _known(kind, name)]
        return list(dict.fromkeys(found))


def _some_folder(raw: dict[str, Any]) -> None:
    """Photos of a folder whose place is not told."""
    image_folder(Path(PHOTOS))(raw)


def _changed(own: Mapping[str, Any], overrides: list[Override]) -> dict[str, Any]:
    raw = dict(own)
    for override in overrides:
        override(raw)
    return validated(raw).as_dict()


def _known(kind: str, name: str) -> bool:
    return name.partition("@")[0] in {entry.name for entry in ALL[kind].entries()}


def _toml(value: Any) -> str:
    """A value of JSON types as TOML, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
