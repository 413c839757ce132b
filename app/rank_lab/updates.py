"""A real ΔW: the singular values of what training has changed, and of a random matrix of the same norm."""

import numpy as np
import streamlit as st

from app.content import label, text
from app.kit.asking import verdicts
from app.kit.formats import percent
from app.kit.plain import escaped
from app.kit.url import pick
from app.rank_lab import data, strip, updates_charts
from app.rank_lab.data import Layer
from app.rank_lab.strip import Cell
from peft_core.analysis.spectra.spectrum import effective_rank, energy_curve
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError

CHECKPOINT, LAYER = "delta_of", "delta_layer"  # in the URL
MOST = 0.9  # of the energy: "the first k σ hold 90%"


def draw() -> None:
    """Claim, checkpoint and layer, two charts, the sentence, and the effective rank of every layer."""
    st.markdown(text("rank_lab", "delta"))
    known = data.with_update()
    if not known:
        st.info(label("rank_lab", "no_update"), icon=":material/info:")
        return
    asked = st.query_params.get(CHECKPOINT)
    left, right = st.columns(2)
    with left:
        titles = verdicts.titles(known.values())
        info = known[pick(CHECKPOINT, label("rank_lab", "checkpoint"), list(known), next(iter(known)), titles.get)]
    if why := data.left_out(asked):
        st.error(escaped(why), icon=":material/error:")
        return
    try:
        with st.spinner(label("rank_lab", "reading")):
            layers = data.layers(info)
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    with right:
        first = next((key for key, layer in layers.items() if layer.norm), next(iter(layers)))
        title = label("rank_lab", "layer")
        key = pick(LAYER, title, list(layers), first, lambda name: data.in_words(layers[name].name))
    for name, sentence in ((CHECKPOINT, "unknown_checkpoint"), (LAYER, "unknown_layer")):
        if st.session_state.get(f"{name} in vain"):
            st.info(label("rank_lab", sentence), icon=":material/info:")
    _layer(info, layers[key])
    st.markdown(text("rank_lab", "all_layers"))
    strip.draw([_cell(layer) for layer in layers.values()], key, info.method, "strip_alt", "delta_strip")
    st.caption(text("rank_lab", "effective_rank"))
    st.caption(text("rank_lab", "not_offered"))


def _cell(layer: Layer) -> Cell:
    more = {"effective": f"{layer.effective:.2f}", "norm": f"{layer.norm:.3g}"}
    return Cell(layer.name, layer.effective, f"{layer.effective:.1f}" if layer.norm else "0", more)


def _layer(info: CheckpointInfo, layer: Layer) -> None:
    """One matrix: its spectrum, its energy, and what they say."""
    rows, columns = layer.shape
    values = {"place": data.in_words(layer.name), "rows": rows, "columns": f"{columns:,}", "rank": layer.max_rank}
    if not layer.norm:
        st.info(text("rank_lab", "unchanged", **values), icon=":material/info:")
        return
    updates_charts.spectrum(layer, info.method)
    st.caption(label("rank_lab", "legend"))
    st.markdown(text("rank_lab", "delta_full" if info.method == "full" else "delta_lora", **values, **_facts(layer)))
    if layer.floor:
        told, all_of_them = int((layer.sigmas > layer.floor).sum()), effective_rank(layer.sigmas)
        values = {"floor": f"{layer.floor:.2g}", "told": told, "n": layer.max_rank, "all": f"{all_of_them:.1f}"}
        st.caption(text("rank_lab", "rounding", **values))


def _facts(layer: Layer) -> dict[str, str | int]:
    """What the sentence says of a spectrum and of the random one beside it."""
    facts: dict[str, str | int] = {"norm": f"{layer.norm:.2f}", "most": f"{MOST:.0%}"}
    for name, sigmas in (("", layer.sigmas), ("random_", layer.random)):
        curve = energy_curve(sigmas)
        facts |= {
            f"{name}share": percent(curve[1]),
            f"{name}enough": int(np.argmax(curve >= MOST)),
            f"{name}effective": f"{effective_rank(sigmas):.1f}",
        }
    return facts | {"effective": f"{layer.effective:.1f}"}
