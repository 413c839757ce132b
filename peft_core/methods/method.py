"""What every method has. No torch here."""

from peft_core.validated import Frozen


class MethodConfig(Frozen):
    """What can be chosen of one method; `method` is its name, and tells the kinds apart in files."""

    method: str
