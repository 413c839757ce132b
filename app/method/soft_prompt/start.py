"""Where the rows come from: what each start does to the model before any training, and what it was worth in the end."""

from collections.abc import Mapping

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import figure, theme
from app.kit.machine.measured_on import measured_on
from app.kit.plain import escaped
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import METHODS
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.paths import RESULTS
from peft_core.report.costs.measured import StepZeroReport, StepZeroRow, load_step_zero
from peft_core.reviews.splits import LABEL_WORDS
from peft_core.t5.architecture import BaseModel
from peft_core.training.sweep import Trial, read_sweep

NAME, PAGE = "soft_prompt", "method/soft_prompt"
LABELS = " ".join(LABEL_WORDS)
STARTS: Mapping[str, dict[str, str]] = {  # as the page calls them → fields of the configuration
    "vocab": {"prompt_init": "vocab"},
    "labels": {"prompt_init": "text", "prompt_text": LABELS},
    "random": {"prompt_init": "random"},
}
MEASURED_ROWS = 10  # of the prompts in step_zero.json
ROW, AXIS = 48, 50  # pixels: a bar with its words above it, the axis of the rows


def draw(base: BaseModel, config: SoftPromptConfig) -> None:
    """The claim, a bar a start, what was measured here, and what the paper measured: something else."""
    st.markdown(text(PAGE, "initialisation"))
    try:
        report = load_step_zero()
        ends = trained_from(read_sweep(RESULTS / "sweep-tiny-t5.json").trials)
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    measured = rows_of(report)
    if measured.keys() == STARTS.keys():
        chosen = next(name for name, fields in STARTS.items() if fields["prompt_init"] == config.prompt_init)
        _bars(measured, chosen)
        st.markdown(sentence(report, measured))
        st.caption(measured_on(report.provenance))
    if len(ends) > 1:
        first = next(iter(ends.values()))
        listed = ", ".join(
            f"{trial.validation.accuracy:.1%} ({label(PAGE, f'start_{name}')})" for name, trial in ends.items()
        )
        data = first.config.data
        p, n = first.validation.accuracy, first.validation.n
        values = {"base": first.config.base, "reviews": data.train_size, "n": n}
        values |= {"error": 100 * (p * (1 - p) / n) ** 0.5}
        st.markdown(text(PAGE, "start_in_the_end", accuracies=listed, **values))
    st.caption(text(PAGE, "start_differs", vocabulary=base.architecture.vocab_size))


def rows_of(report: StepZeroReport) -> dict[str, StepZeroRow]:
    """What was measured of each start; a start that was not measured is left out."""
    found = {
        name: report.row(SoftPromptConfig(num_virtual_tokens=MEASURED_ROWS, **fields))
        for name, fields in STARTS.items()
    }
    return {name: row for name, row in found.items() if row}


def trained_from(trials: tuple[Trial, ...]) -> dict[str, Trial]:
    """The trials that differ in nothing but where the rows started, at the method's own rate."""
    found = {}
    for name, fields in STARTS.items():
        method, rate = SoftPromptConfig(**fields), METHODS[NAME].learning_rate
        tried = (t for t in trials if t.validation and (t.config.method, t.learning_rate) == (method, rate))
        if trial := next(tried, None):
            found[name] = trial
    same = {(trial.config.data, trial.config.train, trial.base_fingerprint) for trial in found.values()}
    return found if len(same) == 1 else {}


def sentence(report: StepZeroReport, measured: Mapping[str, StepZeroRow]) -> str:
    """The measured changes, which of the two is larger, and what other seeds gave."""
    values: dict[str, object] = {"n": report.n, "rows": MEASURED_ROWS}
    for name, row in measured.items():
        values |= {name: points(row.mean_change), f"{name}_changed": row.changed_verdicts}
    vocab, random = measured["vocab"], measured["random"]
    more = "start_words_more" if vocab.mean_change > random.mean_change else "start_noise_more"
    said = [text(PAGE, "start_measured", **values), text(PAGE, more)]
    if vocab.further_mean_changes and random.further_mean_changes:
        ends = {
            f"{name}_{end}": points(of(measured[name].further_mean_changes))
            for name in ("vocab", "random") for end, of in (("low", min), ("high", max))
        }  # fmt: skip
        said.append(text(PAGE, "start_more_seeds", n=len(vocab.further_mean_changes), **ends))
    return " ".join(said)


def points(change: float) -> str:
    """A change of a probability in percentage points, with two digits."""
    return f"{100 * change:.2g}"


@figure.kept
def _bars(measured: Mapping[str, StepZeroRow], chosen: str) -> None:
    """A bar a start; the page's own is strong."""
    rows = pd.DataFrame(
        [
            {"start": name, "points": 100 * row.mean_change, "chosen": name == chosen,
             "words": label(PAGE, "start_bar", name=label(PAGE, f"start_{name}"), points=points(row.mean_change))}
            for name, row in measured.items()
        ]
    )  # fmt: skip
    base = alt.Chart(rows).encode(y=alt.Y("start:N", sort=None, axis=None), tooltip=alt.TooltipValue(None))
    x = alt.X(
        "points:Q", title=label(PAGE, "start_axis"), scale=alt.Scale(domainMin=0),
        axis=alt.Axis(tickCount=4, grid=False, titleLimit=320),
    )  # fmt: skip
    strength = alt.condition("datum.chosen", alt.value(1), alt.value(0.4))
    bars = base.mark_bar(size=14, color=theme.METHOD[NAME].colour)
    names = base.mark_text(align="left", dy=-17, fontSize=14, color=theme.ink()).encode(
        x=alt.XValue(0), text=alt.Text("words:N")
    )
    chart = (bars.encode(x=x, opacity=strength) + names).properties(height=AXIS + ROW * len(rows))
    st.altair_chart(
        theme.readable(chart), width="stretch", key="prompt_start",
        alt=label(PAGE, "start_alt", rows="; ".join(rows["words"])),
    )  # fmt: skip
