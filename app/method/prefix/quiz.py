"""The questions of this page, in their order."""

from app.content import label
from app.method.prefix import pairs
from app.method.quiz.questions.facts import Facts
from app.method.quiz.questions.question import Question, Setting, numeric, worded
from peft_core.counting.by_hand import count


def _calculated(setting: Setting) -> str:
    return label("quiz", "from_calculation", base=setting.base.name)


def one_key(setting: Setting, facts: Facts) -> Question:
    """Softmax over one score is 1, whatever the score."""
    values = {"base": setting.base.name, "keys": setting.config.num_virtual_tokens + 1}
    return worded(setting, "one_key", ("all", "value", "none"), "value", _calculated(setting), values)


def same(setting: Setting, facts: Facts) -> Question:
    """The first block's query is made from the start token alone."""
    values = {"base": setting.base.name}
    return worded(setting, "same", ("first", "later", "both"), "first", _calculated(setting), values)


def read(setting: Setting, facts: Facts) -> Question:
    """Of the numbers that are counted as trained, those that some block reads."""
    a, config = setting.base.architecture, setting.config
    trained = count(a, config).trainable_parameters
    truth = trained - pairs.idle_numbers(setting.base, config)
    one = pairs.numbers(setting.base, config)
    values = {
        "base": setting.base.name, "trained": trained, "pairs": config.pairs(a.encoder_layers), "one": one,
        "read": truth // one, "blocks": a.decoder_layers,
    }  # fmt: skip
    others = (one // 2, trained, one * (a.decoder_layers + 1), 2 * trained)
    return numeric(setting, "read", truth, others, "{:,.0f}".format, _calculated(setting), values, exact=True)


QUESTIONS = (one_key, same, read)
