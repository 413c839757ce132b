"""All pairs of several checkpoints at once, with Holm's correction: what so many looks leave standing."""

import pandas as pd
import streamlit as st

from app import services
from app.compare import answered
from app.compare.significant import every_pair_chart
from app.content import label, text
from app.kit import theme, url
from app.kit.asking import verdicts
from app.kit.plain import escaped
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.statistics.formats import p_value, points
from peft_core.statistics.many_tests import PairOfMany
from peft_core.statistics.paired_test import LEVEL

AMONG = "among"  # in the URL
MOST = 16  # checkpoints, 120 pairs


def draw() -> None:
    """Which checkpoints, the map of their pairs, what is left after the correction, all numbers."""
    st.markdown(text("compare", "every_pair"))
    known = {info.name: info for info in answered.alike()}
    called = verdicts.titles(services.checkpoints())
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large", key="every_pair_numbers"):
        infos = _choose(known, called) if len(known) > 1 else list(known.values())
        found = answered.pairs(infos)
        if found is None:
            return
        alone, left = sum(pair.test.told_apart for pair in found), sum(pair.told_apart for pair in found)
        for name, value in (("pairs", len(found)), ("alone", alone), ("holm", left)):
            st.metric(label("compare", f"every_{name}"), f"{value:,}", width="content")
    every_pair_chart.draw(found, called)
    legend = label("compare", "every_legend_dark" if theme.is_dark() else "every_legend")
    st.caption(f"{label('compare', 'every_reading')} {legend}")
    told = {"n": len(infos), "pairs": f"{len(found):,}", "chance": f"{LEVEL * len(found):.2g}", "alone": f"{alone:,}"}
    st.markdown(label("compare", "every_sentence", **told, left=f"{left:,}"))
    with st.expander(label("compare", "every_table")):
        _table(found, called)


def _choose(known: dict[str, CheckpointInfo], called: dict[str, str]) -> list[CheckpointInfo]:
    """Several checkpoints, in the URL by name; at first the shipped ones."""
    in_link = st.query_params.get_all(AMONG)
    default = [name for name, info in known.items() if info.shipped][:MOST]
    default = default if len(default) > 1 else list(known)[:MOST]
    if url.to_be_read(AMONG):
        st.session_state[AMONG] = [name for name in dict.fromkeys(in_link) if name in known][:MOST] or default
    elif not known.keys() >= set(st.session_state[AMONG]):  # a run was deleted meanwhile
        st.session_state[AMONG] = [name for name in st.session_state[AMONG] if name in known]
    with st.popover(label("compare", "among", n=len(st.session_state[AMONG]))):
        names = st.multiselect(
            label("compare", "among_which"), list(known), format_func=called.get, key=AMONG, wrap=True,
            max_selections=MOST,
        )  # fmt: skip
    if names == default:
        st.query_params.pop(AMONG, None)
    elif names != in_link:
        st.query_params[AMONG] = names
    return [known[name] for name in names]


def _table(found: tuple[PairOfMany, ...], called: dict[str, str]) -> None:
    """Every pair, the smallest p first."""
    rows = [
        {
            "first_of": called[pair.first],
            "second_of": called[pair.second],
            "points": points(pair.test.difference),
            "p": p_value(pair.test.p),
            "p_holm": p_value(pair.p_holm),
        }
        for pair in sorted(found, key=lambda pair: pair.test.p)
    ]
    titles = {name: label("compare", f"column_{name}") for name in rows[0]}
    right = {titles[name]: st.column_config.TextColumn(alignment="right") for name in ("points", "p", "p_holm")}
    st.dataframe(
        pd.DataFrame(rows).rename(columns=titles), hide_index=True, width="stretch", height=360, key="every_pair",
        column_config=right, alt=label("compare", "every_table_alt", n=len(rows)),
    )  # fmt: skip
    st.code(f"python -m peft_core compare {escaped(' '.join(_names(found)))}", language="bash")


def _names(found: tuple[PairOfMany, ...]) -> list[str]:
    return list(dict.fromkeys(name for pair in found for name in (pair.first, pair.second)))
