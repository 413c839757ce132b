"""A prefix in one self-attention: q → P_k, P_v → softmax over n + 1 keys → H (Li & Liang 2021, section 4.2)."""

import torch

from peft_core.methods.passed import Passed
from peft_core.methods.prefix.method import PrefixConfig
from peft_core.methods.recorder import largest_difference, operand, shown
from peft_core.methods.steps import Step, sized
from peft_core.t5.names import Place

WEIGHTS = r"\mathrm{softmax}\big(q\,[P_k;\,k]^\top + b\big)"
VALUES = r"[P_v;\,v]"


def _equation(h: str = "h", weights: str = WEIGHTS, values: str = VALUES) -> str:
    return rf"{h} \;=\; W_o\,\Big({weights}\,{values}\Big)"


def watched(place: Place, config: PrefixConfig) -> tuple[str, ...]:
    """What the frozen matrices make of the start token."""
    return tuple(f"{place.name}.base_layer.{matrix}" for matrix in "qv")


@torch.inference_mode()
def steps(p: Passed) -> tuple[Step, ...]:
    """The four steps; the decoder's first step has one query, one key and value of its own, and the prefix's n."""
    name = p.place.name
    attention = p.model.get_submodule(name)
    keys, values = attention.rows()  # (heads, n, d_kv) each
    heads, n, d_kv = keys.shape
    output, _, weights = p.seen.outputs[name]  # (1, 1, d), …, (1, heads, 1, n + 1)
    by_head = weights[0, :, 0]  # (heads, n + 1), each row sums to 1
    share = by_head[:, :n].sum(-1)  # (heads,)
    query, own = (p.seen.outputs[f"{name}.base_layer.{matrix}"][0, 0] for matrix in "qv")  # (heads · d_kv,) each
    v = own.view(heads, 1, d_kv)
    mixed = (by_head.unsqueeze(1) @ torch.cat([values, v], dim=1)).flatten()  # (heads · d_kv,)
    o = attention.base_layer.o
    whole, alone = o(mixed), o(own)  # with the prefix; without it softmax over one key is 1, so only v is read
    inner = heads * d_kv
    rows = [shown(name, side.transpose(0, 1).reshape(n, inner), "virtual token", "feature") for name, side in (
        ("P_k", keys), ("P_v", values))]  # fmt: skip
    x, q = shown("x", p.seen.inputs[name][0, 0]), shown("q", query)
    h, h0 = shown("h", whole), shown("h₀", alone)
    moved = shown("h − h₀", whole - alone)
    return (
        Step(
            "prefix_query",
            rf"{sized('q', inner)} \;=\; {sized('W_q', inner, len(x.values))}\;{sized('x', len(x.values))}",
            ((x,), (q,)),
            _equation(weights=WEIGHTS.replace("q", r"\boxed{q}", 1)),
            (operand("W_q", attention.base_layer.q.weight), x),
        ),
        Step(
            "prefix_rows",
            rf"{sized('P_k', n, inner)} \qquad {sized('P_v', n, inner)}",
            ((rows[0],), (rows[1],)),
            _equation(weights=WEIGHTS.replace("P_k", r"\boxed{P_k}"), values=VALUES.replace("P_v", r"\boxed{P_v}")),
            values={"n": n, "size": inner, "pair": attention.pair + 1},
        ),
        Step(
            "prefix_weights",
            rf"\underbrace{{{WEIGHTS}}}_{{{heads} \times ({n} + 1)}}",
            ((shown("weights", by_head, "head", "key"),),),
            _equation(weights=rf"\boxed{{{WEIGHTS}}}"),
            (q, rows[0]),
            {
                "n": n, "heads": heads, "keys": n + 1, "share": share.mean().item(), "low": share.min().item(),
                "high": share.max().item(),
            },
        ),
        Step(
            "prefix_out",
            rf"{sized('h', len(h.values))} \qquad h_0 \;=\; W_o\,v",
            ((h0, moved, h),),
            _equation(h=r"\boxed{h}"),
            (rows[1], operand("v", own)),
            {"share": moved.norm / h0.norm, "off": largest_difference(whole, output[0, 0])},
        ),
    )  # fmt: skip
