"""Lessons: one way through the app, a Markdown file each, which a teacher writes without Python (docs/lessons.md).

A file begins with a head, TOML between two lines `+++`. Then come its stops: a heading `## …`, fields (`name: value`,
one a line), an empty line, and the text for the class. What is wrong with a file is said with its line.
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from app.content import FOLDER, LANGUAGE, glossary, label, marked
from peft_core.errors import PeftClassroomError
from peft_core.serving.live.vote import Ballot

LESSON, STOP, PRESENT = "lesson", "stop", "present"  # keys of an address that say where one is, not what a stop shows
MOST_WORDS = 60  # of a stop's text: it is read aloud
MOST_MINUTES = 120
LARGEST = 200_000  # bytes of a file that is read
HEAD = {"title": str, "for": str, "minutes": (int, float)}
FIELDS = ("link", "minutes", "ask", "choice", "right", "expect", "note", "shows")
REPEATED = ("choice", "shows")
NEEDED = ("link", "minutes", "ask", "expect")
_FIELD = re.compile(r"([A-Za-z]+):(?:\s+(.*\S))?\s*")
_TERM = re.compile(r"\[\[(?:[^\[\]|]+\|)?([^\[\]|]+)\]\]")


class LessonFault(PeftClassroomError):
    """What is wrong with a file, where, and what to do."""


@dataclass(frozen=True)
class Stop:
    """One screen of a lesson, and what is said in front of it."""

    heading: str
    text: str
    page: str  # of the app, by its address; Home is ""
    query: tuple[tuple[str, str], ...]  # the rest of the link
    ask: str
    expect: str
    minutes: float
    note: str = ""  # for the teacher
    shows: tuple[str, ...] = ()  # what has to be on the screen: a test looks for it
    ballot: Ballot | None = None  # what is asked, with choices, to be put to the class


@dataclass(frozen=True)
class Lesson:
    """A lesson by the name of its file."""

    name: str
    title: str
    audience: str
    minutes: float  # as promised
    stops: tuple[Stop, ...]

    def address(self, number: int, present: bool = False) -> str:
        """The link of a stop, counted from 1, within the app: page and query."""
        stop = self.stops[number - 1]
        query = [*stop.query, (LESSON, self.name), (STOP, str(number)), *([(PRESENT, "1")] if present else [])]
        return f"{stop.page or './'}?{urlencode(query)}"

    def before(self, number: int) -> float:
        """Minutes planned for the stops before this one, counted from 1."""
        return sum(stop.minutes for stop in self.stops[: number - 1])


def find(pages: Collection[str], folder: Path | None = None) -> tuple[dict[str, Lesson], list[str]]:
    """All lessons by name, the shortest first, and a sentence for each file that is none.

    Args:
        pages: the app's pages by their addresses; Home is "".
        folder: of the files; at first those of this language.
    """
    found, faults = [], []
    for path in sorted((folder or FOLDER / LANGUAGE / "lessons").glob("*.md")):
        try:
            stat = path.stat()
            found.append(_read(path, stat.st_mtime_ns, stat.st_size, frozenset(pages)))
        except LessonFault as fault:
            faults.append(str(fault))
        except OSError as error:  # it went away, or may not be read
            faults.append(label("lesson_faults", "unreadable", file=path.name, why=error.strerror or error))
    found.sort(key=lambda lesson: (lesson.minutes, lesson.title))
    return {lesson.name: lesson for lesson in found}, faults


@lru_cache(maxsize=256)
def _read(path: Path, changed: int, size: int, pages: frozenset[str]) -> Lesson:
    """Read anew when the file has changed: a teacher writes it while the server runs."""
    if size > LARGEST:
        raise _fault(path.stem, 1, "large", most=LARGEST)
    data = path.read_bytes()
    try:
        source = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _fault(path.stem, data[: error.start].count(b"\n") + 1, "encoding") from error
    return parse(path.stem, source, pages)


def parse(name: str, source: str, pages: Collection[str]) -> Lesson:
    """The lesson in a file's text.

    Raises:
        LessonFault: if it is none; with the line.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise _fault(name, 1, "name")
    lines = source.replace("\r\n", "\n").split("\n")
    head, begin = _head(name, lines)
    starts = [number for number, line in enumerate(lines) if number >= begin and line.startswith("## ")]
    for number in range(begin, starts[0] if starts else len(lines)):
        if lines[number].strip():
            raise _fault(name, number + 1, "before_first", found=lines[number].strip()[:40])
    if not starts:
        raise _fault(name, len(lines), "no_stops")
    ends = [*starts[1:], len(lines)]
    stops = tuple(_Reader(name, lines, start, end).stop(pages) for start, end in zip(starts, ends, strict=True))
    if (planned := sum(stop.minutes for stop in stops)) > head["minutes"] + 1e-9:
        raise _fault(
            name, _line_of(lines, "minutes"), "too_long", planned=f"{planned:g}", promised=f"{head['minutes']:g}"
        )
    return Lesson(name, head["title"], head["for"], head["minutes"], stops)


