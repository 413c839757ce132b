"""Which of the matrix's pairs of keys and values the decoder reads, in words: the others train nothing."""

from app.content import label, text
from peft_core.methods.prefix.method import PrefixConfig, pair_of, pairs_read
from peft_core.t5.architecture import BaseModel

PAGE = "method/prefix"


def idle_numbers(base: BaseModel, config: PrefixConfig) -> int:
    """How many of the trained numbers no block reads, so that no gradient reaches them."""
    a = base.architecture
    pairs = config.pairs(a.encoder_layers)
    idle = pairs - len(pairs_read(a.decoder_layers, pairs))
    return idle * 2 * config.num_virtual_tokens * a.inner_dim


def described(base: BaseModel, config: PrefixConfig) -> str:
    """Which block reads which pair, and what is left over."""
    a = base.architecture
    pairs = config.pairs(a.encoder_layers)
    listed = ", ".join(
        label(PAGE, "reads", block=block + 1, pair=pair_of(block, pairs) + 1) for block in range(a.decoder_layers)
    )
    total = pairs * 2 * config.num_virtual_tokens * a.inner_dim
    idle = idle_numbers(base, config)
    values = {"pairs": pairs, "listed": listed, "idle": idle, "total": total, "share": idle / total}
    return text(PAGE, "pairs", **values) + " " + text(PAGE, "pairs_idle" if idle else "pairs_all", **values)
