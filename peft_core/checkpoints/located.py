"""The door for paths: whoever calls the library may write a checkpoint's name, or a path as text. No torch here."""

from pathlib import Path

from peft_core.checkpoints.listing import find_checkpoint


def located(checkpoint: str | Path) -> Path:
    """The folder of a checkpoint by its listed name, as in "lora-8", or by its path.

    Raises:
        PeftClassroomError: if there is no checkpoint of this name, or two are meant.
    """
    return checkpoint if isinstance(checkpoint, Path) else find_checkpoint(checkpoint).path
