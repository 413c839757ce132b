"""The questions of this page, in their order."""

from dataclasses import replace

from app.content import label
from app.kit.formats import times
from app.method.quiz.questions.facts import Facts
from app.method.quiz.questions.question import Question, Setting, numeric, worded
from peft_core.counting.by_hand import count
from peft_core.methods.registry import method_config, method_label


def _calculated(setting: Setting) -> str:
    return label("quiz", "from_calculation", base=setting.base.name)


def numbers(setting: Setting, facts: Facts) -> Question:
    """One number a feature and norm, beside (IA)³, which has vectors, too."""
    a, vectors = setting.base.architecture, method_config("ia3")
    truth, other = (count(a, config).trainable_parameters for config in (setting.config, vectors))
    values = {
        "base": setting.base.name, "d": a.d_model, "norms": truth // a.d_model, "encoder": a.encoder_layers,
        "decoder": a.decoder_layers, "other": method_label(vectors), "other_count": other,
    }  # fmt: skip
    others = (truth - 2 * a.d_model, other, 2 * truth, 8 * truth)
    return numeric(setting, "numbers", truth, others, "{:,.0f}".format, _calculated(setting), values, exact=True)


def column(setting: Setting, facts: Facts) -> Question:
    """W·(w ⊙ x) = (W·diag(w))·x: a number of w belongs to a column."""
    values = {"base": setting.base.name}
    return worded(setting, "column", ("row", "column", "cell"), "column", _calculated(setting), values)


def wider(setting: Setting, facts: Facts) -> Question:
    """Matrices grow with the square of the width, norms with the width."""
    a = setting.base.architecture
    twice = replace(a, d_model=2 * a.d_model, num_heads=2 * a.num_heads, d_ff=2 * a.d_ff)
    now, then = (count(shape, setting.config).trainable_parameters for shape in (a, twice))
    values = {"base": setting.base.name, "now": now, "then": then, "d": a.d_model, "wide": twice.d_model}
    return numeric(setting, "wider", then / now, (1, 4, 8), times, _calculated(setting), values, exact=True)


QUESTIONS = (numbers, column, wider)
