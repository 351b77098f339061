"""Registries: lazy, versioned, and helpful about names."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from antibench import registry
from antibench.builtin import BUILTIN
from antibench.contracts import Card
from antibench.errors import UserError
from antibench.registry import ALL, Entry, Registry, load_plugin_file, resolved_params


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test here registers is gone after it: other files' tests may come next in the same process."""
    for held in ALL.values():
        monkeypatch.setattr(held, "_entries", dict(held._entries))
        monkeypatch.setattr(held, "_objects", dict(held._objects))


ROWS = [(kind, *row) for kind, rows in BUILTIN.items() for row in rows]


@pytest.mark.parametrize(("kind", "spec", "target", "summary"), ROWS, ids=[f"{row[0]}-{row[1]}" for row in ROWS])
def test_every_builtin_row_says_what_the_class_says(kind: str, spec: str, target: str, summary: str) -> None:
    cls = ALL[kind].load(spec)
    assert spec == f"{cls.name}@{cls.version}"
    assert f"{cls.__module__}:{cls.__qualname__}" == target
    assert summary.strip() == summary != ""
    assert cls.card.title
    assert registry.source_hash(cls)


@pytest.mark.parametrize(("kind", "spec"), [row[:2] for row in ROWS if row[1] != "folder@1"])
def test_default_parameters_are_json_and_make_the_same_thing_again(kind: str, spec: str) -> None:
    import json

    plugin = ALL[kind].create(spec)
    again = ALL[kind].create(spec, json.loads(json.dumps(resolved_params(plugin))))
    assert resolved_params(again) == resolved_params(plugin)


@dataclass(frozen=True)
class Thing:
    name: ClassVar[str] = "thing"
    version: ClassVar[int] = 2
    card: ClassVar[Card] = Card("A thing")
    sides: int = 3
    colour: tuple[int, ...] = (1, 2)

    def __post_init__(self) -> None:
        if self.sides < 3:
            raise ValueError("sides must be 3 or more")


@dataclass(frozen=True)
class Other:
    name: ClassVar[str] = "thing"
    version: ClassVar[int] = 2
    card: ClassVar[Card] = Card("Another thing of the same name")


@pytest.fixture
def things() -> Registry:
    made = Registry("thing", "antibench.tests-nobody-registers-here")
    made.register(Thing)
    return made


def test_names_and_versions(things: Registry) -> None:
    assert things.load("thing") is things.load("thing@2") is Thing
    with pytest.raises(UserError, match="this antibench has thing@2"):
        things.load("thing@1")
    with pytest.raises(UserError, match="unknown thing 'thin'; did you mean thing"):
        things.load("thin")
    with pytest.raises(UserError) as caught:
        things.load("zzz")
    assert "did you mean" not in str(caught.value)


def test_a_second_thing_of_a_name_is_an_error_that_names_both(things: Registry) -> None:
    things.register(Thing)  # the same again is none
    with pytest.raises(UserError) as caught:
        things.register(Other)
    message = str(caught.value)
    lines = [number for number, text in enumerate(Path(__file__).read_text().splitlines(), 1) if "@dataclass" in text]
    assert f"{__file__}:{lines[0]}" in message
    assert f"{__file__}:{lines[1]}" in message


def test_parameters(things: Registry) -> None:
    assert resolved_params(things.create("thing", {"sides": 5})) == {"sides": 5, "colour": [1, 2]}
    with pytest.raises(UserError, match=r"no parameter 'side'; did you mean 'sides'\? \(it has: sides, colour\)"):
        things.create("thing", {"side": 5})
    with pytest.raises(UserError, match="refuses its parameters: sides must be 3 or more"):
        things.create("thing", {"sides": 2})


def test_entries_are_imported_on_first_use_only(things: Registry) -> None:
    things.add(Entry("lazy", 1, "not there", "no_such_module:Thing", "a test"))
    assert [entry.name for entry in things.entries()] == ["lazy", "thing"]
    with pytest.raises(ModuleNotFoundError):
        things.load("lazy")


def test_an_entry_must_say_what_its_class_says(things: Registry) -> None:
    things.add(Entry("thing-two", 2, "wrong name", f"{__name__}:Thing", "a test"))
    with pytest.raises(UserError, match="a test registers thing thing-two@2"):
        things.load("thing-two")


PLUGIN = """
from dataclasses import dataclass
from typing import ClassVar
from antibench.contracts import Card
from antibench.registry import PURIFICATIONS

@PURIFICATIONS.register
@dataclass(frozen=True)
class FromFile:
    name: ClassVar[str] = "{name}"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card("from a file")
"""


def test_a_plugin_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(PLUGIN.format(name="from-file"))
    load_plugin_file(file)
    load_plugin_file(file)
    entry = registry.PURIFICATIONS.find("from-file")
    assert str(file) in entry.origin
    assert registry.PURIFICATIONS.load("from-file").card.title == "from a file"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (PLUGIN.format(name="jpeg"), "purification 'jpeg' is registered twice, by antibench and"),
        ("1 / 0", "ZeroDivisionError"),
        ("def (", "SyntaxError"),
    ],
)
def test_a_plugin_file_that_fails_is_told(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(text)
    modules = set(sys.modules)
    with pytest.raises(UserError, match=r"bad\.py") as caught:
        load_plugin_file(tmp_path / "bad.py")
    assert told in str(caught.value)
    assert set(sys.modules) == modules, "a second try must run it again"
    with pytest.raises(UserError, match="no such file"):
        load_plugin_file(tmp_path / "none.py")
