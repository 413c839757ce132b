"""Addresses that somebody made up, for every page, every tab, and every key that a page reads.

Which keys there are nobody types in: each place of the app is opened once as it is, and the keys that its code asks the
address for are noted; so are the tabs and screens that it offers, which are places as well. `python -m
tests.hostile.addresses`
is the long form (`make soak`).
"""

import functools
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import strategies as st

from tests.hostile import markup, soak
from tests.hostile.soak import Told

MOST_CPU, MOST_GROWN = 30.0, 600  # seconds of one page, and megabytes of all together
LONG = 60_000
# Around the word that must be found as text, or not at all.
MARKUPS = (
    "<script>alert('{}')</script>", "<img src=x onerror={}>", "<b>{}</b>", "[{}](https://evil.example)",
    "[x](javascript:{})", "![{}](https://evil.example/p.png)", "https://evil.example/{}", "www.evil.{}.example",
    "me@{}.example", "**{}**", "`{}`", "$\\frac{{{}}}$", ":red[{}]", ":material/{}:", ":{}:", "# {}", "| {} |\n|---|",
    "{}\n===", "1. {}", "- {}", "> {}", "~~{}~~", "_{}_", "</style><script>{}</script>", "&lt;b&gt;{}", "&#60;b&#62;{}",
    "\n\n# {}", "\n\n    {}", "```\n{}", "<!-- {} -->", "[{}]: https://evil.example", "\\{}", "{{{}}}",
    "{{0.__class__}}{}",
    "%s {}", "<https://evil.example/{}>", "--- {}", "![[{}]]", "[[{}]]", "\u202e{}", "\x1b[31m{}", "\x00{}",
    ":gray-badge[{}]",
)  # fmt: skip
ODD = (
    "", " ", "0", "-1", "1e309", "nan", "inf", "-inf", "NaN", "-0", "1_000", "0x10", "\u0663", "1.5",
    "999999999999999999999",
    "9" * 5000, "1e-400", "true", "false", "True", "none", "None", "null", "../../etc/passwd", "/etc/passwd",
    "..\\..\\x",
    "file:///etc/passwd", "C:\\x", "~", "*", "=1+1", "+1", "-1+1", "@SUM(1)", "=HYPERLINK(\"http://x\")", "\t=1",
    "\r=1",
    "\x00", "\x1b[31m", "\u202e", "\ufeff", "\U0001f600", "a\u0301" * 50, "\u2028", "\n", "%00", "%2e%2e%2f", "+",
    "&", "a=b",
    "lora", "full", "t5-small", "tiny-t5", "1", "2", "8", "16", "64", "q", "v", "train", "x" * LONG, "[]", "{}",
    "'", "\"", ";--",
)  # fmt: skip
TEXT = (
    st.sampled_from(MARKUPS).map(lambda form: form.format(markup.CANARY))
    | st.sampled_from(ODD)
    | st.integers().map(str)
    | st.floats().map(str)
    | st.text(max_size=40)
    | st.text(st.characters(categories=["Cc", "Cf", "Zs", "So", "Mn"]), max_size=20)
)


@dataclass
class Place:
    """A page, and what of it is open. `keys`: what its code has asked the address for; `options`: some answers."""

    page: str
    query: dict[str, str]
    keys: set[str] = field(default_factory=set)
    options: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """An address: a place, and what stands behind it."""

    place: Place
    query: dict[str, str | list[str]]

    def __str__(self) -> str:
        return f"{self.place.page} {self.place.query} { ({k: _cut(v) for k, v in self.query.items()}) }"

    @property
    def hostile(self) -> list[str]:
        """Every value and every key: each may be shown."""
        values = [one for value in self.query.values() for one in ([value] if isinstance(value, str) else value)]
        return [*values, *self.query]


def _cut(value: str | list[str]) -> str:
    return repr(value if len(repr(value)) < 120 else f"{str(value)[:100]}… ({len(str(value))})")


