"""One exception for everything a person can mend: its text says what is wrong and what to do."""


class PeftClassroomError(Exception):
    """A sentence for the person in front of the screen. The CLI prints it and exits with 2; the app shows it."""


class Interrupted(PeftClassroomError):
    """Somebody stopped it, and what is done so far is saved. The CLI prints the sentence and exits with 130."""


class UnknownMethodError(TypeError):
    """A branch over the methods met a configuration that it has no answer for. No branch answers for another method."""

    def __init__(self, config: object, place: str) -> None:
        super().__init__(
            f"{place} has no answer for {type(config).__name__}. Add one: no method stands in for another."
        )
