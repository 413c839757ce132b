"""LoRA at one matrix and one token: x → W₀x → Ax → BAx → (α/r)·BAx → h (Hu et al. 2021, section 4.1)."""

import torch
from torch.nn import functional as F

from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.passed import Passed
from peft_core.methods.recorder import largest_difference, operand, ratio, shown
from peft_core.methods.steps import Step, sized
from peft_core.t5.names import Place

AX, BAX = r"A\,x", r"B\,A\,x"


def _equation(h: str = "h", frozen: str = r"W_0\,x", update: str = BAX) -> str:
    return rf"{h} \;=\; {frozen} \;+\; \frac{{\alpha}}{{r}}\;{update}"


def watched(place: Place, config: LoraConfig) -> tuple[str, ...]:
    """The frozen layer inside: its output is W₀x."""
    return (f"{place.name}.base_layer",)


@torch.inference_mode()
def steps(p: Passed) -> tuple[Step, ...]:
    """The six steps; computed on all rows as the layer does it, so that h is the model's own h bit for bit."""
    name, row = p.place.name, p.token
    layer = p.model.get_submodule(name)
    inputs, frozen = p.seen.inputs[name], p.seen.outputs[f"{name}.base_layer"]  # (1, T, in), (1, T, out)
    low = F.linear(inputs, layer.lora_A)  # (1, T, r)
    update = F.linear(low, layer.lora_B)  # (1, T, out)
    scaled = layer.scaling * update
    whole = frozen + scaled

    x, w0x, ax = shown("x", inputs[0, row]), shown("W₀x", frozen[0, row]), shown("A·x", low[0, row])
    bax, added, h = shown("B·A·x", update[0, row]), shown("(α/r)·B·A·x", scaled[0, row]), shown("h", whole[0, row])
    w0, a, b = operand("W₀", layer.weight), operand("A", layer.lora_A), operand("B", layer.lora_B)
    (out, inner), r, alpha, scaling = w0.shape, a.shape[0], f"{p.config.alpha:g}", f"{layer.scaling:g}"
    return (
        Step("lora_input", sized("x", inner), ((x,),), _equation(frozen=r"W_0\,\boxed{x}", update=r"B\,A\,\boxed{x}")),
        Step(
            "lora_frozen",
            rf"{sized('W_0', out, inner)}\;{sized('x', inner)} \;=\; {sized('W_0x', out)}",
            ((x,), (w0x,)),
            _equation(frozen=r"\boxed{W_0\,x}"),
            (w0, x),
        ),
        Step(
            "lora_down",
            rf"{sized('A', r, inner)}\;{sized('x', inner)} \;=\; {sized(AX, r)}",
            ((x,), (ax,)),
            _equation(update=rf"B\,\boxed{{{AX}}}"),
            (a, x),
            {"r": r, "size": inner},
        ),
        Step(
            "lora_up",
            rf"{sized('B', out, r)}\;{sized(AX, r)} \;=\; {sized(BAX, out)}",
            ((ax,), (bax,)),
            _equation(update=rf"\boxed{{{BAX}}}"),
            (b, ax),
            {"r": r, "out": out, "added": bax.norm},
        ),
        Step(
            "lora_scaled",
            rf"\frac{{\alpha}}{{r}}\;{BAX} \;=\; \frac{{{alpha}}}{{{r}}}\;{BAX} \;=\; {scaling}\cdot {sized(BAX, out)}",
            ((bax, added),),
            rf"h \;=\; W_0\,x \;+\; \boxed{{\frac{{\alpha}}{{r}}\;{BAX}}}",
            (bax,),
            {"alpha": alpha, "r": r, "scaling": scaling, "added": added.norm},
        ),
        Step(
            "lora_sum",
            rf"{sized('h', out)} \;=\; {sized('W_0x', out)} \;+\; {scaling}\cdot {sized(BAX, out)}",
            ((w0x, added, h),),
            _equation(h=r"\boxed{h}"),
            (w0x, added),
            {"added": added.norm, "share": ratio(added, w0x), "off": largest_difference(whole, p.seen.outputs[name])},
        ),
    )
