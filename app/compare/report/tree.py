"""The module tree that OpenDelta prints in the report, beside the true one: three things that do not fit."""

from dataclasses import replace

import streamlit as st

from app import services
from app.compare import shared
from app.content import label, text
from app.kit.drawn import module_tree as drawing
from peft_core.counting.by_hand import count
from peft_core.counting.module_tree import Node
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.report.quoted import BASE, quoted_rows
from peft_core.report.reread.printed_tree import PRINTED_TOKENS, TreeSums, tree_sums
from peft_core.t5.architecture import base_model

MISFITS = {"tokens": "shared Embedding", "cross": "CrossAttention", "blocks": "block."}  # what its lines have in them
ROW = "soft_prompt-10-opendelta"
MARK = "  ←"
CLOSED = {  # what stays closed, by name or class, so that a screen shows what does not fit and little else
    "tokens": ("T5Stack",),
    "cross": ("encoder", "T5LayerSelfAttention", "T5LayerCrossAttention", "T5LayerFF"),
    "blocks": ("T5Block",),
}


def draw() -> None:
    """Which misfit, what is quoted of it and what that would add up to; the true tree with its lines marked."""
    misfit = shared.choose("misfit", label("report", "misfit"), tuple(MISFITS), "misfit", "report")
    sums = tree_sums()
    words, picture = st.columns([5, 11], gap="medium")
    with words:
        _numbers(misfit, sums)
    with picture:
        _true_tree(misfit)
        method, shape = _method(), base_model(BASE).architecture
        trains = f"{count(shape, method).trainable_parameters:,}"
        st.markdown(text("report", "tree_trains", rows=method.num_virtual_tokens, d=shape.d_model, trains=trains))


def _numbers(misfit: str, sums: TreeSums) -> None:
    """The total as printed, and as the printed tree would make it."""
    shape = base_model(BASE).architecture
    told = {
        "printed": f"{PRINTED_TOKENS:,}", "tokens": f"{sums.tokens:,}", "d": shape.d_model,
        "fit": f"{sums.tokens_that_fit:,.0f}",
        "too_many": f"{sums.too_many:,}", "blocks": shape.decoder_layers, "rest": shape.decoder_layers - 1,
        "missing": f"{sums.total - sums.without_cross_attention:,}",
        "bias": f"{shape.relative_attention_num_buckets * shape.num_heads:,}",
        "buckets": shape.relative_attention_num_buckets, "heads": shape.num_heads,
    }  # fmt: skip
    st.markdown(text("report", f"misfit_{misfit}", **told))
    if misfit == "blocks":
        st.metric(label("report", "block_zero"), told["bias"])
    else:
        st.metric(label("report", "printed_total"), f"{sums.printed_total:,}")
    if misfit == "tokens":
        st.metric(label("report", "total_with_tokens", n=told["printed"]), f"{sums.total_with_printed_tokens:,}")
    elif misfit == "cross":
        st.metric(label("report", "total_without_cross"), f"{sums.without_cross_attention:,}")
    st.caption(text("report", "tree_reading"))


def _method() -> SoftPromptConfig:
    """The report's soft prompt of ten rows."""
    return next(row.method for row in quoted_rows() if row.key == ROW)


def _true_tree(misfit: str) -> None:
    """Ours, read from the real model at the report's shapes."""
    if not services.libraries().ready.is_set() or services.libraries().error:
        st.info(services.libraries().error or label("tree", "waiting"), icon=":material/hourglass_top:")
        return
    from peft_core.counting.by_numel import module_tree

    method = _method()
    rows = drawing.lines(_closed(module_tree(base_model(BASE).architecture, method), CLOSED[misfit]))
    marked = (row._replace(words=row.words + MARK) if MISFITS[misfit] in row.words else row for row in rows)
    drawing.show(marked, method.method)


def _closed(node: Node, closed: tuple[str, ...]) -> Node:
    """The tree without what is in the nodes that stay closed, and in a stack without the embedding that it shares."""
    if node.name in closed or node.kind in closed:
        return replace(node, children=())
    inside = (child for child in node.children if child.name != "embed_tokens")
    return replace(node, children=tuple(_closed(child, closed) for child in inside))
