"""A bottleneck adapter at one token: h → down → non-linearity → up → plus h (Houlsby et al. 2019, section 2.1).

Between up and plus it may be scaled. One that stands beside a sub-layer has that sub-layer's output added to it, not h.
"""

import torch

from peft_core.methods.adapter.layer import NON_LINEARITIES
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.common import linear
from peft_core.methods.passed import Passed
from peft_core.methods.recorder import first, largest_difference, operand, ratio, shown
from peft_core.methods.steps import Step, Tensor, sized
from peft_core.t5.names import Place

WRITTEN = {
    "relu": r"\mathrm{ReLU}", "gelu": r"\mathrm{GELU}", "silu": r"\mathrm{SiLU}", "tanh": r"\tanh",
    "gelu_new": r"\mathrm{GELU}_{\tanh}", "quick_gelu": r"\mathrm{QuickGELU}", "leakyrelu": r"\mathrm{LeakyReLU}",
    "relu6": r"\mathrm{ReLU6}", "sigmoid": r"\sigma", "mish": r"\mathrm{Mish}", "linear": r"\mathrm{id}",
}  # fmt: skip
DOWN, UP = r"W_{down}\,h + b_{down}", r"W_{up}\,a + b_{up}"


def watched(place: Place, config: AdapterConfig) -> tuple[str, ...]:
    """Where x or x + f is added after the adapter: the sub-layer, and beside the adapter the frozen one in it."""
    if config.placement == "pfeiffer":
        return ()
    sublayer = _sublayer(place)
    return (sublayer, f"{sublayer}.base_layer") if config.placement == "parallel" else (sublayer,)


def _sublayer(place: Place) -> str:
    return place.name.removesuffix(".adapter").removesuffix(".dropout")


@torch.inference_mode()
def steps(p: Passed) -> tuple[Step, ...]:
    """The five steps, and one more for a scaling.

    In Houlsby placement x is added after the adapter: x + A(f). Beside a sub-layer the last sum is another one.
    """
    name, row = p.place.name, p.token
    layer = p.model.get_submodule(name)
    act, act_written = NON_LINEARITIES[layer.non_linearity], WRITTEN[layer.non_linearity]
    inputs = p.seen.inputs[name]  # (1, T, d)
    down = linear(layer.adapter_down, inputs)  # (1, T, m)
    active = act(down)
    up = linear(layer.adapter_up, active)  # (1, T, d)
    added = up * layer.scaling if layer.scaling != 1 else up
    whole = inputs + added

    h, low, a = shown("h", inputs[0, row]), shown("W_down·h + b_down", down[0, row]), shown("a", active[0, row])
    detour, out = shown("W_up·a + b_up", up[0, row]), shown("A(h)", whole[0, row])
    scaled = shown(f"{layer.scaling:g}·(W_up·a + b_up)", added[0, row]) if layer.scaling != 1 else detour
    # what the equation has around the way up
    factor, left, right = (f"{layer.scaling:g}\\,", r"\left(", r"\right)") if layer.scaling != 1 else ("", "", "")
    result, residual = ("x + f + U(x)", "x + f") if layer.beside else ("A(h)", "h")
    (m, d), zeros = layer.adapter_down.weight.shape, int((active[0, row] == 0).sum())

    def equation(
        out: str = result, h: str = residual, up: str = UP, act: str = act_written, down: str = DOWN, s: str = factor
    ) -> str:
        return rf"{out} \;=\; {h} \;+\; {s}{left}{up}{right} \\ a \;=\; {act}\!\left({down}\right)"

    made = [
        Step(
            "adapter_input",
            sized("h", d),
            ((h,),),
            equation(h="x + f" if layer.beside else r"\boxed{h}", down=r"W_{down}\,\boxed{h} + b_{down}"),
        ),
        Step(
            "adapter_down",
            rf"{sized('W_{down}', m, d)}\;{sized('h', d)} \;+\; {sized('b_{down}', m)}",
            ((h,), (low,)),
            equation(down=rf"\boxed{{{DOWN}}}"),
            (operand("W_down", layer.adapter_down.weight), operand("b_down", layer.adapter_down.bias), h),
            {"m": m, "d": d},
        ),
        Step(
            f"adapter_{layer.non_linearity}",
            rf"{sized('a', m)} \;=\; {act_written}\!\left({DOWN}\right)",
            ((low,), (a,)),
            equation(act=rf"\boxed{{{act_written}}}"),
            (low,),
            {"m": m, "zeros": zeros},
        ),
        Step(
            "adapter_up",
            rf"{sized('W_{up}', d, m)}\;{sized('a', m)} \;+\; {sized('b_{up}', d)}",
            ((a,), (detour,)),
            equation(up=rf"\boxed{{{UP}}}"),
            (operand("W_up", layer.adapter_up.weight), operand("b_up", layer.adapter_up.bias), a),
            {"m": m, "d": d, "added": detour.norm},
        ),
    ]
    if layer.scaling != 1:
        made.append(
            Step(
                "adapter_scaled",
                rf"{layer.scaling:g} \;\cdot\; {sized(left + UP + right, d)}",
                ((detour,), (scaled,)),
                equation(s=rf"\boxed{{{layer.scaling:g}}}\,"),
                (detour,),
                {"s": layer.scaling, "added": scaled.norm},
            )
        )
    if layer.beside:
        return (*made, _beside(p, added, scaled, equation(out=rf"\boxed{{{result}}}")))
    made.append(
        Step(
            "adapter_sum",
            rf"{sized('A(h)', d)} \;=\; {sized('h', d)} \;+\; {sized(factor + left + UP + right, d)}",
            ((h, scaled, out),),
            equation(out=r"\boxed{A(h)}"),
            (h, scaled),
            {"added": scaled.norm, "share": ratio(scaled, h), "off": largest_difference(whole, p.seen.outputs[name])},
        )
    )
    return (*made, _around(p, whole)) if p.config.placement == "houlsby" else tuple(made)


def _beside(p: Passed, added: torch.Tensor, detour: Tensor, equation: str) -> Step:
    """(x + f) + s·U(x): what the two together hand on; `added` is s·U(x), shape (1, T, d), `detour` its token."""
    sublayer = _sublayer(p.place)
    frozen = first(p.seen.outputs[f"{sublayer}.base_layer"])
    whole = frozen + added
    own, out = shown("x + f", frozen[0, p.token]), shown("x + f + U(x)", whole[0, p.token])
    (d,) = own.shape
    return Step(
        "adapter_beside",
        rf"{sized('x + f', d)} \;+\; {sized('U(x)', d)}",
        ((own, detour, out),),
        equation,
        (own, detour),
        {
            "added": detour.norm,
            "share": ratio(detour, own),
            "off": largest_difference(whole, first(p.seen.outputs[sublayer])),
        },
    )


def _around(p: Passed, adapted: torch.Tensor) -> Step:
    """x + A(f): what the sub-layer hands on; `adapted` is A(f), shape (1, T, d)."""
    sublayer = _sublayer(p.place)
    given = p.seen.inputs[sublayer]
    whole = given + adapted
    x, af, out = shown("x", given[0, p.token]), shown("A(f)", adapted[0, p.token]), shown("x + A(f)", whole[0, p.token])
    (d,) = x.shape
    return Step(
        "adapter_around",
        rf"{sized('x', d)} \;+\; {sized('A(f)', d)}",
        ((x, af, out),),
        r"\boxed{x + A(f)} \\ f \;=\; \text{Sublayer}(\text{LN}(x)) \;=\; h",
        (x, af),
        {"off": largest_difference(whole, first(p.seen.outputs[sublayer]))},
    )
