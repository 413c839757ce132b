"""What does it cost? Memory and time of a training step beside full fine-tuning, and how they grow: all measured.

    predict first → what is compared → figure → ratios → why → all numbers, and the sum behind them → where from;
    then the same along one number

It comes after "Check yourself", which asks for these very numbers before it shows them. Nothing is interpolated: a
setting that was not measured is said to be so, and the nearest one that was is named as such.
"""

from collections.abc import Sequence

import streamlit as st

from app import services
from app.content import label, text
from app.kit import url
from app.kit.formats import megabytes
from app.kit.machine.measured_on import measured_on
from app.kit.plain import escaped
from app.method.cost import charts as cost_charts
from app.method.cost import growth, latency
from app.method.cost import words as cost_words
from app.method.count.count_chart import Knob
from app.method.quiz.questions.facts import DEFAULTS
from app.method.quiz.questions.measured import PARTS
from peft_core.config import RunConfig
from peft_core.counting.by_hand import count
from peft_core.counting.training_bytes import training_bytes
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import METHODS, method_label, method_of
from peft_core.report.costs.growth import nearest
from peft_core.report.costs.measured import CostReport, TrainingCost, load_cost
from peft_core.t5.architecture import BaseModel

YARDSTICK = next(method for method in METHODS.values() if method.owns_weights)
WORKED_OUT = {"weights": "weights", "gradients": "gradients", "optimizer": "optimizer"}  # part → field
WITH = "cost_with"  # full fine-tuning's page: the method it is compared with


def draw(base: BaseModel, config: MethodConfig, run: RunConfig, knob: Knob | None) -> None:
    """One step, then the curves; `run` has the batch and length that Train would take."""
    st.button(
        label("cost", "to_check"), key="cost_to_check", type="tertiary", icon=":material/quiz:", on_click=_to_check
    )
    try:
        _one_step(base, config, load_cost(), run.data.max_length)
    except PeftClassroomError as error:
        st.error(escaped(error))
    growth.draw(base, config, run, knob)
    st.markdown(text("cost", "latency"))
    latency.draw(base.name)


def _to_check() -> None:
    st.session_state["section"] = label("sections", "check")


def _one_step(base: BaseModel, config: MethodConfig, report: CostReport, now: int) -> None:
    """This method beside full fine-tuning; full fine-tuning beside a method to choose. `now`: tokens, as in Train."""
    rows = [row for row in report.training if row.shape == base.name]
    if not rows:
        command = f"python -m benchmarks.cost --shapes {base.name}"
        cost_words.unmeasured_base(base.name, [row.shape for row in report.training], command)
    full = method_of(config).owns_weights
    beside = _other(rows, base) if full else YARDSTICK.config()
    first, second = nearest(rows, config), nearest(rows, beside)
    if first is None or second is None:
        if rows:
            cost_words.unmeasured_setting(base.name, config, rows)
        _sum(base, config, beside)
        return
    cost_words.used_instead(config, first.method)
    few, all_ = sorted((first.trainable_parameters, second.trainable_parameters))
    claim = "claim_full" if full else "claim"
    st.markdown(text("cost", claim, method=method_label(first.method), few=few, all=all_, base=base.name))
    left, right = st.columns([3, 2])
    with left:
        st.markdown(label("cost", "memory_title"))
        cost_charts.memory([first, second])
    with right:
        st.markdown(label("cost", "time_title"))
        cost_charts.time([first, second])
    st.markdown(cost_words.comparison(first, second))
    st.markdown(cost_words.reason(first))
    st.markdown(table([first, second]))
    work = label("cost", "work", batch=first.batch, width=first.width)
    if now != first.width and any(info.record.max_length == first.width for info in services.checkpoints()):
        work = f"{work} {label('cost', 'work_unlike_train', now=now)}"
    st.caption(f"{work} {measured_on(report.provenance)}")
    _sum(base, config, beside)


def _sum(base: BaseModel, config: MethodConfig, beside: MethodConfig) -> None:
    """What can be worked out of the memory, for these very settings: it moves with the controls."""
    sizes = {method: training_bytes(base.architecture, method) for method in (config, beside)}
    st.markdown(label("cost", "sum_title"))
    cost_charts.sums(
        [
            cost_charts.Bar(method, {part: getattr(size, field) for part, field in WORKED_OUT.items()})
            for method, size in sizes.items()
        ]
    )
    st.markdown(cost_words.sum_of_bytes(base, config))


def _other(rows: Sequence[TrainingCost], base: BaseModel) -> MethodConfig:
    """The method that full fine-tuning is compared with: a widget, in the URL."""
    shape = base.architecture
    others = [name for name, method in METHODS.items() if not method.owns_weights]
    others.sort(key=lambda name: -count(shape, DEFAULTS[name]).trainable_parameters)  # the largest first
    names = [name for name in others if nearest(rows, DEFAULTS[name]) is not None] or others
    url.from_link(WITH, names, names[0])
    chosen = st.radio(
        label("cost", "compare_with"), names, format_func=lambda name: method_label(DEFAULTS[name]), key=WITH,
        horizontal=True,
    )  # fmt: skip
    url.remember(WITH, chosen, names[0])
    return DEFAULTS[chosen]


def table(rows: Sequence[TrainingCost]) -> str:
    """Every number of the figure, as a Markdown table; the parts have the numbers that stand in the bars."""
    cells = [(label("cost", "trained"), [f"{row.trainable_parameters:,}" for row in rows])]
    for number, (part, field) in enumerate(PARTS.items(), 1):
        name = label("quiz", part)
        numbered = f"**{name}**" if part == "peak" else f"{number} {name}"
        cells.append((numbered, [megabytes(getattr(row, field)) for row in rows]))
    cells.append((label("cost", "step"), [cost_words.with_range(row.step_seconds) for row in rows]))
    head = " | ".join(method_label(row.method) for row in rows)
    lines = [f"| {label('cost', 'measure')} | {head} |", "|:--|" + "--:|" * len(rows)]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(values)} |" for name, values in cells)])
