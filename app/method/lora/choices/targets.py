"""Beside which matrices? Our runs at one budget of trained numbers, a mark a seed."""

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import figure, theme
from app.kit.formats import NOTHING
from app.kit.machine.measured_on import measured_on
from app.kit.plain import escaped
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.report.experiments.lora_targets import Targets, TargetsReport, load_lora_targets, over_seeds
from peft_core.statistics.formats import p_text, points
from peft_core.t5.architecture import BaseModel

REFERENCE, SLIDES = ("q", "v"), ("q", "k")


def draw(base: BaseModel, config: LoraConfig) -> None:
    """Claim, the seeds of every choice, the pair that report and slides name, what the paper found."""
    st.markdown(text("lora_choices", "targets"))
    try:
        report = load_lora_targets()
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    _chart(report)
    st.markdown(_sentence(report))
    st.caption(text("lora_choices", "targets_how", **_settings(report)))
    st.markdown(text("lora_choices", "targets_paper"))
    st.caption(measured_on(report.provenance))


def _settings(report: TargetsReport) -> dict[str, str]:
    """What all runs have in common."""
    config = report.runs[0].config
    return {
        "base": config.base,
        "reviews": f"{config.data.train_size:,}",
        "tokens": f"{config.data.max_length}",
        "rate": f"{config.learning_rate:g}",
        "tests": f"{len(report.runs[0].right):,}",
        "untrained": NOTHING if report.untrained is None else f"{report.untrained:.1%}",
    }


def _name(targets: Targets) -> str:
    return label("lora_choices", "all_linear") if len(targets) == 6 else ", ".join(targets)


@figure.kept
def _chart(report: TargetsReport) -> None:
    """A row a choice: a mark a seed, a line at their mean."""
    choices = sorted({run.targets for run in report.runs}, key=lambda targets: -report.mean(targets))
    titles = {
        targets: label("lora_choices", "choice", name=_name(targets), r=run.config.method.r,
                       n=f"{run.trainable_parameters:,}")
        for targets in choices for run in report.of(targets)[:1]
    }  # fmt: skip
    order = list(titles.values())
    seeds = pd.DataFrame(
        {"choice": titles[run.targets], "accuracy": run.accuracy, "seed": run.config.train.seed} for run in report.runs
    )
    means = pd.DataFrame({"choice": titles[targets], "accuracy": report.mean(targets)} for targets in choices)
    x = alt.X(
        "accuracy:Q", title=label("lora_choices", "accuracy"), scale=alt.Scale(zero=False, padding=20),
        axis=alt.Axis(format=".1%", tickCount=5, grid=False),
    )  # fmt: skip
    y = alt.Y("choice:N", sort=order, title=None, axis=alt.Axis(labelLimit=320, ticks=False, domain=False))
    style = theme.METHOD["lora"]
    marks = alt.Chart(seeds).mark_point(filled=True, shape=style.shape, size=130, color=style.colour, opacity=1)
    marks = marks.encode(x=x, y=y, tooltip=[
        alt.Tooltip("choice:N", title=label("count", "target_modules")),
        alt.Tooltip("seed:Q", title=label("train", "seed")),
        alt.Tooltip("accuracy:Q", title=label("lora_choices", "accuracy"), format=".2%"),
    ])  # fmt: skip
    line = alt.Chart(means).mark_tick(color=theme.ink(), thickness=2.5, size=24).encode(x=x, y=y)
    listed = "; ".join(
        f"{titles[targets]}: {', '.join(f'{run.accuracy:.2%}' for run in report.of(targets))}" for targets in choices
    )
    st.altair_chart(
        theme.readable((line + marks).properties(height=44 * len(choices) + 50)),
        width="stretch",
        key="lora_targets_chart",
        alt=label("lora_choices", "targets_alt", rows=listed),
    )


def _sentence(report: TargetsReport) -> str:
    """q and v against q and k, seed by seed; and which choices are told from q and v, the seed being the unit."""
    pairs = report.pairs(REFERENCE, SLIDES)
    each = ", ".join(f"{points(pair.difference)} ({p_text(pair.p)})" for pair in pairs)
    mean = over_seeds([pair.difference for pair in pairs])
    if mean is None:
        return text("lora_choices", "targets_one_seed", each=each or NOTHING)
    others = [targets for targets in dict.fromkeys(run.targets for run in report.runs) if targets != REFERENCE]
    told = [targets for targets in others if _told(report, targets)]
    left = [targets for targets in told if _told(report, targets, len(others))]
    values = {"seeds": mean.n, "each": each, "mean": points(mean.mean), "low": points(mean.low)}
    opening = text("lora_choices", "targets_pair", high=points(mean.high), **values)
    which = "targets_told" if told else "targets_not_told"
    verdict = text("lora_choices", which, n=len(others), told=_names(told), left=_names(left))
    return f"{opening} {verdict}"


def _names(several: list[Targets]) -> str:
    return "; ".join(map(_name, several)) or label("lora_choices", "none")


def _told(report: TargetsReport, targets: Targets, comparisons: int = 1) -> bool:
    found = over_seeds([pair.difference for pair in report.pairs(REFERENCE, targets)], comparisons)
    return found is not None and found.told_apart
