"""Which protections no cheaper one outdoes, by hand."""

from __future__ import annotations

from typing import Any

from made_up_runs import World

from antibench.report.front import comparable, outdone_by
from antibench.report.tables import tables
from antibench.summary import summarise


def row(name: str, seconds: float | None, worst: float | None, **other: Any) -> dict[str, Any]:
    """As much of a row as the front reads."""
    facts = {"role": "protection", "complete": True, "transfer": False, "budget": 8, "strength": 0.9}
    return {"protection": name, "seconds": seconds, "worst_case": worst, **facts, **other}


CHEAP, GOOD, SLOW = row("cheap", 1.0, 0.1), row("good", 5.0, 0.6), row("slow", 9.0, 0.4)


def test_the_front_is_what_nothing_cheaper_outdoes() -> None:
    rows = [CHEAP, GOOD, SLOW]
    assert [outdone_by(item, rows) for item in rows] == [None, None, GOOD]


def test_as_strong_for_less_outdoes_and_equals_do_not() -> None:
    twin = row("twin", 5.0, 0.6)
    dear = row("dear", 6.0, 0.6)
    assert outdone_by(GOOD, [GOOD, twin]) is None
    assert outdone_by(dear, [GOOD, dear]) is GOOD
    assert outdone_by(row("weak", 5.0, 0.5), [GOOD]) is GOOD


def test_what_has_no_cost_or_was_made_elsewhere_is_left_out() -> None:
    others = [
        row("control", 1.0, 0.1, role="control"),
        row("lost", 1.0, 0.1, complete=False),
        row("elsewhere", 1.0, 0.1, transfer=True),
        row("unknown", None, 0.1),
        row("blind", 1.0, None, strength=None),
    ]
    assert comparable([SLOW, *others, CHEAP]) == [CHEAP, SLOW]


def test_without_a_worst_case_the_strength_counts() -> None:
    shown = row("shown", 1.0, None, strength=0.5)
    assert outdone_by(SLOW, [SLOW, shown]) is shown


def test_the_table_names_who_outdoes_whom() -> None:
    world = World({"strong": {"none": 0.6, "jpeg(75)": 0.5}, "weak": {"none": 0.2, "jpeg(75)": 0.1}})
    for line in world.costs:
        line["seconds"] = 2.0 if line["protection"] == "strong" else 3.0
    summary = summarise(world.header, world.cells, world.costs)
    table = next(table for table in tables(summary) if table.title.startswith("Strength against the seconds"))
    assert [(line[0], line[-1]) for line in table.rows] == [("strong", "on the front"), ("weak", "outdone by strong")]
    alone = World({"strong": {"none": 0.6, "jpeg(75)": 0.5}})
    assert not any(
        "seconds a photo" in table.title for table in tables(summarise(alone.header, alone.cells, alone.costs))
    )
