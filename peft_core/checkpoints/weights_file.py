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
    """The safetensors file of the checkpoint or base model in `folder`; of a large base model, all of its parts.

    Raises:
        PeftClassroomError: if there is none, more than one without an index of parts, or if one is damaged.
    """
    files = sorted(folder.glob("*.safetensors"))
    in_parts = (folder / "model.safetensors.index.json").is_file()
    if not files or (len(files) > 1 and not in_parts):
        raise PeftClassroomError(
            f"{folder.name} has {len(files) or 'no'} weights files instead of one. Restore the folder or train again."
        )
    return WeightsFile(sum(map(_elements, files)), sum(file.stat().st_size for file in files))


def _elements(path: Path) -> int:
    try:
        with safe_open(path, "numpy") as file:
            return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())
    except SafetensorError as error:
        raise PeftClassroomError(
            f"{path.parent.name}/{path.name} is damaged ({error}). Restore the file or train again."
        ) from error
