"""The controls of the step through: words, model, place, token, Back and Next. All but the words are in the URL."""

import streamlit as st

from app import services
from app.content import label
from app.kit import url, visit
from app.kit.asking import verdicts
from app.kit.url import pick
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.methods.method import MethodConfig
from peft_core.methods.places import places
from peft_core.methods.steps import Reading, Token
from peft_core.t5.architecture import BaseModel
from peft_core.t5.names import Place

UNTRAINED = "untrained"
MAX_CHARACTERS = 1000  # far more than the 60 tokens that a walk reads
LAST = "last"  # of a link: the step with the answer, whatever its number
POSITION = "steps position"  # session state: (method, number of the step)
WRITTEN = "steps written"  # session state: the step that the address was last given


def words() -> str:
    """The student's own words. Never in the URL, and the same on every method's page."""
    return st.text_input(
        label("steps", "text"),
        label("steps", "default_text"),
        max_chars=MAX_CHARACTERS,
        key="steps_text",
        persist_state="session",
        on_change=_other_words,
    )


def _other_words() -> None:
    """Other words have other tokens: the one to look at is chosen anew."""
    st.session_state.pop("steps_token", None)
    st.query_params.pop("steps_token", None)


def notes(base: BaseModel) -> None:
    """A sentence for each thing that the link asks for in vain, until another one is chosen."""
    sentences = {
        "steps_model": label("steps", "unknown_model", base=base.name),
        "steps_place": label("steps", "unknown_place"),
        "steps_token": label("steps", "unknown_token"),
    }
    for key, sentence in sentences.items():
        if st.session_state.get(f"{key} in vain"):
            st.info(sentence, icon=":material/info:")


def model(base: BaseModel, config: MethodConfig) -> CheckpointInfo | None:
    """A checkpoint of this method on this base; None: the untrained model of this page's settings."""
    here = {i.name: i for i in services.askable() if i.base == base.name and i.method == config.method}
    titles = {UNTRAINED: label("steps", "untrained")} | verdicts.titles(here.values())
    return here.get(pick("steps_model", label("steps", "model"), list(titles), UNTRAINED, titles.get))


def place(base: BaseModel, config: MethodConfig) -> Place:
    """One of the modules that this configuration touches."""
    known = {p.name: p for p in places(base.architecture, config)}
    first = next(iter(known))
    title = label("steps", "place" if known[first].module else "place_layer")
    return known[pick("steps_place", title, list(known), first, lambda name: place_name(known[name]))]


def place_name(p: Place) -> str:
    """A place as people read it, as in "encoder 1 · self-attention · q"."""
    words = label(
        "steps", "place_option", stack=label("steps", p.stack), block=p.block + 1, layer=label("steps", p.layer)
    )
    return label("steps", "place_module", place=words, module=p.module) if p.module else words


def token(reading: Reading, at: Place) -> int:
    """The row to look at, from 0; at first the last word. Where the decoder reads its start there is no choice."""
    tokens = reading.at(at)
    if tokens == (reading.start,):
        st.selectbox(label("steps", "token"), [label("steps", "start_token")], key="steps_start", disabled=True)
        return 0
    words = [i for i, token in enumerate(tokens, start=1) if token.part == "words" and token.piece.isalpha()]
    written = [token_name(i, token) for i, token in enumerate(tokens, start=1)]
    numbers, default = range(1, len(tokens) + 1), words[-1] if words else 1
    return pick("steps_token", label("steps", "token"), numbers, default, lambda number: written[number - 1]) - 1


def token_name(number: int, token: Token) -> str:
    """A token by its place in the text and its piece. It holds a visitor's words: never for Markdown."""
    return f"{number} {token.piece}"


def step_number(method: str, total: int) -> int:
    """Back, Next and where one is; the number of the step, from 1, is in the URL."""
    number = _start(method, total)
    with st.container(horizontal=True, vertical_alignment="center", key="steps_navigation"):
        st.button(
            label("steps", "back"), key="steps_back", shortcut=visit.arrow("left"), disabled=number == 1, on_click=_go,
            args=(method, number - 1),
        )  # fmt: skip
        st.button(
            label("steps", "next"), key="steps_next", shortcut=visit.arrow("right"), type="primary",
            disabled=number == total, on_click=_go, args=(method, number + 1),
        )  # fmt: skip
        st.progress(number / total, label("steps", "progress", step=number, total=total))
    url.remember("step", str(number), default="1")
    st.session_state[WRITTEN] = str(number)
    return number


def _go(method: str, number: int) -> None:
    st.session_state[POSITION] = method, number
    st.session_state.pop(f"{POSITION} note", None)


def _start(method: str, total: int) -> int:
    """Where this visitor is. Impossible numbers of the link are moved, with a note; another method begins at 1.

    Where one was outlives the page; a link from another page that names a step is read all the same.
    """
    written = st.session_state.get(WRITTEN)
    if url.to_be_read(POSITION) or st.query_params.get("step", written) != written:
        asked = st.query_params.get("step", "1")
        number = int(asked) if asked.isascii() and asked.lstrip("-").isdecimal() and len(asked) < 9 else 1
        number = total if asked == LAST else number
        used = min(max(number, 1), total)
        if used != number:
            values = {"name": label("steps", "step_name"), "asked": number, "used": used}
            st.session_state[f"{POSITION} note"] = label("count", "clamped", **values)
        st.session_state[POSITION] = method, used
    before, number = st.session_state[POSITION]
    number = min(number, total) if before == method else 1
    st.session_state[POSITION] = method, number
    if note := st.session_state.get(f"{POSITION} note"):
        st.info(note, icon=":material/info:")
    return number
