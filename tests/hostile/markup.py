"""What a page may send of a stranger's words: the law, written without a look at how the app escapes.

A page sends messages, and every text in them is one of two kinds. PLAIN ones a browser shows as they are, or never
shows;
all others it reads as Markdown with Streamlit's additions (or, `Html.body`, as HTML). In those of the first kind
anything
may stand. In the others the stranger's words have to be text: a parser of Markdown (markdown-it, which the app does
not use)
must find them letter for letter in its text, and in no tag, link, picture, code or heading of their making.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from google.protobuf.message import Message
from markdown_it import MarkdownIt

CANARY = "canary"  # in every hostile text; no page says it by itself
# (Message, field) that a browser does not read as Markdown. Whatever is not here, it may.
PLAIN = {
    ("TextArea", "default"), ("TextArea", "value"), ("TextArea", "placeholder"), ("TextInput", "default"),
    ("TextInput", "value"), ("TextInput", "placeholder"), ("NumberInput", "placeholder"), ("Code", "code_text"),
    ("Text", "body"), ("Selectbox", "options"), ("Selectbox", "raw_value"), ("MultiSelect", "options"),
    ("MultiSelect", "raw_values"), ("PageInfo", "query_string"), ("PageLink", "query_string"),
    ("PageConfig", "title"), ("VegaLiteChart", "spec"), ("VegaLiteChart", "alt"), ("Dataframe", "columns"),
}  # fmt: skip
PLAIN_EVERYWHERE = {"id", "element_id", "form_id", "key", "user_key", "url", "hash", "name", "query_string"}
TEXT_OF = {"text", "softbreak", "hardbreak", "text_special"}
_parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
# What GitHub's Markdown, as the browser reads it, makes a link of in any text, whatever was in front of its signs.
_LINK = re.compile(r"https?://[-.\w]|www\.[-.\w]|[-.\w+]+@[-\w]+\.[-\w]", re.IGNORECASE)


def texts(message: Message) -> Iterator[tuple[str, str, str]]:
    """(Message, field, text) of everything written in a message, however deep."""
    for field, value in message.ListFields():
        values = [value]
        if field.is_repeated:
            values = value.values() if hasattr(value, "items") else value
        for each in values:
            if isinstance(each, Message):
                yield from texts(each)
            elif isinstance(each, str):
                yield message.DESCRIPTOR.name, field.name, each


def is_plain(message: str, field: str) -> bool:
    return field in PLAIN_EVERYWHERE or (message, field) in PLAIN


def broken(words: str, hostile: list[str]) -> str:
    """Why this Markdown, which has one of the hostile texts in it, is not what the law wants; empty if it is."""
    if CANARY not in words.lower():
        return ""
    shown = []
    for token in _parser.parse(words):
        if token.type == "inline":
            for child in token.children or ():
                if child.type in TEXT_OF:
                    shown.append(" " if "break" in child.type else child.content)
                elif CANARY in f"{child.content} {child.attrs}".lower():
                    return f"a {child.type} of it"
            shown.append("\n")
        elif CANARY in f"{token.content} {token.attrs}".lower():
            return f"a {token.type} of it"
    seen = _bare("".join(shown))
    for found in re.finditer(CANARY, seen, re.IGNORECASE):
        if not any(_stands(seen, found.start(), _bare(text)) for text in hostile):
            return f"it is not shown letter for letter: {seen[max(0, found.start() - 60) : found.end() + 60]!r}"
    for link in _LINK.finditer("".join(shown)):
        if any(link[0].lower() in text.lower() for text in hostile):
            return f"a link of it: {link[0]}"
    if special := _unescaped(words, hostile):
        return f"a live {special!r} of it"
    return ""


def _bare(text: str) -> str:
    """Without what cannot be seen: all kinds of blanks, and signs that have no picture."""
    return "".join(each for each in text if each.isprintable() and not each.isspace() and each not in "\ufffd\u2060")


def _stands(seen: str, at: int, hostile: str) -> bool:
    """Whether the word at this place is that of the hostile text, with all around it; it may be cut behind the word."""
    before = hostile.lower().find(CANARY)
    while before >= 0:
        begin = at - before
        if begin >= 0 and seen[begin : at + len(CANARY)] == hostile[: before + len(CANARY)]:
            return True
        before = hostile.lower().find(CANARY, before + 1)
    return False


def _unescaped(words: str, hostile: list[str]) -> str:
    """A sign of Streamlit's own Markdown, `$` or `:`, that stands in the hostile part without a backslash before it."""
    for text in hostile:
        start = text[: text.lower().find(CANARY) + len(CANARY)].split("\n")[-1].strip()
        if not re.search(r"[$:]", start):
            continue
        pattern = "".join(f"(\\\\*){re.escape(each)}\u2060?" for each in start)
        for found in re.finditer(pattern, words):
            for number, each in enumerate(start):
                if each in "$:" and len(found[number + 1]) % 2 == 0:
                    return each
    return ""


def wrong(messages: list[Any], hostile: list[str]) -> list[str]:
    """Everything in these messages that breaks the law."""
    found = []
    for message in messages:
        for kind, field, words in texts(message):
            if kind == "Html" and CANARY in words.lower():
                found.append(f"{kind}.{field}: in HTML: {words[:200]}")
            elif not is_plain(kind, field) and (why := broken(words, hostile)):
                found.append(f"{kind}.{field}: {why} in {words[:300]!r}")
            if kind == "VegaLiteChart" and '"href"' in words:
                found.append("a chart with a link")
    return found


def formulas(messages: list[Any]) -> list[str]:
    """Cells of tables with a stranger's words that a spreadsheet would compute: a browser saves any table as a file."""
    found = []
    for message in messages:
        for data in _tables(message):
            with pa.ipc.open_stream(data) as stream:
                table = stream.read_all()
            for column in table.columns:
                if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                    cells = [cell for cell in column.to_pylist() if cell and CANARY in cell.lower()]
                    found += [f"a formula in a table: {cell[:80]!r}" for cell in cells if _computed(cell)]
    return found


def _tables(message: Message) -> Iterator[bytes]:
    for field, value in message.ListFields():
        for each in value if field.is_repeated and not hasattr(value, "items") else [value]:
            if isinstance(each, Message):
                if each.DESCRIPTOR.name == "ArrowData":
                    yield each.data
                yield from _tables(each)


def _computed(cell: str) -> bool:
    return unicodedata.normalize("NFKC", cell.lstrip(' "\t\r\n\u00a0'))[:1] in tuple("=+-@")
