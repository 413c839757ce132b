"""All runs of the class as a table in which rows are chosen, to be cancelled or deleted."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import streamlit as st

from app import services
from app.content import label
from app.kit.formats import megabytes, rough
from app.kit.plain import escaped
from peft_core.errors import PeftClassroomError
from peft_core.reviews.spreadsheet.writing import safe_cell
from peft_core.serving.keys import short
from peft_core.training.runs import DamagedRun, Run, in_turn

MOST = 300  # rows; of older runs the number is said
ROW, HIGHEST = 37, 336  # pixels
WIDTHS = {"student": 170, "state": 155, "progress": 115, "run": 265, "size": 80, "left": 65, "age": 70}
NAMED = 5  # runs that a question names
_log = logging.getLogger("peft_core.serving")


def draw(runs: Sequence[Run], damaged: Sequence[DamagedRun]) -> None:
    """The table, and under it what can be done with the rows that are chosen."""
    shown, key = _in_their_places([*_in_order(runs), *damaged][:MOST])
    places = _places(runs)
    frame = pd.DataFrame([_row(run, places) for run in shown])
    columns = {name: st.column_config.Column(label("class", name), width=WIDTHS[name]) for name in WIDTHS}
    columns["progress"] = st.column_config.ProgressColumn(
        label("class", "progress"), width=WIDTHS["progress"], min_value=0, max_value=100, format="%d%%"
    )
    st.dataframe(
        frame, hide_index=True, width="stretch", height=min(HIGHEST, ROW * (len(shown) + 1) + 3), key=key,
        on_select="rerun", selection_mode="multi-row", alt=label("class", "alt", n=len(shown)),
        column_config=columns,
    )  # fmt: skip
    if (more := len(runs) + len(damaged) - MOST) > 0:
        st.caption(label("train", "older_runs", n=more))
    chosen = [shown[row] for row in _chosen(key) if row < len(shown)]
    if chosen:
        _actions(chosen)
    else:
        st.caption(label("class", "choose"))


def _in_order(runs: Sequence[Run]) -> list[Run]:
    """What trains, then what waits, the next one first, then what has ended, the newest first."""
    place = {"starting": 0, "running": 0, "queued": 1}
    turn = _places(runs)
    return sorted(runs, key=lambda run: (place.get(run.status.state, 2), turn.get(run.id, 0)))


def _places(runs: Sequence[Run]) -> dict[str, int]:
    """By id, of those that wait: 1 for the run that starts next."""
    return {run.id: place for place, run in enumerate(in_turn(runs), 1)}


def _in_their_places(runs: list[Run | DamagedRun]) -> tuple[list[Run | DamagedRun], str]:
    """The rows, and the key of their table.

    A choice is of row numbers: while there is one, every run stays in its row, whatever starts, ends or comes.
    """
    number = st.session_state.get("class table", 0)
    held = st.session_state.get("class rows", [])
    by_id = {run.id: run for run in runs}
    if _chosen(f"class_runs_{number}"):
        if all(run_id in by_id for run_id in held):
            return [by_id[run_id] for run_id in held], f"class_runs_{number}"
        number += 1  # one of them is gone: a new table, in which nothing is chosen
    st.session_state["class table"] = number
    st.session_state["class rows"] = [run.id for run in runs]
    return runs, f"class_runs_{number}"


def _chosen(key: str) -> list[int]:
    return st.session_state.get(key, {}).get("selection", {}).get("rows", [])


def _row(run: Run | DamagedRun, places: Mapping[str, int]) -> dict[str, object]:
    who = [services.names()[_owner(run)], short(_owner(run))] if _owner(run) else []
    row = {
        "student": safe_cell(" · ".join(filter(None, who))),
        "state": label("class", "damaged"),
        "progress": 0.0,
        "run": run.id,
        "size": megabytes(services.backend().upkeep.size(run)),
        "left": "",
        "age": "",
    }
    if isinstance(run, DamagedRun):
        return row
    status = run.status
    counted = {"step": f"{status.step:,}", "total": f"{status.total_steps:,}"}
    counted |= {"place": places.get(run.id, 1)} if status.queued else {}
    share = 1.0 if status.state == "succeeded" else min(1.0, status.step / max(1, status.total_steps))
    left = status.remaining if status.active else None
    return row | {
        "state": label("train", f"state_{status.state}", **counted).rstrip("."),
        "progress": 100 * share,
        "run": run.spec.name,
        "left": "" if left is None else rough(left),
        "age": rough(max(0.0, time.time() - run.spec.created.timestamp())),
    }


def _owner(run: Run | DamagedRun) -> str | None:
    return run.owner if isinstance(run, DamagedRun) else run.spec.owner


def _has_ended(run: Run | DamagedRun) -> bool:
    return isinstance(run, DamagedRun) or run.status.finished


def _actions(chosen: list[Run | DamagedRun]) -> None:
    """Cancel what is under way, delete what has ended; what would go is said before the button that deletes it."""
    under_way, ended = ([run.id for run in chosen if _has_ended(run) is over] for over in (False, True))
    asked = bool(ended) and st.session_state.get("class to delete") == ended
    if asked:
        going = [run for run in chosen if _has_ended(run)]
        names = [run.id if isinstance(run, DamagedRun) else run.spec.name for run in going]
        named = ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
        size = megabytes(sum(services.backend().upkeep.size(run) for run in going))
        words = label("class", "to_delete", n=len(ended), names=escaped(named), size=size)
        st.warning(words, icon=":material/delete_forever:")
    with st.container(horizontal=True, vertical_alignment="center", key="class_actions"):
        if asked:
            _button("delete_now", "delete_forever", len(ended), "primary", _each, "delete", ended)
            _button("delete_not", "undo", 0, "secondary", _ask, None)
            return
        if under_way:
            _button("cancel", "stop", len(under_way), "secondary", _each, "cancel", under_way)
        if ended:
            _button("delete", "delete", len(ended), "secondary", _ask, ended)


def _button(name: str, icon: str, n: int, kind: str, action: Callable[..., None], *arguments: object) -> None:
    st.button(
        label("class", name, n=n), key=f"class_{name}", type=kind, icon=f":material/{icon}:", on_click=action,
        args=arguments,
    )  # fmt: skip


def _ask(ids: list[str] | None) -> None:
    st.session_state["class to delete"] = ids


def _each(action: str, run_ids: Sequence[str]) -> None:
    """Cancel or delete these runs; where one is refused, the next drawing says why."""
    if not services.is_teacher():
        return
    backend = services.backend()
    do = {"cancel": backend.cancel, "delete": backend.store.delete}[action]
    refused = []
    for run_id in run_ids:
        try:
            do(run_id)
        except PeftClassroomError as error:
            refused.append(str(error))
        else:
            _log.info(action, extra={"fields": {"run": run_id}})
    st.session_state["class refused"] = " ".join(dict.fromkeys(refused))
    st.session_state["class table"] = st.session_state.get("class table", 0) + 1  # nothing is chosen any more
    _ask(None)
    if action == "delete":
        services.listing.clear()
        left = [*backend.store.list(), *backend.store.damaged()]
        services.names().keep_only({owner for owner in map(_owner, left) if owner})
