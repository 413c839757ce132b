"""Shapes of the matrices that methods wrap, for pictures and formulas."""

from peft_core.architecture import Architecture


def matrix_shape(architecture: Architecture, module: str) -> tuple[int, int]:
    """(out, in) of one q, k, v, o, wi or wo matrix."""
    a = architecture
    if module in ("wi", "wo"):
        return (a.d_ff, a.d_model) if module == "wi" else (a.d_model, a.d_ff)
    return (a.d_model, a.inner_dim) if module == "o" else (a.inner_dim, a.d_model)
