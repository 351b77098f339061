"""Options that narrow or change a suite without editing it. Each returns a function on the raw suite."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from antibench.errors import UserError, closest
from antibench.expression import is_expression, parse_protection, parse_purification

Override = Callable[[dict[str, Any]], None]
_LISTS = ("protections", "purifications", "models", "surrogates", "metrics")


def only(key: str, names: tuple[str, ...]) -> Override:
    """Keep the named things of a list, in the suite's order; a registered name that it does not hold is added.

    A protection with modifiers that it does not hold gets the parameters that the suite gives the same without them, so
    that the two compare.
    """

    def apply(raw: dict[str, Any]) -> None:
        present = [_table(item) for item in raw.get(key, [])]
        asked = {text: _default_label(key, text) if is_expression(text) else text for text in names}
        kept = [item for item in present if {_label(item, key), item["name"]} & {*asked, *asked.values()}]
        held = {text for item in kept for text in (_label(item, key), item["name"])}
        raw[key] = kept + [_added(key, name, present) for name in names if not {name, asked[name]} & held]

    return apply


def _added(key: str, name: str, present: list[dict[str, Any]]) -> dict[str, Any]:
    if key != "protections" or not is_expression(name):
        return {"name": name}
    expression = parse_protection(name)
    by_label = [item for item in present if _label(item, key) == expression.name]
    alike = by_label + [item for item in present if item["name"] == expression.name] + [{}]
    left = {"label", "surrogates"} if expression.ensemble else {"label"}
    return {**{param: value for param, value in alike[0].items() if param not in left}, "name": name}


def no_purifications(raw: dict[str, Any]) -> None:
    """Run without purification only (`--purification none`)."""
    raw["purifications"] = []


def only_models(names: tuple[str, ...]) -> Override:
    """Keep the named targets; surrogates follow, so that no model is used that was not asked for."""

    def apply(raw: dict[str, Any]) -> None:
        only("models", names)(raw)
        kept = {_label(_table(item)) for item in raw["models"]}
        raw["surrogates"] = [item for item in raw.get("surrogates", []) if _label(_table(item)) in kept]

    return apply


def only_metrics(names: tuple[str, ...]) -> Override:
    """Keep the named metrics; the first becomes the headline if the suite's own is not among them."""

    def apply(raw: dict[str, Any]) -> None:
        only("metrics", names)(raw)
        kept = [_label(item) for item in raw["metrics"]]
        if raw.get("headline") not in kept:
            raw["headline"] = kept[0]

    return apply


def first_cases(limit: int) -> Override:
    """Use the first `limit` photos."""

    def apply(raw: dict[str, Any]) -> None:
        raw["limit"] = limit

    return apply


def image_folder(folder: Path) -> Override:
    """Use the photos of a folder instead of the suite's dataset."""

    def apply(raw: dict[str, Any]) -> None:
        raw["dataset"] = {"name": "folder", "path": str(folder)}

    return apply


def assignment(text: str) -> Override:
    """One ``key=value`` of `--set`; the value is TOML, or a bare word.

    Raises:
        UserError: if it is not an assignment.
    """
    key, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[\w.@\[\]()>,+-]+", key):
        raise UserError(f"--set {text!r}: write key=value, such as budgets=[4,8] or protections.advdm.steps=5")
    parsed = _value(text, value)

    def apply(raw: dict[str, Any]) -> None:
        top, _, rest = key.partition(".")
        if not rest:
            raw[top] = parsed
        elif top == "dataset":
            raw.setdefault("dataset", {})[rest] = parsed
        elif top in _LISTS:
            _set_in_list(raw, top, rest, parsed)
        else:
            raise UserError(f"--set {text!r}: {top!r} has no keys of its own{closest(top, (*_LISTS, 'dataset'))}")

    return apply


def _set_in_list(raw: dict[str, Any], top: str, rest: str, parsed: Any) -> None:
    raw[top] = [_table(item) for item in raw.get(top, [])]
    label, _, param = rest.rpartition(".")
    for item in raw[top]:
        if label and label in (_label(item, top), item.get("name")):
            item[param] = parsed
            return
    labels = [_label(item, top) for item in raw[top]]
    raise UserError(f"--set {top}.{rest}: the suite's {top} hold no {label!r}{closest(label, labels)}")


def _value(text: str, value: str) -> Any:
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        if re.fullmatch(r"[\w.:@/-]+(\[[\w-]+\])?", value):
            return value
        raise UserError(f"--set {text!r}: {value!r} is not a TOML value") from None


def _table(item: Any) -> dict[str, Any]:
    return {"name": item} if isinstance(item, str) else dict(item)


def _label(item: dict[str, Any], key: str = "") -> str:
    return str(item.get("label") or _default_label(key, str(item.get("name", ""))))


def _default_label(key: str, name: str) -> str:
    """What the suite will call a thing of this name; a composition or a modified protection by its expression."""
    if not is_expression(name):
        return name.partition("@")[0]
    return (parse_purification(name) if key == "purifications" else parse_protection(name)).label
