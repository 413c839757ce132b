"""(IA)³ at one matrix and one token: x → W₀x → l ⊙ W₀x; at wo: x → l ⊙ x → W₀(l ⊙ x) (Liu et al. 2022, section 3.3)."""

import torch
from torch.nn import functional as F

from peft_core.methods.ia3.method import Ia3Config
from peft_core.methods.passed import Passed
from peft_core.methods.recorder import largest_difference, operand, shown
from peft_core.methods.steps import Step, sized
from peft_core.t5.names import Place

OUT, IN, SCALED = r"l \odot W_0\,x", r"W_0\,(l \odot x)", r"l \odot x"


def watched(place: Place, config: Ia3Config) -> tuple[str, ...]:
    """The frozen layer inside: its output is W₀x, or what it makes of the rescaled x."""
    return (f"{place.name}.base_layer",)


@torch.inference_mode()
def steps(p: Passed) -> tuple[Step, ...]:
    """The four steps: what arrives, the vector, and the two products in the order of this place."""
    name, row = p.place.name, p.token
    layer = p.model.get_submodule(name)
    inputs, outputs = p.seen.inputs[name], p.seen.outputs[name]  # (1, T, in), (1, T, out)
    scale, w0 = shown("l", layer.ia3_l), operand("W₀", layer.weight)
    out, inner = w0.shape
    x, h = shown("x", inputs[0, row]), shown("h", outputs[0, row])
    moved = (layer.ia3_l - 1).norm().item()
    vector = {
        "added": moved,
        "size": len(layer.ia3_l),
        "low": layer.ia3_l.min().item(),
        "high": layer.ia3_l.max().item(),
        "share": moved / len(layer.ia3_l) ** 0.5,
    }
    if layer.on_input:
        scaled = layer.ia3_l * inputs
        lx, whole = shown("l ⊙ x", scaled[0, row]), F.linear(scaled, layer.weight)
        off = {"added": moved, "off": largest_difference(whole, outputs)}
        return (
            Step("ia3_input", sized("x", inner), ((x,),), r"h \;=\; W_0\,(l \odot \boxed{x})"),
            Step("ia3_vector", sized("l", inner), ((scale,),), r"h \;=\; W_0\,(\boxed{l} \odot x)", values=vector),
            Step(
                "ia3_rescaled_input",
                rf"{sized(SCALED, inner)} \;=\; {sized('l', inner)} \odot {sized('x', inner)}",
                ((x,), (lx,)),
                r"h \;=\; W_0\,(\boxed{l \odot x})",
                (scale, x),
                {"added": moved},
            ),
            Step(
                "ia3_out",
                rf"{sized('h', out)} \;=\; {sized('W_0', out, inner)}\;{sized(SCALED, inner)}",
                ((lx,), (h,)),
                rf"\boxed{{h}} \;=\; {IN}",
                (w0, lx),
                off,
            ),
        )
    frozen = p.seen.outputs[f"{name}.base_layer"]
    w0x, whole = shown("W₀x", frozen[0, row]), layer.ia3_l * frozen
    off = {"added": moved, "off": largest_difference(whole, outputs)}
    return (
        Step("ia3_input", sized("x", inner), ((x,),), r"h \;=\; l \odot W_0\,\boxed{x}"),
        Step(
            "ia3_frozen",
            rf"{sized('W_0', out, inner)}\;{sized('x', inner)} \;=\; {sized('W_0x', out)}",
            ((x,), (w0x,)),
            r"h \;=\; l \odot \boxed{W_0\,x}",
            (w0, x),
        ),
        Step("ia3_vector", sized("l", out), ((scale,),), r"h \;=\; \boxed{l} \odot W_0\,x", values=vector),
        Step(
            "ia3_rescaled_output",
            rf"{sized('h', out)} \;=\; {sized('l', out)} \odot {sized('W_0x', out)}",
            ((w0x, h),),
            rf"\boxed{{h}} \;=\; {OUT}",
            (scale, w0x),
            off,
        ),
    )
