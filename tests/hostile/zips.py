"""A checkpoint as a zip file, packed by somebody who means harm."""

import io
import stat
import warnings
import zipfile

from hypothesis import strategies as st

from tests.hostile.mutations import Draw, Files

KINDS = (
    "path", "link", "twice", "many", "nested", "packed", "locked", "pickle", "lies", "bytes",
    "cut", "before", "letters", "folders", "comment", "64", "no directory",
)  # fmt: skip
PATHS = (
    "../run.json", "/run.json", "/etc/cron.d/run.json", "a/../../run.json", "..\\..\\run.json", "C:\\run.json",
    "a/b/c/run.json",
    "./run.json", "//host/share/run.json", "~/run.json", "run.json/", "a//run.json", "run.json\x00.txt", "aux",
    "CON.json",
    "\u202enosj.nur", "run.json ", " run.json", "RUN.JSON", "x" * 60_000, "%2e%2e/run.json",
    "\uff0e\uff0e/run.json", "a/./run.json",
)  # fmt: skip


def packed(draw: Draw, files: Files, tricks: bool) -> tuple[bytes, str]:
    """(The zip file, how it is made); without `tricks` as anybody packs."""
    kind = draw(st.sampled_from(KINDS)) if tricks else "plain"
    content = io.BytesIO()
    parent = draw(st.sampled_from(("", "", "mine/", "../", "/", "a/b/"))) if kind == "folders" else ""
    method = zipfile.ZIP_DEFLATED
    if kind == "packed":
        method = draw(st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)))
    with warnings.catch_warnings(), zipfile.ZipFile(content, "w", method) as file:
        warnings.simplefilter("ignore")  # a name twice is what is wanted
        for name, data in files.items():
            file.writestr(
                zipfile.ZipInfo(parent + name) if kind == "packed" and draw(st.booleans()) else parent + name, data
            )
        _more(draw, kind, file, files)
        if kind == "comment":
            file.comment = draw(st.sampled_from((b"PK\x05\x06" * 1000, b"x" * 65_535, b"\xff\xfe")))
    return _bytes(draw, kind, bytearray(content.getvalue())), kind


def _more(draw: Draw, kind: str, file: zipfile.ZipFile, files: Files) -> None:
    """Entries that are no file of the checkpoint."""
    if kind == "path":
        file.writestr(_entry(draw(st.sampled_from(PATHS))), draw(st.sampled_from((b"{}", b""))))
    elif kind == "link":
        kinds = (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFDIR)
        name = draw(st.sampled_from(("run.json", "config.json", "tokenizer.json", "spiece.model")))
        file.writestr(_entry(name, draw(st.sampled_from(kinds))), draw(st.sampled_from(("/etc/passwd", "../../x", ""))))
    elif kind == "twice" and files:
        file.writestr(draw(st.sampled_from(("", "a/", "./"))) + draw(st.sampled_from(sorted(files))), b"{}")
    elif kind == "many":
        number, ending = (
            draw(st.sampled_from((25, 61, 3000))),
            draw(st.sampled_from((".json", "/", ".txt", "/README.md"))),
        )
        for n in range(number):
            file.writestr(f"{n}{ending}", b"")
    elif kind == "nested":
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w") as inside:
            inside.writestr("run.json", b"{}")
        file.writestr(
            draw(st.sampled_from(("inner.zip", "run.json", "tokenizer.json", "model.safetensors"))), inner.getvalue()
        )
    elif kind == "pickle":
        name = draw(
            st.sampled_from(("pytorch_model.bin", "adapter_model.bin", "x.pt", "a/x.pkl", "run.json.ckpt", "X.BIN"))
        )
        file.writestr(name, b"cos\nsystem\n(S'exit 1'\ntR.")


def bomb(megabytes: int, name: str) -> bytes:
    """A file of so many megabytes that is a thousand times smaller in the zip."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file, file.open(name, "w", force_zip64=True) as entry:
        for _ in range(megabytes):
            entry.write(bytes(1 << 20))
    return content.getvalue()


def _entry(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    info.filename = name  # as it is: the class would make it harmless
    info.external_attr = (mode | 0o644) << 16 if mode else 0
    return info


def _bytes(draw: Draw, kind: str, content: bytearray) -> bytes:
    """What the zip says of itself is changed: its flags, sizes, methods, letters, places."""
    central = content.find(b"PK\x01\x02")
    if kind == "locked":
        content[central + 8] |= 1
    elif kind == "lies":
        at = central + draw(st.sampled_from((10, 16, 20, 24, 28, 30, 32, 42)))
        content[at : at + 4] = draw(
            st.sampled_from((b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x01\x00\x00\x00", b"\x63\x00\x00\x00"))
        )
    elif kind == "bytes":
        for at in draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=6)):
            content[at] ^= draw(st.integers(1, 255))
    elif kind == "cut":
        del content[draw(st.integers(0, len(content) - 1)) :]
    elif kind == "before":
        content[:0] = draw(st.sampled_from((b"#!/bin/sh\n", bytes(1000), b"PK\x03\x04" * 10)))
    elif kind == "letters":
        content[central + 46] = draw(st.sampled_from((0xFF, 0x00, 0x2F, 0x5C, 0x0A)))
    elif kind == "64":
        end = content.rfind(b"PK\x05\x06")
        content[end + 8 : end + 20] = b"\xff" * 12
    elif kind == "no directory":
        del content[central:]
    return bytes(content)
