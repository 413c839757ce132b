"""LoRA in LaTeX, for the page and for paper."""

from app.method.shapes import matrix_shape
from peft_core.methods.lora.method import LoraConfig
from peft_core.t5.architecture import BaseModel


def formula(base: BaseModel, config: LoraConfig) -> tuple[str, ...]:
    """In symbols, then with this page's values in it."""
    (d, k), r = matrix_shape(base.architecture, config.target_modules[0]), config.r
    factor = r"\frac{\alpha}{\sqrt{r}}" if config.use_rslora else r"\frac{\alpha}{r}"
    sizes = rf"\underbrace{{B}}_{{{d} \times {r}}}\;\underbrace{{A}}_{{{r} \times {k}}}"
    scaled = rf"\underbrace{{W_0}}_{{{d} \times {k}}} {{}} \;+\; {config.scaling:.4g}\;{sizes}"
    if config.use_dora:
        whole = rf"h = \frac{{m}}{{\lVert V \rVert}} \odot V x, \qquad V = W_0 + {factor}\,B\,A"
        return whole, rf"V = {scaled}, \qquad \underbrace{{m}}_{{{d}}}"
    return rf"h = W_0\,x \;+\; {factor}\,B\,A\,x", scaled.replace(" {} ", " x ") + r"\;x"
