"""Does rank 1 suffice? ΔW cut to rank k and put back: the test accuracy as a curve, and what it shows in a sentence."""

import pandas as pd
import streamlit as st

from app import services
from app.content import label, text
from app.kit import url
from app.kit.asking import verdicts
from app.kit.formats import percent
from app.kit.plain import escaped
from app.rank_lab import data
from app.rank_lab.enough import chart, measured
from app.rank_lab.enough.measured import Shown
from peft_core.analysis.spectra.truncation_finding import Finding, rank_one_beside
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.statistics.many_tests import holm
from peft_core.statistics.paired_test import LEVEL

CHOSEN, REVIEWS = "cut", "cut_reviews"  # in the URL
LIMITS, LIMIT = (100, 200, 400), 200  # test reviews of a measurement on the page
MOST = 6  # curves at once


def draw() -> None:
    """Claim, checkpoints, the curves, a sentence for each, all numbers; and a way to measure what is not stored."""
    st.markdown(text("rank_lab", "enough"))
    known = data.with_update()
    if not known:
        st.info(label("rank_lab", "no_update"), icon=":material/info:")
        return
    titles = verdicts.titles(known.values())
    chosen = _choose(known, titles)
    limit = _limit(chosen)
    measured.go_on()
    if refusal := measured.work().refusal:
        st.error(escaped(refusal), icon=":material/error:")
    shown = [one for info in chosen if (one := _shown(info, titles[info.name]))]
    _missing([info for info in chosen if not measured.is_stored(info)], limit, titles)
    if not shown:
        return
    st.markdown(label("rank_lab", "enough_title"))
    st.caption(chart.legend(shown))
    chart.draw(shown, _rank_one(shown))
    st.caption(label("rank_lab", "enough_legend"))
    _findings(shown)
    _table(shown)
    if listed := [words for one in shown if (words := _differing(one))]:
        st.caption(text("rank_lab", "cut_to_own_rank", listed=", ".join(listed)))
    st.caption(text("rank_lab", "how_cut"))


def _findings(shown: list[Shown]) -> None:
    """What each truncation shows, in a sentence; where the test reviews are not there, that instead."""
    try:
        with st.spinner(label("rank_lab", "comparing")):
            found = [measured.finding(one) for one in shown]
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    for one, its in zip(shown, found, strict=True):
        st.markdown(f"**{escaped(one.title)}.** {escaped(its.sentence)}")
    _so_many(found)


def _choose(known: dict[str, CheckpointInfo], titles: dict[str, str]) -> list[CheckpointInfo]:
    """Several checkpoints, in the URL by name; at first those whose truncation is stored."""
    in_link = st.query_params.get_all(CHOSEN)
    if url.to_be_read(CHOSEN):
        stored = [name for name, info in known.items() if measured.is_stored(info)]
        here = [name for name in dict.fromkeys(in_link) if name in known]
        st.session_state[CHOSEN] = (here or stored or list(known))[:MOST]
        st.session_state[f"{CHOSEN} in vain"] = len(here) < len(in_link)
    elif not known.keys() >= set(st.session_state[CHOSEN]):  # a run was deleted meanwhile
        st.session_state[CHOSEN] = [name for name in st.session_state[CHOSEN] if name in known]
    names = st.multiselect(
        label("rank_lab", "checkpoints"), list(known), format_func=titles.get, key=CHOSEN, wrap=True,
        max_selections=MOST, on_change=lambda: st.session_state.update({f"{CHOSEN} in vain": False}),
    )  # fmt: skip
    if names != in_link:
        st.query_params[CHOSEN] = names
    if st.session_state.get(f"{CHOSEN} in vain"):
        st.info(label("playground", "unknown"), icon=":material/info:")
    if not names:
        st.caption(label("playground", "none_chosen"))
    return [known[name] for name in names]


