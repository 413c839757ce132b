"""LoRA beside rsLoRA and DoRA: the table's runs, an interval each, and what may be told of their differences."""

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import theme
from app.kit.plain import escaped
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.report.reproduction import Results, RunResult, load_results, shipped_results
from peft_core.statistics.formats import interval_text, p_text, points
from peft_core.statistics.paired_test import LEVEL, paired_test
from peft_core.t5.architecture import BaseModel

BASE = "tiny-t5"  # whose runs are shipped
PAIRS = (("lora-8", "lora-8-dora"), ("lora-8", "lora-8-rslora"), ("lora-64", "lora-64-rslora"))
ROWS = tuple(dict.fromkeys(name for pair in PAIRS for name in pair))


def draw(base: BaseModel, config: LoraConfig) -> None:
    """Claim, the rows that were run, their differences, what is still to be run."""
    st.markdown(text("lora_choices", "variants"))
    try:
        runs = finished(load_results(shipped_results(BASE)))
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    if runs:
        _chart(runs)
    if found := sentences(runs):
        st.markdown("\n".join(f"- {sentence}" for sentence in found))
    if missing := [name for name in ROWS if name not in runs]:
        st.info(text("lora_choices", "variants_missing", rows=", ".join(missing)), icon=":material/info:")
        st.code(f"python -m peft_core reproduce --rows {','.join(missing)}", language="bash")
    st.markdown(text("lora_choices", "variants_rules"))
    if runs:
        st.caption(text("lora_choices", "variants_how", **_settings(next(iter(runs.values())))))


def finished(results: Results) -> dict[str, RunResult]:
    """The first run of each of the rows that has ended, by the name of the row."""
    runs = {run.name: run for run in results.runs}
    first = {row.name: runs[row.runs[0]] for row in results.rows if row.name in ROWS}
    return {name: first[name] for name in ROWS if name in first and first[name].record}


def sentences(runs: dict[str, RunResult]) -> list[str]:
    """One for each pair of which both were run."""
    found = []
    for beside, name in PAIRS:
        if beside in runs and name in runs:
            p = paired_test(_right(runs[beside]), _right(runs[name])).p
            told = text("lora_choices", "variants_told" if p < LEVEL / len(PAIRS) else "variants_not_told")
            gap = points(runs[name].record.test.accuracy - runs[beside].record.test.accuracy)
            values = {"name": name, "beside": beside, "points": gap, "p": p_text(p), "told": told}
            found.append(text("lora_choices", "variants_pair", **values))
    return found


def _right(run: RunResult) -> np.ndarray:
    """True for each test review that the run has right."""
    return np.array([answer == "1" for answer in run.test_right or ""])


def _settings(run: RunResult) -> dict[str, object]:
    """What all runs have in common, and how they are compared."""
    tests = len(PAIRS)
    return {
        "base": BASE,
        "reviews": run.config.data.train_size,
        "epochs": run.config.train.epochs,
        "n": run.record.test.n,
        "seed": run.config.train.seed,
        "tests": tests,
        "limit": f"{LEVEL:g} / {tests} = {LEVEL / tests:.2g}",
    }


def _title(name: str, run: RunResult) -> str:
    factor, n = f"{run.config.method.scaling:.3g}", f"{run.record.trainable_parameters:,}"
    return label("lora_choices", "variant_row", name=name, factor=factor, n=n)


def _chart(runs: dict[str, RunResult]) -> None:
    """A row a run: its accuracy, and the 95% interval."""
    tests = {_title(name, run): run.record.test for name, run in runs.items()}
    rows = pd.DataFrame(
        {"name": name, "accuracy": test.accuracy, "low": test.low, "high": test.high, "told": interval_text(test)}
        for name, test in tests.items()
    )
    style, title = theme.METHOD["lora"], label("lora_choices", "accuracy")
    scale, axis = alt.Scale(zero=False, padding=20), alt.Axis(format=".1%", tickCount=5, grid=False)
    y = alt.Y("name:N", sort=list(tests), title=None, axis=alt.Axis(labelLimit=320, ticks=False, domain=False))
    drawn = alt.Chart(rows).encode(y=y, tooltip=[alt.Tooltip("told:N", title=title)])
    lines = drawn.mark_rule(color=style.colour, strokeWidth=2.5).encode(
        x=alt.X("low:Q", title=title, scale=scale, axis=axis), x2=alt.X2("high:Q")
    )
    marks = drawn.mark_point(filled=True, shape=style.shape, size=130, color=style.colour, opacity=1)
    listed = "; ".join(f"{name}: {interval_text(test)}" for name, test in tests.items())
    st.altair_chart(
        theme.readable((lines + marks.encode(x=alt.X("accuracy:Q"))).properties(height=44 * len(rows) + 50)),
        width="stretch",
        key="lora_variants_chart",
        alt=label("lora_choices", "variants_alt", rows=listed),
    )
