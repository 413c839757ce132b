"""One exception for everything a person can mend: its text says what is wrong and what to do."""


class PeftClassroomError(Exception):
    """A sentence for the person in front of the screen. The CLI prints it and exits with 2; the app shows it."""
