"""A bottleneck adapter at one token: h → down → non-linearity → up → plus h (Houlsby et al. 2019, section 2.1)."""

import torch

from peft_core.methods.adapter.layer import NON_LINEARITIES
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.common import linear
from peft_core.methods.passed import Passed
from peft_core.methods.recorder import first, largest_difference, operand, ratio, shown
from peft_core.methods.steps import Step, sized
from peft_core.t5.names import Place

WRITTEN = {"relu": r"\mathrm{ReLU}", "gelu": r"\mathrm{GELU}", "silu": r"\mathrm{SiLU}", "tanh": r"\tanh"}
DOWN, UP = r"W_{down}\,h + b_{down}", r"W_{up}\,a + b_{up}"


def watched(place: Place, config: AdapterConfig) -> tuple[str, ...]:
    """Houlsby placement needs the sub-layer, whose input x is added after the adapter."""
    return (place.name.removesuffix(".dropout.adapter"),) if config.placement == "houlsby" else ()


@torch.inference_mode()
def steps(p: Passed) -> tuple[Step, ...]:
    """The five steps; Houlsby placement has a sixth, because there x is added after the adapter: x + A(f)."""
    name, row = p.place.name, p.token
    layer = p.model.get_submodule(name)
    act, act_written = NON_LINEARITIES[layer.non_linearity], WRITTEN[layer.non_linearity]
    inputs = p.seen.inputs[name]  # (1, T, d)
    down = linear(layer.adapter_down, inputs)  # (1, T, m)
    active = act(down)
    up = linear(layer.adapter_up, active)  # (1, T, d)
    whole = inputs + up

    h, low, a = shown("h", inputs[0, row]), shown("W_down·h + b_down", down[0, row]), shown("a", active[0, row])
    detour, out = shown("W_up·a + b_up", up[0, row]), shown("A(h)", whole[0, row])
    (m, d), zeros = layer.adapter_down.weight.shape, int((active[0, row] == 0).sum())

    def equation(out: str = "A(h)", h: str = "h", up: str = UP, act: str = act_written, down: str = DOWN) -> str:
        return rf"{out} \;=\; {h} \;+\; {up} \\ a \;=\; {act}\!\left({down}\right)"

    made = [
        Step("adapter_input", sized("h", d), ((h,),), equation(h=r"\boxed{h}", down=r"W_{down}\,\boxed{h} + b_{down}")),
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
        Step(
            "adapter_sum",
            rf"{sized('A(h)', d)} \;=\; {sized('h', d)} \;+\; {sized(UP, d)}",
            ((h, detour, out),),
            equation(out=r"\boxed{A(h)}"),
            (h, detour),
            {"added": detour.norm, "share": ratio(detour, h), "off": largest_difference(whole, p.seen.outputs[name])},
        ),
    ]
    return (*made, _around(p, whole)) if p.config.placement == "houlsby" else tuple(made)


def _around(p: Passed, adapted: torch.Tensor) -> Step:
    """x + A(f): what the sub-layer hands on; `adapted` is A(f), shape (1, T, d)."""
    sublayer = p.place.name.removesuffix(".dropout.adapter")
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