class Browser:
    """Opens pages of the app as links do, in this process; says what the page asked for and what it sent."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        import streamlit as st
        from streamlit.components.v2 import manifest_scanner
        from streamlit.runtime.state.query_params import QueryParams
        from streamlit.testing.v1 import local_script_runner

        from app import services
        from app.kit import url

        os.environ["PEFT_RUNS_DIR"] = str(folder / "runs")
        os.environ["PEFT_SPARE_WORKER"] = "0"
        self.asked: set[str] = set()
        self.offered: dict[str, list[str]] = {}
        self.sent: list[Any] = []
        self.opened = ""
        put = functools.partial(stack.enter_context)
        scan = functools.cache(manifest_scanner.scan_component_manifests)
        put(mock.patch.object(manifest_scanner, "scan_component_manifests", scan))
        put(mock.patch.object(services, "is_teacher", lambda: True))
        make = st.Page
        put(mock.patch.object(st, "Page", lambda path, **rest: make(path, **rest | {"default": path == self.opened})))
        parse = local_script_runner.parse_tree_from_messages

        def parsed(messages: list[Any]) -> Any:
            self.sent = list(messages)
            return parse(messages)

        put(mock.patch.object(local_script_runner, "parse_tree_from_messages", parsed))
        for name in ("__getitem__", "__contains__", "get_all", "get", "pop"):
            put(mock.patch.object(QueryParams, name, self._noting(getattr(QueryParams, name))))
        bind = QueryParams.bind_widget

        def bound(params: Any, param_key: str, *rest: Any, **more: Any) -> Any:
            self.asked.add(param_key)
            return bind(params, param_key, *rest, **more)

        put(mock.patch.object(QueryParams, "bind_widget", bound))
        for name in ("tabs", "one_of"):
            put(mock.patch.object(url, name, self._offering(name, getattr(url, name))))
        services.libraries().finished.wait(timeout=300)
        services.backend.clear()
        services.listing.clear()
        self.live = _open_for_a_class()

    def _noting(self, read: Any) -> Any:
        def noted(params: Any, key: str, *rest: Any) -> Any:
            self.asked.add(key)
            return read(params, key, *rest)

        return noted

    def _offering(self, name: str, draw: Any) -> Any:
        def noted(key: str, first: Any, second: Any, *rest: Any, **more: Any) -> Any:
            self.offered[key] = list(first if name == "tabs" else second)
            return draw(key, first, second, *rest, **more)

        return noted

    def open(self, page: str, query: dict[str, Any]) -> Any:
        """The page, drawn in a session of its own."""
        from streamlit.testing.v1 import AppTest

        from app.kit.pages import script_of
        from peft_core.paths import ROOT

        self.opened = script_of(page)
        app = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=300)
        for key, value in query.items():
            app.query_params[key] = value
        return app.run()

    def places(self, pages: list[str] | None = None, most: int = 10_000) -> list[Place]:
        """Every tab and every screen of these pages, each opened once as it is."""
        from app.kit.pages import method_pages

        waiting = [(page, {}) for page in pages or ["home", "glossary", "classroom", *method_pages(), *ROOMS]]
        waiting += [(page, query) for page, query in self.live if pages is None or page in pages]
        found: list[Place] = []
        while waiting and len(found) < most:
            page, query = waiting.pop(0)
            self.asked, self.offered = set(), {}
            app = self.open(page, query)
            assert not app.exception, (page, query, app.exception)
            keys = {key for key in self.asked if isinstance(key, str)}
            found.append(Place(page, query, keys, {key: values for key, values in self.offered.items()}))
            for key, values in self.offered.items():
                if key not in query and len(query) < 2:
                    waiting += [(page, query | {key: value}) for value in values[1:]]
        return found

    def judge(self, case: Case) -> str:
        """The outcome of one case, in words.

        Raises:
            AssertionError: if the page shows an exception, logs a traceback, or sends a stranger's words as markup.
        """
        with soak.listened("streamlit", "app", "peft_core") as log:
            app = self.open(case.place.page, case.place.query | case.query)
        assert not app.exception, [(each.message, each.stack_trace[-3:]) for each in app.exception]
        assert not log.kept, log.kept
        assert any(each.value.startswith("# ") for each in app.markdown) or app.title, "nothing was drawn"
        bad = markup.wrong(self.sent, case.hostile)
        assert not bad, bad[:3]
        told = any("not here" in each.value or "instead" in each.value for each in app.info)
        return "drawn, and says what is not here" if told else "drawn"


ROOMS = ("playground", "race", "rank_lab", "compare", "vote", "wall")


def _open_for_a_class() -> list[tuple[str, dict[str, str]]]:
    """A vote and a wall with something in them, in every view: without a code there is only a box for one."""
    from app import services
    from peft_core.serving.live.vote import Ballot, Vote
    from peft_core.serving.live.wall import Answer, Wall

    services.live.votes.clear()
    services.live.walls.clear()
    vote = services.live.votes().add(Vote("teacher", Ballot("Which?", ("this", "that"), 1, "Because.", "Measured.")))
    wall = services.live.walls().add(Wall("teacher", ["lora-8", "tiny-t5"]))
    for number, form in enumerate(MARKUPS):
        text = form.format(markup.CANARY)
        sentence = wall.add(f"student {number}", text, False, [Answer(text, "lora", 0.9), Answer("base", "", 0.9)])
        wall.judge([sentence.number] if number % 2 else [], "accepted")
    views = [("vote", vote, ""), ("vote", vote, "screen")] + [("wall", wall, view) for view in ("", "screen", "desk")]
    return [(page, {"code": one.code} | ({"view": view} if view else {})) for page, one, view in views]


@st.composite
def cases(draw: Any, places: list[Place]) -> Case:
    """A place; of the keys that it reads some have hostile values; now and then one that nobody reads, or one twice."""
    place = draw(st.sampled_from(places))
    query: dict[str, str | list[str]] = {}
    for key in draw(st.lists(st.sampled_from(sorted(place.keys) or ["x"]), min_size=1, max_size=6, unique=True)):
        if key in place.query and draw(st.integers(0, 3)):
            continue  # most addresses stay at the place
        query[key] = draw(TEXT)
        if draw(st.integers(0, 7)) == 0:
            query[key] = [str(query[key]), *draw(st.lists(TEXT, min_size=1, max_size=4))]
    if draw(st.integers(0, 5)) == 0:
        query[
            draw(st.sampled_from(("embed", "embed_options", "x", "_", "__proto__", "run", "token", "key")) | TEXT)
        ] = draw(TEXT)
    return Case(place, query)


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser for as long as the block runs."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(mock.patch.dict(os.environ))
        yield Browser(stack, folder)


def main() -> None:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with browser() as one:
        places = one.places()
        print(f"{len(places)} places, {len(set().union(*(place.keys for place in places)))} keys", flush=True)

        @contextmanager
        def judging(told: Told) -> Iterator[Any]:
            told.counts["places"] = len(places)
            told.counts["keys"] = len(set().union(*(place.keys for place in places)))
            yield one.judge

        sys.exit(soak.main("hostile_addresses", cases(places), judging))


if __name__ == "__main__":
    main()
