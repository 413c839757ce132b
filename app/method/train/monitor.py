"""A run watched from the page: phase, how far it is, curves, cancel, keep, resume. The truth about it is on disk."""

from collections.abc import Callable

import streamlit as st

from app import services
from app.content import label
from app.kit.drawn.training_curves import training_curves
from app.kit.formats import rough
from app.kit.plain import escaped
from app.method.train import times
from app.method.train.result import origin, result
from peft_core.errors import PeftClassroomError
from peft_core.training.runs import Run, RunFolder

POLL_SECONDS = 1.0
PHASES = ("loading", "validating", "training", "testing")


def monitor(run_id: str) -> None:
    """Watch the run; while it is under way the fragment draws itself again every second."""
    try:
        under_way = not services.backend().store.read(run_id).status.finished
    except PeftClassroomError as error:  # deleted, or damaged, a moment ago
        st.warning(escaped(error), icon=":material/help:")
        return

    @st.fragment(run_every=POLL_SECONDS if under_way else None)
    def watch() -> None:
        services.backend().reconcile()
        try:
            now = services.backend().store.read(run_id)
            draw(now)
        except PeftClassroomError as error:  # deleted meanwhile, perhaps while it was drawn
            st.warning(escaped(error), icon=":material/help:")
            return
        if under_way is now.status.finished:  # it ended, or was resumed
            services.listing.clear()
            st.rerun()

    watch()


def draw(run: Run) -> None:
    """Everything there is to say about a run at this moment."""
    status, config = run.status, run.spec.config
    what, buttons = st.columns([6, 5], vertical_alignment="center")
    device = status.device or label("train", "device_pending")
    what.markdown(f"**{run.spec.name}**  \n{escaped(config.base)} · {escaped(device)}")
    with buttons.container(horizontal=True, horizontal_alignment="right", gap="xsmall"):
        _buttons(run)
    refusal()
    if status.queued:
        place, wait = services.backend().queue_position(run.id), times.waiting(run)
        paused = services.backend().orders().paused
        words = label("train", "queued_paused" if paused else "queued", place=place or 1)
        until = label("train", "wait_unknown") if wait is None else label("train", "wait", time=rough(wait))
        st.info(f"{words} {until} {label('train', 'queue_fair')}", icon=":material/hourglass_top:")
        if trouble := services.backend().trouble:
            st.warning(escaped(trouble), icon=":material/warning:")
    elif status.active:
        st.progress(_share(run), text=_progress(run))
    elif status.state == "succeeded":
        result(run)
    else:
        whose = "" if services.owner() == run.spec.owner else label("train", "not_yours_to_resume")
        said = escaped(status.message or label("train", "ended", state=status.state))
        st.warning(f"{said} {whose}", icon=":material/info:")
    metrics = services.backend().store.read_metrics(run.id)
    for said in dict.fromkeys(m["said"] for m in metrics.rows if m["said"]):
        st.caption(escaped(said))
    if any(m["event"] in ("step", "validation") for m in metrics.rows):
        training_curves(metrics.rows, status.total_steps or 1, config.method.method)
    if metrics.damaged:
        st.caption(label("train", "metrics_large" if metrics.too_large else "metrics_damaged", n=metrics.unread))
    if status.state == "succeeded":
        origin(run)


def _share(run: Run) -> float:
    """How far the phase is."""
    status = run.status
    if status.batches:
        return min(1.0, status.batch / status.batches)
    return min(1.0, status.step / max(1, status.total_steps)) if status.phase == "training" else 0.0


def _progress(run: Run) -> str:
    """The phase by its name, how far it is, the time to the end of all phases, and what a limit cuts off."""
    status, folder = run.status, RunFolder(run.path)
    counted = {"step": f"{status.step:,}", "total": f"{status.total_steps:,}"}
    counted |= {"batch": status.batch, "batches": status.batches}
    words = [label("train", f"phase_{status.phase}", **counted)]
    if folder.cancel_flag.exists():
        return f"**{label('train', 'cancelling')}** · {words[0]}"
    if folder.keep_flag.exists():
        words.insert(0, f"**{label('train', 'keeping')}**")
    left = times.remaining(run)
    words.append(label("train", "left_unknown") if left is None else label("train", "left", time=rough(left)))
    if 0 < status.total_steps < status.full_steps and not folder.keep_flag.exists():
        words.append(label("train", "cut", steps=counted["total"], full=f"{status.full_steps:,}"))
    return " · ".join(words)


def _buttons(run: Run) -> None:
    """Cancel, keep and resume, for whoever started the run."""
    status, folder, backend = run.status, RunFolder(run.path), services.backend()
    mine = run.spec.owner == services.owner()
    if not status.finished:
        help_text = None if mine else label("train", "not_yours")
        asked = folder.cancel_flag.exists()
        st.button(
            label("train", "cancelling" if asked else "cancel"), key="cancel", disabled=asked or not mine,
            help=help_text, icon=":material/stop:", on_click=attempt, args=(backend.cancel, run.id),
        )  # fmt: skip
        early = status.step == 0 or status.phase == "testing" or folder.keep_flag.exists()
        st.button(
            label("train", "keep"), key="keep", disabled=asked or early or not mine,
            help=help_text or label("train", "help_keep"), icon=":material/flag:", on_click=attempt,
            args=(backend.keep, run.id),
        )  # fmt: skip
    elif status.resumable and mine:
        st.button(
            label("train", "resume"), key="resume", icon=":material/play_arrow:", on_click=attempt,
            args=(backend.resume, run.id),
        )  # fmt: skip


def refusal() -> None:
    """Why the backend did not do what was asked of it a moment ago, once."""
    if why := st.session_state.pop("refused", None):
        st.error(escaped(why), icon=":material/error:")


def attempt(action: Callable[[str], None], run_id: str) -> None:
    """Ask the backend for something; where it refuses, the next drawing says why."""
    try:
        action(run_id)
    except PeftClassroomError as error:
        st.session_state["refused"] = str(error)
