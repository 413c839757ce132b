"""Tables and texts that somebody brings: read or refused; and what goes out again, a spreadsheet and a browser may
open.

`python -m tests.hostile.tables` is the long form (`make soak`).
"""

import csv
import io
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from hypothesis import strategies as st

from app.playground.many_results import Answers, result_file
from peft_core.checkpoints.listing import find_run
from peft_core.errors import PeftClassroomError
from peft_core.report.build import build_table
from peft_core.report.export.data import as_csv, table_data
from peft_core.report.export.page import as_html
from peft_core.reviews.spreadsheet import DELIMITERS, Reviews, labelled, read_table, write_csv
from tests.hostile import soak
from tests.hostile.addresses import LONG, MARKUPS
from tests.hostile.checkpoints import check_sentence
from tests.hostile.markup import CANARY
from tests.hostile.soak import Told

FORMULAS = (
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "  +1", "\u00a0=1", "\uff1d1", "\uff0b1",
    "\uff0d1", "\uff20x",
    "=HYPERLINK(\"https://evil.example\")", "=cmd|' /C calc'!A0", "x;=1+1", "x;  @x", "x\t=1", "x\n=1", "x\r\n+1",
    "\u200b=1", "\ufeff=1",
    "\"=1", "'=1", ";=1", "x,=1", "x|=1", "\x00=1", "\x0b=1", "-", "=", "a\n;-1", "\u2028=1", "x;\"=1\"",
    "x;\u00a0=1", "x;\uff1d1", "\x83-", "\u2068=1",
)  # fmt: skip
CELL = (
    st.sampled_from(FORMULAS)
    | st.sampled_from(MARKUPS).map(lambda form: form.format(CANARY))
    | st.text(max_size=15)
    | st.text(st.sampled_from("=+-@\t\r\n;,|\"' ax1\u00a0\uff1d"), max_size=8)
    | st.sampled_from(("", "good film", "x" * LONG, "9" * 400, "1e999"))
)
STARTS = frozenset("=+-@")
UNSEEN = ("Cc", "Cf", "Zs", "Zl", "Zp")  # kinds of signs that have no picture


@dataclass(frozen=True)
class Case:
    """A file that comes in, and cells that go out."""

    data: bytes
    rows: tuple[tuple[str, ...], ...]
    delimiter: str

    def __str__(self) -> str:
        return f"{self.data[:200]!r} {str(self.rows)[:300]} {self.delimiter!r}"


@st.composite
def cases(draw: Any) -> Case:
    delimiter = draw(st.sampled_from(DELIMITERS))
    rows = draw(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=4))
    text = draw(st.sampled_from(("", "review,label\n", "review;label\n", "\ufeff"))) + draw(
        st.just("\n".join(draw(st.sampled_from(DELIMITERS)).join(row) for row in rows))
        | st.text('a,;\t|"\n\r\x00 =', max_size=80)
    )
    letters = draw(st.sampled_from(("utf-8", "utf-8", "utf-16", "utf-16-le", "cp1252", "utf-32", "utf-7")))
    data = text.encode(letters, "replace")
    if draw(st.integers(0, 3)) == 0:
        data = draw(
            st.binary(max_size=60)
            | st.just(data[: len(data) // 2])
            | st.just(b"PK\x03\x04" + data)
            | st.just(b"\xff" + data)
        )
    return Case(data, tuple(rows), delimiter)


class Tags(HTMLParser):
    """What a browser makes of a page: its tags with their attributes' names, and all that it loads or runs."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[tuple[str, ...]] = Counter()
        self.values: list[str] = []
        self.said = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[(tag, *sorted(name for name, _ in attrs))] += 1
        self.values += [
            value or "" for name, value in attrs if name in ("href", "src", "style", "action") or name.startswith("on")
        ]

    def handle_data(self, data: str) -> None:
        self.said += data

    def handle_comment(self, data: str) -> None:
        self.tags["comment",] += 1

    def handle_decl(self, decl: str) -> None:
        self.tags["declaration",] += 1


def formulas(content: bytes, delimiter: str) -> list[str]:
    """The cells that a spreadsheet may compute, wherever it believes that cells are divided, read without our reader.

    A spreadsheet of another country divides at other signs; and quotation marks enclose nothing for it if they begin in
    the midst of what it takes for a cell. So it is read with each sign, by the csv module and by plain splitting.
    """
    text, found = content.decode("utf-8-sig"), []
    before = csv.field_size_limit(10 * len(text) + 1000)
    cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row]
    for other in {";", "\t"} - {delimiter}:
        cells += [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=other) for cell in row]
        cells += [cell for line in text.splitlines() for cell in line.split(other)]
    for cell in cells:
        bare = unicodedata.normalize("NFKC", cell.strip('" \t\r\n')).lstrip()
        while bare and unicodedata.category(bare[0]) in UNSEEN:
            bare = bare[1:]
        if bare[:1] in STARTS and not _number(cell):
            found.append(cell)
    csv.field_size_limit(before)
    return found


def _number(cell: str) -> bool:
    try:
        return bool(float(cell)) or True
    except ValueError:
        return False


class Judge:
    """Reads each file, writes its cells, and makes every tenth a page to take home."""

    def __init__(self, told: Told) -> None:
        self.told, self.data = told, table_data(build_table([find_run(name) for name in ("lora-8", "full")]))
        self.plain = Tags(as_html(renamed(self.data, "a")))

    def __call__(self, case: Case) -> str:
        with soak.listened("peft_core", "app") as log:
            outcome = self._read(case.data)
            self._written(case)
            if self.told.cases % 10 == 0:
                self._page(case.rows[0][0])
        assert not log.kept, log.kept
        return outcome

    def _read(self, data: bytes) -> str:
        try:
            table = read_table(data)
            found = labelled(table, False, table.text_column(False))
        except PeftClassroomError as error:
            check_sentence(error)
            return "refused in a sentence"
        assert all(text.strip() for text in found.texts)
        return "read"

    def _written(self, case: Case) -> None:
        texts = tuple(row[0] for row in case.rows)
        reviews = Reviews(texts, tuple(range(1, len(texts) + 1)), delimiter=case.delimiter)
        answers = {"a": Answers(len(texts), {place: 0.25 for place in range(len(texts))})}
        exported = as_csv(renamed(self.data, texts[0]))
        out = result_file(reviews, {"a": case.rows[0][1]}, answers, case.rows[0])
        for content, delimiter in (
            (out, case.delimiter),
            (write_csv(case.rows[0], case.rows, case.delimiter), case.delimiter),
            (exported, ","),
        ):
            assert not (bad := formulas(content, delimiter)), bad[:5]
            self.told.counts["files written, no formula in them"] += 1

    def _page(self, words: str) -> None:
        page = Tags(as_html(renamed(self.data, words)))
        assert page.tags == self.plain.tags, page.tags - self.plain.tags
        assert page.values == self.plain.values
        self.told.counts["pages written, no tag of theirs in them"] += 1


def renamed(data: dict[str, Any], words: str) -> dict[str, Any]:
    """The data of the table as if every run, and every note on it, were called so."""
    rows = [row | {"label": words, "note": words} for row in data["rows"]]
    return data | {"rows": rows, "not_compared": {words: words}}


@contextmanager
def judging(told: Told) -> Iterator[Judge]:
    """What a soak tries its cases with."""
    yield Judge(told)


if __name__ == "__main__":
    sys.exit(soak.main("hostile_tables", cases(), judging))
