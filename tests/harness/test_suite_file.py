"""Suites: found, extended, narrowed, and broken in every way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_runs import SUITE

from antibench.errors import UserError
from antibench.suite import Suite
from antibench.suite_file import line_of, load_suite
from antibench.suite_names import suite_names
from antibench.suite_options import (
    assignment,
    first_cases,
    image_folder,
    no_purifications,
    only,
    only_metrics,
    only_models,
)

BASE = SUITE.read_text()


def written(folder: Path, text: str, name: str = "mine.toml") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_defaults(tmp_path: Path) -> None:
    suite = load_suite(str(SUITE))
    assert (suite.budgets, suite.seeds, suite.noise_seed, suite.reference_seeds) == ((8,), (0,), 1000, (2000,))
    assert [choice.shown for choice in suite.scored_protections] == ["fake-push", "random-sign", "random-lowfreq"]
    assert suite.surrogate_choices == suite.models
    assert Suite.model_validate(suite.as_dict()) == suite


@pytest.mark.parametrize("name", suite_names())
def test_shipped_suites_are_sound(name: str) -> None:
    assert load_suite(name).name == name


def test_a_control_may_be_listed_with_parameters() -> None:
    suite = load_suite(str(SUITE), [only("protections", ("random-sign", "fake-push"))])
    assert [choice.shown for choice in suite.scored_protections] == ["fake-push", "random-sign", "random-lowfreq"]


BROKEN = [
    ("headline = ", 'headline = "x', "line 5"),  # TOML itself: the reader's own words
    ('models = ["fake-shift"]', "models = []", "line 7, key models: must not be empty"),
    ("budgets = [8]", "budgets = [0]", "line 8, key budgets.0: Input should be greater than or equal to 1"),
    ("budgets = [8]", "budgets = [8, 256]", "line 8, key budgets.1: Input should be less than or equal to 255"),
    ("budgets = [8]", "budgets = [8.0]", "line 8, key budgets.0: Input should be a valid integer"),
    ("budgets = [8]", "budgets = [8, 8]", "line 8, key budgets: holds a number twice"),
    ("budgets = [8]", "budget = [8]", "line 8, key budget: unknown key; did you mean 'budgets'?"),
    ("budgets = [8]", "seeds = [1000]", "key noise_seed: must not be one of `seeds`"),
    ("budgets = [8]", "reference_seeds = [0]", "line 8, key reference_seeds: must hold no seed that is scored"),
    ("budgets = [8]", "surrogates = [3]", "line 8, key surrogates.0"),
    ('"fake-likeness"\nmetrics', '"psnr"\nmetrics', "line 5, key headline: headline 'psnr' is not one of"),
    ("schema = 1", "schema = 2", "line 1, key schema: Input should be 1"),
    ('name = "fake"\n', 'name = "../fake"\n', "line 2, key name: String should match"),
    ('name = "fake-push"', 'label = "x"', "line 14, key protections.0.name: Field required"),
    ('name = "fake-push"', 'name = "clean"', "line 14, key protections.0: label 'clean' is taken"),
    ('name = "fake-push"', 'name = "a b"', "line 14, key protections.0: label 'a b' may hold"),
    ("strengths = [3]", 'strengths = ["strong"]', "line 19, key purifications.0.strengths.0: Input should be a valid"),
    ("strengths = [3]", 'strengths = [3]\n[[purifications]]\nname = "fake-grain"', "'fake-grain' is there twice"),
]


@pytest.mark.parametrize(("old", "new", "told"), BROKEN)
def test_broken_suites_are_told_by_file_line_and_key(old: str, new: str, told: str, tmp_path: Path) -> None:
    assert old in BASE
    path = written(tmp_path, BASE.replace(old, new, 1))
    with pytest.raises(UserError) as caught:
        load_suite(path)
    message = str(caught.value)
    assert path in message
    assert told in message
    assert "\n" not in message


def test_a_missing_key_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, BASE.replace('headline = "fake-likeness"\n', ""))
    with pytest.raises(UserError, match="key headline: Field required"):
        load_suite(path)


def test_line_of_finds_array_tables(tmp_path: Path) -> None:
    path = Path(written(tmp_path, BASE + '\n[[purifications]]\nname = "x"\nstrengths = [1]\n'))
    lines = path.read_text().splitlines()
    found = line_of(path, ("purifications", 1, "strengths", 0))
    assert found == len(lines)
    assert line_of(path, ("dataset", "count")) == lines.index("count = 3") + 1


@pytest.mark.parametrize("spec", ["smok", "../smoke", "smoke/../smoke", "Smoke", "", "/etc/passwd", "nowhere.toml"])
def test_names_that_are_no_suite(spec: str) -> None:
    with pytest.raises(UserError, match=r"unknown suite|no such file|cannot be read|not valid TOML"):
        load_suite(spec)


def test_unknown_name_is_answered_with_the_closest() -> None:
    with pytest.raises(UserError, match="unknown suite 'smok'; did you mean 'smoke'"):
        load_suite("smok")


def test_extends_by_relative_path(tmp_path: Path) -> None:
    written(tmp_path, BASE, "base.toml")
    path = written(tmp_path, 'extends = "./base.toml"\nname = "mine"\nbudgets = [4]\n')
    suite = load_suite(path)
    assert (suite.name, suite.budgets, suite.headline) == ("mine", (4,), "fake-likeness")


def test_extends_by_name(tmp_path: Path) -> None:
    suite = load_suite(written(tmp_path, 'extends = "smoke"\nname = "mine"\n'))
    assert suite.models == load_suite("smoke").models


def test_an_error_in_the_base_names_the_base(tmp_path: Path) -> None:
    base = written(tmp_path, BASE.replace("budgets = [8]", "budgets = [0]"), "base.toml")
    path = written(tmp_path, 'extends = "./base.toml"\nname = "mine"\n')
    with pytest.raises(UserError) as caught:
        load_suite(path)
    assert f"{base}, line 8, key budgets.0" in str(caught.value)


def test_extends_in_a_circle(tmp_path: Path) -> None:
    written(tmp_path, 'extends = "./b.toml"\n', "a.toml")
    path = written(tmp_path, 'extends = "./a.toml"\n', "b.toml")
    with pytest.raises(UserError, match="leads back to itself"):
        load_suite(path)


def narrowed(*overrides: Any) -> Suite:
    return load_suite(str(SUITE), list(overrides))


def test_only_keeps_parameters_and_adds_what_is_new() -> None:
    suite = narrowed(assignment("protections.fake-push.strength=0.5"), only("protections", ("fake-push", "my-defense")))
    assert [choice.shown for choice in suite.protections] == ["fake-push", "my-defense"]
    assert suite.protections[0].params == {"strength": 0.5}


def test_only_models_drops_other_surrogates() -> None:
    suite = narrowed(assignment('surrogates=["fake-shift"]'), only_models(("fake-blind",)))
    assert [model.shown for model in suite.models] == ["fake-blind"]
    assert [model.shown for model in suite.surrogate_choices] == ["fake-blind"]


def test_only_metrics_moves_the_headline() -> None:
    assert narrowed(only_metrics(("fake-fidelity",))).headline == "fake-fidelity"
    assert narrowed(only_metrics(("fake-fidelity", "fake-likeness"))).headline == "fake-likeness"


def test_other_options() -> None:
    suite = narrowed(no_purifications, first_cases(1), image_folder(Path("photos")))
    assert suite.purifications == ()
    assert suite.limit == 1
    assert (suite.dataset.name, suite.dataset.params) == ("folder", {"path": "photos"})


def test_assignments() -> None:
    suite = narrowed(
        *map(
            assignment,
            (
                "budgets=[4,8]",
                "dataset.count=2",
                "models.fake-shift.noise=4",
                "headline=fake-fidelity",
                "purifications.fake-grain.strengths=[1,2]",
            ),
        )
    )
    assert suite.budgets == (4, 8)
    assert suite.dataset.params == {"count": 2}
    assert suite.models[0].params == {"noise": 4}
    assert suite.headline == "fake-fidelity"
    assert suite.purifications[0].strengths == (1, 2)
    assert suite.surrogate_choices[0].params == {"noise": 4}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("budgets", "write key=value"),
        ("budgets=[", "is not a TOML value"),
        ("a b=1", "write key=value"),
        ("protections.fake-pus.steps=1", "hold no 'fake-pus'; did you mean 'fake-push'"),
        ("budgets.x=1", "'budgets' has no keys of its own"),
        ("budgits=[8]", "unknown key; did you mean 'budgets'"),
    ],
)
def test_bad_assignments(text: str, told: str) -> None:
    with pytest.raises(UserError, match=r"^(--set|suite)") as caught:
        narrowed(assignment(text))
    assert told in str(caught.value)
