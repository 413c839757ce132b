"""When not to use PEFT: what this app's own measurements say against it."""

from statistics import fmean

import streamlit as st

from app import services
from app.content import text
from app.kit.formats import times
from app.kit.plain import escaped
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import METHODS, method_label
from peft_core.report.costs.measured import load_cost
from peft_core.report.reproduction.results import load_results, shipped_results

BASE, OTHER = "tiny-t5", "lora"  # the base of the shipped runs, and the method most people mean by PEFT


def draw() -> None:
    """Four reasons, with our own number where there is one."""
    st.markdown(text("home", "when_not"))
    try:
        values = numbers()
    except PeftClassroomError as error:
        st.error(escaped(error))
        return
    for row in (("not_accuracy", "not_memory"), ("not_far", "not_needed")):
        for section, column in zip(row, st.columns(2, gap="small"), strict=True):
            column.container(border=True, height="stretch").markdown(text("home", section, **values))


def numbers() -> dict[str, object]:
    """What the four sentences quote.

    Raises:
        PeftClassroomError: if a file of measurements is missing or damaged.
    """
    whole = next(method for method in METHODS.values() if method.owns_weights).config()
    other = METHODS[OTHER].config()
    results, cost = load_results(shipped_results(BASE)), load_cost()
    shipped = {info.record.config.method: info.record for info in services.checkpoints() if info.shipped}
    runs = [results.runs_of(shipped[method].config) for method in (whole, other)]
    accuracies = [[run.record.test.accuracy for run in of_method] for of_method in runs]
    rows = [cost.train(BASE, method) for method in (whole, other)]
    return {
        "base": BASE, "other": method_label(other), "full": f"{fmean(accuracies[0]):.1%}",
        "few": f"{fmean(accuracies[1]):.1%}", "runs_full": len(accuracies[0]), "runs_few": len(accuracies[1]),
        "numbers": times(rows[0].trainable_parameters / rows[1].trainable_parameters),
        "memory": times(rows[0].peak / rows[1].peak), "time": times(rows[0].step / rows[1].step),
        "untrained": f"{shipped[whole].untrained.accuracy:.1%}",
    }  # fmt: skip
