"""A vote of the class: one question after another under one code; a visitor has one vote, changed until the answer."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from peft_core.errors import PeftClassroomError
from peft_core.serving.live.codes import Live

Phase = Literal["counted", "shown", "revealed"]  # how many have voted; how they have; and which option is right

MOST_OPTIONS, MOST_VOTERS, MOST_QUESTIONS = 12, 500, 100
MOST_LETTERS = {"ask": 3_000, "option": 500, "explain": 10_000, "source": 2_000}


@dataclass(frozen=True)
class Ballot:
    """What a class is asked. Markdown of the app or of a lesson, never of a visitor.

    Args:
        right: the place of the right option; None: nobody says that one is.
    """

    ask: str
    options: tuple[str, ...]
    right: int | None = None
    explain: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        """Raises:
        PeftClassroomError: if it is no question, or too large a one.
        """
        if not self.ask.strip():
            raise PeftClassroomError("A question for the class has no words: say what is asked.")
        if not 2 <= len(self.options) <= MOST_OPTIONS:
            raise PeftClassroomError(
                f"A question for the class has 2 to {MOST_OPTIONS} options, not {len(self.options)}: give it as many."
            )
        if len(set(self.options)) < len(self.options) or not all(option.strip() for option in self.options):
            raise PeftClassroomError("Options of a question for the class are empty or the same; make them differ.")
        if self.right is not None and not 0 <= self.right < len(self.options):
            raise PeftClassroomError(
                f"Of {len(self.options)} options number {self.right + 1} cannot be right; name one that is there."
            )
        texts = [("ask", self.ask), *(("option", option) for option in self.options)]
        for name, text in [*texts, ("explain", self.explain), ("source", self.source)]:
            if len(text) > MOST_LETTERS[name]:
                raise PeftClassroomError(
                    f"A question for the class has {len(text):,} characters in its part {name!r}; "
                    f"{MOST_LETTERS[name]:,} are the most."
                )


@dataclass(frozen=True)
class Tally:
    """A question as it stands. `number` counts the questions of a vote from 1; `counts` are those of its options."""

    number: int
    ballot: Ballot
    phase: Phase
    counts: tuple[int, ...]

    @property
    def voters(self) -> int:
        """How many have voted."""
        return sum(self.counts)


class Vote(Live):
    """Questions of one class, under one code: phones stay where they are when the next one is asked."""

    def __init__(self, starter: str, ballot: Ballot, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(starter, clock)
        self._number, self._ballot, self._phase = 1, ballot, "counted"
        self._votes: dict[str, int] = {}
        self._past: list[Tally] = []

    def ask(self, ballot: Ballot) -> None:
        """The next question. How the one before ended is kept as numbers, if anybody has voted."""
        with self._lock:
            self._use()
            if ballot == self._ballot and self._phase == "counted":
                return  # pressed twice: nobody's vote is lost
            if self._votes:
                self._past = [*self._past, self.tally()][-MOST_QUESTIONS:]
            self._number, self._ballot, self._phase = self._number + 1, ballot, "counted"
            self._votes = {}

    def cast(self, owner: str, number: int, option: int) -> None:
        """A visitor's vote, in place of an earlier one.

        Args:
            number: of the question that the visitor has seen.

        Raises:
            PeftClassroomError: if it does not count, with the reason.
        """
        with self._lock:
            if self.closed:
                raise PeftClassroomError("This vote is over.")
            if number != self._number:
                raise PeftClassroomError("Another question has come meanwhile: look at it, then vote.")
            if self._phase == "revealed":
                raise PeftClassroomError("The answer has been shown: votes are counted no longer.")
            if not 0 <= option < len(self._ballot.options):
                raise PeftClassroomError("There is no such option: choose one of those on the screen.")
            member = self.member(owner)
            if member not in self._votes and len(self._votes) >= MOST_VOTERS:
                raise PeftClassroomError(f"{MOST_VOTERS} have voted already, which is the most that one vote counts.")
            self._votes[member] = option
            self._use()

    def choice(self, owner: str) -> int | None:
        """The option that this visitor's vote is for; None without one."""
        with self._lock:
            return self._votes.get(self.member(owner))

    def go_to(self, phase: Phase) -> None:
        """Show the votes, hide them, or show the answer. After the answer only another question comes."""
        with self._lock:
            self._use()
            if self._phase != "revealed":
                self._phase = phase

    def tally(self) -> Tally:
        """The question as it stands."""
        with self._lock:
            options = range(len(self._ballot.options))
            cast = list(self._votes.values())
            return Tally(self._number, self._ballot, self._phase, tuple(cast.count(option) for option in options))

    def all(self) -> tuple[Tally, ...]:
        """Every question so far on which somebody has voted, and the one that is asked now."""
        with self._lock:
            return (*self._past, self.tally())
