"""Figure 3 of the LoRA paper, live: do two runs move in the same directions? φ(i, j) of any layer, beside chance."""

from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING

import streamlit as st

from app.content import label, text
from app.kit import url
from app.kit.asking import verdicts
from app.kit.pages import training_link
from app.kit.plain import escaped
from app.kit.url import pick
from app.rank_lab import data, similarity_charts
from app.rank_lab.similarity_charts import Compared
from peft_core.analysis.spectra.similarity import (
    MIDDLE,
    Simulated,
    directions,
    simulated_by_chance,
    subspace_similarity,
)
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.report.reproduction.planned_rows import as_planned
from peft_core.t5.names import Place, matrix

if TYPE_CHECKING:
    from peft_core.analysis.spectra.checkpoint_deltas import Deltas

FIRST, SECOND, PLACE, WHAT = "lab_first", "lab_second", "lab_place", "lab_what"  # in the URL
MODULES = ("q", "v")
MOST = 64  # directions of one run, at most
WHATS = ("A", "dW", "start")
PAPERS = 0.5  # "share a subspace of dimension 1 with normalized similarity > 0.5", section 7.2
MISSING_RANK = 64  # what the paper compares r = 8 with


def draw() -> None:
    """Claim, two checkpoints and a layer, the heat-maps, the sentence."""
    st.markdown(text("rank_lab", "similarity"))
    known = {name: info for name, info in data.with_update().items() if _has_both(info)}
    pairs = {name: [other for other in known.values() if _comparable(info, other)] for name, info in known.items()}
    pairs = {name: others for name, others in pairs.items() if others}
    if not pairs:
        _train_another(list(known.values()))
        return
    first, second = _choose(known, pairs)
    left, right = st.columns(2)
    with left:
        what = _what()
    try:
        with st.spinner(label("rank_lab", "reading")):
            both = [data.deltas(info, trained=what != "start") for info in (first, second)]
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    with right:
        place = _place(both)
    titles = [label("rank_lab", "run", r=info.record.config.method.r, seed=info.record.config.train.seed)
              for info in (first, second)]  # fmt: skip
    compared = [
        _compare(both, matrix(place.stack, place.block, place.layer, module), "dW" if what == "dW" else "A")
        for module in MODULES
    ]
    one_each = _strongest(both, "dW" if what == "dW" else "A") if what != "start" else []
    _show(compared, titles, what, one_each, first.record.config.train.seed == second.record.config.train.seed)
    many = sum(name.module in MODULES and name in both[1] for name in both[0])
    st.caption(label("rank_lab", "many_matrices", n=many, chance=f"{(1 - MIDDLE[1]) * many:.1g}"))


def _has_both(info: CheckpointInfo) -> bool:
    config = info.record.config.method
    return isinstance(config, LoraConfig) and not config.use_dora and set(MODULES) <= set(config.target_modules)


def _comparable(one: CheckpointInfo, other: CheckpointInfo) -> bool:
    return one.name != other.name and one.record.base_fingerprint == other.record.base_fingerprint


def _train_another(known: list[CheckpointInfo]) -> None:
    """Two are needed: what to train, with a link that sets it."""
    one = next(iter(known), None)
    st.info(text("rank_lab", "one_more" if one else "two_more", rank=MISSING_RANK), icon=":material/info:")
    run = as_planned(one.base if one else "tiny-t5", LoraConfig(r=MISSING_RANK))
    if one:
        train = one.record.config.train.model_copy(update={"learning_rate": run.learning_rate})
        run = run.model_copy(update={"data": one.record.config.data, "train": train})
    page, query = training_link(run)
    title = label("rank_lab", "train_another", rank=MISSING_RANK)
    st.page_link(page, label=title, icon=":material/stacks:", query_params=query)


def _choose(
    known: dict[str, CheckpointInfo], pairs: dict[str, list[CheckpointInfo]]
) -> tuple[CheckpointInfo, CheckpointInfo]:
    titles = verdicts.titles(known.values())
    left, right = st.columns(2)
    with left:
        first = known[pick(FIRST, label("rank_lab", "first"), list(pairs), next(iter(pairs)), titles.get)]
    others = [info.name for info in pairs[first.name]]
    with right:
        widest = max(pairs[first.name], key=lambda info: info.record.config.method.r)  # the paper compares 8 with 64
        second = known[pick(SECOND, label("rank_lab", "second"), others, widest.name, titles.get)]
    if any(st.session_state.get(f"{key} in vain") for key in (FIRST, SECOND)):
        st.info(label("rank_lab", "unknown_checkpoint"), icon=":material/info:")
    return first, second


