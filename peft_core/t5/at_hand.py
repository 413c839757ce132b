"""Whether a base model can be loaded from this computer, and if not, what is missing. No torch; no network is asked.

`load_backbone` and the app ask the same function: what the app lets train can be loaded.
"""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from peft_core.errors import PeftClassroomError
from peft_core.hub_cache import entry, fetching, hub_cache, other_caches, snapshot
from peft_core.t5.architecture import BaseModel, read_architecture
from peft_core.t5.stored import files_of

READ = ("*.json", "*.safetensors")  # of what the Hub has of a model
WHOLE, INDEX, TOKENIZER = "model.safetensors", "model.safetensors.index.json", "tokenizer.json"
PICKLES = "pytorch_model*.bin"


class AtHand(NamedTuple):
    """Where a base model's files lie, whole or not (None: nowhere), and why it cannot be loaded from there."""

    folder: Path | None
    problem: str | None


def at_hand(base: BaseModel) -> AtHand:
    """Where it lies, and in sentences what keeps it from being loaded and what to do; None: nothing does."""
    if base.bundled:
        folder = Path(base.source)
        fault = _fault(folder)
        return AtHand(folder, fault and f"The base model in {folder} cannot be loaded: {fault}. Restore its files.")
    folder, fault = _cached(base, hub_cache())
    if folder is None:
        return AtHand(None, f"{_not_there(base)} {_to_do(base)}")
    said = f"The base model {base.name} in {folder} cannot be loaded: {fault}."
    return AtHand(folder, fault and f"{said} {_to_do(base)}")


def _cached(base: BaseModel, cache: Path) -> AtHand:
    """The same of one cache, the problem in a few words: under the first of its ids under which it is whole there."""
    found = [AtHand(folder, _fault(folder)) for name in base.ids if (folder := snapshot(name, cache=cache))]
    return next((one for one in found if not one.problem), found[0] if found else AtHand(None, None))


# ---------------------------------------------------------------------------------------------------------------------
# What is wrong with a folder


def _fault(folder: Path) -> str | None:
    if missing := [*_missing(folder)]:
        return f"it lacks {' and '.join(missing)}"
    try:
        read_architecture(folder)
    except PeftClassroomError as error:
        return str(error).removesuffix(".")
    return None if _is_json(folder / TOKENIZER) else f"{TOKENIZER} is damaged"


def _missing(folder: Path) -> Iterator[str]:
    """The files that are missing, each with the reason where there is one."""
    if not (folder / "config.json").is_file():
        yield _gone(folder, "config.json")
    if not (folder / WHOLE).is_file():
        if (folder / INDEX).is_file():
            yield from (_gone(folder, name) for name in _parts(folder) if not (folder / name).is_file())
        elif (pickled := sorted(path.name for path in folder.glob(PICKLES))) and not (folder / WHOLE).is_symlink():
            yield f"{WHOLE} (there is {pickled[0]}, but only safetensors files are read: nothing is unpickled here)"
        else:
            yield _gone(folder, WHOLE)
    if not any((folder / name).is_file() for name in (TOKENIZER, "vocab.txt")):
        if not (folder / "spiece.model").is_file():
            yield _gone(folder, TOKENIZER)
        elif find_spec("sentencepiece") is None:
            yield f"{TOKENIZER} (there is spiece.model, which only the package sentencepiece reads)"


def _parts(folder: Path) -> list[str]:
    try:
        return sorted(files_of(folder / INDEX))
    except PeftClassroomError:  # `read_architecture` says what is wrong with it
        return []


def _gone(folder: Path, name: str) -> str:
    return f"{name} (a link to a file that is gone)" if (folder / name).is_symlink() else name


def _is_json(file: Path) -> bool:
    """Also where there is none. Which words it knows is not looked at: that takes longer than a page has time for."""
    try:
        return not file.is_file() or isinstance(json.loads(file.read_bytes()), dict)
    except (OSError, ValueError, RecursionError):
        return False


# ---------------------------------------------------------------------------------------------------------------------
# What is not there, and what to do


def _not_there(base: BaseModel) -> str:
    for name in base.ids:
        if (place := entry(name)).is_dir():
            return f"The base model {base.name} in {place} has no current version (refs/main, and its snapshot)."
    return f"The base model {base.name} is not in the local Hugging Face cache, {hub_cache()}."


def _to_do(base: BaseModel) -> str:
    for cache in other_caches():
        folder, fault = _cached(base, cache)
        if folder and not fault:
            return f"A whole copy lies in {cache}, which is not read: set HF_HUB_CACHE={cache}"
    return (
        f"{fetching(base.source, READ)} (where the Hub has no such files, load it once with transformers, "
        "save_pretrained(FOLDER), and give the folder); or choose tiny-t5, which is bundled."
    )
