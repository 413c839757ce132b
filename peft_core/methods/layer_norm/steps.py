"""A layer norm at one token: x → x / RMS(x) → w, beside w₀ → w ⊙ x / RMS(x) (Zhang & Sennrich 2019, equation 4)."""

import torch

from peft_core.methods.layer_norm.method import LayerNormConfig
from peft_core.methods.passed import Passed
from peft_core.methods.recorder import largest_difference, shown
from peft_core.methods.steps import Step, sized
from peft_core.t5.names import Place

RMS = r"\mathrm{RMS}(x)"


def _equation(y: str = "y", w: str = "w", normed: str = rf"\frac{{x}}{{{RMS}}}") -> str:
    return rf"{y} \;=\; {w} \odot {normed}"


def watched(place: Place, config: LayerNormConfig) -> tuple[str, ...]:
    """Nothing beside the norm."""
    return ()


@torch.inference_mode()
def steps(p: Passed) -> tuple[Step, ...]:
    """The four steps."""
    name, row = p.place.name, p.token
    norm = p.model.get_submodule(name)
    inputs, outputs = p.seen.inputs[name], p.seen.outputs[name]  # (1, T, d) each
    rms = (inputs.float().square().mean(-1, keepdim=True) + norm.variance_epsilon).sqrt()  # (1, T, 1)
    normed = inputs / rms
    whole = norm.weight * normed
    x, unit, y = shown("x", inputs[0, row]), shown("x / RMS(x)", normed[0, row]), shown("y", whole[0, row])
    now, before = shown("w", norm.weight), shown("w₀", norm.base_layer.weight)
    moved = (norm.weight - norm.base_layer.weight).norm().item()
    (d,) = now.shape
    frozen = norm.base_layer.weight * normed
    change = (whole - frozen)[0, row].norm().item() / frozen[0, row].norm().item()
    return (
        Step("norm_input", sized("x", d), ((x,),), _equation(normed=rf"\frac{{\boxed{{x}}}}{{{RMS}}}")),
        Step(
            "norm_unit",
            rf"{RMS} \;=\; \sqrt{{\tfrac{{1}}{{{d}}}\textstyle\sum_i x_i^2 + \varepsilon}}"
            rf" \;=\; {rms[0, row, 0].item():.3g}",
            ((x,), (unit,)),
            _equation(normed=rf"\boxed{{\frac{{x}}{{{RMS}}}}}"),
            (x,),
            {"d": d, "rms": rms[0, row, 0].item()},
        ),
        Step(
            "norm_weights",
            rf"{sized('w', d)} \quad\text{{beside}}\quad {sized('w_0', d)}",
            ((before, now),),
            _equation(w=r"\boxed{w}"),
            values={"added": moved, "d": d, "share": moved / before.norm},
        ),
        Step(
            "norm_out",
            rf"{sized('y', d)} \;=\; {sized('w', d)} \odot {sized(rf'x / {RMS}', d)}",
            ((unit, now, y),),
            _equation(y=r"\boxed{y}"),
            (now, unit),
            {"added": moved, "share": change, "off": largest_difference(whole, outputs)},
        ),
    )
