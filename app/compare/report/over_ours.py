"""The report's seven curves over one another, and ours beside them: against the reviews that had been read by then."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app.compare import shared
from app.compare.report import curves_chart
from app.content import label, text
from app.kit.formats import NOTHING
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_label
from peft_core.report.quoted import BASE, TEST_REVIEWS, TRAIN_REVIEWS
from peft_core.report.reproduction.results import RunResult, load_results, shipped_results
from peft_core.report.reread.courses import courses

OURS = "tiny-t5"
SHOWN = ("all", "full", "soft_prompt", "adapter")  # methods with a curve in the report


def draw() -> None:
    """Which method, accuracy and loss, and what may be compared."""
    shown = shared.choose("curves_of", label("report", "curves_of"), SHOWN, "curves_of", "report")
    runs = our_runs()
    frame = curves(runs)
    if shown != "all":
        frame = frame[frame["method"] == shown]
    left, right = st.columns(2)
    with left:
        curves_chart.draw(frame, "accuracy", shown != "all")
    with right:
        curves_chart.draw(frame.dropna(subset=["loss"]), "loss", shown != "all")
    firsts = [course.epochs[0].accuracy for course in courses()]
    gains = [100 * (course.best.accuracy - course.epochs[0].accuracy) for course in courses()]
    told = {"low": f"{min(firsts):.1%}", "high": f"{max(firsts):.1%}", "least": f"{min(gains):.1f}"}
    st.markdown(text("report", "curves_sentence", **told, most=f"{max(gains):.1f}"))
    sizes = runs[0].record.split_sizes if runs and runs[0].record else {}
    told = {name: f"{sizes[name]:,}" if name in sizes else NOTHING for name in ("train", "test")}
    st.caption(text("report", "curves_reading", report=BASE, n=f"{TEST_REVIEWS:,}", base=OURS, **told))


def curves(runs: Sequence[RunResult]) -> pd.DataFrame:
    """A row a point: side, run, method, reviews read so far, accuracy on test reviews, training loss."""
    rows = [
        {
            "side": "report", "run": course.quoted.label, "method": course.quoted.method.method,
            "reviews": (epoch.epoch + 1) * TRAIN_REVIEWS, "accuracy": epoch.accuracy, "loss": epoch.train_loss,
        }
        for course in courses() for epoch in course.epochs
    ]  # fmt: skip
    for run in runs:
        title = label("report", "our_run", name=method_label(run.config.method))
        rows += [
            {
                "side": "ours", "run": title, "method": run.config.method.method,
                "reviews": point.step * run.config.train.batch_size, "accuracy": point.test, "loss": point.train_loss,
            }
            for point in run.points if point.step
        ]  # fmt: skip
    return pd.DataFrame(rows)


def our_runs() -> list[RunResult]:
    """The first seed of every configuration that the report has a curve of; none where the results file is missing."""
    path = shipped_results(OURS)
    if not path.is_file():
        return []
    results = load_results(path)
    quoted = {course.quoted.key for course in courses()}
    found: dict[MethodConfig, RunResult] = {}
    for row in results.rows:
        run = results.result(row.runs[0])
        if row.report in quoted and run.state == "done":
            found.setdefault(run.config.method, run)
    return list(found.values())
