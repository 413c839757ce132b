"""Methods, not models: every seed a dot, and the difference of two means with as many observations as seeds."""

import altair as alt
import pandas as pd
import streamlit as st

from app.compare import shared
from app.content import label, text
from app.kit import figure, theme
from app.kit.plain import escaped
from peft_core.report.seeds import RowDifference, RowSeeds, row_differences, rows_with_seeds
from peft_core.statistics.formats import p_value, points
from peft_core.statistics.paired_test import LEVEL

ROW = 44  # pixels


def draw() -> None:
    """Base model, a line a method with its seeds, every pair that has two seeds each, one sentence."""
    st.markdown(text("compare", "seeds"))
    rows = rows_with_seeds(shared.table_for(shared.choose_base()))
    if not rows:
        st.info(label("compare", "no_seeds"), icon=":material/info:")
        return
    _chart(rows)
    st.caption(label("compare", "seeds_reading"))
    found = row_differences(rows)
    if found:
        _table(found)
    single = sum(len(row.seeds) == 1 for row in rows)
    told = {"pairs": len(found), "single": single, "rows": len(rows)}
    alone = sum((pair.difference.p or 0) < LEVEL for pair in found)
    left = sum(pair.p_holm < LEVEL for pair in found)
    st.markdown(label("compare", "seeds_sentence", **told, alone=alone, left=left))


@figure.kept
def _chart(rows: tuple[RowSeeds, ...]) -> None:
    """Hollow: a seed. Filled: the mean of several, its line their 95% t-interval."""
    ordered = sorted(rows, key=lambda row: -row.mean.value)
    names = [_name(row) for row in ordered]
    seeds = pd.DataFrame(
        [
            {"row": _name(row), "method": row.method.method, "accuracy": accuracy}
            for row in ordered
            for accuracy in row.accuracies
        ]
    )
    means = pd.DataFrame(
        [
            {"row": _name(row), "method": row.method.method, "accuracy": mean.value, "low": mean.low, "high": mean.high}
            for row in ordered
            if (mean := row.mean).low is not None
        ],
        columns=["row", "method", "accuracy", "low", "high"],
    )
    styles = theme.METHOD
    colour = alt.Color(
        "method:N", scale=alt.Scale(domain=list(styles), range=[s.colour for s in styles.values()]), legend=None
    )
    shape = alt.Shape(
        "method:N", scale=alt.Scale(domain=list(styles), range=[s.shape for s in styles.values()]), legend=None
    )
    scale, axis = alt.Scale(zero=False, nice=True), alt.Axis(format=".1~%", tickCount=5, grid=True)
    x = alt.X("accuracy:Q", title=label("compare", "axis_accuracy"), scale=scale, axis=axis)
    y = alt.Y("row:N", sort=names, axis=None)
    name = (
        alt.Chart(pd.DataFrame({"row": names}))
        .mark_text(align="left", dy=-16, fontSize=13, color=theme.ink())
        .encode(x=alt.XValue(0), y=y, text=alt.Text("row:N"))
    )
    base, one = alt.Chart(means).encode(y=y), alt.Chart(seeds).encode(y=y, tooltip=alt.TooltipValue(None))
    line = base.mark_rule(strokeWidth=2, color=theme.soft_ink()).encode(
        x=alt.X("low:Q", scale=scale), x2=alt.X2("high:Q")
    )
    mean = base.mark_tick(thickness=4, size=22, color=theme.ink()).encode(x=x)
    dots = one.mark_point(size=110, strokeWidth=2.5, filled=False, opacity=1).encode(x=x, color=colour, shape=shape)
    spoken = "; ".join(f"{_name(row)}: {', '.join(f'{a:.1%}' for a in row.accuracies)}" for row in ordered)
    chart = alt.layer(line, mean, dots, name).properties(height=ROW * len(names) + 30)
    st.altair_chart(
        theme.readable(chart), width="stretch", key="seeds_chart", alt=label("compare", "seeds_alt", rows=spoken)
    )


def _name(row: RowSeeds) -> str:
    return label("compare", "seeds_one" if len(row.seeds) == 1 else "seeds_some", name=row.label, n=len(row.seeds))


def _table(found: tuple[RowDifference, ...]) -> None:
    """Every pair of rows with several seeds, the smallest p first."""
    lines = []
    for pair in found:
        it = pair.difference
        between = "" if it.low is None or it.high is None else f" ({points(it.low)} – {points(it.high)})"
        lines.append(
            {
                "first_of": pair.first.label,
                "second_of": pair.second.label,
                "points": f"{points(it.value)}{between}",
                "unit": label("compare", "seeds_of", first=it.runs[0], second=it.runs[1]),
                "p": "" if it.p is None else p_value(it.p),
                "p_holm": p_value(pair.p_holm),
            }
        )
    titles = {name: label("compare", f"column_{name}") for name in lines[0]}
    right = {titles[name]: st.column_config.TextColumn(alignment="right") for name in ("points", "p", "p_holm")}
    st.dataframe(
        pd.DataFrame(lines).rename(columns=titles), hide_index=True, width="stretch", key="seeds_table",
        column_config=right, alt=escaped(label("compare", "seeds_table_alt", n=len(lines))),
    )  # fmt: skip
