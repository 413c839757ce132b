"""One exception for everything a person can mend: its text says what is wrong and what to do."""

KEPT = "\n\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}\N{NO-BREAK SPACE}"  # lines; what some scripts are written with


def visible(text: str) -> str:
    """The text with whatever steers a terminal, or turns the order of letters round, written as an escape.

    Names and values of a stranger's file come into sentences; lines stay lines.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one in KEPT else one.encode("unicode_escape").decode("ascii") for one in text
    )


class PeftClassroomError(Exception):
    """A sentence for the person in front of the screen. The CLI prints it and exits with 2; the app shows it."""

    def __init__(self, sentence: str = "") -> None:
        super().__init__(visible(sentence))


class Interrupted(PeftClassroomError):
    """Somebody stopped it, and what is done so far is saved. The CLI prints the sentence and exits with 130."""


class UnknownMethodError(TypeError):
    """A branch over the methods met a configuration that it has no answer for. No branch answers for another method."""

    def __init__(self, config: object, place: str) -> None:
        super().__init__(
            f"{place} has no answer for {type(config).__name__}. Add one: no method stands in for another."
        )
