"""Bring a checkpoint along, or take one home: zip files, through the library's strict door."""

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from app import services
from app.content import label, text
from app.kit import saving
from app.kit.asking import verdicts
from app.kit.plain import escaped
from peft_core.checkpoints.exchange.zipped import MEGABYTE, MOST_BYTES, MOST_UNPACKED, pack
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import MAX_ALPHA
from peft_core.reviews.spreadsheet import safe_cell
from peft_core.t5.architecture import catalogue

if TYPE_CHECKING:
    from peft_core.checkpoints.exchange.inspecting import Inspection

FINDINGS = "exchange findings"  # session state that does not end with its widgets
AS_NAMED = ""  # the base model that the file itself names


def draw(chosen: list[CheckpointInfo]) -> None:
    """Two buttons; what an opened file is, is told where it was opened."""
    with st.container(horizontal=True, key="exchange"):
        with st.popover(label("exchange", "open"), icon=":material/folder_open:", key="exchange_open"):
            _open()
        with st.popover(
            label("exchange", "take"), icon=":material/download:", key="exchange_take", disabled=not chosen
        ):
            _take(chosen)


def _open() -> None:
    st.markdown(text("playground", "open", megabytes=MOST_BYTES // MEGABYTE, unpacked=MOST_UNPACKED // MEGABYTE))
    ready = services.libraries().ready.is_set() and not services.libraries().error
    file = st.file_uploader(
        label("exchange", "file"), key="exchange_file", max_upload_size=MOST_BYTES // MEGABYTE,
        disabled=not ready,
    )  # fmt: skip
    if file is None:
        st.session_state.pop(FINDINGS, None)
        return
    base, alpha = st.session_state.get("exchange_base", AS_NAMED), st.session_state.get("exchange_alpha")
    alpha = alpha if _is_alpha(alpha) else None
    asked = (file.file_id, base, alpha)
    if st.session_state.get(FINDINGS, (None,))[0] != asked:
        try:
            with st.spinner(label("exchange", "reading")):
                said, name = services.open_zip(file, base or None, alpha)
        except PeftClassroomError as error:
            st.error(escaped(error), icon=":material/error:")
            return
        st.session_state[FINDINGS] = asked, said
        if name is not None:
            st.session_state["checkpoint to add"] = name
            st.rerun()
    said = st.session_state[FINDINGS][1]
    _tell(said)
    if not said.readable:
        _more()


def _more() -> None:
    """What some files do not say: their base model, and loralib's alpha."""
    bases = [AS_NAMED, *(name for name in catalogue() if services.loadable(name))]
    left, right = st.columns(2)
    left.selectbox(
        label("exchange", "base"), bases, key="exchange_base",
        format_func=lambda name: name or label("exchange", "as_named"),
    )  # fmt: skip
    alpha = right.number_input(label("exchange", "alpha"), value=None, key="exchange_alpha")
    if alpha is not None and not _is_alpha(alpha):
        st.info(label("exchange", "no_alpha", asked=f"{alpha:g}", most=MAX_ALPHA), icon=":material/info:")


def _is_alpha(alpha: float | None) -> bool:
    return alpha is not None and 0 < alpha <= MAX_ALPHA


def _tell(said: "Inspection") -> None:
    """What it is; then why it cannot be asked, or how many numbers it trains; then what was left out."""
    whose = escaped(said.whose or label("exchange", "unknown"))
    st.markdown(label("exchange", "readable" if said.readable else "refused", label=escaped(said.label), whose=whose))
    for problem in said.problems:
        st.error(escaped(problem), icon=":material/error:")
    if said.readable:
        numbers = {"trains": f"{said.trainable:,}", "by_hand": f"{said.by_hand:,}", "base": escaped(said.base)}
        st.markdown(label("exchange", "counts", **numbers))
    if said.settings:
        st.caption(label("exchange", "settings"))
        st.dataframe(
            [
                {label("exchange", "setting"): safe_cell(name), label("exchange", "value"): safe_cell(value)}
                for name, value in said.settings.items()
            ],
            hide_index=True, width="stretch", height=min(38 * (len(said.settings) + 1), 230), key="exchange_settings",
        )  # fmt: skip
    for note in said.notes:
        st.caption(escaped(note))


def _take(chosen: list[CheckpointInfo]) -> None:
    st.markdown(text("playground", "take"))
    titles = verdicts.titles({info.name: info for info in (*services.askable(), *chosen)}.values())
    columns = st.columns(2)
    for place, info in enumerate(chosen):
        with columns[place % 2]:
            saving.button(
                label("exchange", "zip", name=escaped(titles[info.name])), partial(pack, info.path),
                f"{info.name}.zip", "application/zip", key=f"take_{info.name}", icon="folder_zip", width="stretch",
            )  # fmt: skip
