"""Soft prompt: P → [P; E(x)] → how much attention it gets → what that does (Lester et al. 2021, section 2)."""

import torch

from peft_core.methods.passed import ENCODER_BLOCK, ENCODER_OUT, Passed
from peft_core.methods.recorder import operand, shown
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.methods.steps import Step, sized
from peft_core.t5.names import Place

BOTH = r"[\,P\,;\,E(x)\,]"


def watched(place: Place, config: SoftPromptConfig) -> tuple[str, ...]:
    """Nothing beside the attention."""
    return ()


@torch.inference_mode()
def steps(p: Passed) -> tuple[Step, ...]:
    """The four steps."""
    prompt = p.whole.prompt_embeddings  # (n, d)
    (n, d), row = prompt.shape, p.token
    entered = p.seen.inputs[ENCODER_BLOCK][0]  # (n + T, d)
    words = len(entered) - n
    weights = p.seen.outputs[p.place.name][2][0]  # (heads, n + T, n + T), each row sums to 1
    to_prompt = weights[:, n:, :n].sum(-1)  # (heads, T)
    now, before = p.seen.outputs[ENCODER_OUT][0, n:], p.seen_in_base.outputs[ENCODER_OUT][0]  # (T, d)
    change = now - before
    mean_norms = {"prompt": prompt.norm(dim=1).mean().item(), "words": entered[n:].norm(dim=1).mean().item()}
    heads = len(to_prompt)
    weight = r"\mathrm{softmax}_j\!\left(q_{h,t}\cdot k_{h,j} + b_{h,t-j}\right)"
    return (
        Step(
            "prompt_rows",
            sized("P", n, d),
            ((shown("P", prompt, "virtual token", "feature"),),),
            r"\text{encoder input} \;=\; [\,\boxed{P}\,;\,E(x)\,]",
            values={"n": n, "d": d, **mean_norms},
        ),
        Step(
            "prompt_concat",
            rf"\Big[\,{sized('P', n, d)}\,;\,{sized('E(x)', words, d)}\,\Big] \;\to\; {n + words} \times {d}",
            ((shown("[P; E(x)]", entered, "position", "feature"),),),
            rf"\text{{encoder input}} \;=\; \boxed{{{BOTH}}}",
            (operand("P", prompt), operand("E(x)", entered[n:])),
            {"n": n, "words": words, "sum": n + words},
        ),
        Step(
            "prompt_attention",
            rf"\underbrace{{s_{{h,t}}}}_{{{heads} \times {words}}} \;=\; \sum_{{j=1}}^{{{n}}} {weight}",
            ((shown("share", to_prompt, "head", "token"),),),
            values={
                "n": n,
                "heads": heads,
                "share": to_prompt[:, row].mean().item(),
                "low": to_prompt[:, row].min().item(),
                "high": to_prompt[:, row].max().item(),
                "even": n / (n + words),
            },
        ),
        Step(
            "prompt_change",
            rf"{sized('H', words, d)} \;-\; {sized('H_0', words, d)}",
            ((shown("H − H₀", change, "token", "feature"),),),
            operands=(operand("H", now), operand("H₀", before)),
            values={
                "share": (change.norm() / before.norm()).item(),
                "token_share": (change[row].norm() / before[row].norm()).item(),
            },
        ),
    )
