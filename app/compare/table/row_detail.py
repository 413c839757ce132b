"""Everything about one row of the report's table: three counts, every seed, and how to run what was not run."""

import pandas as pd
import streamlit as st

from app import services
from app.compare.shared import short
from app.compare.table import row_counts
from app.content import label, text
from app.kit.formats import NOTHING, duration, several, with_interval
from app.kit.machine import this_computer
from app.kit.machine.measured_on import measured_on
from app.kit.pages import training_link
from app.kit.plain import escaped
from peft_core.config import RunConfig
from peft_core.report.quoted import BASE, TEST_REVIEWS
from peft_core.report.table import Reproduction, TableRow
from peft_core.statistics.formats import bytes_text
from peft_core.training.as_script.script import output_folder
from peft_core.training.as_script.written_out import command, wrapped


def draw(row: TableRow, base: str) -> None:
    """The row's name, what may be said of it, its counts, its runs."""
    st.header(escaped(row.label), anchor=False)
    reported, reproduced, trains = st.columns(3)
    if row.quoted:
        reported.metric(label("compare", "reported_by", base=BASE), f"{row.quoted.percent}%")
        low, high = (f"{share:.1%}" for share in (row.quoted.measured.low, row.quoted.measured.high))
        reported.caption(label("compare", "reported_interval", low=low, high=high, n=f"{TEST_REVIEWS:,}"))
    else:
        reported.metric(label("compare", "reported_by", base=BASE), NOTHING)
    run = row.reproduction
    here = label("compare", "reproduced_on", base=escaped(short(base)))
    reproduced.metric(here, f"{run.test.accuracy:.1%}" if run else label("compare", "not_run"))
    if run:
        low, high = (f"{share:.1%}" for share in (run.test.low, run.test.high))
        key = "interval_one" if len(run.runs) == 1 else "interval_mean"
        reproduced.caption(label("compare", key, low=low, high=high, n=f"{run.test.n:,}", seeds=len(run.runs)))
    share = row.counts.by_hand.trainable / row.counts.by_hand.total
    trains.metric(label("compare", "trains_on", base=escaped(short(base))), f"{row.counts.by_hand.trainable:,}")
    trains.caption(
        label(
            "compare",
            "share",
            share=f"{share:.2%}" if share >= 0.001 else f"{100 * share:.2g}%",
            total=f"{row.counts.by_hand.total:,}",
        )
    )
    if row.quoted and run:
        bases = text("compare", "same_base" if base == BASE else "other_base", base=escaped(short(base)), report=BASE)
        st.markdown(text("compare", "not_subtracted", bases=bases, n=f"{run.test.n:,}"))
    if row.note:
        st.caption(escaped(row.note))
    row_counts.draw(row, base)
    if run:
        for one in row.reproductions:
            _runs(one)
    else:
        _how_to_run(row.to_run)


# ---------------------------------------------------------------------------------------------------------------------
# Runs


def _runs(run: Reproduction) -> None:
    """A line a seed, and where the measurements come from."""
    machines = dict.fromkeys(", ".join(seed.machine) for seed in run.runs)
    rows = []
    for seed in run.runs:
        record = seed.record
        cells = {
            "seed": f"{seed.seed}",
            "test": with_interval(seed.test),
            "validation": with_interval(seed.validation),
            "file": bytes_text(seed.file.bytes) if seed.file else NOTHING,
            "seconds": duration(record.seconds),
            "speed": f"{record.examples_per_second:.0f}" if record.examples_per_second else NOTHING,
            "checkpoint": seed.name,
        }
        if len(machines) > 1:
            cells["machine"] = ", ".join(seed.machine)
        rows.append({label("compare", f"column_{name}"): value for name, value in cells.items()})
    config, record = run.config, run.runs[0].record
    st.markdown(
        label(
            "compare", "budget", reviews=f"{config.data.train_size:,}", tokens=config.data.max_length,
            steps=f"{record.steps:,}", rate=f"{record.learning_rate:g}", machines=escaped(" · ".join(machines)),
            here=this_computer.link(),
        )
    )  # fmt: skip
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key=f"runs_{run.runs[0].name}")
    if len(machines) > 1:
        st.caption(label("compare", "timed", seeds=several(tuple(seed.seed for seed in run.timed))))
    for seed in run.runs:
        if seed.problem:
            st.caption(f"{escaped(seed.name)}: {escaped(seed.problem)}")
    if run.memory:
        batch = label("compare", "memory_of", batch=run.memory.batch, width=run.memory.width)
        st.caption(f"{batch} {measured_on(run.memory.provenance)}")


def _how_to_run(run: RunConfig) -> None:
    """The command, and the page that trains it with these settings filled in."""
    st.markdown(text("compare", "how_to_run"))
    st.code("\n".join(wrapped(command(run, output_folder(run.method)))), language="bash")
    if why_not := services.why_not_loadable(run.base):
        said = text("common", "cannot_train", base=escaped(short(run.base)), why=escaped(why_not))
        st.info(said, icon=":material/info:")
        return
    page, query = training_link(run)
    st.page_link(page, label=label("compare", "train_it"), icon=":material/play_arrow:", query_params=query)
