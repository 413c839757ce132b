"""Full fine-tuning at one matrix and one token: x → W₀x, the change ΔW = W − W₀, and Wx = W₀x + ΔW·x."""

import torch
from torch.nn import functional as F

from peft_core.methods.full.method import FullConfig
from peft_core.methods.passed import Passed
from peft_core.methods.recorder import corner, largest_difference, operand, ratio, shown
from peft_core.methods.steps import Step, sized
from peft_core.t5.names import Place

DELTA = r"\Delta W"


def _equation(out: str = r"W\,x", frozen: str = r"W_0\,x", update: str = rf"{DELTA}\,x") -> str:
    return rf"{out} \;=\; {frozen} \;+\; {update}"


def watched(place: Place, config: FullConfig) -> tuple[str, ...]:
    """Nothing beside the matrix."""
    return ()


@torch.inference_mode()
def steps(p: Passed) -> tuple[Step, ...]:
    """The four steps. W₀ is the base model's matrix at the same place; x is what reaches W in the fine-tuned model."""
    name, row = p.place.name, p.token
    after, before = p.model.get_submodule(name).weight, p.base.get_submodule(name).weight
    inputs, outputs = p.seen.inputs[name], p.seen.outputs[name]  # (1, T, in), (1, T, out)
    frozen, moved = F.linear(inputs, before), F.linear(inputs, after - before)

    x, w0x, wx = shown("x", inputs[0, row]), shown("W₀x", frozen[0, row]), shown("Wx", outputs[0, row])
    w0, delta, change = operand("W₀", before), corner("ΔW", after - before), shown("ΔW·x", moved[0, row])
    out, inner = w0.shape
    in_boxes = _equation(r"W\,\boxed{x}", r"W_0\,\boxed{x}", rf"{DELTA}\,\boxed{{x}}")
    return (
        Step("full_input", sized("x", inner), ((x,),), in_boxes),
        Step(
            "full_before",
            rf"{sized('W_0', out, inner)}\;{sized('x', inner)} \;=\; {sized('W_0x', out)}",
            ((x,), (w0x,)),
            _equation(frozen=r"\boxed{W_0\,x}"),
            (w0, x),
        ),
        Step(
            "full_matrix",
            rf"{sized(DELTA, out, inner)} \;=\; {sized('W', out, inner)} \;-\; {sized('W_0', out, inner)}",
            ((delta,),),
            _equation(update=rf"\boxed{{{DELTA}}}\,x"),
            (operand("W", after), w0),
            {"added": delta.norm, "share": ratio(delta, w0), "weights": out * inner},
        ),
        Step(
            "full_sum",
            rf"{sized('Wx', out)} \;=\; {sized('W_0x', out)} \;+\; {sized(rf'{DELTA}x', out)}",
            ((w0x, change, wx),),
            _equation(out=r"\boxed{W\,x}"),
            (w0x, change),
            {"added": change.norm, "share": ratio(change, w0x), "off": largest_difference(frozen + moved, outputs)},
        ),
    )
