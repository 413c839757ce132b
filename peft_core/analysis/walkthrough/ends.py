"""What every walk begins and ends with: words → tokens → vectors, and the decoder's one step → a probability."""

import numpy as np
import torch

from peft_core.methods.passed import DECODER_OUT, ENCODER_BLOCK, Passed
from peft_core.methods.recorder import operand, shown
from peft_core.methods.steps import Reading, Step, Tensor, sized


@torch.inference_mode()
def beginning(p: Passed, reading: Reading) -> tuple[Step, Step]:
    """Token ids (T,), and their rows of the embedding table E (V, d): E(x) (T, d)."""
    size = len(reading.tokens)
    entered = p.seen.inputs[ENCODER_BLOCK][0]  # (T, d), or (n + T, d) behind a soft prompt
    embedded = entered[len(entered) - size :]
    table = operand("E", p.model.shared.weight)
    ids = Tensor("t", (size,), None, np.array(reading.ids), ("token",))
    vocabulary, d = table.shape
    prefix = sum(token.part == "prefix" for token in reading.tokens)
    return (
        Step("tokens", rf"(t_1, \dots, t_T), \qquad T = {size}", ((ids,),), values={"T": size, "prefix": prefix}),
        Step(
            "embeddings",
            rf"{sized('E(x)', size, d)} \;=\; \left[\,E_{{t_1}};\,\dots;\,E_{{t_{{{size}}}}}\right]",
            ((shown("E(x)", embedded, "token", "feature"),),),
            operands=(table,),
            values={"T": size, "d": d, "vocabulary": vocabulary},
        ),
    )


@torch.inference_mode()
def answer(p: Passed, label_ids: tuple[int, int], logits: torch.Tensor, base_logits: torch.Tensor) -> Step:
    """The decoder's last vector y (d,) → logits z (2,) of the label words → p("positive") by softmax."""
    y = shown("y", p.seen.outputs[DECODER_OUT][0, 0])
    output = p.model.lm_head.weight
    table = "E" if output is p.model.shared.weight else "O"  # the embedding answers, or an output layer of its own
    words = operand(f"{table}±", output[list(label_ids)])
    z = shown("z", logits, "word")
    (d,) = y.shape
    scale = rf"\frac{{1}}{{\sqrt{{{d}}}}}\;" if p.model.config.scale_decoder_outputs else ""
    negative, positive = (f"{value:.2f}" for value in logits.tolist())
    probability, base = (values.softmax(-1)[1].item() for values in (logits, base_logits))
    softmax = r"\frac{e^{z_+}}{e^{z_-}+e^{z_+}}"
    with_numbers = rf"\frac{{e^{{{positive}}}}}{{e^{{{negative}}}+e^{{{positive}}}}}"
    rows = sized(rf"{table}_{{\pm}}", 2, d)
    return Step(
        "answer",
        rf"p = {softmax} = {with_numbers} = {probability:.3f}",
        ((y,), (z,)),
        rf"{sized('z', 2)} \;=\; {scale}{rows}\;{sized('y', d)}",
        (words, y),
        {
            "added": (logits - base_logits).norm().item(),
            "p": probability,
            "p_base": base,
            "z": tuple(logits.tolist()),
            "z_base": tuple(base_logits.tolist()),
        },
    )
