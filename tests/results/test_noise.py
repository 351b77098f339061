"""The noise that a run's numbers are held against: what its controls do, by the same number."""

from __future__ import annotations

from typing import Any

from made_up_runs import CONTROLS, World

from antibench.summary import summarise

TWO = {"strong": {"none": 0.6, "jpeg(75)": 0.4}, "weak": {"none": 0.5, "jpeg(75)": 0.1}}
MANY = ["none", *(f"jpeg({quality})" for quality in range(50, 75))]


def summarised(world: World) -> dict[str, Any]:
    return summarise(world.header, world.cells, world.costs)


def row_of(summary: dict[str, Any], protection: str) -> dict[str, Any]:
    (row,) = [row for row in summary["rows"] if (row["protection"], row["metric"]) == (protection, "ism0[dlib]")]
    return row


def test_noise_is_the_hull_of_the_controls_intervals() -> None:
    summary = summarised(World(TWO, noise=0.05))
    controls = [row_of(summary, name) for name in CONTROLS]
    assert summary["noise"] == {
        "low": min(row["low"] for row in controls),
        "high": max(row["high"] for row in controls),
        "worst_low": min(row["worst_low"] for row in controls),
        "worst_high": max(row["worst_high"] for row in controls),
    }
    assert summary["noise"]["low"] < 0 < summary["noise"]["high"]
    assert summary["noise"]["worst_high"] < summary["noise"]["high"]
    assert summary["smallest_detectable"] > 0


def test_noise_of_another_target_or_budget_does_not_blur_a_rows_band() -> None:
    calm, wild = World(TWO, noise=0.02), World(TWO, noise=0.3, target="other", seed=5)
    header = {**calm.header, "models": calm.header["models"] + wild.header["models"]}
    summary = summarise(header, calm.cells + [line for line in wild.cells if line["target"]], [])
    rows = [row for row in summary["rows"] if row["protection"] == "strong" and row["metric"] == "ism0[dlib]"]
    bands = {row["target"]: row["noise"] for row in rows}
    assert bands["zoo-small"]["high"] < 0.1 < bands["other"]["high"] == summary["noise"]["high"]


def test_noise_of_another_budget_does_not_blur_a_rows_band() -> None:
    calm, wild = World(TWO, noise=0.02), World(TWO, noise=0.3, budget=16, seed=5)
    loud = [line for line in wild.cells if line["budget"] == 16]
    summary = summarise(calm.header, calm.cells + loud, [])
    rows = [row for row in summary["rows"] if row["protection"] == "strong" and row["metric"] == "ism0[dlib]"]
    bands = {row["budget"]: row["noise"] for row in rows}
    assert bands[8]["high"] < 0.1 < bands[16]["high"] == summary["noise"]["high"]


def test_only_an_interval_wholly_above_the_noise_counts() -> None:
    # A large effect on few photos: its mean is far above the band, its interval is not.
    sure, unsure = {"none": 0.2}, {"none": 0.5}
    world = World({"sure": sure, "unsure": unsure}, noise=0.005)
    for line in [line for line in world.cells if (line["protection"], line["metric"]) == ("unsure", "ism0[dlib]")]:
        line["value"] += 0.5 if line["case"] < "portrait-0004" else -0.3
    summary = summarised(world)
    assert row_of(summary, "unsure")["worst_case"] > row_of(summary, "sure")["worst_case"]
    assert row_of(summary, "unsure")["beyond_noise"] is False
    assert summary["answer"].startswith("Strongest protection: sure ")


def test_a_worst_case_is_held_against_the_worst_cases_of_the_controls() -> None:
    """The weakest of many noisy numbers lies below the truth, whether a protection lasts or does nothing."""
    world = World({"lasting": dict.fromkeys(MANY, 0.35), "nothing": dict.fromkeys(MANY, 0.0)}, noise=0.12, photos=24)
    summary = summarised(world)
    lasting, nothing = row_of(summary, "lasting"), row_of(summary, "nothing")
    assert (
        lasting["worst_low"] < lasting["noise"]["high"]
    )  # the noise without purification says nothing of the weakest of 26
    assert lasting["worst_low"] > lasting["noise"]["worst_high"]
    assert lasting["beyond_noise"] is True
    assert nothing["worst_case"] < -0.2
    assert nothing["beyond_noise"] is False
    band = f"(noise band [{lasting['noise']['worst_low']:.2f}, {lasting['noise']['worst_high']:.2f}])"
    assert summary["answer"].startswith("Strongest protection: lasting ")
    assert band in summary["answer"]


def test_a_protection_shown_without_purification_only_is_held_against_the_controls_without() -> None:
    world = World({"elsewhere": {"none": 0.6, "jpeg(75)": 0.3}, "here": {"none": 0.6, "jpeg(75)": 0.3}}, noise=0.02)
    world.cells = [
        line for line in world.cells if (line["protection"], line["purification"]) != ("elsewhere", "jpeg(75)")
    ]
    row = row_of(summarised(world), "elsewhere")
    assert row["worst_case"] is None
    assert row["beyond_noise"] is (row["low"] > row["noise"]["high"]) is True
