"""A hundred tasks: one base model and a small file a customer, instead of a whole model for each of them."""

from dataclasses import dataclass

import altair as alt
import pandas as pd
import streamlit as st

from app import services
from app.content import label, text
from app.home import swap
from app.kit import figure, theme, url
from app.kit.formats import megabytes, times
from app.kit.pages import page_for, pages_of, script_of
from app.kit.plain import escaped
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import METHODS, method_label, method_of
from peft_core.statistics.formats import bytes_text

MOST, AT_FIRST = 1000, 100  # customers
ROW, AXIS = 40, 40  # pixels


@dataclass(frozen=True)
class Storage:
    """Bytes of one customer's file, and whether it needs the base model beside it."""

    method: MethodConfig
    each: int
    needs_base: bool

    def of(self, customers: int, base: int) -> int:
        """Bytes for so many customers."""
        return customers * self.each + (base if self.needs_base else 0)


def file_bytes(info: CheckpointInfo) -> int:
    """The weights of a checkpoint on disk."""
    return (info.path / method_of(info.record.config.method).weights_file).stat().st_size


def storages(infos: list[CheckpointInfo]) -> list[Storage]:
    """The first shipped checkpoint of each method, the largest file first."""
    found: dict[str, Storage] = {}
    for info in infos:
        needs_base = not METHODS[info.method].owns_weights
        found.setdefault(info.method, Storage(info.record.config.method, file_bytes(info), needs_base))
    return sorted(found.values(), key=lambda storage: -storage.each)


def _size(count: int) -> str:
    return bytes_text(count).replace(" ", "\N{NO-BREAK SPACE}")


def draw() -> None:
    """Claim, a number of customers, what they take on disk, a change of customer, and what this app itself ships."""
    shipped = [info for info in services.checkpoints() if info.shipped]
    whole = [info for info in shipped if METHODS[info.method].owns_weights]
    few = [info for info in shipped if not METHODS[info.method].owns_weights]
    st.markdown(text("home", "why"))
    if not whole or not few:
        return
    base = file_bytes(whole[0])  # a whole model, as full fine-tuning leaves it, is as large as the one it came from
    try:
        found, report = swap.times()
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    url.clamp("customers", label("home", "customers"), 1, MOST)
    customers = st.slider(label("home", "customers"), 1, MOST, AT_FIRST, key="customers", bind="query-params")
    rows = storages(shipped)
    full, small = rows[0], next(row for row in rows if row.needs_base)
    values = {
        "customers": f"{customers:,}", "base": whole[0].base, "full": _size(full.of(customers, base)),
        "few": _size(small.of(customers, base)), "method": method_label(small.method), "whole": megabytes(base),
        "times": times(full.of(customers, base) / small.of(customers, base)), "each": megabytes(small.each),
    }  # fmt: skip
    st.markdown(text("home", "why_reading", **swap.values(found) | values))
    swap.draw(found, report)
    _chart(rows, customers, base)
    st.markdown(text("home", "why_bytes", **values))
    sizes = {
        "k": len(few), "small": megabytes(sum(map(file_bytes, few))), "base_file": megabytes(base),
        "copies": megabytes(len(few) * base),
    }  # fmt: skip
    st.markdown(text("home", "why_shipped", **sizes))
    st.markdown(text("home", "why_forget"))
    with st.container(horizontal=True):
        forgetting = script_of(pages_of(whole[0].method)[0].name)
        st.page_link(
            forgetting, label=label("home", "to_forgetting"), icon=":material/history:",
            query_params={"section": "forgetting"},
        )  # fmt: skip
        page, query = page_for(small.method)
        st.page_link(
            script_of(page.name), label=label("home", "to_cost"), icon=":material/memory:",
            query_params={"section": "cost", **query},
        )  # fmt: skip


@figure.kept
def _chart(rows: list[Storage], customers: int, base: int) -> None:
    records = []
    for row in rows:
        who, size = method_label(row.method), row.of(customers, base)
        words = label("home", "full_copies", method=who, size=megabytes(size))
        records.append({"who": who, "is": row.method.method, "mb": size / 1e6, "words": words})
    frame = pd.DataFrame(records)
    y = alt.Y("who:N", sort=frame["who"].tolist(), axis=None)
    names = frame["is"].tolist()
    colours = alt.Scale(domain=names, range=[theme.METHOD[name].colour for name in names])
    chart = alt.Chart(frame).encode(y=y, tooltip=alt.TooltipValue(None))
    x = alt.X(
        "mb:Q", title=label("home", "why_axis"), scale=alt.Scale(domainMin=0), axis=alt.Axis(tickCount=5, grid=False)
    )
    bars = chart.mark_bar(size=12).encode(x=x, color=alt.Color("is:N", scale=colours, legend=None))
    words = chart.mark_text(align="left", dy=-15, fontSize=14, color=theme.ink()).encode(
        x=alt.XValue(0), text=alt.Text("words:N")
    )
    said = label("home", "why_alt", customers=customers, rows="; ".join(frame["words"]))
    shown = theme.readable((bars + words).properties(height=AXIS + ROW * len(rows)))
    st.altair_chart(shown, width="stretch", key="home_why", alt=said)
