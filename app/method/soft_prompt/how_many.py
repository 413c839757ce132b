"""How many rows are enough? Accuracy against prompt length, from the runs that differ in nothing else."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import streamlit as st

from app.content import text
from app.kit import formats
from app.kit.plain import escaped
from app.method.soft_prompt import how_many_chart
from peft_core.errors import PeftClassroomError
from peft_core.methods.full.method import FullConfig
from peft_core.methods.registry import method_of
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.report.reproduction import ROWS, Results, RunResult, load_results, shipped_results
from peft_core.statistics.intervals import wilson
from peft_core.statistics.paired_test import LEVEL, PairedTest, paired_test
from peft_core.t5.architecture import BaseModel

PAGE = "method/soft_prompt"
BASE = "tiny-t5"  # whose runs are shipped
NEVER_ROUNDED_TO_ZERO = 0.0001


def draw(base: BaseModel, config: SoftPromptConfig) -> None:
    """Claim, chart, what our runs say, what the paper says of theirs."""
    st.markdown(text(PAGE, "length"))
    try:
        found = results()
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    runs = by_length(found)
    full = next(run for run in found.runs if run.record and run.config.method == FullConfig())
    missing = [n for n in planned() if n not in runs]
    if len(runs) < 2:
        st.info(text(PAGE, "length_missing", lengths=formats.several(tuple(missing)), base=BASE))
        return
    how_many_chart.draw(list(runs.values()), full, untrained(found), config.num_virtual_tokens)
    st.markdown(sentence(list(runs.values()), full))
    if missing:
        st.caption(text(PAGE, "length_missing", lengths=formats.several(tuple(missing)), base=BASE))
    total = full.record.total_parameters
    st.markdown(text(PAGE, "length_quoted", base=BASE, millions=total / 1e6))
    first = next(iter(runs.values())).config
    seeds = formats.several(tuple(sorted({run.config.train.seed for run in runs.values()})))
    st.caption(
        text(
            PAGE, "length_source", seeds=seeds, reviews=first.data.train_size, epochs=first.train.epochs,
            tokens=first.data.max_length, base=BASE, rows=",".join(run.name for run in runs.values()),
        )
    )  # fmt: skip


@cache
def results() -> Results:
    """What the table's runs on the bundled base model measured.

    Raises:
        PeftClassroomError: if the file is missing or damaged.
    """
    return load_results(shipped_results(BASE))


def planned() -> list[int]:
    """The lengths that the table has rows for, rising."""
    return sorted({row.method.num_virtual_tokens for row in ROWS if isinstance(row.method, SoftPromptConfig)})


def by_length(results: Results) -> dict[int, RunResult]:
    """The finished prompts that differ in their length alone, the shortest first."""
    found: dict[int, RunResult] = {}
    for run in results.runs:
        method = run.config.method
        if run.record and isinstance(method, SoftPromptConfig) and method.prompt_init == "vocab":
            found.setdefault(method.num_virtual_tokens, run)
    same = {(run.config.data, run.config.train) for run in found.values()}
    assert len(same) <= 1, "the results file has prompts of several budgets"
    return dict(sorted(found.items()))


def untrained(results: Results):
    """The base model's accuracy on the test reviews, which runs note that start as the base model."""
    for run in results.runs:
        if run.record and run.record.test_curve and method_of(run.config.method).starts_as_base(run.config.method):
            (_, accuracy), n = run.record.test_curve[0], run.record.test.n
            return wilson(round(accuracy * n), n)
    return None


def sentence(runs: Sequence[RunResult], full: RunResult) -> str:
    """The best length, what it lacks to full fine-tuning, and which lengths differ from the shortest."""
    best = max(runs, key=lambda run: run.record.test.accuracy)
    test = best.record.test
    tested = [(run, paired_test(right(runs[0]), right(run))) for run in runs[1:]]
    told = sum(paired.p < LEVEL / len(tested) for _, paired in tested)
    compared = text(
        PAGE, "length_told" if told else "length_not_told", shortest=runs[0].config.method.num_virtual_tokens,
        told=told, limit=_shared(len(tested)),
        differences="; ".join(_difference(runs[0], run, paired) for run, paired in tested),
    )  # fmt: skip
    gap = full.record.test.accuracy - test.accuracy
    return text(
        PAGE, "length_found", count=len(runs), best=best.config.method.num_virtual_tokens, n=test.n,
        accuracy=f"{test.accuracy:.1%}", gap=f"{100 * gap:.1f}", compared=compared,
    )  # fmt: skip


def _shared(tests: int) -> str:
    """The level of each of several tests, as in "0.05 / 4 = 0.013"."""
    return f"{LEVEL:g}" if tests == 1 else f"{LEVEL:g} / {tests} = {LEVEL / tests:.2g}"


def right(run: RunResult) -> np.ndarray:
    """True for each test review that the run has right."""
    return np.array([answer == "1" for answer in run.test_right or ""])


def _difference(first: RunResult, run: RunResult, paired: PairedTest) -> str:
    more = 100 * (run.record.test.accuracy - first.record.test.accuracy)
    p = f"p < {NEVER_ROUNDED_TO_ZERO}" if paired.p < NEVER_ROUNDED_TO_ZERO else f"p = {paired.p:.2g}"
    return text(PAGE, "length_difference", n=run.config.method.num_virtual_tokens, points=f"{more:+.1f}", p=p)
