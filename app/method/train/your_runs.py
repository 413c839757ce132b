"""The runs of this browser, on every Train section: what became of them, where they are, what can be done with them."""

import streamlit as st

from app import services
from app.content import label
from app.kit.pages import training_link
from app.method.train.monitor import attempt, refusal
from peft_core.checkpoints.exchange.zipped import pack
from peft_core.training.runs import Run

MOST = 12  # the newest; the others are in the folder of runs
STATES = {
    "queued": "hourglass_top", "starting": "hourglass_top", "running": "play_circle", "succeeded": "check",
    "failed": "error", "cancelled": "stop_circle", "lost": "help",
}  # fmt: skip


def draw(method: str) -> None:
    """The list, newest first; nothing before there is one. Of another method a run is a link to its page."""
    runs = services.own_runs()
    if not runs:
        return
    st.markdown(f"**{label('train', 'your_runs')}**")
    refusal()
    for run in runs[:MOST]:
        _row(run, run.spec.config.method.method == method)
    if len(runs) > MOST:
        st.caption(label("train", "older_runs", n=len(runs) - MOST))


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
        st.caption(_state(run))
        if not status.finished:
            _button("cancel", run, "stop", attempt, backend.cancel, run.id)
        elif status.resumable:
            _button("resume", run, "play_arrow", attempt, backend.resume, run.id)
        if run.checkpoint:
            st.download_button(
                label("train", "zip"), data=lambda: pack(run.checkpoint), file_name=f"{run.id}.zip",
                mime="application/zip", icon=":material/folder_zip:", key=f"zip_{run.id}", type="tertiary",
                on_click="ignore",
            )  # fmt: skip
        if status.finished and st.session_state.get("to delete") == run.id:
            _button("delete_now", run, "delete_forever", _delete, run.id)
            _button("delete_not", run, "undo", _ask, None)
        elif status.finished:
            _button("delete", run, "delete", _ask, run.id)


def _state(run: Run) -> str:
    status = run.status
    if status.state == "succeeded" and status.result and "test_accuracy" in status.result:
        return label("train", "state_tested", accuracy=f"{status.result['test_accuracy']:.1%}")
    return label("train", f"state_{status.state}", step=f"{status.step:,}", total=f"{status.total_steps:,}")


def _button(name: str, run: Run, icon: str, action, *arguments) -> None:
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
