"""The runs of this browser, on every Train section: what became of them, where they are, what can be done with them."""

import time
from functools import partial

import streamlit as st

from app import services
from app.content import label
from app.kit import saving
from app.kit.formats import megabytes, rough
from app.kit.pages import training_link
from app.kit.plain import escaped
from app.method.train import times
from app.method.train.monitor import attempt, refusal
from peft_core.checkpoints.exchange.zipped import pack
from peft_core.errors import PeftClassroomError
from peft_core.serving.names import MOST_LETTERS
from peft_core.training.runs import DamagedRun, Run, RunFolder

LOOK_SECONDS = 3.0
MOST = 12  # the newest; the others are in the folder of runs
STATES = {
    "queued": "hourglass_top", "starting": "hourglass_top", "running": "play_circle", "succeeded": "check",
    "failed": "error", "cancelled": "stop_circle", "lost": "help",
}  # fmt: skip


def draw(method: str) -> None:
    """The list, newest first; nothing before there is one. Of another method a run is a link to its page."""
    runs, damaged = services.own_runs(), services.backend().store.damaged(services.owner())
    if not (runs or damaged):
        return
    st.markdown(f"**{label('train', 'your_runs')}**")
    refusal()
    for run in runs[:MOST]:
        _row(run, run.spec.config.method.method == method)
    if len(runs) > MOST:
        st.caption(label("train", "older_runs", n=len(runs) - MOST))
    for run in damaged[:MOST]:
        _damaged(run)
    _say_what_is_collected()
    if services.has_teacher():
        _name()


def link(run: Run, words: str) -> None:
    """The run on the page of its own method, with its own settings."""
    script, query = training_link(run.spec.config)
    st.page_link(script, label=words, icon=":material/arrow_forward:", query_params=query | {"run": run.id})


def _row(run: Run, here: bool) -> None:
    status, backend = run.status, services.backend()
    with st.container(horizontal=True, vertical_alignment="center", key=f"row_{run.id}"):
        if here:
            st.button(
                run.spec.name, key=f"show_{run.id}", type="tertiary", on_click=_show, args=(run.id,),
                icon=f":material/{STATES[status.state]}:",
            )  # fmt: skip
        else:
            link(run, run.spec.name)
        if status.finished:
            st.caption(_state(run))
        else:
            _state_by_state(run)
            _button("cancel", run, "stop", attempt, backend.cancel, run.id)
        if status.resumable:
            _button("resume", run, "play_arrow", attempt, backend.resume, run.id)
        if run.checkpoint:
            saving.button(
                label("train", "zip"), partial(pack, run.checkpoint), f"{run.id}.zip", "application/zip",
                key=f"zip_{run.id}", icon="folder_zip", kind="tertiary",
            )  # fmt: skip
        if status.finished:
            _keeping(run)
            _deleting(run, "delete_what" if run.checkpoint else "delete_what_less")


def _state_by_state(run: Run) -> None:
    """The state of a run that is under way, looked at again and again; the page is drawn anew when it has ended."""

    @st.fragment(run_every=LOOK_SECONDS)
    def watch() -> None:
        try:
            now = services.backend().store.read(run.id)
        except PeftClassroomError:  # deleted, or damaged, a moment ago
            now = None
        if now is None or now.status.finished:
            services.listing.clear()
            st.rerun()
        st.caption(_state(now))

    watch()


def _damaged(run: DamagedRun) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"row_{run.id}"):
        st.caption(f":material/broken_image: {label('train', 'damaged', why=escaped(run.why))}")
        _deleting(run, "delete_what_damaged")


def _deleting(run: Run | DamagedRun, what: str) -> None:
    """What is deleted is said first."""
    if st.session_state.get("to delete") == run.id:
        st.caption(label("train", what, size=megabytes(services.backend().upkeep.size(run))))
        _button("delete_now", run, "delete_forever", _delete, run.id)
        _button("delete_not", run, "undo", _ask, None)
    else:
        _button("delete", run, "delete", _ask, run.id)


def _keeping(run: Run) -> None:
    """Where old runs are collected: when this one goes, and that it shall not."""
    backend, folder = services.backend(), RunFolder(run.path)
    if not backend.upkeep.collection.on:
        return
    if folder.leaving is not None:
        left = folder.leaving + backend.upkeep.collection.notice_seconds - time.time()
        st.caption(label("train", "leaving", time=rough(max(60.0, left))))
    kept = folder.kept
    _button("run_kept" if kept else "keep_run", run, "bookmark_added" if kept else "bookmark", _keep, run.id, not kept)


def _keep(run_id: str, kept: bool) -> None:
    attempt(lambda which: services.backend().store.keep(which, kept), run_id)


def _say_what_is_collected() -> None:
    collection = services.backend().upkeep.collection
    if collection.days is not None:
        st.caption(label("train", "collected_days", days=f"{collection.days:g}"))
    if collection.gigabytes is not None:
        st.caption(label("train", "collected_gb", gb=f"{collection.gigabytes:g}"))


def _name() -> None:
    """What the teacher's list calls this student: asked for only where there is a teacher and something in the list."""
    st.session_state.setdefault("student_name", services.names()[services.owner()])
    st.text_input(
        label("class", "your_name"), max_chars=MOST_LETTERS, key="student_name", on_change=_keep_name, width=360
    )


def _keep_name() -> None:
    try:
        services.names()[services.owner()] = st.session_state["student_name"]
    except PeftClassroomError as error:
        st.session_state["refused"] = str(error)


def _state(run: Run) -> str:
    status = run.status
    if status.queued:
        place, wait = services.backend().queue_position(run.id), times.waiting(run)
        until = label("train", "wait_unknown") if wait is None else label("train", "wait", time=rough(wait))
        return f"{label('train', 'state_queued', place=place or 1)} {until}"
    if status.state == "succeeded" and status.result and "test_accuracy" in status.result:
        return label("train", "state_tested", accuracy=f"{status.result['test_accuracy']:.1%}")
    return label("train", f"state_{status.state}", step=f"{status.step:,}", total=f"{status.total_steps:,}")


def _button(name: str, run: Run | DamagedRun, icon: str, action, *arguments) -> None:
    st.button(
        label("train", name), key=f"{name}_{run.id}", type="tertiary", icon=f":material/{icon}:", on_click=action,
        args=arguments,
    )  # fmt: skip


def _show(run_id: str) -> None:
    st.session_state["run"] = st.query_params["run"] = run_id


def _ask(run_id: str | None) -> None:
    st.session_state["to delete"] = run_id


def _delete(run_id: str) -> None:
    attempt(services.backend().store.delete, run_id)
    services.listing.clear()
    if run_id in (st.session_state.get("run"), st.query_params.get("run")):
        st.session_state.pop("run", None)
        st.query_params.pop("run", None)
