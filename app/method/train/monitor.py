"""A run watched from the page: state, progress, curves, cancel, resume, result. The truth about it is on disk."""

import streamlit as st

from app import services
from app.content import label
from app.kit.pages import script_of
from app.kit.plain import escaped
from app.kit.training_curves import training_curves
from peft_core.checkpoints.record import weights_digest
from peft_core.errors import PeftClassroomError
from peft_core.training.runs import Run

POLL_SECONDS = 1.0


def monitor(run_id: str) -> None:
    """Watch the run; while it is under way the fragment draws itself again every second."""
    try:
        run = services.backend().store.read(run_id)
    except PeftClassroomError as error:
        st.warning(escaped(error), icon=":material/help:")
        return
    under_way = run.status.active or run.status.queued

    @st.fragment(run_every=POLL_SECONDS if under_way else None)
    def watch() -> None:
        services.backend().reconcile()
        now = services.backend().store.read(run_id)
        draw(now)
        if under_way and not (now.status.active or now.status.queued):
            services.listing.clear()
            st.rerun()

    watch()


def draw(run: Run) -> None:
    """Everything there is to say about a run at this moment."""
    status, config = run.status, run.spec.config
    st.markdown(f"**{run.spec.name}** · {config.base} · {status.device or label('train', 'device_pending')}")
    if status.queued:
        place = services.backend().queue_position(run.id)
        st.info(label("train", "queued", place=place or 1), icon=":material/hourglass_top:")
    elif status.state == "starting":
        st.info(label("train", "starting"), icon=":material/hourglass_top:")
    elif status.state == "running":
        _progress(run)
    elif status.state == "succeeded":
        _result(run)
    else:
        st.warning(escaped(status.message or label("train", "ended", state=status.state)), icon=":material/info:")
    metrics = services.backend().store.metrics(run.id)
    if any(m["event"] in ("step", "validation") for m in metrics):
        training_curves(metrics, status.total_steps or 1, config.method.method)
    _buttons(run)


def _progress(run: Run) -> None:
    status, limit = run.status, run.spec.config.train.max_seconds
    if status.step and status.step >= status.total_steps:
        st.progress(1.0, text=label("train", "testing"))
        return
    share = status.step / max(status.total_steps, 1)
    remaining = None if not status.step else status.seconds * (1 / share - 1)
    if remaining is not None and limit is not None:
        remaining = min(remaining, max(limit - status.seconds, 0))
    words = label(
        "train",
        "progress",
        step=status.step,
        total=status.total_steps,
        elapsed=f"{status.seconds:.0f}",
        remaining="?" if remaining is None else f"{remaining:.0f}",
    )
    st.progress(min(share, 1.0), text=words)


def _result(run: Run) -> None:
    metrics = services.backend().store.metrics(run.id)
    test = next((m for m in reversed(metrics) if m["event"] == "test"), None)
    start = next((m for m in metrics if m["event"] == "validation"), None)
    if test is None or start is None:
        st.warning(label("train", "no_metrics"), icon=":material/info:")
        return
    accuracy, before, seconds = st.columns(3)
    accuracy.metric(label("train", "test_accuracy"), f"{test['accuracy']:.1%}")
    best = max(m["accuracy"] for m in metrics if m["event"] == "validation")
    before.metric(label("train", "before"), f"{start['accuracy']:.1%} → {best:.1%}")
    seconds.metric(label("train", "seconds"), f"{run.status.seconds:.0f} s")
    st.success(
        label("train", "done", low=f"{test['low']:.1%}", high=f"{test['high']:.1%}", n=f"{test['n']:,}"),
        icon=":material/check_circle:",
    )
    published = next((c for c in services.checkpoints() if c.name == run.id), None)
    if published:
        kind = "fingerprint" if published.record.stopped_by == "epochs" else "stopped"
        st.caption(label("train", kind, digest=weights_digest(published.path)))
    st.page_link(
        script_of("playground"),
        label=label("train", "to_playground"),
        icon=":material/rate_review:",
        query_params={"checkpoint": [run.id, *(c.name for c in services.checkpoints() if c.shipped)]},
    )


def _buttons(run: Run) -> None:
    """Cancel and resume, for whoever started the run."""
    status = run.status
    mine = run.spec.owner == services.owner()
    if status.active or status.queued:
        help_text = None if mine else label("train", "not_yours")
        if st.button(label("train", "cancel"), key="cancel", disabled=not mine, help=help_text, icon=":material/stop:"):
            _attempt(services.backend().cancel, run.id)
    elif status.resumable and mine:
        if st.button(label("train", "resume"), key="resume", icon=":material/play_arrow:"):
            _attempt(services.backend().resume, run.id)
            st.rerun()


def _attempt(action, run_id: str) -> None:
    try:
        action(run_id)
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
