"""Questions that are likely to come next, asked while nobody waits: whoever then asks finds the answer there."""

import threading
from collections import deque
from collections.abc import Callable, Iterable


class Ahead:
    """A thread asks what each session may want next, one question of each in turns. It never touches streamlit.

    What a session wanted before is dropped for what it wants now.
    """

    def __init__(self) -> None:
        self._wanted: dict[str, tuple[deque[Callable[[], object]], threading.Event]] = {}
        self._lock = threading.Lock()
        self._working = False

    def want(self, who: str, questions: Iterable[Callable[[], object]]) -> threading.Event:
        """Begin to ask these; the event is set once all have been asked, or dropped.

        Args:
            who: the session.
            questions: each asks one thing, and keeps the answer where it is looked for.
        """
        mine, done = deque(questions), threading.Event()
        with self._lock:
            if before := self._wanted.pop(who, None):
                before[1].set()
            if not mine:
                done.set()
                return done
            self._wanted[who] = mine, done
            begin, self._working = not self._working, True
        if begin:
            threading.Thread(target=self._work, name="asks ahead", daemon=True).start()
        return done

    def _work(self) -> None:
        try:
            while (taken := self._next()) is not None:
                question, through = taken
                try:
                    question()
                finally:
                    if through:
                        through.set()
        finally:  # what a question raises ends this thread, and is told as any thread's; the next wish begins another
            with self._lock:
                self._working = False

    def _next(self) -> tuple[Callable[[], object], threading.Event | None] | None:
        """What is to be asked now, and, with the last of a session, what then is to be set."""
        with self._lock:
            if not self._wanted:
                self._working = False
                return None
            who = next(iter(self._wanted))
            questions, done = self._wanted.pop(who)
            question = questions.popleft()
            if not questions:
                return question, done
            self._wanted[who] = questions, done  # behind the others
            return question, None