def _what() -> str:
    """Choose the matrices whose directions are compared."""
    return url.one_of(WHAT, label("rank_lab", "what"), {name: label("rank_lab", f"what_{name}") for name in WHATS})


def _place(both: "list[Deltas]") -> Place:
    """A layer that both runs have adapted; its `kind` is the first of MODULES."""
    here = [name for name in both[0] if name.module == MODULES[0] and all(_adapted(deltas, name) for deltas in both)]
    by_key = {_key(name): name for name in here}
    written: Callable[[str], str] = lambda key: data.place_in_words(by_key[key])  # noqa: E731
    key = pick(PLACE, label("rank_lab", "place"), list(by_key), next(iter(by_key)), written)
    if st.session_state.get(f"{PLACE} in vain"):
        st.info(label("rank_lab", "unknown_layer"), icon=":material/info:")
    return by_key[key]


def _adapted(deltas: "Deltas", name: Place) -> bool:
    return all(matrix(name.stack, name.block, name.layer, module) in deltas for module in MODULES)


def _key(name: Place) -> str:
    return name.sublayer_key


def _compare(both: "list[Deltas]", name: Place, of: str) -> Compared | str:
    """φ of one weight matrix, or why there is none."""
    try:
        first, second = (directions(deltas[name], of)[:, :MOST] for deltas in both)
    except PeftClassroomError as error:
        return str(error)
    return Compared(name, len(first), subspace_similarity(first, second))


def _strongest(both: "list[Deltas]", of: str) -> list[float]:
    """φ(1, 1) of every matrix of MODULES that both runs have moved."""
    moved = [name for name in both[0] if name.module in MODULES and all(d.get(name) and d[name].norm for d in both)]
    first, second = ([directions(deltas[name], of)[:, 0] for name in moved] for deltas in both)
    return [float((u @ w) ** 2) for u, w in zip(first, second, strict=True)]


@st.cache_data(max_entries=64, show_spinner=False)
def _chance(dimension: int, rows: int, columns: int) -> Simulated:
    return simulated_by_chance(dimension, rows, columns)


def _show(compared: list[Compared | str], titles: list[str], what: str, one_each: list[float], same_seed: bool) -> None:
    """Maps of q and v, random subspaces beside them, and one sentence each."""
    found = [one for one in compared if isinstance(one, Compared)]
    for refusal in (one for one in compared if isinstance(one, str)):
        st.info(escaped(refusal), icon=":material/info:")
    if not found:
        return
    with st.spinner(label("rank_lab", "simulating")):
        chance = _chance(found[0].dimension, *found[0].phi.shape)
    similarity_charts.maps(found, chance, titles, what)
    for one in found:
        st.markdown(_sentence(one, chance))
    if one_each:
        values = {"above": sum(phi > PAPERS for phi in one_each), "n": len(one_each), "limit": f"{PAPERS:g}"}
        span = {"low": f"{min(one_each):.2f}", "middle": f"{median(one_each):.2f}", "high": f"{max(one_each):.2f}"}
        st.markdown(text("rank_lab", "papers_one", **values, **span))
    if same_seed and what == "A":
        st.caption(text("rank_lab", "same_seed"))
    st.caption(text("rank_lab", "letters"))
    st.caption(text("rank_lab", "chance", d=found[0].dimension, draws=f"{chance.draws:,}"))


def _sentence(one: Compared, chance: Simulated) -> str:
    """The strongest direction of both, the whole of both, and whether chance gives as much."""
    i, j = one.phi.shape
    values = {
        "matrix": data.in_words(one.name),
        "one": f"{one.phi[0, 0]:.2f}",
        "one_high": f"{chance.high[0, 0]:.3f}",
        "i": i,
        "j": j,
        "all": f"{one.phi[-1, -1]:.2f}",
        "expected": f"{max(i, j) / one.dimension:.3f}",
        "high": f"{chance.high[-1, -1]:.3f}",
    }
    above = bool(one.phi[0, 0] > chance.high[0, 0]), bool(one.phi[-1, -1] > chance.high[-1, -1])
    if i == j == 1:
        return text("rank_lab", "similar_single" if above[0] else "similar_single_none", **values)
    kind = {(True, True): "both", (True, False): "top", (False, True): "all", (False, False): "none"}[above]
    return text("rank_lab", f"similar_{kind}", **values)
