"""Charts of what choosing on the test set claims: claimed and honest side by side, and one curve with both marked."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import figure, theme
from peft_core.statistics.formats import points

ROW = 52  # pixels


@dataclass(frozen=True)
class Claim:
    """A curve on test reviews: its best point (`claimed`), and the one that was chosen without them (`honest`).

    Shares, 0…1. `test` and `validation`: (epoch or step, accuracy) of every candidate; `along` says which of the two.
    `losses`: training loss in the claimed and in the honest epoch, where the report prints them.
    """

    key: str
    words: str
    method: str
    claimed: float
    honest: float
    claimed_at: int
    honest_at: int
    test: tuple[tuple[int, float], ...]
    validation: tuple[tuple[int, float], ...]
    n: int
    along: str
    losses: tuple[float, float] | None = None

    @property
    def came_apart(self) -> bool:
        """Whether the training loss rose after the best epoch: then more than luck lies between the two."""
        return self.losses is not None and self.losses[1] > self.losses[0]

    @property
    def difference(self) -> float:
        return self.claimed - self.honest


@figure.kept
def claims(rows: Sequence[Claim], key: str, honest: str) -> None:
    """A line a curve: hollow what was chosen without the test set, filled what was chosen on it."""
    frame = pd.DataFrame(
        [
            {
                "key": row.key, "method": row.method, "claimed": row.claimed, "honest": row.honest,
                "words": label("compare", "claim", name=row.words, n=points(row.difference)),
            }
            for row in sorted(rows, key=lambda row: -row.difference)
        ]
    )  # fmt: skip
    scale, axis = alt.Scale(zero=False, nice=True), alt.Axis(format=".1~%", tickCount=5, grid=False)
    title = label("compare", "axis_accuracy")
    base = alt.Chart(frame).encode(y=alt.Y("key:N", sort=None, axis=None), tooltip=alt.TooltipValue(None))
    x, x_honest = (alt.X(f"{name}:Q", title=title, scale=scale, axis=axis) for name in ("claimed", "honest"))
    way = base.mark_rule(strokeWidth=3, color=theme.frozen()).encode(x=x, x2=alt.X2("honest:Q"))
    before = base.mark_point(size=130, strokeWidth=2.5, filled=False, opacity=1).encode(x=x_honest, **_looks())
    after = base.mark_point(size=160, filled=True, opacity=1).encode(x=x, **_looks())
    names = base.mark_text(align="left", dy=-19, fontSize=13, color=theme.ink()).encode(
        x=alt.XValue(0), text=alt.Text("words:N")
    )
    spoken = "; ".join(f"{row.words}: {row.honest:.1%} → {row.claimed:.1%}" for row in frame.itertuples())
    alternative = label("compare", "claims_alt", honest=label("compare", f"honest_{honest}"), rows=spoken)
    _show(way + before + after + names, ROW * len(frame) + 40, key, alternative)
    st.caption(label("compare", "claims_legend", honest=label("compare", f"honest_{honest}")))


@figure.kept
def curve(claim: Claim) -> None:
    """The test curve, dashed the validation curve that chose, and a mark at each of the two choices."""
    along = label("compare", f"along_{claim.along}")
    x = alt.X("at:Q", title=along, axis=alt.Axis(grid=False, tickMinStep=1, format=",d"))
    y = alt.Y(
        "accuracy:Q", title=label("compare", "axis_accuracy"), scale=alt.Scale(domain=_room(claim), nice=False),
        axis=alt.Axis(format=".1%", tickCount=5),
    )  # fmt: skip
    test = pd.DataFrame(claim.test, columns=["at", "accuracy"])
    colour = theme.METHOD[claim.method].colour
    base = alt.Chart(test).encode(x=x, y=y, tooltip=alt.TooltipValue(None))
    dots = base.mark_point(size=60, filled=True, color=colour, opacity=1)
    layers = [base.mark_line(strokeWidth=3, color=colour), dots]
    if claim.validation:
        chosen_by = pd.DataFrame(claim.validation, columns=["at", "accuracy"])
        dashed = alt.Chart(chosen_by).mark_line(strokeWidth=2, strokeDash=[5, 4], color=colour)
        layers.insert(0, dashed.encode(x=x, y=y))
    marks = pd.DataFrame(
        [
            {"at": claim.claimed_at, "accuracy": claim.claimed, "dy": -22, "words": _mark("claimed", claim.claimed)},
            {"at": claim.honest_at, "accuracy": claim.honest, "dy": 24, "words": _mark("honest", claim.honest)},
        ]
    )
    if claim.claimed_at == claim.honest_at:
        marks = marks.iloc[:1].assign(words=_mark("same", claim.claimed))
    here = alt.Chart(marks).encode(x=x, y=y)
    layers.append(here.mark_point(shape="circle", size=330, filled=False, strokeWidth=3, color=theme.ink()))
    right = "(scale('x', datum.at) > width / 2)"
    style = {
        "dy": alt.ExprRef("datum.dy"), "align": alt.ExprRef(f"{right} ? 'right' : 'left'"),
        "dx": alt.ExprRef(f"{right} ? 10 : -10"), "fontSize": 14,
    }  # fmt: skip
    ground = "#12161C" if theme.is_dark() else "#FFFFFF"
    halo = here.mark_text(stroke=ground, strokeWidth=5, strokeJoin="round", aria=False, **style)
    layers += [layer.encode(text=alt.Text("words:N")) for layer in (halo, here.mark_text(color=theme.ink(), **style))]
    spoken = ", ".join(f"{at:,}: {share:.1%}" for at, share in claim.test)
    words = label("compare", "curve_alt", name=claim.words, along=along, rows=spoken, marks="; ".join(marks["words"]))
    _show(alt.layer(*layers), 300, "optimism_curve", words)
    st.caption(label("compare", "curve_reading", n=f"{claim.n:,}"))


def _room(claim: Claim) -> list[float]:
    """All accuracies, with room for words above and below."""
    shares = [share for _, share in (*claim.test, *claim.validation)]
    room = 0.2 * (max(shares) - min(shares)) + 0.001
    return [min(shares) - room, max(shares) + room]


def _mark(name: str, share: float) -> str:
    return label("compare", f"mark_{name}", share=f"{share:.1%}")


def _looks() -> dict[str, object]:
    names = list(theme.METHOD)
    styles = [theme.METHOD[name] for name in names]
    return {
        "color": alt.Color("method:N", scale=alt.Scale(domain=names, range=[s.colour for s in styles]), legend=None),
        "shape": alt.Shape("method:N", scale=alt.Scale(domain=names, range=[s.shape for s in styles]), legend=None),
    }


def _show(chart: alt.LayerChart, height: int, key: str, words: str) -> None:
    st.altair_chart(theme.readable(chart.properties(height=height)), width="stretch", key=key, alt=words)
