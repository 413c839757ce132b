"""Questions whose answer is worked out at this moment, from the page's own settings (peft_core/counting/by_hand.py)."""

import streamlit as st

from app.content import label
from app.kit.formats import megabytes
from app.kit.length import tokens_read
from app.method.adapterhub.factor import KEY, bottleneck
from app.method.quiz.questions.facts import Facts
from app.method.quiz.questions.question import Question, Setting, numeric, worded
from app.method.shapes import matrix_shape, wrapped_weights
from peft_core.counting.by_hand import base_lines, count
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.method import MethodConfig

BYTES = 4  # of a number in fp32
COUNTED_AS = {
    "embedding": "embedding",
    "output": "embedding",
    "self-attention": "attention",
    "cross-attention": "attention",
    "feed-forward": "feed_forward",
}


def _trained(setting: Setting, config: MethodConfig) -> int:
    return count(setting.base.architecture, config).trainable_parameters


def _calculated(setting: Setting) -> str:
    return label("quiz", "from_calculation", base=setting.base.name)


def most_weights(setting: Setting, facts: Facts) -> Question:
    """Which part of the base model holds the largest share of its weights?"""
    sums = {"embedding": 0, "attention": 0, "feed_forward": 0, "rest": 0}
    for line in base_lines(setting.base.architecture):
        sums[COUNTED_AS.get(line.part.kind, "rest")] += line.value
    total = sum(sums.values())
    values = {name: f"{value / total:.2%}" for name, value in sums.items()}
    values |= {"base": setting.base.name, "total": total, "vocabulary": setting.base.architecture.vocab_size}
    largest = max(sums, key=sums.__getitem__)
    return worded(setting, "most_weights", sums, largest, _calculated(setting), values)


def state(setting: Setting, facts: Facts) -> Question:
    """Bytes of weights, gradients and AdamW's two means in fp32: four numbers for each weight."""
    total = _trained(setting, FullConfig())
    lora = LoraConfig()
    few = _trained(setting, lora)
    values = {
        "base": setting.base.name, "total": total, "weights": megabytes(BYTES * total), "r": lora.r,
        "few": few, "saved": megabytes(3 * BYTES * few), "moving": megabytes(3 * BYTES * total),
    }  # fmt: skip
    sizes = [parts * BYTES * total for parts in (1, 2, 3, 4)]
    return numeric(setting, "state", sizes[-1], sizes[:-1], megabytes, _calculated(setting), values, exact=True)


def positions(setting: Setting, facts: Facts) -> Question:
    """Pairs of positions that the encoder's attention scores, with the prompt in front."""
    n, length = setting.config.num_virtual_tokens, tokens_read()
    truth, before = (n + length) ** 2, length**2
    values = {"n": n, "length": length, "before": before, "rows": n + length, "more": f"{truth / before - 1:.1%}"}
    others = (before, before + n * n, before + n * length)
    return numeric(setting, "positions", truth, others, "{:,.0f}".format, _calculated(setting), values, exact=True)


def doubling(setting: Setting, facts: Facts) -> Question:
    """Twice the bottleneck is not quite twice the parameters: the bias of the way up does not grow."""
    config = setting.config
    wider = config.model_copy(update={"bottleneck_dim": 2 * config.bottleneck_dim})
    now, truth = _trained(setting, config), _trained(setting, wider)
    values = {
        "base": setting.base.name, "m": config.bottleneck_dim, "wider": wider.bottleneck_dim, "now": now,
        "d": setting.base.architecture.d_model, "missing": 2 * now - truth,
    }  # fmt: skip
    others = (round(1.5 * now), 2 * now, 4 * now)
    return numeric(setting, "doubling", truth, others, "{:,.0f}".format, _calculated(setting), values, exact=True)


def factor(setting: Setting, facts: Facts) -> Question:
    """A larger reduction factor makes a smaller adapter, down to a bottleneck of 1."""
    d, m = setting.base.architecture.d_model, setting.config.bottleneck_dim
    now_factor = st.session_state.get(KEY) or max(1, d // m)  # the slider's own: several factors give one width
    next_factor = 2 * now_factor
    narrower = setting.config.model_copy(update={"bottleneck_dim": bottleneck(d, next_factor)})
    now, then = _trained(setting, setting.config), _trained(setting, narrower)
    right = "same" if now == then else "smaller" if then < now else "larger"
    values = {
        "base": setting.base.name, "d": d, "factor": now_factor, "next": next_factor, "m": m,
        "narrower": narrower.bottleneck_dim, "now": now, "then": then,
    }  # fmt: skip
    return worded(setting, "factor", ("larger", "same", "smaller"), right, _calculated(setting), values)


def houlsby(setting: Setting, facts: Facts) -> Question:
    """Two adapters a block instead of one; the decoder's cross-attention gets none."""
    one, two = (
        _trained(setting, setting.config.model_copy(update={"placement": place})) for place in ("pfeiffer", "houlsby")
    )
    a = setting.base.architecture
    values = {"base": setting.base.name, "m": setting.config.bottleneck_dim, "one": one, "two": two}
    every_sublayer = one * (2 * a.encoder_layers + 3 * a.decoder_layers) // a.blocks
    others = (round(1.5 * one), every_sublayer, 3 * one)
    values["every"] = every_sublayer
    return numeric(setting, "houlsby", two, others, "{:,.0f}".format, _calculated(setting), values, exact=True)


def percent(setting: Setting, facts: Facts) -> Question:
    """One count, two percentages: the libraries divide by different totals."""
    counted = count(setting.base.architecture, setting.config)
    base = counted.total_parameters - counted.trainable_parameters
    fractions = (counted.trainable_parameters / base, counted.trainable_fraction)
    digits = next(d for d in range(4, 20) if f"{fractions[0]:.{d}%}" != f"{fractions[1]:.{d}%}")
    values = {
        "of_base": f"{fractions[0]:.{digits}%}", "of_total": f"{fractions[1]:.{digits}%}", "base": setting.base.name,
        "trained": counted.trainable_parameters, "without": base, "total": counted.total_parameters,
    }  # fmt: skip
    return worded(setting, "percent", ("biases", "divisor", "rounding"), "divisor", _calculated(setting), values)


def break_even(setting: Setting, facts: Facts) -> Question:
    """The lowest rank at which A and B together hold at least as many numbers as the matrices they stand beside."""
    config, a = setting.config, setting.base.architecture
    whole = wrapped_weights(a, config.target_modules)
    per_rank = _trained(setting, config.model_copy(update={"r": 1, "use_dora": False}))  # A and B alone
    truth = -(-whole // per_rank)
    shorter = min(min(matrix_shape(a, module)) for module in config.target_modules)
    values = {
        "base": setting.base.name, "modules": ", ".join(config.target_modules), "whole": whole, "per_rank": per_rank,
        "shorter": shorter,
    }  # fmt: skip
    others = (truth // 2, shorter, 2 * shorter)
    return numeric(setting, "break_even", truth, others, "r = {:,.0f}".format, _calculated(setting), values, exact=True)
