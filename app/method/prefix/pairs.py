"""Which of the matrix's pairs of keys and values the decoder reads, and what one step can do with them."""

import streamlit as st

from app.content import label, text
from peft_core.methods.prefix.method import PrefixConfig, pair_of, pairs_read
from peft_core.t5.architecture import BaseModel

PAGE = "method/prefix"


def idle_numbers(base: BaseModel, config: PrefixConfig) -> int:
    """How many of the trained numbers no block reads, so that no gradient reaches them."""
    a = base.architecture
    pairs = config.pairs(a.encoder_layers)
    return (pairs - len(pairs_read(a.decoder_layers, pairs))) * numbers(base, config)


def numbers(base: BaseModel, config: PrefixConfig) -> int:
    """Keys and values of one pair."""
    return 2 * config.num_virtual_tokens * base.architecture.inner_dim


def readers(base: BaseModel, config: PrefixConfig) -> dict[int, list[int]]:
    """Pair → the decoder's blocks that read it, both from 0."""
    a = base.architecture
    pairs = config.pairs(a.encoder_layers)
    return {pair: [b for b in range(a.decoder_layers) if pair_of(b, pairs) == pair] for pair in range(pairs)}


def draw(base: BaseModel, config: PrefixConfig) -> None:
    """The claim, a row a pair, the number, one sentence."""
    read, one = readers(base, config), numbers(base, config)
    total, idle = one * len(read), idle_numbers(base, config)
    st.markdown(text(PAGE, "one_step"))
    st.markdown(text(PAGE, "pairs", pairs=len(read)))
    rows = [" | ".join(label(PAGE, name) for name in ("pair", "pair_reader", "pair_numbers")), "--:|:--|--:"]
    for pair, blocks in read.items():
        if blocks:
            names = ", ".join(label(PAGE, "block", block=block + 1) for block in blocks)
            rows.append(f"{pair + 1} | {names} | {one:,}")
    if idle:
        others = ", ".join(str(pair + 1) for pair, blocks in read.items() if not blocks)
        rows.append(f"{others} | {label(PAGE, 'nobody')} | {idle:,}")
    st.markdown("\n".join(f"| {row} |" for row in rows))
    found = text(PAGE, "pairs_idle", idle=idle, total=total, share=idle / total) if idle else ""
    shared = text(PAGE, "pairs_shared") if any(len(blocks) > 1 for blocks in read.values()) else ""
    st.markdown(" ".join(filter(None, (found or text(PAGE, "pairs_all", total=total), shared))))
    st.caption(text(PAGE, "pairs_source"))
