"""LoRA at one matrix and one token: x → W₀x → Ax → BAx → (α/r)·BAx → h (Hu et al. 2021, section 4.1).

With rsLoRA the factor is α/√r. DoRA adds a step: each number of the sum at the trained length of its row of W.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from peft_core.methods.lora.layer import DoRALinear
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.passed import Passed
from peft_core.methods.recorder import largest_difference, operand, ratio, shown
from peft_core.methods.steps import Step, Tensor, sized
from peft_core.t5.names import Place

AX, BAX = r"A\,x", r"B\,A\,x"
SCALE = r"\frac{m}{\lVert V \rVert}"


@dataclass(frozen=True)
class _Equation:
    """The whole equation of a configuration, in which a step puts its own part into a box."""

    config: LoraConfig

    @property
    def factor(self) -> str:
        return r"\frac{\alpha}{\sqrt{r}}" if self.config.use_rslora else r"\frac{\alpha}{r}"

    def __call__(self, boxed: str = "", x: str = "x") -> str:
        """
        Args:
            boxed: the name of the part in the box: frozen, down, up, scaled, sum, scale or h.
            x: how the input is written.
        """

        def part(name: str, latex: str) -> str:
            return rf"\boxed{{{latex}}}" if name == boxed else latex

        down = part("down", rf"A\,{x}")
        up = part("up", rf"B\,{down}")
        frozen, scaled = part("frozen", rf"W_0\,{x}"), part("scaled", rf"{self.factor}\;{up}")
        whole = rf"{frozen} \;+\; {scaled}"
        if self.config.use_dora:
            both = part("sum", rf"\left( {whole} \right)")
            whole = rf"{part('scale', SCALE)} \odot {both}"
        return rf"{part('h', 'h')} \;=\; {whole}"


def watched(place: Place, config: LoraConfig) -> tuple[str, ...]:
    """The frozen layer inside: its output is W₀x."""
    return (f"{place.name}.base_layer",)


@torch.inference_mode()
def steps(p: Passed) -> tuple[Step, ...]:
    """The six steps, with DoRA seven; computed on all rows as the layer does it, so that h is the model's own h."""
    name, row = p.place.name, p.token
    layer, equation, lengths = p.model.get_submodule(name), _Equation(p.config), p.config.use_dora
    inputs, frozen = p.seen.inputs[name], p.seen.outputs[f"{name}.base_layer"]  # (1, T, in), (1, T, out)
    low = F.linear(inputs, layer.lora_A)  # (1, T, r)
    update = F.linear(low, layer.lora_B)  # (1, T, out)
    scaled = layer.scaling * update
    both = frozen + scaled
    whole = layer.row_scale() * both if lengths else both

    factor = "α/√r" if p.config.use_rslora else "α/r"
    x, w0x, ax = shown("x", inputs[0, row]), shown("W₀x", frozen[0, row]), shown("A·x", low[0, row])
    bax, added = shown("B·A·x", update[0, row]), shown(f"({factor})·B·A·x", scaled[0, row])
    total, h = shown("V·x" if lengths else "h", both[0, row]), shown("h", whole[0, row])
    w0, a, b = operand("W₀", layer.weight), operand("A", layer.lora_A), operand("B", layer.lora_B)
    (out, inner), r, scaling = w0.shape, a.shape[0], f"{layer.scaling:g}"
    alpha, root = f"{p.config.alpha_at(name):g}", f"√{r}" if p.config.use_rslora else f"{r}"
    divided = rf"\frac{{{alpha}}}{{\sqrt{{{r}}}}}" if p.config.use_rslora else rf"\frac{{{alpha}}}{{{r}}}"
    summed = sized("V x" if lengths else "h", out)
    off = {"off": largest_difference(whole, p.seen.outputs[name])}
    found = [
        Step("lora_input", sized("x", inner), ((x,),), equation(x=r"\boxed{x}")),
        Step(
            "lora_frozen",
            rf"{sized('W_0', out, inner)}\;{sized('x', inner)} \;=\; {sized('W_0x', out)}",
            ((x,), (w0x,)),
            equation("frozen"),
            (w0, x),
        ),
        Step(
            "lora_down",
            rf"{sized('A', r, inner)}\;{sized('x', inner)} \;=\; {sized(AX, r)}",
            ((x,), (ax,)),
            equation("down"),
            (a, x),
            {"r": r, "size": inner},
        ),
        Step(
            "lora_up",
            rf"{sized('B', out, r)}\;{sized(AX, r)} \;=\; {sized(BAX, out)}",
            ((ax,), (bax,)),
            equation("up"),
            (b, ax),
            {"r": r, "out": out, "added": bax.norm},
        ),
        Step(
            "lora_scaled",
            rf"{equation.factor}\;{BAX} \;=\; {divided}\;{BAX} \;=\; {scaling}\cdot {sized(BAX, out)}",
            ((bax, added),),
            equation("scaled"),
            (bax,),
            {"factor": factor, "alpha": alpha, "r": root, "scaling": scaling, "added": added.norm},
        ),
        Step(
            "dora_sum" if lengths else "lora_sum",
            rf"{summed} \;=\; {sized('W_0x', out)} \;+\; {scaling}\cdot {sized(BAX, out)}",
            ((w0x, added, total),),
            equation("sum" if lengths else "h"),
            (w0x, added),
            {"added": added.norm, "share": ratio(added, w0x), **({} if lengths else off)},
        ),
    ]
    if lengths:
        found.append(_at_its_length(layer, total, h, equation("scale"), off))
    return tuple(found)


def _at_its_length(layer: DoRALinear, total: Tensor, h: Tensor, equation: str, off: dict[str, float]) -> Step:
    """DoRA's step: h = (m / ‖V‖) ⊙ V·x, where V = W₀ + s·B·A."""
    scale = layer.row_scale()
    out = len(scale)
    return Step(
        "dora_lengths",
        rf"{sized('h', out)} \;=\; {sized(SCALE, out)} \odot {sized('V x', out)}",
        ((total, shown("m / ‖V‖", scale)), (total, h)),
        equation,
        (operand("m", layer.lora_magnitude_vector), operand("‖V‖", layer.row_norms()), total),
        {"added": (scale - 1).norm().item(), "low": scale.min().item(), "high": scale.max().item(), **off},
    )
