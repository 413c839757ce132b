"""Has the prompt become words? The nearest words of each trained row, and how long the rows have grown."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from app import services
from app.content import label, text
from app.kit import url
from app.kit.asking import verdicts
from app.kit.plain import escaped
from app.kit.url import pick
from app.method.soft_prompt import row_lengths
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.t5.architecture import BaseModel

PAGE = "method/soft_prompt"
WHOSE, HOW = "prompt_of", "nearest_by"  # in the URL
HOWS = ("cosine", "distance")
SHOWN = 5  # neighbours of a row
DRAWS = 200
LINE, MOST_LINES = 37, 12  # of the table: pixels of a line, lines before it scrolls
WIDTHS = (40, 85, 60, 370, 60)  # pixels of its columns


@dataclass(frozen=True, eq=False)
class Row:
    """One row: the word it started as, its nearest words with their values in each sense, lengths, its turn."""

    start: str | None
    words: dict[str, tuple[str, ...]]
    values: dict[str, tuple[float, ...]]
    turned: float
    length: float
    start_length: float


@dataclass(frozen=True, eq=False)
class Found:
    """All rows of a checkpoint, and what the vocabulary itself gives to compare them with."""

    rows: tuple[Row, ...]
    word_lengths: np.ndarray
    size: float  # root mean square of a number of a word
    chance: float
    between: float


def draw(base: BaseModel, config: SoftPromptConfig) -> None:
    """Claim, whose rows and in which sense, the table, the sentence, what it does not say; then the lengths."""
    st.markdown(text(PAGE, "words", vocabulary=base.architecture.vocab_size))
    known = {i.name: i for i in services.checkpoints() if i.method == config.method and i.base == base.name}
    if not known:
        st.info(label(PAGE, "words_none", base=base.name), icon=":material/info:")
        return
    loaded = services.libraries()
    if loaded.error or not loaded.ready.is_set():
        st.info(loaded.error or label("playground", "loading"), icon=":material/hourglass_top:")
        return
    info, how = _choose(known)
    try:
        with st.spinner(label(PAGE, "words_reading")):
            found = _found(info.base, *services.stamp(info.path))
    except (PeftClassroomError, OSError) as error:
        st.error(escaped(error), icon=":material/error:")
        return
    _table(found, how, info)
    st.markdown(sentence(found, how))
    st.markdown(text(PAGE, "words_limits"))
    st.caption(f"{text(PAGE, 'words_pieces')} {text(PAGE, 'words_source', draws=DRAWS)}")
    row_lengths.draw(found.word_lengths, [row.start_length for row in found.rows], [row.length for row in found.rows],
                     found.size, info)  # fmt: skip


def _choose(known: dict[str, CheckpointInfo]) -> tuple[CheckpointInfo, str]:
    left, right = st.columns(2)
    with left:
        titles = verdicts.titles(known.values())
        info = known[pick(WHOSE, label(PAGE, "words_checkpoint"), list(known), next(iter(known)), titles.get)]
    with right:
        how = url.one_of(HOW, label(PAGE, "words_how"), {name: label(PAGE, f"words_{name}") for name in HOWS})
    if st.session_state.get(f"{WHOSE} in vain"):
        st.info(label(PAGE, "words_unknown"), icon=":material/info:")
    return info, how


@st.cache_resource(max_entries=32, show_spinner=False)
def _found(base: str, folder: str, changed: int) -> Found:
    """`changed`: the record's time of change, for the cache. The table of the vocabulary is not kept."""
    from peft_core.analysis.nearest_words import nearest
    from peft_core.analysis.nearest_words.checkpoint_rows import load_rows

    with services.exclusive_predictor(base) as predictor:
        read = load_rows(Path(folder), predictor.backbone)
        tokens = predictor.backbone.tokenizer.convert_ids_to_tokens
    near = {
        "cosine": nearest.by_cosine(read.trained, read.table, SHOWN),
        "distance": nearest.by_distance(read.trained, read.table, SHOWN),
    }
    lengths_now, lengths_then = (np.linalg.norm(rows, axis=1) for rows in (read.trained, read.start))
    turned = (read.trained * read.start).sum(1) / np.maximum(lengths_now * lengths_then, 1e-30)
    rows = tuple(
        Row(
            start=None if word is None else tokens(word),
            words={how: tuple(tokens(found.ids[number].tolist())) for how, found in near.items()},
            values={how: tuple(found.values[number].tolist()) for how, found in near.items()},
            turned=float(turned[number]),
            length=float(lengths_now[number]),
            start_length=float(lengths_then[number]),
        )
        for number, word in enumerate(read.start_ids)
    )
    table = read.table
    return Found(
        rows, np.linalg.norm(table, axis=1), float(np.sqrt((table**2).mean())),
        nearest.cosine_by_chance(table, DRAWS), nearest.cosine_between(table, DRAWS),
    )  # fmt: skip


def _table(found: Found, how: str, info: CheckpointInfo) -> None:
    """A line a row of the prompt. A data frame shows words letter for letter."""
    columns = {
        "row": [f"P{number}" for number in range(1, len(found.rows) + 1)],
        "start": [row.start or label(PAGE, "words_no_word") for row in found.rows],
        "turned": [f"{row.turned:.2f}" for row in found.rows],
        "nearest": ["  ".join(row.words[how]) for row in found.rows],
        f"value_{how}": [f"{row.values[how][0]:.2f}" for row in found.rows],
    }
    frame = pd.DataFrame({label(PAGE, f"words_{name}"): values for name, values in columns.items()})
    widths = dict(zip(frame.columns, WIDTHS, strict=True))
    config = {name: st.column_config.TextColumn(width=width) for name, width in widths.items()}
    height = LINE * min(len(frame) + 1, MOST_LINES) + 4
    st.dataframe(
        frame, hide_index=True, width="stretch", height=height, key="prompt_words", column_config=config,
        alt=label(PAGE, "words_alt", name=escaped(info.name)),
    )  # fmt: skip


def sentence(found: Found, how: str) -> str:
    """The range of the nearest words beside chance, and how many rows are still near their own start."""
    nearest = [row.values[how][0] for row in found.rows]
    kept = ""
    if all(row.start is not None for row in found.rows):
        still = sum(row.start in row.words[how] for row in found.rows)
        kept = text(PAGE, "words_kept", kept=still, n=len(found.rows), k=SHOWN)
    values = {"low": min(nearest), "high": max(nearest), "chance": found.chance, "between": found.between, "kept": kept}
    return text(PAGE, "words_found" if how == "cosine" else "words_found_distance", **values)
