"""The questions of this page, in their order."""

from dataclasses import replace

from app.content import label
from app.kit.formats import megabytes, times
from app.method.quiz.questions.facts import Facts
from app.method.quiz.questions.question import Question, Setting, numeric
from peft_core.counting.by_hand import count
from peft_core.methods.registry import method_config, method_label


def numbers(setting: Setting, facts: Facts) -> Question:
    """One number a row, beside LoRA of rank 1: that has a row of A and a column of B for every matrix."""
    shape, smallest = setting.base.architecture, method_config("lora", r=1)
    truth, lora = (count(shape, config).trainable_parameters for config in (setting.config, smallest))
    values = {
        "base": setting.base.name, "lora": method_label(smallest), "lora_count": lora, "keys": shape.inner_dim,
        "wide": shape.d_ff, "attentions": shape.encoder_layers + 2 * shape.decoder_layers, "blocks": shape.blocks,
    }  # fmt: skip
    source = label("quiz", "from_calculation", base=setting.base.name)
    return numeric(setting, "numbers", truth, (lora, 2 * truth, 8 * lora), "{:,.0f}".format, source, values, exact=True)


def wider(setting: Setting, facts: Facts) -> Question:
    """Matrices grow with the square of the width, their vectors with the width."""
    shape = setting.base.architecture
    twice = replace(shape, d_model=2 * shape.d_model, num_heads=2 * shape.num_heads, d_ff=2 * shape.d_ff)
    now, then = (count(a, setting.config).trainable_parameters for a in (shape, twice))
    values = {
        "base": setting.base.name, "now": now, "then": then, "d": shape.d_model, "wide": twice.d_model,
        "matrix": shape.inner_dim * shape.d_model, "wide_matrix": twice.inner_dim * twice.d_model,
    }  # fmt: skip
    source = label("quiz", "from_calculation", base=setting.base.name)
    return numeric(setting, "wider", then / now, (1, 4, 8), times, source, values, exact=True)


def file(setting: Setting, facts: Facts) -> Question:
    """The vectors in fp32 are all that a task needs beside the base model."""
    counted = count(setting.base.architecture, setting.config)
    truth, whole = 4 * counted.trainable_parameters, 4 * counted.total_parameters
    values = {"base": setting.base.name, "trained": counted.trainable_parameters, "whole": megabytes(whole)}
    source = label("quiz", "from_calculation", base=setting.base.name)
    return numeric(setting, "file", truth, (whole / 10, whole / 2, whole), megabytes, source, values, exact=True)


QUESTIONS = (numbers, wider, file)
