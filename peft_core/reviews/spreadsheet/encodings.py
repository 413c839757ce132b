"""Bytes of a text file → its characters, and in which encoding they were written. Other files are refused by name."""

import codecs
import io
import zipfile

from peft_core.errors import PeftClassroomError

# Name in Python → what people call it, the commoner first: of two that fit equally well the first is taken.
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "cp1256": "Windows-1256",
    "cp1253": "Windows-1253",
    "cp1254": "Windows-1254",
    "gb18030": "GB18030",
    "big5": "Big5",
    "cp932": "Shift-JIS",
    "cp949": "EUC-KR",
}
SAMPLE = 50_000  # bytes by which an encoding is told
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_KINDS = {
    b"PK\x03\x04": "a ZIP archive",
    b"\xd0\xcf\x11\xe0": "a workbook or document of an old Office (.xls, .doc)",
    b"%PDF": "a PDF document",
    b"{\\rtf": "a formatted document (.rtf)",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"PAR1": "a Parquet file",
    b"SQLite": "an SQLite database",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
}
_ZIPPED = {
    "xl/": "an Excel workbook (.xlsx)",
    "word/": "a Word document (.docx)",
    "ppt/": "a PowerPoint presentation (.pptx)",
    "Index/": "a Numbers or Pages document",
    "content.xml": "an OpenDocument file (.ods, .odt)",
}


class NotTextError(PeftClassroomError):
    """The file is a workbook, a picture, an archive: no encoding would make it a text."""


def decode(data: bytes, encoding: str | None = None) -> tuple[str, str]:
    """The characters of a text file without its byte order mark, and the encoding, a key of ENCODINGS.

    `encoding` is what a person says it is. Without it: what a byte order mark says; UTF-8 if it is; UTF-16 if every
    zero byte lies in the same half of a pair; else the likeliest by its letters (charset-normalizer).

    Raises:
        NotTextError: if the file is no text.
        PeftClassroomError: if it is not in the encoding that was named, or in none that is known.
    """
    marked = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None)
    if encoding is not None and encoding not in ENCODINGS:
        raise PeftClassroomError(f"Unknown encoding {encoding!r}. Choose one of: {', '.join(ENCODINGS)}.")
    if marked is None and (kind := _kind(data)):
        raise NotTextError(
            f"This is {kind}, not a text file. Open it in the program it was made with and save the table as "
            '"CSV UTF-8", then choose that file.'
        )
    for name in [encoding] if encoding else [marked] if marked else _likely(data):
        content = _decoded(data, name)
        if content is not None:
            same = (other for other in ENCODINGS if _decoded(data, other) == content)  # "Über" is so in five of them
            return content, encoding or marked or next(same)
    if encoding or marked:
        raise PeftClassroomError(f"This file is not text in {ENCODINGS[encoding or marked]}. Choose another encoding.")
    raise PeftClassroomError(
        'The encoding of this file cannot be told. In Excel choose "Save as" and "CSV UTF-8"; in LibreOffice the '
        'character set "Unicode (UTF-8)".'
    )


def _decoded(data: bytes, name: str) -> str | None:
    codec = {"utf-8": "utf-8-sig"}.get(name, name)
    if name == "utf-16" and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        codec = "utf-16-be" if b"\0" in data[0::2] else "utf-16-le"
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None


def _kind(data: bytes) -> str:
    """What a file is that is no text; empty where it may be one."""
    kind = next((words for start, words in _KINDS.items() if data.startswith(start)), "")
    if data.startswith(b"PK\x03\x04"):
        try:
            names = zipfile.ZipFile(io.BytesIO(data)).namelist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError):
            return kind
        return next((words for start, words in _ZIPPED.items() if any(n.startswith(start) for n in names)), kind)
    if not kind and b"\0" in data[0::2] and b"\0" in data[1::2]:
        return "a binary file"
    return kind


def _likely(data: bytes) -> list[str]:
    """The encodings that the bytes may be in, the likeliest first."""
    if 50 * data.count(0) > len(data):  # every comma and line break has one
        return ["utf-16"]
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return ["utf-8"]
    from charset_normalizer import from_bytes  # 0.15 s, and most files are UTF-8

    sample = data[:SAMPLE]
    if len(data) > SAMPLE:
        sample = sample[: sample.rfind(b"\n") + 1] or sample  # no character of several bytes is cut
    known = [name for name in ENCODINGS if not name.startswith("utf")]
    found = {match.encoding: match for match in from_bytes(sample, cp_isolation=known)}
    ranked = [name for name in known if name in found]  # those that do not fit are not in it
    return sorted(ranked, key=lambda name: (found[name].percent_chaos, -found[name].percent_coherence))
