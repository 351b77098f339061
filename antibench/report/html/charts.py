"""Vega-Lite specifications, made by Altair: what is drawn, free of where the numbers come from.

Values are lists of dicts of JSON types. Colours hold on a light and on a dark page; those of text and axes are the
page's (`page.js`) or `PRINTED`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import altair as alt

Values: TypeAlias = Sequence[dict[str, Any]]
Spec: TypeAlias = dict[str, Any]

COLOURS = ("#2f7ed8", "#d9822b", "#2a9d6f", "#c2477f", "#8a63d2", "#a08a1c", "#20a3b4", "#d4503e")
"""Of the first lines of a chart; the others share `OTHER`."""
OTHER = "#8d949e"
ACCENT, QUIET = COLOURS[0], OTHER
WIDTH, HEIGHT, ROW = 260, 190, 17
_FONT = "Helvetica, Arial, sans-serif"
_WORDS = {"labelFont": _FONT, "titleFont": _FONT, "titleFontWeight": "normal"}
PRINTED: dict[str, Any] = {
    "background": "white",
    "view": {"stroke": "#c8ccd2"},
    "axis": _WORDS,
    "legend": _WORDS,
    "header": _WORDS,
    "text": {"font": _FONT},
}
"""Configuration on paper, where no page sets the colours."""


def intervals(values: Values, order: Sequence[str]) -> Spec:
    """Worst cases with their intervals, strengths without purification, and the noise of either, by budget.

    Fields: name, levels, worst, low, high, strength, noise_low, noise_high, worst_noise_low, worst_noise_high.
    """
    base = alt.Chart().encode(y=alt.Y("name:N", sort=list(order), title=None, axis=alt.Axis(labelLimit=220)))
    tips = _tips("name", "worst", "low", "high")
    bands = {
        f"{of}noise_low": base.mark_rect(opacity=0.16, color=colour).encode(
            x=alt.X(f"{of}noise_low:Q", title="strength"), x2=f"{of}noise_high:Q"
        )
        for of, colour in (("", COLOURS[1]), ("worst_", ACCENT))
    }
    rule = base.mark_rule(strokeWidth=2, color=ACCENT).encode(x=alt.X("low:Q", title="strength"), x2="high:Q")
    worst = base.mark_point(filled=True, size=55, opacity=1, color=ACCENT).encode(
        x=alt.X("worst:Q", title="strength"), tooltip=tips
    )
    plain = base.mark_point(filled=False, size=45, opacity=1, color=COLOURS[1]).encode(
        x=alt.X("strength:Q", title="strength"), tooltip=_tips("name", "strength")
    )
    asked = {**bands, "low": rule, "worst": worst, "strength": plain}
    layers = alt.layer(*_known(values, asked)).properties(width=WIDTH, height=alt.Step(ROW))
    return _spec(layers.facet(column=alt.Column("levels:O", title="levels"), data=_data(values)))


def curves(values: Values, x: str, panel: str, order: Sequence[str], log: bool = False) -> Spec:
    """Strengths as lines over `x`, a line a name, a panel each. Fields: name, shown, strength, `x`, `panel`."""
    colour = alt.Color("shown:N", title=None, sort=None, scale=_scale(order), legend=alt.Legend(labelLimit=220))
    scale = alt.Scale(type="log", base=2) if log else alt.Scale(zero=False)
    chart = (
        alt.Chart()
        .mark_line(point=alt.OverlayMarkDef(size=28), strokeWidth=1.6)
        .encode(
            x=alt.X(f"{x}:Q", scale=scale, title=x, axis=alt.Axis(values=sorted({item[x] for item in values})[:24])),
            y=alt.Y("strength:Q", title="strength"),
            color=colour,
            detail="name:N",
            tooltip=_tips("name", x, "strength"),
        )
        .properties(width=WIDTH, height=HEIGHT)
    )
    faceted = chart.facet(
        alt.Facet(f"{panel}:N", title=None, sort=_order(values, panel)), data=_data(values), columns=3
    )
    return _spec(faceted.resolve_scale(x="independent"))


def heat(values: Values, rows: Sequence[str], columns: Sequence[str]) -> Spec:
    """Transfer: what was made (rows) on what it was shown to. Fields: made, target, strength, text."""
    most = max([abs(item["strength"]) for item in values if item["strength"] is not None], default=1.0) or 1.0
    above = alt.Axis(labelAngle=-30, orient="top", labelLimit=200)
    base = alt.Chart(_data(values)).encode(
        x=alt.X("target:N", sort=list(columns), title="shown to", axis=above),
        y=alt.Y("made:N", sort=list(rows), title=None, axis=alt.Axis(labelLimit=300)),
    )  # fmt: skip
    scale = alt.Scale(domain=[-most, 0, most], range=["#b35806", "#f2efe9", "#1f5fae"], interpolate="rgb")
    cells = base.mark_rect().encode(
        color=alt.Color("strength:Q", scale=scale, title="strength"), tooltip=_tips("made", "target", "strength")
    )
    dark = alt.condition(f"abs(datum.strength) > {0.55 * most}", alt.value("#ffffff"), alt.value("#16181d"))
    text = base.mark_text(fontSize=11).encode(text="text:N", color=dark)
    return _spec(alt.layer(cells, text).properties(width=alt.Step(92), height=alt.Step(24)))


def front(values: Values) -> Spec:
    """Worst case against seconds. Fields: name, seconds, strength, place ("on the front" or "outdone"), panel."""
    cost = alt.Scale(type="log", nice=True)
    base = alt.Chart().encode(
        x=alt.X("seconds:Q", scale=cost, title="seconds a photo", axis=alt.Axis(tickCount=4)),
        y=alt.Y("strength:Q", title="worst case", scale=alt.Scale(zero=False, padding=14)),
    )  # fmt: skip
    scale = alt.Scale(domain=["on the front", "outdone"], range=[ACCENT, QUIET])
    kept = alt.datum.place == "on the front"
    line = base.transform_filter(kept).mark_line(color=ACCENT, interpolate="step-after", opacity=0.6)
    points = base.mark_point(filled=True, size=60, opacity=1).encode(
        color=alt.Color("place:N", scale=scale, title=None), tooltip=_tips("name", "seconds", "strength", "place")
    )
    names = base.transform_filter(kept).mark_text(align="left", dx=6, dy=-7, fontSize=10).encode(text="name:N")
    layers = alt.layer(line, points, names).properties(width=WIDTH, height=HEIGHT)
    return _spec(
        layers.facet(alt.Facet("panel:N", title=None, sort=_order(values, "panel")), data=_data(values), columns=3)
    )


def paired(values: Values, metric: str) -> Spec:
    """A line a photo, from its clean clip's score to that of its protected one. Fields: photo, side, score, panel."""
    chart = (
        alt.Chart()
        .mark_line(point=alt.OverlayMarkDef(size=22), strokeWidth=1.2, opacity=0.75, color=ACCENT)
        .encode(
            x=alt.X("side:N", sort=["clean", "protected"], title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("score:Q", title=metric),
            detail="photo:N",
            tooltip=_tips("photo", "side", "score"),
        )
        .properties(width=130, height=150)
    )
    return _spec(
        chart.facet(alt.Facet("panel:N", title=None, sort=_order(values, "panel")), data=_data(values), columns=4)
    )


def descents(values: Values) -> Spec:
    """Curves of optimisers, a row each, with scales of their own. Fields: name, curve, over, x, y."""
    chart = (
        alt.Chart()
        .mark_line(point=alt.OverlayMarkDef(size=28), strokeWidth=1.6, color=ACCENT)
        .encode(
            x=alt.X("x:Q", title=None, axis=alt.Axis(tickCount=4)),
            y=alt.Y("y:Q", title=None, scale=alt.Scale(zero=False)),
            tooltip=_tips("over", "x", "y"),
        )
        .properties(width=200, height=120)
    )
    rows = alt.Row("name:N", title=None, sort=_order(values, "name"), header=alt.Header(labelLimit=150))
    columns = alt.Column("curve:N", title=None, sort=_order(values, "curve"), header=alt.Header(labelLimit=230))
    faceted = chart.facet(row=rows, column=columns, data=_data(values))
    return _spec(faceted.resolve_scale(x="independent", y="independent"))


def changes(values: Values, order: Sequence[str]) -> Spec:
    """Changes between two runs with their intervals. Fields: name, change, low, high, verdict."""
    base = alt.Chart(_data(values)).encode(
        y=alt.Y("name:N", sort=list(order), title=None, axis=alt.Axis(labelLimit=320))
    )
    present = [verdict for verdict in VERDICTS if any(item["verdict"] == verdict for item in values)]
    scale = alt.Scale(domain=present, range=[VERDICTS[verdict] for verdict in present])
    zero = alt.Chart(_data([{"zero": 0}])).mark_rule(color=QUIET, strokeDash=[3, 3]).encode(x="zero:Q")
    colour = alt.Color("verdict:N", scale=scale, title=None)
    rules = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title="change of strength"), x2="high:Q", color=colour
    )
    tips = _tips("name", "change", "low", "high", "verdict")
    points = base.mark_point(filled=True, size=55, opacity=1).encode(
        x=alt.X("change:Q", title="change of strength"), color=colour, tooltip=tips
    )  # fmt: skip
    layers = _known(values, {"low": rules, "change": points})
    return _spec(alt.layer(zero, *layers).properties(width=420, height=alt.Step(ROW)))


def _known(values: Values, layers: dict[str, Any]) -> list[Any]:
    """The layers of the fields that any value has: Vega warns of an axis without a number."""
    return [layer for field, layer in layers.items() if any(item[field] is not None for item in values)]


def _order(values: Values, field: str) -> list[str]:
    """What a field holds, in the order of the values."""
    return list(dict.fromkeys(str(item[field]) for item in values))


def _scale(order: Sequence[str]) -> alt.Scale:
    return alt.Scale(domain=list(order), range=[*COLOURS, OTHER][: len(order)] if len(order) > 1 else [COLOURS[0]])


def _tips(*names: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(field=name, type="nominal" if name in TEXTS else "quantitative") for name in names]


VERDICTS = {"weaker": COLOURS[7], "unsure": COLOURS[1], "same": OTHER, "stronger": COLOURS[2], "unknown": OTHER}
TEXTS = frozenset({"name", "made", "target", "photo", "side", "place", "verdict", "over"})


def _data(values: Values) -> alt.InlineData:
    return alt.InlineData(values=list(values))


def _spec(chart: Any) -> Spec:
    spec: Spec = chart.to_dict()
    spec.pop("config", None)  # the page's or the paper's
    return spec
