"""Shapes of the matrices that methods wrap, for pictures, formulas and break-even lines."""

from collections.abc import Collection

from peft_core.t5.architecture import Architecture


def matrix_shape(architecture: Architecture, module: str) -> tuple[int, int]:
    """(out, in) of one q, k, v, o, wi or wo matrix."""
    a = architecture
    if module in ("wi", "wo"):
        return (a.d_ff, a.d_model) if module == "wi" else (a.d_model, a.d_ff)
    return (a.d_model, a.inner_dim) if module == "o" else (a.inner_dim, a.d_model)


def wrapped_weights(architecture: Architecture, modules: Collection[str]) -> int:
    """Weights of the matrices that LoRA wraps: what training them outright would cost."""
    a = architecture
    attention = sum(1 for m in modules if m in ("q", "k", "v", "o"))
    wide = ("wi" in modules) * (2 if a.gated else 1) + ("wo" in modules)
    per_attention = attention * a.d_model * a.inner_dim
    blocks = a.encoder_layers + 2 * a.decoder_layers  # a decoder block has two attentions
    return blocks * per_attention + a.blocks * wide * a.d_model * a.d_ff
