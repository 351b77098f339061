from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from made_up_runs import World, metric

from antibench.errors import UserError
from antibench.report import FORMATS, render
from antibench.report.latex import escape as escape_latex
from antibench.report.markdown import escape as escape_markdown
from antibench.report.notes import footnotes
from antibench.summary import summarise

TWO = {"strong": {"none": 0.6, "jpeg(75)": 0.4}, "weak": {"none": 0.5, "jpeg(75)": 0.1}}
HOSTILE = '=HYPERLINK("x")|\\input{/etc/passwd}$&%#_^~[bold]<script>`\x1b[31m\n% end'


def summary_of(world: World) -> dict[str, Any]:
    return summarise(world.header, world.cells, world.costs)


def relabelled(label: str) -> dict[str, Any]:
    world = World({label: {"none": 0.6, "jpeg(75)": 0.4}}, noise=0.02)
    return summary_of(world)


@pytest.mark.parametrize("format_", ["table", "markdown", "latex"])
def test_the_first_line_is_the_answer(format_: str) -> None:
    first = render(summary_of(World(TWO, noise=0.02)), format_).splitlines()[0]
    plain = re.sub(r"^% |\*\*|\\", "", first)
    assert re.match(
        r"Strongest protection: strong on zoo-small at 8 levels: worst-case strength 0\.\d\d \[0\.\d\d, 0\.\d\d\] "
        r"over none, jpeg\(75\) \(noise band \[-0\.\d\d, 0\.\d\d\]\); small world, gate failed$",
        plain,
    )


def test_the_table_says_world_level_gate_counts_noise_and_what_can_be_seen() -> None:
    text = render(summary_of(World(TWO, noise=0.02)), "table")
    for part in (
        "Suite made-up@1, small world (zoo-small: gate failed), level L1",
        "8 photos; 448 scores: 448 ok",
        "Noise band of ism0[dlib]: [",
        "smallest detectable effect",
        "ism0[dlib] on zoo-small [gate failed]",
        "Fidelity of the protected photo",
        "Cost of protecting one photo",
    ):
        assert part in text


def test_numbers_of_the_table_are_those_of_the_summary() -> None:
    summary = summary_of(World(TWO, noise=0.02))
    row = summary["rows"][0]
    line, left = [line for line in render(summary, "table").splitlines() if line.startswith("strong") and "%" in line]
    numbers = [float(item) for item in re.findall(r"-?\d+\.\d+", line)]
    expected = [
        row["strength"],
        row["high"] - row["strength"],
        row["worst_case"],
        row["worst_high"] - row["worst_case"],
    ]
    assert numbers[:4] == pytest.approx(expected, abs=0.0051)
    kept, high = row["retained"], row["retained_high"]
    assert f"{100 * kept:.0f}% ± {100 * (high - kept):.0f}%" in line
    (jpeg,) = [item for item in row["purifications"] if item["purification"] == "jpeg(75)"]
    assert jpeg["retained"] == pytest.approx(kept)  # the only purification
    assert left.split()[-3:] == [f"{100 * kept:.0f}%", "±", f"{100 * (high - kept):.0f}%"]


def test_the_table_fits_100_columns_and_has_no_colour_without_a_terminal() -> None:
    grid = {"none": 0.5, **{f"gaussian-blur({sigma})": 0.3 for sigma in (0.5, 1, 1.5, 2, 3, 4, 5)}}
    world = World({"anti-i2v": grid, "advdm": grid}, noise=0.05)
    for name in ("ssim", "st-lpips[vgg]", "lpips[alex]", "ciede2000", "linf-levels"):
        world.header["metrics"].append(metric(name, "neither", scope="fidelity"))
        world.cells += [{**line, "metric": name} for line in world.cells if line["metric"] == "psnr"]
    text = render(summary_of(world), "table")
    answer, *others = text.splitlines()
    assert "over none and 7 purifications" in answer
    assert max(map(len, others)) <= 100
    assert "\x1b" not in text


def test_incomplete_groups_are_marked_with_counts_and_reasons() -> None:
    world = World(TWO)
    line = next(line for line in world.cells if line["protection"] == "strong" and line["metric"] == "ism0[dlib]")
    line.update(status="failed", value=None, reason="no face found")
    text = render(summary_of(world), "table")
    assert "7/8 INCOMPLETE" in text
    assert "incomplete: no face found (strong on zoo-small)" in text


def test_reasons_of_controls_are_told_only_for_lost_photos() -> None:
    text = render(summary_of(World(TWO, noise=0.02)), "table")
    assert "no retained" not in text
    nothing = render(summary_of(World({"p": {"none": 0.0, "jpeg(75)": 0.0}}, noise=0.05)), "table")
    assert re.search(
        r"no retained: the strength without purification is not beyond the noise\s\(p on\szoo-small\)", nothing
    )


def test_the_three_rows_of_identity_are_shown() -> None:
    world = World(TWO, photo_damage=0.1)
    world.header["metrics"].append(metric("ism-own-input[dlib]"))
    world.cells += [
        {**line, "metric": "ism-own-input[dlib]", "value": 0.77} for line in world.cells if line["metric"] == "motion"
    ]
    text = render(summary_of(world), "table")
    assert re.search(r"protection +levels +photo +video +video / own input +stranger's video", text)
    assert re.search(r"strong +8 1\.00 → 0\.91 0\.\d\d → 0\.\d\d +0\.77 → 0\.77 +0\.20", text)


