"""Accuracy against trainable parameters: the report's points and ours, with intervals and the fronts of the best."""

import pandas as pd
import streamlit as st

from app.compare import answered, linked, shared
from app.compare.trade_off import chart as trade_off_chart
from app.content import label, text
from app.kit.formats import NOTHING, quoted_text, with_interval
from app.kit.plain import escaped
from peft_core.methods.registry import method_label
from peft_core.report.quoted import BASE
from peft_core.report.table import Table, TableRow
from peft_core.statistics.pareto import Point, pareto_front

SIDES = ("both", "ours", "report")


def draw() -> None:
    """Which points, the chart, what the front says, and the same points as a table."""
    st.markdown(text("compare", "trade_off"))
    left, middle, right = st.columns([2, 2, 3], vertical_alignment="bottom")
    with left:
        table = shared.table_for(shared.choose_base())
    with middle:
        side = shared.choose("points", label("compare", "points_shown"), SIDES, "points")
    names = {row.key: row.label for row in table.rows}
    linked.remember(names)
    with right:
        chosen = linked.choose(names, label("compare", "marked"))
    frame = points(table, side)
    if frame.empty:
        st.info(label("compare", "no_points", base=escaped(shared.short(table.base))), icon=":material/info:")
        return
    spoken = "; ".join(
        f"{p.number} {p.label} ({_of(p.side, table.base)}), {p.trainable:,}: {p.told}" for p in frame.itertuples()
    )
    trade_off_chart.draw(frame, chosen, list(names), label("compare", "trade_off_alt", rows=spoken))
    st.caption(text("compare", "trade_off_reading", base=escaped(shared.short(table.base)), report=BASE))
    _overlap()
    for name in ("ours", "report"):
        of_side = frame[frame["side"] == name]
        if not of_side.empty:
            st.markdown(_sentence(of_side, name, table.base))
    _table(frame, table.base)


def points(table: Table, side: str) -> pd.DataFrame:
    """A row a point, the report's first; columns side, row (its key), label, trainable, accuracy, front, and more.

    A row of the table has two points where it was run here. Runs that two rows of the report share are one point.
    """
    found = []
    for row in table.rows:
        ours = row.reproduction if row.same_runs_as is None else None
        quoted = row.quoted and (row.quoted.trainable_parameters, row.quoted.measured)
        measured = ours and (ours.counts.by_hand.trainable, ours.test)
        for name, point in (("report", quoted), ("ours", measured)):
            if point and side in ("both", name):
                trainable, accuracy = point
                found.append(
                    {
                        "side": name, "row": row.key, "label": row.label if name == "report" else ours_label(row),
                        "short": method_label(row.method).removesuffix(", Pfeiffer"),  # where all are, it says nothing
                        "method": row.method.method, "trainable": trainable, "accuracy": accuracy.accuracy,
                        "low": accuracy.low, "high": accuracy.high,
                        "told": quoted_text(row.quoted) if name == "report" else with_interval(accuracy),
                    }
                )  # fmt: skip
    frame = pd.DataFrame(found)
    if frame.empty:
        return frame
    frame = frame.sort_values(["side", "trainable"], ascending=[False, True], kind="stable", ignore_index=True)
    front = set()
    for name, group in frame.groupby("side"):
        given = [
            Point(row, int(n), share)
            for row, n, share in group[["row", "trainable", "accuracy"]].itertuples(index=False)
        ]
        front |= {(name, point.name) for point in pareto_front(given)}
    frame["front"] = [key in front for key in frame[["side", "row"]].itertuples(index=False, name=None)]
    frame["number"] = [str(number) for number in range(1, len(frame) + 1)]
    return frame


def ours_label(row: TableRow) -> str:
    """Without the library of the report's row, where it has one: ours are all made with the code of this project."""
    return method_label(row.method) if row.quoted else row.label


def _overlap() -> None:
    """How many of our pairs are told apart although their bars overlap; nothing as long as that is not known."""
    found = answered.pairs_at_hand()
    apart = [pair for pair in found if pair.test.told_apart]
    if apart:
        told = {"pairs": len(found), "apart": len(apart), "overlap": answered.overlapping(apart)}
        st.markdown(text("compare", "overlap", **told))


def _of(side: str, base: str) -> str:
    return label("compare", f"side_{side}", base=shared.short(base), report=BASE)


def _sentence(points_of_side: pd.DataFrame, side: str, base: str) -> str:
    """What the front of one side says: from its cheapest to its best point."""
    front = points_of_side[points_of_side["front"]]
    first, last = front.iloc[0], front.iloc[-1]
    values = {
        "side": escaped(_of(side, base)), "n": len(front), "of": len(points_of_side), "first": escaped(first["label"]),
        "first_n": f"{first['trainable']:,}", "first_share": first["told"], "last": escaped(last["label"]),
        "last_n": f"{last['trainable']:,}", "last_share": last["told"],
    }  # fmt: skip
    return label("compare", "front_one" if len(front) == 1 else "front_some", **values)


def _table(frame: pd.DataFrame, base: str) -> None:
    cells = [
        {
            label("compare", "column_number"): p.number,
            label("compare", "column_row"): p.label,
            label("compare", "column_side"): _of(p.side, base),
            label("compare", "column_trainable"): f"{p.trainable:,}",
            label("compare", "column_accuracy"): p.told,
            label("compare", "column_front"): "✓" if p.front else NOTHING,
        }
        for p in frame.itertuples()
    ]
    column = st.column_config.TextColumn
    right = {
        label("compare", f"column_{name}"): column(alignment="right") for name in ("number", "trainable", "accuracy")
    }
    spoken = label("compare", "points_alt", n=len(cells))
    linked.table(pd.DataFrame(cells), list(frame["row"]), "trade_off_table", spoken, right)
