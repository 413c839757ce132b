"""How the cost grows along one number: the method's own, the length, the batch, the checkpoints, the reviews."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import streamlit as st

from app.content import label, text
from app.kit import url
from app.kit.formats import megabytes
from app.kit.machine.measured_on import measured_on
from app.kit.plain import escaped
from app.method.cost import words as cost_words
from app.method.cost.charts import Axis, Curve, curves
from app.method.count.count_chart import Knob
from peft_core.config import RunConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_label, method_of
from peft_core.report.costs.growth import KNOBS, TURNED, ServingCost, SweepName, alike, load_growth
from peft_core.report.costs.measured import TrainingCost
from peft_core.t5.architecture import BaseModel

Row = TrainingCost | ServingCost
AGAINST = "cost_against"
OPTIONS = ("length", "batch", "checkpoints", "reviews")  # and before them "knob", where the method has one
LOGARITHMIC = (*KNOBS, "reviews")  # sweeps over factors, not over steps


@dataclass(frozen=True)
class Measure:
    """One of the two charts: its title, the rounds of a row in the title's unit, and its number in words."""

    title: str
    rounds: Callable[[Row], Sequence[float]]
    written: Callable[[Row], str]
    logarithmic: bool = False


STEP = (
    Measure("y_step_memory", lambda row: [bytes_ / 1e6 for bytes_ in row.peak_bytes], lambda row: megabytes(row.peak)),
    Measure("y_step_time", lambda row: row.step_seconds, lambda row: cost_words.duration(row.step)),
)
MEASURES: dict[SweepName, tuple[Measure, Measure]] = {
    **dict.fromkeys((*KNOBS, "length", "batch"), STEP),
    "checkpoints": (
        Measure(
            "y_checkpoints_memory",
            lambda row: [bytes_ / 1e6 for bytes_ in row.resident_bytes],
            lambda row: megabytes(row.resident),
        ),
        Measure("y_checkpoints_time", lambda row: row.seconds, lambda row: cost_words.duration(row.time)),
    ),
    "reviews": (
        Measure("y_reviews_time", lambda row: row.seconds, lambda row: cost_words.duration(row.time), logarithmic=True),
        Measure(
            "y_reviews_each",
            lambda row: [1000 * seconds / row.reviews for seconds in row.seconds],
            lambda row: cost_words.duration(row.time / row.reviews),
        ),
    ),
}


def draw(base: BaseModel, config: MethodConfig, run: RunConfig, knob: Knob | None) -> None:
    """The number to turn, two charts along it, one sentence, where the numbers come from."""
    st.markdown(text("cost", "growth"))
    try:
        report = load_growth()
    except PeftClassroomError as error:
        st.error(escaped(error))
        return
    if not method_of(config).knob:  # its number is drawn along in Count; no sweep of steps is declared for it
        knob = None
    chosen = _against(knob)
    name: SweepName = method_of(config).knob.sweep if chosen == "knob" else chosen
    sweep = report.sweep(name)
    measured = sweep.rows if sweep else ()
    rows = [row for row in measured if _base(row) == base.name]
    if not rows:
        command = "" if measured else f"python -m benchmarks.growth --only {name}"
        cost_words.unmeasured_base(base.name, [_base(row) for row in measured], command)
        return
    mine = alike(rows, config)
    if not mine:
        cost_words.unmeasured_setting(base.name, config, rows)
        return
    if chosen != "knob":
        cost_words.used_instead(config, mine[0].method)
    written = knob.name if chosen == "knob" else label("cost", f"x_{name}")
    setting = {
        "knob": knob and getattr(config, knob.field),
        "length": run.data.max_length,
        "batch": run.train.batch_size,
    }
    now = setting.get(chosen)
    marked = next((row for row in mine if TURNED[name](row) == now), None)
    _charts(name, written, rows, mine, marked)
    if now is not None and marked is None:
        _nearest(name, written, mine, now)
    st.markdown(cost_words.growth(name, written, mine))
    notes = [_fixed(name, mine[0], run.data.max_length), measured_on(sweep.provenance)]
    if marked and chosen in ("length", "batch"):
        notes.insert(0, label("cost", "train_setting", name=written, value=f"{now:,}"))
    st.caption(" ".join(filter(None, notes)))


def _base(row: Row) -> str:
    return row.shape if isinstance(row, TrainingCost) else row.base


def _against(knob: Knob | None) -> str:
    """Which number is turned: a widget, in the URL."""
    options = ("knob", *OPTIONS) if knob else OPTIONS
    url.from_link(AGAINST, options, options[0])
    chosen = st.radio(
        label("cost", "against"), options, key=AGAINST, horizontal=True,
        format_func=lambda name: knob.name if name == "knob" else label("cost", f"against_{name}"),
    )  # fmt: skip
    url.remember(AGAINST, chosen, options[0])
    return chosen


def _charts(name: SweepName, written: str, rows: Sequence[Row], mine: Sequence[Row], marked: Row | None) -> None:
    """The two charts of a sweep: `mine` are the rows of the page's method; along its own number it is alone with full
    fine-tuning, along the others all methods are there."""
    axis = Axis(written, tuple(TURNED[name](row) for row in mine), name in LOGARITHMIC)
    groups = [mine]
    if name not in KNOBS:
        others = dict.fromkeys(row.method for row in rows if row.method.method != mine[0].method.method)
        groups += [[row for row in rows if row.method == method] for method in others]
    full = next((row for row in rows if name in KNOBS and method_of(row.method).owns_weights), None)
    for measure, column in zip(MEASURES[name], st.columns(2), strict=True):
        found = [_curve(name, written, group, measure) for group in groups]
        level = full and (median(measure.rounds(full)), _bar(full, measure))
        mark = marked and (TURNED[name](marked), measure.written(marked))
        with column:
            curves(f"cost_{measure.title}", label("cost", measure.title), axis, found, mark, level, measure.logarithmic)


def _curve(name: SweepName, written: str, rows: Sequence[Row], measure: Measure) -> Curve:
    method = rows[0].method
    points = []
    for row in rows:
        rounds = measure.rounds(row)
        points.append((TURNED[name](row), median(rounds), min(rounds), max(rounds)))
    return Curve(written if name in KNOBS else method_label(method), method.method, tuple(points))


def _bar(row: Row, measure: Measure) -> str:
    return label("cost", "bar", who=method_label(row.method), value=measure.written(row))


def _nearest(name: SweepName, written: str, mine: Sequence[Row], now: int) -> None:
    """Nothing is drawn between two measured points: the nearest by factor is named instead."""
    close = min(mine, key=lambda row: max(TURNED[name](row), now) / min(TURNED[name](row), now))
    cost = ", ".join(measure.written(close) for measure in MEASURES[name])
    asked, used = f"{now:,}", f"{TURNED[name](close):,}"
    st.info(text("cost", "nearest_point", name=written, asked=asked, used=used, cost=cost), icon=":material/info:")


def _fixed(name: SweepName, row: Row, now: int) -> str:
    """What stays as it is while this number is turned; nothing to say of answers, whose reviews are real ones.

    `now`: tokens of a review that Train would read.
    """
    if isinstance(row, ServingCost):
        return label("cost", "answers")
    batch = label("cost", "fixed_batch", n=row.batch)
    length = label("cost", "fixed_length" if row.width == now else "fixed_length_unlike_train", n=row.width, now=now)
    return {"length": batch, "batch": length}.get(name, f"{batch} {length}")
