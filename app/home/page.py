"""Home: what PEFT is, and what each method trains on the chosen base model; why, which, and when not, a click away."""

import altair as alt
import pandas as pd
import streamlit as st

from app import services
from app.content import label, text
from app.content.lessons import LESSON
from app.home import family, when_not, why
from app.kit import figure, theme, url
from app.kit.asking import judged
from app.kit.pages import pages_of, script_of
from app.kit.reach import titles
from peft_core.counting.by_hand import count
from peft_core.methods.registry import METHODS, method_config
from peft_core.t5.architecture import catalogue

CARDS = 4  # in a row: narrower ones cut their number


def cards(base_name: str) -> pd.DataFrame:
    """One card a method with its live count; returns the counts for the chart."""
    base = catalogue()[base_name]
    rows = []
    st.html(
        "<style>.st-key-home_cards [data-testid='stMetricValue'] { font-size: 1.6rem; }</style>"
    )  # eight digits fit
    with st.container(key="home_cards"):
        columns = [column for _ in range(0, len(METHODS), CARDS) for column in st.columns(CARDS, gap="small")]
    for column, name in zip(columns, METHODS, strict=False):
        config = method_config(name)
        result = count(base.architecture, config)
        title, setting = label(f"method/{name}", "title"), label(f"method/{name}", "setting", **dict(config))
        rows.append({"method": title, "key": name, "count": result.trainable_parameters})
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{title}**  \n{setting}")
            st.metric(label("home", "trains"), f"{result.trainable_parameters:,}")
            values = {"total": f"{result.total_parameters:,}", "share": f"{result.trainable_fraction:.2%}"}
            st.caption(label("home", "of", **values))
            audit = services.numel(base, config)
            if audit is None:
                st.caption(f":material/hourglass_top: {label('home', 'waiting')}")
            elif (audit.numel_trainable, audit.numel_total) == (result.trainable_parameters, result.total_parameters):
                st.caption(f":material/check_circle: {label('home', 'checked')}")
            else:
                st.caption(f":material/error: {label('home', 'differs', numel=f'{audit.numel_trainable:,}')}")
            for page in pages_of(name):
                st.page_link(script_of(page.name), label=page.short, icon=":material/arrow_forward:")
    return pd.DataFrame(rows)


@figure.kept
def chart(rows: pd.DataFrame, base_name: str) -> None:
    """All methods on one logarithmic axis, in their own colours and markers, named directly."""
    colours = [theme.METHOD[key].colour for key in rows["key"]]
    shapes = [theme.METHOD[key].shape for key in rows["key"]]
    rows = rows.assign(words=[f"{m}  {c:,}" for m, c in zip(rows["method"], rows["count"], strict=True)])
    order = rows["method"].tolist()
    x = alt.X(
        "count:Q",
        title=label("home", "trainable"),
        scale=alt.Scale(type="log", domain=[100, float(rows["count"].max()) * 3]),
        axis=alt.Axis(format="~s"),
    )
    base = alt.Chart(rows).encode(x=x, y=alt.Y("method:N", sort=order, axis=None))
    points = base.mark_point(filled=True, size=220, opacity=1).encode(
        color=alt.Color("method:N", scale=alt.Scale(domain=order, range=colours), legend=None),
        shape=alt.Shape("method:N", scale=alt.Scale(domain=order, range=shapes), legend=None),
    )
    limit = int(rows["count"].max())  # the words of the largest stand left of it: there is no room on the right
    style = {"fontSize": 15, "color": theme.ink()}
    after = base.transform_filter(f"datum.count < {limit}").mark_text(align="left", dx=14, **style)
    before = base.transform_filter(f"datum.count >= {limit}").mark_text(align="right", dx=-14, **style)
    words = after.encode(text=alt.Text("words:N")) + before.encode(text=alt.Text("words:N"))
    listed = "; ".join(rows["words"])
    st.altair_chart(
        theme.readable((points + words).properties(height=200)),
        width="stretch",
        key="home_chart",
        alt=label("home", "chart_alt", base=base_name, rows=listed),
    )


def methods() -> None:
    """What every method trains on the chosen base model."""
    words, selector = st.columns([3, 1], vertical_alignment="bottom")
    words.caption(text("home", "provenance"))
    chosen = selector.selectbox(label("home", "base"), list(catalogue()), key="base", bind="query-params")
    chart(cards(chosen), chosen)


def opening() -> None:
    """Something before the first click: a review that all have judged, one of them obviously wrong."""
    if review := judged.shown():
        judged.draw(review, judged.by_all(review))
        with st.container(horizontal=True, key="judged_ways"):
            judged.ask_yourself(review)
            judged.another()
            st.page_link(script_of("map"), label=label("home", "open_map"), icon=":material/map:")
            st.page_link(script_of("lessons"), label=label("home", "open_lessons"), icon=":material/route:")


SCREENS = {"methods": methods, "why": why.draw, "family": family.draw, "when_not": when_not.draw}
with st.container(key="home_lead"):
    st.html(
        "<style>@media (max-width: 640px) { .st-key-home_lead h1 { font-size: 1.6rem; padding: 1.6rem 0 0; } }</style>"
    )
    st.markdown(text("home", "lead"))
if LESSON not in st.query_params:  # a stop shows what its link says
    opening()  # not beside the title: presenter mode puts away what is no part of a screen, and never the title
st.markdown(text("home", "what"))
titled = {name: label("home", f"tab_{name}") for name in SCREENS}
tabs = url.tabs("about", tuple(SCREENS), list(titled.values()))
for name, screen in SCREENS.items():
    with tabs[name]:
        if tabs[name].open:
            titles.section(titled[name])
            screen()
st.markdown(text("home", "next"))
st.page_link(script_of("playground"), label=label("home", "open_playground"), icon=":material/rate_review:")
st.page_link(script_of("rank_lab"), label=label("home", "open_rank_lab"), icon=":material/science:")
st.page_link(script_of("compare"), label=label("home", "open_compare"), icon=":material/balance:")
st.page_link(script_of("race"), label=label("home", "open_race"), icon=":material/flag:")
services.rerun_when_ready()