def _limit(chosen: list[CheckpointInfo]) -> int:
    """How many test reviews a measurement on this page takes; asked only where something is not stored."""
    if all(measured.is_stored(info) for info in chosen):
        return LIMIT
    url.from_link(REVIEWS, LIMITS, LIMIT)
    limit = st.segmented_control(label("rank_lab", "reviews"), LIMITS, key=REVIEWS, required=True)
    url.remember(REVIEWS, str(limit), str(LIMIT))
    return limit


def _shown(info: CheckpointInfo, title: str) -> Shown | None:
    """From the file beside the weights, or else from what this session has measured."""
    if measured.is_stored(info):
        try:
            return Shown(info, title, measured.stored(info), now=False)
        except (OSError, PeftClassroomError) as error:
            st.error(escaped(error), icon=":material/error:")
            return None
    done = measured.work().done.get(measured.identity(info))
    return Shown(info, title, done, now=True) if done else None


def _missing(infos: list[CheckpointInfo], limit: int, titles: dict[str, str]) -> None:
    """What is not stored: the command that measures it on all test reviews, and a button for a few of them."""
    if not infos:
        return
    st.info(
        label("rank_lab", "not_measured", names=", ".join(escaped(titles[info.name]) for info in infos)),
        icon=":material/info:",
    )
    commands = "\n".join(f"python -m peft_core truncate {info.name} --evaluate --store" for info in infos)
    st.code(commands, language="bash")
    with st.container(horizontal=True, key="enough_buttons"):
        for info in infos:
            st.button(
                label("rank_lab", "measure_now", name=escaped(titles[info.name]), n=limit),
                key=f"measure_{info.name}",
                on_click=measured.begin,
                args=(info, limit),
                disabled=not services.loadable(info.base),
            )


def _rank_one(shown: list[Shown]) -> list[CheckpointInfo]:
    """The LoRA r = 1 checkpoints that the sentences compare with, each once; their accuracy is in their record."""
    known = services.checkpoints()
    found: dict[str, CheckpointInfo] = {}
    for one in shown:
        config = one.info.record.config.method
        if isinstance(config, LoraConfig) and config.r == 1:
            continue
        if beside := rank_one_beside(one.info.record, known):
            found[beside.name] = beside
    return list(found.values())


def _so_many(found: list[Finding]) -> None:
    """How many tests stand in these sentences, and what is left of them with Holm's correction."""
    p = [test.p for its in found for test in (its.learnt, its.cut, its.trained) if test]
    alone, left = (sum(value < LEVEL for value in values) for values in (p, holm(p)))
    st.markdown(label("rank_lab", "so_many", tests=len(p), alone=alone, left=left))


def _differing(one: Shown) -> str:
    """How many answers ΔW cut to its own rank and ΔW as it is do not share; nothing where there are none."""
    truncation = one.truncation
    if not (whole := truncation.at(truncation.max_rank)):
        return ""
    n = int((whole.is_right != truncation.untruncated.is_right).sum())
    return label("rank_lab", "differing", n=n, of=f"{truncation.n:,}", title=escaped(one.title)) if n else ""


def _table(shown: list[Shown]) -> None:
    """Every number of the chart, the uncut model and the base model included."""
    rows = []
    for one in shown:
        truncation = one.truncation
        points = [(label("rank_lab", "row_base"), "", truncation.base.accuracy)]
        points += [(str(point.rank), percent(point.energy), point.accuracy) for point in truncation.points]
        points.append((label("rank_lab", "row_uncut"), "", truncation.untruncated.accuracy))
        for rank, energy, accuracy in points:
            source = label("rank_lab", "source_now" if one.now else "source_file", date=truncation.created[:10])
            row = {"checkpoint": one.title, "rank": rank, "energy": energy, "accuracy": chart.written(accuracy)}
            row |= {"n": f"{accuracy.n:,}", "source": source}
            rows.append({label("rank_lab", f"column_{name}"): value for name, value in row.items()})
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key="enough_table")