def _head(name: str, lines: Sequence[str]) -> tuple[dict, int]:
    """The head, and the number of the line after it, from 0."""
    if lines[0].rstrip() != "+++":
        raise _fault(name, 1, "no_head")
    end = next((number for number, line in enumerate(lines) if number and line.rstrip() == "+++"), None)
    if end is None:
        raise _fault(name, 1, "open_head")
    try:
        head = tomllib.loads("\n".join(lines[1:end]))
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        raise _fault(name, int(at[1]) + 1 if at else end + 1, "toml") from error
    for key in head:
        if key not in HEAD:
            raise _fault(name, _line_of(lines, key), "head_unknown", key=key, known=", ".join(HEAD))
    for key, kind in HEAD.items():
        if key not in head:
            raise _fault(name, end + 1, "head_missing", key=key)
        if not isinstance(head[key], kind) or isinstance(head[key], bool) or not head[key]:
            raise _fault(name, _line_of(lines, key), "head_number" if key == "minutes" else "head_text", key=key)
    if not 0 < head["minutes"] <= MOST_MINUTES:
        raise _fault(name, _line_of(lines, "minutes"), "head_number", key="minutes")
    return head, end + 1


def _line_of(lines: Sequence[str], key: str) -> int:
    """Where a key of the head stands, counted from 1."""
    return next((n for n, line in enumerate(lines, 1) if re.match(rf"\s*[\"']?{re.escape(key)}\b", line)), 1)


