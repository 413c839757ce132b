"""A checkpoint as one zip file: how it leaves the app, and the strict door through which one comes in. No torch here.

A zip from outside may hold anything. What comes through is a few files of known names, flat in one new folder, none of
them a link, a pickle or larger than allowed. Sizes are counted while reading: what a zip says of itself is not
believed.
"""

import stat
import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import IO

from peft_core.checkpoints.exchange.recognise import PICKLES
from peft_core.errors import PeftClassroomError
from peft_core.files import writing
from peft_core.validated import shortened

MEGABYTE = 1_000_000
MOST_BYTES = 64 * MEGABYTE  # of the zip file
MOST_UNPACKED = 128 * MEGABYTE  # of all files together; a whole T5 of the bundled size is 88 MB in fp32
MOST_FILES = 20
CHUNK = 1 << 20
# Every file that a checkpoint of a library known here consists of.
KNOWN = frozenset(
    {
        "run.json", "truncation.json", "adapter_config.json", "adapter_model.safetensors", "adapter.safetensors",
        "head_config.json", "model_head.safetensors", "config.json", "generation_config.json", "model.safetensors",
        "pytorch_model.safetensors", "delta.safetensors", "lora.safetensors", "tokenizer.json",
        "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "spiece.model",
    }
)  # fmt: skip
# Files that come along and are passed over: notes for people, and what a computer's own zip program adds.
PASSED_OVER = frozenset({"README.md", ".gitattributes", ".DS_Store", "Thumbs.db"})
# What the reader of zip files, and the two below it, raise for one that is damaged.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError
)  # fmt: skip
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def pack(folder: Path) -> bytes:
    """The checkpoint in `folder` as a zip file: its files of known names, in a folder of its name.

    Raises:
        PeftClassroomError: if there is nothing to pack, or it is too large to be opened again.
    """
    files = sorted(path for path in folder.iterdir() if path.name in KNOWN and path.is_file())
    if not files:
        raise PeftClassroomError(f"{folder.name} holds no file of a checkpoint.")
    if (total := sum(path.stat().st_size for path in files)) > MOST_UNPACKED:
        raise PeftClassroomError(
            f"{folder.name} holds {total / MEGABYTE:.0f} MB, and {MOST_UNPACKED // MEGABYTE} MB is the most that is "
            "given out as a zip file. Copy its folder."
        )
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:  # random digits: little to gain
        for path in files:
            file.write(path, f"{folder.name}/{path.name}")
    return content.getvalue()


def unpack(source: bytes | IO[bytes], target: Path) -> None:
    """Write the files of a zip from outside into the new folder `target`.

    Raises:
        PeftClassroomError: if it is no zip file, too large, or holds anything else than the files of one checkpoint.
            Nothing is left behind then.
    """
    content = BytesIO(source) if isinstance(source, bytes) else source
    size = content.seek(0, 2)
    content.seek(0)
    if size > MOST_BYTES:
        raise PeftClassroomError(
            f"The file has {size / MEGABYTE:.0f} MB, and {MOST_BYTES // MEGABYTE} MB is the most that is opened."
        )
    with writing(target.parent):
        target.mkdir(parents=True)
    written: list[Path] = []
    try:
        with zipfile.ZipFile(content) as file:
            left = MOST_UNPACKED
            for name, info in _checked(file).items():
                written.append(target / name)
                left = _copy(file, info, target / name, left)
    except BaseException as error:
        for path in written:
            path.unlink(missing_ok=True)
        target.rmdir()
        if isinstance(error, DAMAGE):
            raise PeftClassroomError(f"The file is no zip file that can be read ({shortened(str(error))}).") from error
        raise


def _checked(file: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Name → entry of what is to be written.

    Raises:
        PeftClassroomError: for an entry that no checkpoint has.
    """
    entries = file.infolist()
    if len(entries) > 3 * MOST_FILES:
        raise PeftClassroomError(
            f"The zip file holds {len(entries):,} entries; no checkpoint has more than {MOST_FILES}."
        )
    found: dict[str, zipfile.ZipInfo] = {}
    parents = set()
    for info in entries:
        parent, name = _split(info)
        if not name or name in PASSED_OVER or parent == "__MACOSX":
            continue
        shown = shortened(repr(info.filename), 80)
        if Path(name).suffix in PICKLES:
            raise PeftClassroomError(
                f"The zip file holds {shown}, a pickle, and nothing is ever unpickled here: a pickle can run any "
                "program. Save the weights as safetensors, and leave it out."
            )
        if name not in KNOWN:
            raise PeftClassroomError(f"The zip file holds {shown}, which is no file of a checkpoint. Leave it out.")
        if name in found:
            raise PeftClassroomError(f"The zip file holds {name!r} twice. Put one checkpoint into it.")
        parents.add(parent)
        found[name] = info
    if len(parents) > 1:
        raise PeftClassroomError("The zip file holds files of several folders. Put one checkpoint into it.")
    if not found:
        raise PeftClassroomError("The zip file holds no file of a checkpoint.")
    if len(found) > MOST_FILES:
        raise PeftClassroomError(f"The zip file holds {len(found)} files; no checkpoint has more than {MOST_FILES}.")
    return found


def _split(info: zipfile.ZipInfo) -> tuple[str, str]:
    """(folder, name) of an entry: at most one folder deep. A folder's own entry has no name.

    Raises:
        PeftClassroomError: for a path that leads elsewhere, a link, or an entry that is locked or packed strangely.
    """
    shown = shortened(repr(info.filename), 80)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise PeftClassroomError(f"The zip file holds {shown}, which is a link or no file at all.")
    if info.flag_bits & 1 or info.compress_type not in METHODS:
        raise PeftClassroomError(f"The zip file holds {shown}, which is encrypted or packed in an unusual way.")
    parts = info.filename.replace("\\", "/").split("/")
    if len(parts) > 2 and parts[0] == "__MACOSX":
        return "__MACOSX", parts[-1]
    if len(parts) > 2 or ".." in parts or parts[0] in ("", ".") or ":" in info.filename or "\0" in info.filename:
        raise PeftClassroomError(f"The zip file holds {shown}: only files in one folder can be opened.")
    return (parts[0], parts[1]) if len(parts) == 2 else ("", parts[0])


def _copy(file: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Write one entry; how many bytes the others may still have."""
    with file.open(info) as packed, target.open("xb") as out:
        while chunk := packed.read(CHUNK):
            left -= len(chunk)
            if left < 0:
                raise PeftClassroomError(
                    f"The zip file holds more than {MOST_UNPACKED // MEGABYTE} MB, the most that is opened."
                )
            out.write(chunk)
    return left
