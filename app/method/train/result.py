"""What came of a run: the same test reviews before and after, and what may be said about the difference."""

import streamlit as st

from app import services
from app.content import label
from app.kit.asking.classes import classes_of
from app.kit.pages import script_of
from app.method.train.task import yardstick
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.checkpoints.record import RunRecord
from peft_core.checkpoints.run_json import weights_digest
from peft_core.methods.registry import method_of
from peft_core.reviews.config import REVIEWS
from peft_core.training.runs import Run


def result(run: Run) -> None:
    """Accuracies, the sentence about them, the fingerprint, and the way to ask the checkpoint."""
    listed = services.listing().usable
    found = next((info for info in listed if info.name == run.id), None)
    if found is None or not isinstance(found.record, RunRecord):
        st.warning(label("train", "no_metrics"), icon=":material/info:")
        return
    last = next((info for info in listed if info.name == f"{run.id}-last"), None)
    _numbers(found.record)
    _sentence(found.record)
    yardstick(run)
    _link(found, last)


def origin(run: Run) -> None:
    """How it came to its end, whether it can be repeated, and the fingerprint of its weights: below the curves."""
    found = next((info for info in services.listing().runs if info.name == run.id), None)
    if found is None:
        return
    record = found.record
    kind = {"epochs": "fingerprint", "max_seconds": "stopped", "person": "kept"}[record.stopped_by]
    steps = {"steps": f"{record.steps:,}", "full": f"{record.planned_steps:,}", "seconds": f"{record.seconds:.0f}"}
    digest = label("train", "digest", digest=weights_digest(found.path))
    st.caption(f"{label('train', kind, **steps)} {digest}")


def _numbers(record: RunRecord) -> None:
    test, before = record.test, record.untrained_test
    one, two, three = st.columns(3)
    was = "test_before_continued" if record.config.start_from else "test_before"
    one.metric(label("train", was), f"{before.accuracy:.1%}" if before else "–")
    if record.made_worse:  # nothing trained was tested
        (_, start), *_, (_, last) = record.validations
        two.metric(label("train", "validation_start"), f"{start:.1%}")
        three.metric(label("train", "validation_last"), f"{last:.1%}")
        return
    two.metric(label("train", "test_after"), f"{test.accuracy:.1%}")
    if record.change:
        three.metric(label("train", "change"), signed(record.change[0]))


def _sentence(record: RunRecord) -> None:
    """Better, worse, or not to be told from chance: by the paired interval; or that it made it worse."""
    test = record.test
    if record.made_worse:
        st.warning(made_worse(record), icon=":material/trending_down:")
        return
    if record.change is None:
        words = label("train", "done", low=f"{test.low:.1%}", high=f"{test.high:.1%}", n=f"{test.n:,}")
        st.info(words, icon=":material/info:")
        return
    _, low, high = record.change
    values = {"n": f"{test.n:,}", "low": signed(low), "high": signed(high), **classes_of(record.learned).plain}
    if low > 0:
        st.success(label("train", "better", **values), icon=":material/check_circle:")
    elif high < 0:
        st.warning(label("train", "worse", **values), icon=":material/trending_down:")
    else:
        st.info(label("train", "chance", **values), icon=":material/info:")


def signed(difference: float) -> str:
    """A difference of shares in points, with its sign."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def made_worse(record: RunRecord) -> str:
    """What is to be said where no point of the run was as good as its start."""
    (_, start), *_, (step, last) = record.validations
    words = label("train", "made_worse", start=f"{start:.1%}", step=f"{step:,}", last=f"{last:.1%}")
    rate, own = record.learning_rate, method_of(record.method).learning_rate
    hint = "rate_high" if rate > own else "rate_own"
    return f"{words} {label('train', hint, rate=f'{rate:g}', own=f'{own:g}')}"


def _link(found: CheckpointInfo, last: CheckpointInfo | None) -> None:
    st.page_link(
        script_of("playground"),
        label=label("train", "to_playground" if last is None else "both_to_playground"),
        icon=":material/rate_review:",
        query_params={
            "checkpoint": [info.name for info in (found, last) if info],
            **({} if found.task == REVIEWS.task_key else {"task": found.task}),
        },
    )