@dataclass
class _Reader:
    """One stop: the lines from `start`, its heading, to `end`, without."""

    name: str
    lines: Sequence[str]
    start: int
    end: int

    def stop(self, pages: Collection[str]) -> Stop:
        heading = self.lines[self.start][3:].strip()
        if not heading:
            raise self.fault(self.start, "no_heading")
        fields, begin = self._fields()
        text = self._text(begin, heading)  # a field that stands in it is told as such, not as missing
        for key in NEEDED:
            if key not in fields:
                raise self.fault(self.start, "missing", heading=heading, key=key)
        page, query = self._link(*fields["link"][0], pages)
        one = {key: fields[key][0][1] if key in fields else "" for key in ("ask", "expect", "note")}
        return Stop(
            heading, text, page, query, minutes=self._minutes(*fields["minutes"][0]),
            shows=tuple(value for _, value in fields.get("shows", [])), ballot=self._ballot(fields), **one,
        )  # fmt: skip

    def _fields(self) -> tuple[dict[str, list[tuple[int, str]]], int]:
        """The fields, each with its lines from 0, and the line after them. A line that is indented goes on."""
        found: dict[str, list[tuple[int, str]]] = {}
        rest = range(self.start + 1, self.end)
        begin = next((number for number in rest if self.lines[number].strip()), self.end)
        after = next((number for number in range(begin, self.end) if not self.lines[number].strip()), self.end)
        last = ""
        for number in range(begin, after):
            line = self.lines[number]
            if last and line[:1].isspace():
                self._terms(number, line)
                at, value = found[last].pop()
                found[last].append((at, f"{value} {line.strip()}"))
            else:
                last = self._field(number, line, found)
        return found, after

    def _field(self, number: int, line: str, found: dict[str, list[tuple[int, str]]]) -> str:
        match = _FIELD.fullmatch(line)
        if not match or match[1] not in FIELDS:
            word = match[1] if match else line.strip()[:40]
            raise self.fault(number, "unknown", key=word, known=", ".join(FIELDS))
        if not match[2]:
            raise self.fault(number, "empty", key=match[1])
        if match[1] in found and match[1] not in REPEATED:
            raise self.fault(number, "twice", key=match[1])
        self._terms(number, match[2])
        found.setdefault(match[1], []).append((number, match[2]))
        return match[1]

    def _text(self, begin: int, heading: str) -> str:
        for number in range(begin, self.end):
            line = self.lines[number]
            match = _FIELD.fullmatch(line)
            if match and match[1] in FIELDS:
                raise self.fault(number, "field_in_text", key=match[1])
            self._terms(number, line)
        body = "\n".join(self.lines[begin : self.end]).strip()
        words = sum(any(letter.isalnum() for letter in word) for word in body.split())
        if not words:
            raise self.fault(self.start, "no_text", heading=heading)
        if words > MOST_WORDS:
            first = next(number for number in range(begin, self.end) if self.lines[number].strip())
            raise self.fault(first, "words", words=words, most=MOST_WORDS)
        return body

    def _terms(self, number: int, line: str) -> None:
        for term in _TERM.findall(line):
            if term not in glossary():
                raise self.fault(number, "term", term=term)

    def _ballot(self, fields: dict[str, list[tuple[int, str]]]) -> Ballot | None:
        """The question as a vote; `right` is a choice among the others, where it stands."""
        options = sorted([*fields.get("choice", []), *fields.get("right", [])])
        if not options:
            return None
        right = options.index(fields["right"][0]) if "right" in fields else None
        ask, explain = (marked(fields[key][0][1]) for key in ("ask", "expect"))
        try:
            return Ballot(ask, tuple(marked(option) for _, option in options), right, explain)
        except PeftClassroomError as error:
            raise self.fault(options[-1][0], "choices", why=error) from error

    def _minutes(self, number: int, value: str) -> float:
        try:
            minutes = float(value.replace(",", "."))
        except ValueError:
            minutes = 0.0
        if not 0 < minutes <= MOST_MINUTES:
            raise self.fault(number, "minutes", found=value[:40])
        return minutes

    def _link(self, number: int, value: str, pages: Collection[str]) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Page and query of an address, which may have been copied from the browser's address bar."""
        try:
            link = urlsplit(value)
        except ValueError as error:
            raise self.fault(number, "link", found=value[:60]) from error
        page = link.path.rsplit("/", 1)[-1]
        if " " in value or link.fragment:
            raise self.fault(number, "link", found=value[:60])
        if page not in pages:
            listed = ", ".join(sorted(filter(None, pages)))
            raise self.fault(number, "page", found=page[:40], pages=listed)
        return page, tuple(_shown(link.query))

    def fault(self, number: int, what: str, **values: object) -> LessonFault:
        """`number`: of the line, from 0."""
        return _fault(self.name, number + 1, what, **values)


def _shown(query: str) -> Iterator[tuple[str, str]]:
    """What a link shows; where one was when it was copied is left out."""
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in (LESSON, STOP, PRESENT):
            yield key, value


def _fault(name: str, line: int, what: str, **values: object) -> LessonFault:
    told = label("lesson_faults", what, **values) if values else label("lesson_faults", what)
    return LessonFault(label("lesson_faults", "at", file=name, line=line, what=told))
