"""A wall of sentences on which a checkpoint is wrong. Nobody's sentence is seen before the teacher has accepted it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from peft_core.errors import PeftClassroomError
from peft_core.reviews.checks import check_text
from peft_core.serving.live.codes import Live

State = Literal["waiting", "accepted", "refused"]

MOST_CHARACTERS = 300  # of a sentence
SECONDS = 6.0  # between two sentences of one visitor
MOST_EACH, MOST_ALL = 20, 600  # sentences of one visitor, of all
MOST_MODELS = 12
MOST_KNOWN = 2_000  # visitors whose last sentence is remembered; then those are forgotten who sent longest ago


@dataclass(frozen=True)
class Answer:
    """What one model says. `method`: the one that it was trained with; "" for a base model that nobody trained."""

    title: str
    method: str
    p: float  # p("positive")

    @property
    def positive(self) -> bool:
        return self.p > 0.5


@dataclass(frozen=True)
class Sentence:
    """A sentence as models read it. `positive`: what is true, as its writer says."""

    number: int
    text: str
    positive: bool
    answers: tuple[Answer, ...]
    doubtful: bool = False  # the models' own tokens or language are in doubt
    state: State = "waiting"

    @property
    def fooled(self) -> int:
        """How many trained models say the contrary."""
        return len(wrong(self.answers, self.positive))


def wrong(answers: Sequence[Answer], positive: bool) -> list[Answer]:
    """Those of trained models that contradict what is true."""
    return [answer for answer in answers if answer.method and answer.positive is not positive]


class Wall(Live):
    """The sentences of one class.

    Args:
        models: who is asked: names of checkpoints and of base models.
    """

    def __init__(self, starter: str, models: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(starter, clock)
        if not 1 <= len(models) <= MOST_MODELS:
            raise PeftClassroomError(f"Choose 1 to {MOST_MODELS} checkpoints for the wall, not {len(models)}.")
        self.models = tuple(models)
        self._sentences: dict[int, Sentence] = {}
        self._texts: set[str] = set()
        self._last: dict[str, float] = {}  # of each visitor: when something was sent
        self._sent: dict[str, int] = {}

    def check(self, owner: str, text: str) -> str:
        """Before the models are asked: the sentence as they read it. From now on this visitor waits for the next one.

        Raises:
            PeftClassroomError: if it is empty, too long, or too soon.
        """
        with self._lock:
            if self.closed:
                raise PeftClassroomError("This wall is closed.")
            if len(text) > MOST_CHARACTERS:
                raise PeftClassroomError(f"The sentence has {len(text):,} characters; write at most {MOST_CHARACTERS}.")
            cleaned, member, now = check_text(text), self.member(owner), self._clock()
            if (left := self._last.get(member, -SECONDS) + SECONDS - now) > 0:
                raise PeftClassroomError(f"One sentence every {SECONDS:.0f} seconds: wait {left:.0f} more.")
            if self._sent.get(member, 0) >= MOST_EACH:
                raise PeftClassroomError(f"You have put {MOST_EACH} sentences up, which is the most for each.")
            self._last.pop(member, None)
            self._last[member] = now  # at the end
            while len(self._last) > MOST_KNOWN:
                del self._last[next(iter(self._last))]
            self._use()
            return cleaned

    def add(
        self, owner: str, text: str, positive: bool, answers: Sequence[Answer], doubtful: bool = False
    ) -> Sentence | None:
        """Let a sentence wait for the teacher; None if it has fooled nobody.

        Args:
            text: as `check` has given it.

        Raises:
            PeftClassroomError: if it is here already, or the wall is full or closed.
        """
        with self._lock:
            if self.closed:
                raise PeftClassroomError("This wall is closed.")
            if not wrong(answers, positive):
                return None
            if text.casefold() in self._texts:
                raise PeftClassroomError("This sentence has been sent already: it is on the wall, or on its way.")
            if len(self._sentences) >= MOST_ALL:
                raise PeftClassroomError(f"{MOST_ALL} sentences have been sent, which is the most for one wall.")
            member = self.member(owner)
            self._sent[member] = self._sent.get(member, 0) + 1
            self._texts.add(text.casefold())
            one = Sentence(len(self._sentences) + 1, text, positive, tuple(answers), doubtful)
            self._sentences[one.number] = one
            self._use()
            return one

    def judge(self, numbers: Sequence[int], state: State) -> None:
        """What the teacher says of these sentences."""
        with self._lock:
            self._use()
            for number in numbers:
                if number in self._sentences:
                    self._sentences[number] = replace(self._sentences[number], state=state)

    def find(self, number: int) -> Sentence | None:
        """The sentence with this number, as it stands."""
        with self._lock:
            return self._sentences.get(number)

    def sentences(self, state: State | None = None) -> list[Sentence]:
        """Those in this state, or all, in the order in which they came."""
        with self._lock:
            return [one for one in self._sentences.values() if state in (None, one.state)]

    def ranked(self) -> list[Sentence]:
        """Those that the teacher has accepted: what has fooled most stands first, of equals what came first."""
        return sorted(self.sentences("accepted"), key=lambda one: (-one.fooled, one.number))
