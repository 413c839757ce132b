"""Checkpoints, and the predictors that ask them: one of each for all sessions."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from peft_core.checkpoints.listing import CheckpointInfo, Listing, list_all
from peft_core.checkpoints.run_json import RECORD
from peft_core.checkpoints.stored_answers import untrained_test as untrained_of_records
from peft_core.errors import PeftClassroomError
from peft_core.reviews.checks import check_number
from peft_core.reviews.config import REVIEWS, Learned
from peft_core.reviews.tasks import check_one_task
from peft_core.serving.health import ANSWERS
from peft_core.serving.turns import Together, Turns
from peft_core.statistics.intervals import Accuracy
from peft_core.t5.architecture import base_model
from peft_core.t5.at_hand import at_hand

if TYPE_CHECKING:
    from pathlib import Path

    from peft_core.checkpoints.asking.predictor import Prediction, Predictor, Question

    OfEach = list[list[Prediction] | PeftClassroomError]
    Answers = OfEach | PeftClassroomError
from app.services.loading import libraries
from app.services.remembered import Remembered, remembered_for
from app.services.runs import backend
from app.services.visitor import is_operator

SECONDS_IN_LINE = 20
SHORT = 2  # texts, as What if asks about them; more are long work
AT_A_TIME = 32  # answers to long work, about two passes; then whoever waits goes first
MOST_TOGETHER = 64  # answers to several sessions in one go
MOST_REMEMBERED = 5_000  # of them


@st.cache_data(ttl=60, show_spinner=False)
def _why_not_loadable(base: str) -> str | None:
    return at_hand(base_model(base)).problem


def why_not_loadable(base: str) -> str | None:
    """What keeps this base model from being loaded here, and what to do; None: nothing. The network is not asked.

    Where the files lie, and what is wrong with them, is told to whoever runs the server alone.
    """
    why = _why_not_loadable(base)
    if why is None or is_operator():
        return why
    missing = f"The base model {base_model(base).name} is not on this computer, or not as a whole"
    return f"{missing}; choose tiny-t5, which is bundled. Whoever runs the server is told more."


def loadable(base: str) -> bool:
    """Whether this base model can be loaded here without asking the network: bundled, or in the local cache."""
    return why_not_loadable(base) is None


@remembered_for(seconds=2)
def listing() -> Listing:
    """All that there is; a run that just finished appears within two seconds. Frozen: all sessions share it."""
    return list_all()


def checkpoints(task: str = REVIEWS.task_key) -> tuple[CheckpointInfo, ...]:
    """Shipped and trained checkpoints of a task, whose figures are those of their runs: what is compared and drawn."""
    return tuple(info for info in listing().runs if info.task == task)


def label_words(base: str, labels: tuple[str, str]) -> tuple[str, str] | None:
    """What a model on this base answers with for two classes; None while the libraries are being imported.

    Raises:
        PeftClassroomError: when the base model cannot be loaded here.
    """
    if not libraries().ready.is_set() or libraries().error:
        return None
    _check_loadable(base)
    from peft_core.reviews.own.classes import label_words

    return label_words(labels, _tokenizer(base))


@st.cache_resource(max_entries=4, show_spinner=False)
def _tokenizer(base: str):
    from peft_core.t5.backbone import load_tokenizer

    return load_tokenizer(base)


@st.cache_resource(max_entries=2, show_spinner=False)
def predictor(base: str) -> "Predictor":
    """The one Predictor of this base model, for all sessions. Use it, and its backbone, in `exclusive_predictor()`."""
    from peft_core.checkpoints.asking.predictor import Predictor
    from peft_core.t5.backbone import load_backbone

    return Predictor(load_backbone(base))


@st.cache_resource(show_spinner=False)
def _turns() -> Turns:
    return Turns()


@st.cache_resource(show_spinner=False)
def _together() -> "Together[str, Question, Answers]":
    return Together(_turns(), _answer, size=_size, most=MOST_TOGETHER)


@st.cache_resource(show_spinner=False)
def _remembered() -> "Remembered[Prediction]":
    return Remembered(MOST_REMEMBERED)


def stamp(checkpoint: "Path") -> tuple[str, int]:
    """Another one once the checkpoint has been replaced on disk.

    Raises:
        OSError: if it is gone.
    """
    return str(checkpoint), (checkpoint / RECORD).stat().st_mtime_ns


@contextmanager
def exclusive_predictor(base: str, long: bool = False) -> Iterator["Predictor"]:
    """The predictor of `base`, while no other session computes: models are shared, and so are the cores.

    Args:
        long: this is a part of long work: short questions go first.

    Raises:
        PeftClassroomError: when the base model cannot be loaded here, or the server is too busy.
    """
    _check_loadable(base)
    with _not_too_busy(), _turns().turn(SECONDS_IN_LINE, long):
        _take_cores()
        yield predictor(base)


def let_pass() -> None:
    """Called in `exclusive_predictor` by long work, between its passes: whoever waits goes first.

    Only where the model is nobody's to change: others compute meanwhile.
    """
    _turns().let_pass()


def _check_loadable(base: str) -> None:
    if why := why_not_loadable(base):
        raise PeftClassroomError(why)


@contextmanager
def _not_too_busy() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise PeftClassroomError("Many people are asking the models right now; try again in a moment.") from error


def _take_cores() -> None:
    """Compute on all cores; on half of them while a run trains. Holds for this thread, so it is said in every turn."""
    import torch

    cores = os.cpu_count() or 1
    training = any(run.status.active for run in backend().store.list())
    torch.set_num_threads(max(1, cores // 2) if training else cores)


@ANSWERS.time()
def ask(
    texts: Sequence[str], chosen: Sequence[CheckpointInfo | str], learned: Learned | None = None
) -> list["list[Prediction] | PeftClassroomError"]:
    """For each checkpoint, in order, its predictions for `texts`, or why there are none; a name is a base model's own.

    Checkpoints of one base model are asked together with it, and with those that other sessions ask about meanwhile. Of
    many texts a few are asked at a time, and short questions go between. A base model answers in the words of the task
    `learned`; None: of the one that the checkpoints have learned.

    Raises:
        PeftClassroomError: if they have learned different tasks.
    """
    trained = [one for one in chosen if not isinstance(one, str)]
    check_one_task([one.record.learned for one in trained], [one.name for one in trained])
    untrained = learned or (trained[0].record.learned if trained else REVIEWS)
    answers: dict[int, list[Prediction] | PeftClassroomError] = {}
    bases = [one if isinstance(one, str) else one.base for one in chosen]
    for base in dict.fromkeys(bases):
        places = [place for place, other in enumerate(bases) if other == base]
        paths = [None if isinstance(one := chosen[place], str) else one.path for place in places]
        answers |= zip(places, _ask_of(base, texts, paths, untrained), strict=True)
    return [answers[place] for place in range(len(chosen))]


def _ask_of(base: str, texts: Sequence[str], paths: Sequence["Path | None"], untrained: Learned) -> "OfEach":
    """The same of one base model."""
    from peft_core.checkpoints.asking.predictor import Question

    step = max(1, AT_A_TIME // len(paths))
    found: OfEach = [[] for _ in paths]
    try:
        _check_loadable(base)
        check_number(texts)
        for start in range(0, max(1, len(texts)), step):
            part = Question(texts[start : start + step], paths, untrained)
            with _not_too_busy():
                said = _one_part(base, part) if len(texts) > SHORT else _short(base, part)
            for place, of_checkpoint in enumerate(said):
                if isinstance(of_checkpoint, PeftClassroomError):
                    found[place] = of_checkpoint
                elif isinstance(before := found[place], list):
                    found[place] = before + of_checkpoint
    except PeftClassroomError as error:
        return [error] * len(paths)
    return found


def _one_part(base: str, part: "Question") -> "OfEach":
    with exclusive_predictor(base, long=True) as one:
        (found,) = one.answer([part])
    if isinstance(found, PeftClassroomError):
        raise found
    return found


def _short(base: str, asked: "Question") -> "OfEach":
    """What is not remembered is asked, together with what other sessions ask meanwhile."""
    kept, by = _remembered(), [_who(base, path, asked.untrained) for path in asked.checkpoints]
    answers: list[dict[str, Prediction] | PeftClassroomError] = [
        {text: found for text in asked.texts if who and (found := kept.get(text, who))} for who in by
    ]
    lacking = [place for place, known in enumerate(answers) if len(known) < len({*asked.texts})]
    if lacking:
        new = [text for text in dict.fromkeys(asked.texts) if any(text not in answers[place] for place in lacking)]
        part = replace(asked, texts=new, checkpoints=[asked.checkpoints[place] for place in lacking])
        said = _together().ask(base, part, SECONDS_IN_LINE)
        if isinstance(said, PeftClassroomError):
            raise said
        for place, found in zip(lacking, said, strict=True):
            if isinstance(found, PeftClassroomError):
                answers[place] = found
                continue
            for text, answer in zip(new, found, strict=True):
                answers[place].setdefault(text, answer)
                if by[place]:
                    kept.put(text, by[place], answer)
    return [
        known if isinstance(known, PeftClassroomError) else [known[text] for text in asked.texts] for known in answers
    ]


def _who(base: str, checkpoint: "Path | None", untrained: Learned) -> tuple | None:
    """Two equal ones answer alike. None: its answers are not to be remembered."""
    try:
        return (base, untrained.task_key) if checkpoint is None else stamp(checkpoint)
    except OSError:  # it is gone: whoever asks it is told so
        return None


def _answer(base: str, questions: Sequence["Question"]) -> Sequence["Answers"]:
    _take_cores()
    return predictor(base).answer(questions)


def _size(question: "Question") -> int:
    return len(question.texts) * len(question.checkpoints)


def untrained_test(base: str, task: str = REVIEWS.task_key) -> Accuracy | None:
    """The test accuracy of a base model that nobody has fine-tuned, as the runs of this task on it have noted it."""
    return untrained_of_records(info.record for info in checkpoints(task) if info.base == base)
