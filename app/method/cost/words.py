"""Sentences about measured costs, made from the measurements alone: ratios, ranges, what was not measured."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

import streamlit as st

from app.content import label, text
from app.kit.formats import duration, megabytes, share, times
from peft_core.counting.training_bytes import BF16, FP32, training_bytes
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_label, method_of, what_costs
from peft_core.report.costs.growth import KNOBS, TURNED, ServingCost, SweepName
from peft_core.report.costs.measured import TrainingCost
from peft_core.t5.architecture import BaseModel


@dataclass(frozen=True)
class Ratio:
    """How two measurements differ: the larger median over the smaller, at least 1."""

    factor: float
    kind: Literal["less", "more", "same"]

    def words(self, what: str) -> str:
        """ "1.55× less memory" for example, from the labels of `what`."""
        return label("cost", f"{what}_{self.kind}", ratio=times(self.factor))


def ratio(first: Sequence[float], second: Sequence[float]) -> Ratio:
    """The first against the second; "same" where the ranges of their rounds meet, for then chance may order them."""
    a, b = median(first), median(second)
    if max(first) >= min(second) and max(second) >= min(first):
        return Ratio(max(a, b) / min(a, b), "same")
    return Ratio(max(a, b) / min(a, b), "less" if a < b else "more")


def comparison(first: TrainingCost, second: TrainingCost) -> str:
    """How many times fewer numbers, less memory and less time, or more of them; then why it is not in proportion."""
    numbers = ratio([first.trainable_parameters], [second.trainable_parameters])
    memory, time = ratio(first.peak_bytes, second.peak_bytes), ratio(first.step_seconds, second.step_seconds)
    return text(
        "cost", "comparison", first=method_label(first.method), second=method_label(second.method),
        numbers=numbers.words("numbers"), memory=memory.words("memory"), time=time.words("time"),
    )  # fmt: skip


def reason(row: TrainingCost) -> str:
    """What the memory of this method is made of, as a sentence."""
    moving = row.gradient_bytes + row.optimizer_bytes
    return text(
        "cost", "reason_full" if method_of(row.method).owns_weights else "reason", method=method_label(row.method),
        weights=megabytes(row.weight_bytes), moving=megabytes(moving), moving_share=share(moving / row.peak),
        rest=megabytes(row.rest), rest_share=share(row.rest / row.peak),
    )  # fmt: skip


def sum_of_bytes(base: BaseModel, config: MethodConfig) -> str:
    """The sum behind the memory of the weights, with this page's numbers in it."""
    size = training_bytes(base.architecture, config)
    return text(
        "cost", "sum_full" if method_of(config).owns_weights else "sum", base=base.name, weights=size.base // BF16,
        trained=size.trained // FP32, total=megabytes(size.total),
    )  # fmt: skip


def unmeasured_base(base: str, measured: Iterable[str], command: str = "") -> None:
    """A note: nothing was measured on this base model; on which ones it was; how to, where `command` can measure it."""
    words = [text("cost", "unmeasured_base", base=base)]
    if bases := ", ".join(dict.fromkeys(measured)):
        words.append(text("cost", "measured_bases", bases=bases))
    if command:
        words.append(text("cost", "measure", command=command))
    st.info(" ".join(words), icon=":material/info:")


def unmeasured_setting(base: str, config: MethodConfig, rows: Iterable[TrainingCost | ServingCost]) -> None:
    """A note: nothing was measured with these settings; what was, of this method."""
    same = "; ".join(dict.fromkeys(method_label(row.method) for row in rows if row.method.method == config.method))
    if same:
        words = text("cost", "unmeasured_setting", base=base, labels=same)
    else:
        words = text("cost", "unmeasured_method", base=base, method=method_label(config))
    st.info(words, icon=":material/info:")


def used_instead(config: MethodConfig, used: MethodConfig) -> None:
    """A note, unless this very setting was measured: which one the numbers are of."""
    if what_costs(used) != what_costs(config):
        words = text("cost", "nearest", asked=method_label(config), used=method_label(used))
        st.info(words, icon=":material/info:")


def with_range(seconds: Sequence[float]) -> str:
    """The median of the rounds in seconds, with the fastest and the slowest."""
    low, middle, high = (f"{pick(seconds):.2f}" for pick in (min, median, max))
    return label("cost", "range", middle=middle, low=low, high=high)


def _grown(what: str, first: Sequence[float], last: Sequence[float]) -> str:
    """The last against the first, unless the ranges of their rounds meet: then no difference can be told."""
    if ratio(last, first).kind == "same":
        return label("cost", f"grown_{what}_same")
    return label("cost", f"grown_{what}", ratio=times(median(last) / median(first)))


def growth(sweep: SweepName, name: str, rows: Sequence[TrainingCost | ServingCost]) -> str:
    """What one end of the sweep costs beside the other; `rows` are of one method, in ascending order, at least two."""
    first, last = rows[0], rows[-1]
    low, high = TURNED[sweep](first), TURNED[sweep](last)
    values: dict[str, object] = {
        "name": name, "low": f"{low:,}", "high": f"{high:,}", "factor": times(high / low),
        "method": method_label(first.method),
    }  # fmt: skip
    if isinstance(first, TrainingCost):
        values |= {
            "memory": _grown("memory", first.peak_bytes, last.peak_bytes),
            "time": _grown("time", first.step_seconds, last.step_seconds),
            "numbers": times(last.trainable_parameters / first.trainable_parameters),
        }
    elif sweep == "checkpoints":
        values |= {
            "each": megabytes((last.resident - first.resident) / (high - low)),
            "own": megabytes((last.tensor_bytes - first.tensor_bytes) / (high - low)),
            "first": megabytes(first.resident), "time": _grown("time", first.seconds, last.seconds),
        }  # fmt: skip
    else:
        values |= {
            "first": duration(first.time), "last": duration(last.time),
            "time": _grown("time", first.seconds, last.seconds),
        }  # fmt: skip
    return text("cost", f"grows_{'knob' if sweep in KNOBS else sweep}", **values)
