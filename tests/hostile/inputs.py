"""What somebody types, pastes and uploads: every text input and every file upload that the app has.

Which there are nobody types in: the places of the app are opened, and each input is taken where it is first found.
`python -m tests.hostile.inputs` is the long form (`make soak`).
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from hypothesis import strategies as st

from tests.hostile import markup, soak, tables, zips
from tests.hostile.addresses import LONG, MARKUPS, TEXT, Browser, Place, browser
from tests.hostile.soak import Told

KINDS = ("text_area", "text_input", "file_uploader", "chat_input")
ASKS = {"review": "classify", "try_review": "try", "many_text": "many_classify", "many_file": "many_classify"}
ASKS["wall_text_0"] = "wall_send"
CELL = st.sampled_from(MARKUPS).map(lambda form: form.format(markup.CANARY)) | st.sampled_from(
    [f"{start}{markup.CANARY}" for start in ("=", "+", "-", "@", "\t=", " =", "\uff1d", "x;=", '"=')]
)


@dataclass(frozen=True)
class Input:
    """An input, and a place where it stands."""

    place: Place
    kind: str
    key: str


@dataclass(frozen=True)
class Case:
    """What goes into it; `then`: whether the button beside it is pressed as well."""

    input: Input
    text: str
    file: tuple[str, bytes, str] | None
    hostile: tuple[str, ...]
    then: bool

    def __str__(self) -> str:
        what = repr(self.text[:200]) if self.file is None else f"{self.file[0]!r} {self.file[1][:200]!r}"
        return (
            f"{self.input.place.page} {self.input.place.query} {self.input.key}: {what}{', asked' if self.then else ''}"
        )


def inputs(one: Browser, places: list[Place]) -> list[Input]:
    """Each input of each page once."""
    found: dict[tuple[str, str], Input] = {}
    for place in places:
        app = one.open(place.page, place.query)
        for kind in KINDS:
            for widget in getattr(app, kind):
                found.setdefault((place.page, widget.key), Input(place, kind, widget.key))
    return list(found.values())


def _csv(draw: Any) -> tuple[str, tuple[str, ...]]:
    """A table that can be learned from, were it not for what stands in it; and the hostile cells."""
    cells = draw(st.lists(CELL, min_size=2, max_size=4))
    names = draw(st.just(("good", "bad")) | st.tuples(CELL, CELL))
    divider = draw(st.sampled_from(",;\t"))
    header = divider.join((draw(st.just("text") | CELL).replace(divider, " "), "kind"))
    rows = [f'"{cells[n % len(cells)].replace(chr(34), chr(34) * 2)} {n}"{divider}"{names[n % 2]}"' for n in range(30)]
    return "\n".join([header, *rows]), (*cells, *names, header)


def _zip(draw: Any) -> tuple[bytes, tuple[str, ...]]:
    """A zip with a description whose words are hostile."""
    words = draw(st.lists(CELL, min_size=4, max_size=4))
    said = {
        "peft_type": "LORA",
        "base_model_name_or_path": words[0],
        words[1]: words[2],
        "r": 2,
        "peft_version": words[3],
    }
    if draw(st.booleans()):
        said["peft_type"] = words[0]
    files = {
        "adapter_config.json": json.dumps(said).encode(),
        "adapter_model.safetensors": draw(st.binary(max_size=60)),
    }
    return zips.packed(draw, files, tricks=draw(st.integers(0, 3)) == 0)[0], tuple(words)


@st.composite
def cases(draw: Any, known: list[Input]) -> Case:
    """An input, and what goes into it."""
    one, then = draw(st.sampled_from(known)), draw(st.integers(0, 3)) == 0
    if one.kind == "file_uploader":
        name = draw(
            CELL | st.sampled_from(("a.csv", "../a.csv", "a.zip", "x" * 3000 + ".csv", "\x00.csv", "a.xlsx", ""))
        )
        if one.key == "exchange_file":
            data, words = _zip(draw)
        elif draw(st.integers(0, 2)):
            text, words = _csv(draw)
            data = text.encode(draw(st.sampled_from(("utf-8", "utf-8", "utf-16", "utf-8-sig"))), "replace")
        else:
            data, words = draw(tables.cases()).data, ()
        return Case(one, "", (name, data, "text/csv"), (name, *words), then)
    if one.key in ("own_pasted", "many_text") and draw(st.integers(0, 2)):
        text, words = _csv(draw)
        return Case(one, text, None, (text, *words), then)
    lines = draw(st.lists(TEXT, min_size=1, max_size=4) | st.just(["good film " * (LONG // 10)]))
    text = draw(st.sampled_from((" ", "\n", "\n\n"))).join(lines)
    return Case(one, text, None, (text, *lines), then)


class Judge:
    """Fills in the input in a session of its own."""

    def __init__(self, one: Browser) -> None:
        self.browser = one

    def __call__(self, case: Case) -> str:
        with soak.listened("streamlit", "app", "peft_core") as log:
            app = self.browser.open(case.input.place.page, case.input.place.query)
            (widget,) = (each for each in getattr(app, case.input.kind) if each.key == case.input.key)
            widget.set_value(case.text if case.file is None else case.file)
            app = app.run()
            outcome, bad = "taken", self._wrong(app, case)
            button = [each for each in app.button if each.key == ASKS.get(case.input.key) and not each.disabled]
            if case.then and button and not bad:
                app = button[0].click().run()
                outcome, bad = "taken and asked", self._wrong(app, case)
        assert not log.kept, log.kept
        assert not bad, bad[:3]
        return f"{case.input.key}: {'refused in a sentence' if app.error else outcome}"

    def _wrong(self, app: Any, case: Case) -> list[str]:
        if app.exception:
            return [f"{each.message} {each.stack_trace[-3:]}" for each in app.exception]
        hostile = [*case.hostile, *(line for words in case.hostile for line in words.splitlines())]
        return markup.wrong(self.browser.sent, hostile) + markup.formulas(self.browser.sent)


@contextmanager
def no_run_starts() -> Iterator[None]:
    """Nothing is trained, whatever is pressed."""
    from peft_core.training.runs import LocalBackend

    with mock.patch.object(LocalBackend, "submit", lambda self, spec, texts=None: self.store.create(spec, texts)):
        with mock.patch.object(LocalBackend, "reconcile", lambda self: None):
            yield


def main() -> None:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with browser() as one, no_run_starts():
        known = inputs(one, one.places())
        print(f"{len(known)} inputs", flush=True)

        @contextmanager
        def judging(told: Told) -> Iterator[Any]:
            told.counts["inputs"] = len(known)
            yield Judge(one)

        sys.exit(soak.main("hostile_inputs", cases(known), judging))


if __name__ == "__main__":
    main()