def test_another_metric_can_lead_the_tables() -> None:
    summary = summary_of(World(TWO))
    text = render(summary, "table", metric="fdfr[mtcnn]")
    assert text.index("fdfr[mtcnn] on zoo-small") < text.index("ism0[dlib] on zoo-small")
    with pytest.raises(UserError, match=r"'ism0\[dlip\]'; did you mean 'ism0\[dlib\]'"):
        render(summary, "table", metric="ism0[dlip]")


def test_json_is_the_summary() -> None:
    summary = summary_of(World(TWO))
    assert json.loads(render(summary, "json")) == summary


def test_csv_has_one_line_a_row_with_the_summarys_numbers() -> None:
    summary = summary_of(World(TWO, noise=0.02))
    lines = list(csv.DictReader(io.StringIO(render(summary, "csv"))))
    assert len(lines) == len(summary["rows"])
    assert float(lines[0]["worst_case"]) == summary["rows"][0]["worst_case"]
    assert lines[0]["psnr"] == "33.0"
    assert lines[-1]["strength"] == ""


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(UserError, match="unknown format 'html'"):
        render(summary_of(World(TWO)), "html")


@pytest.mark.parametrize("format_", FORMATS)
def test_hostile_labels_send_no_control_characters(format_: str) -> None:
    text = render(relabelled(HOSTILE), format_)
    assert "\x1b" not in text
    if format_ == "table":
        assert r"\x1b[31m\n% end" in text.splitlines()[0]
        assert "[bold]" in text


def test_hostile_labels_are_text_in_markdown() -> None:
    assert escape_markdown("a|b <c> *d* [e](f) `g`\nh") == r"a\|b &lt;c&gt; \*d\* \[e\](f) \`g\` h"
    text = render(relabelled(HOSTILE), "markdown")
    assert "<script>" not in text
    for table in re.findall(r"(?m)(?:^\|.*\n)+", text + "\n"):
        pipes = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(pipes) == 1


def test_hostile_labels_are_text_in_latex() -> None:
    assert escape_latex(r"\a{b}_%") == r"\textbackslash{}a\{b\}\_\%"
    text = render(relabelled(HOSTILE), "latex")
    commands = set(re.findall(r"\\([a-zA-Z]+)", re.sub(r"(?m)^%.*$", "", text)))
    ours = r"begin|end|centering|caption|(top|mid|bottom)rule|(up|down|right)arrow|pm|text[a-z]+"
    assert all(re.fullmatch(ours, command) for command in commands)
    for line in text.splitlines():
        if not line.startswith("%"):
            assert re.search(r"(?<!\\)%", line) is None


def test_latex_tables_are_booktabs_with_as_many_cells_as_columns() -> None:
    text = render(summary_of(World(TWO)), "latex")
    tables = re.findall(r"\\begin{tabular}{(l r*|lr+)}\n\\toprule\n(.*?)\\bottomrule", text, flags=re.DOTALL)
    assert len(tables) == text.count(r"\begin{table}") > 3
    for columns, body in tables:
        for line in body.replace("\\midrule\n", "").splitlines():
            assert len(re.findall(r"(?<!\\)&", line)) == len(columns) - 1


def test_formula_like_labels_stay_text_in_csv() -> None:
    lines = list(csv.DictReader(io.StringIO(render(relabelled("=1+1"), "csv"))))
    assert "'=1+1" in {line["protection"] for line in lines}
    lines = list(csv.DictReader(io.StringIO(render(relabelled(HOSTILE), "csv"))))
    assert all(None not in line for line in lines)


def test_transfer_is_a_table_of_its_own() -> None:
    """Made on one model, shown to both; random noise stands beside it."""
    home, away = (
        World({"p": {"none": 0.6}}, noise=0.02),
        World({"p": {"none": 0.1}}, noise=0.02, target="other", seed=1),
    )
    for line in away.cells:
        line["surrogate"] = line["surrogate"] and "zoo-small"
    header = {**home.header, "models": home.header["models"] + away.header["models"]}
    summary = summarise(header, home.cells + [line for line in away.cells if line["target"]], [])
    lines = render(summary, "table").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Transfer: ism0[dlib]"))
    table = {line.split()[0]: line for line in lines[start + 1 : start + 8] if line}
    assert re.search(r"made on +levels +zoo-small +other", table["protection"])
    assert re.search(r"^p +zoo-small +8 +\[0\.[56]\d ± 0\.\d\d \*\] +0\.[01]\d ± 0\.\d\d \*$", table["p"])
    assert re.search(r"^random-sign \(control\) +- +8 +-?0\.0\d ± 0\.\d\d +-?0\.0\d ± 0\.\d\d$", table["random-sign"])
    assert "Transfer" not in render(summary_of(World(TWO)), "table")


def test_a_reason_that_many_rows_share_names_some_and_counts_the_rest() -> None:
    nothing = {f"p{index:02d}": {"none": 0.0, "jpeg(75)": 0.0} for index in range(11)}
    (note,) = [line for line in footnotes(summary_of(World(nothing, noise=0.05))) if line.startswith("no retained")]
    named = re.findall(r"p\d\d on zoo-small", note)
    assert len(named) == len(set(named)) == 6
    assert note.endswith(" and 5 more)")
