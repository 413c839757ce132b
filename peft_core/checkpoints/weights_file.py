"""What a checkpoint's weights file holds, read from its header: no weight is loaded, and no torch."""

import math
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from peft_core.errors import PeftClassroomError


@dataclass(frozen=True)
class WeightsFile:
    """Elements of all tensors (a tied tensor is stored, and counts, once), and bytes on disk, header included."""

    elements: int
    bytes: int


def weights_file(folder: Path) -> WeightsFile:
    """The safetensors file of the checkpoint or base model in `folder`.

    Raises:
        PeftClassroomError: if there is none, more than one, or if it is damaged.
    """
    files = sorted(folder.glob("*.safetensors"))
    if len(files) != 1:
        raise PeftClassroomError(
            f"{folder.name} has {len(files) or 'no'} weights files instead of one. Restore the folder or train again."
        )
    try:
        with safe_open(files[0], "numpy") as file:
            elements = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())
    except SafetensorError as error:
        raise PeftClassroomError(
            f"{folder.name}/{files[0].name} is damaged ({error}). Restore the file or train again."
        ) from error
    return WeightsFile(elements, files[0].stat().st_size)
