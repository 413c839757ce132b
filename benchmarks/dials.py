"""How soon a dial is heard: the answer to one review after a dial was moved, by the library and in a browser.

    python -m benchmarks.dials          writes benchmarks/results/dials.json; about three minutes on 2 cores

The library: `Dialled.at` and one answer, every shipped checkpoint at places that alternate. The browser: Chromium on
the real app, from the release of the mouse (or from the key) on the slider of α until the needles stand elsewhere;
apart, those moves to a place that nobody had visited. Between two moves the hand rests until the fixed reviews have
been asked: the app asks the other stops ahead meanwhile. A third kind begins half a second after the needles of a new
review, and goes three stops at once. The yardstick is the same slider on a page with nothing else.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from pydantic import Field

from benchmarks.processes import command_line, one_process_settings, provenance
from peft_core.paths import RESULTS, ROOT, SHIPPED_CHECKPOINTS
from peft_core.report.costs.measured import Provenance
from peft_core.validated import Frozen

if TYPE_CHECKING:
    from playwright.sync_api import Page

DIALS = RESULTS / "dials.json"
WORDS = 60
CHECKPOINT = "lora-8"  # in the browser
LIMIT = 0.1  # seconds
HAND = 500  # ms from the needles of a new review until a hand is at the dial
JUMP = 3  # stops
FIRST, AGAIN, KEYS = "browser, first visit to a place", "browser", "browser, by keyboard"
AT_ONCE = "browser, at once after a new review"
EMPTY = "browser, a page with nothing else"


class Moves(Frozen):
    """One side: seconds of each move."""

    where: str
    checkpoint: str
    seconds: tuple[float, ...] = Field(min_length=1)


class DialsReport(Frozen):
    """What was measured, and where."""

    format: int = 1
    provenance: Provenance
    words: int
    tokens: int
    load_before: float = Field(description="the machine's load average of one minute: other work beside this")
    moves: tuple[Moves, ...]


def reviews(checkpoint: str, number: int) -> list[str]:
    """Test reviews on which the needle of this checkpoint can be seen to move.

    Returns:
        The first of `WORDS` words of which every stop of α says something else than its neighbours; then others, about
        as long, on which `JUMP` stops show.
    """
    from app.playground.dials.section import STOPS
    from peft_core.checkpoints.asking.predictor import Predictor
    from peft_core.checkpoints.dials.dialled import Dialled
    from peft_core.checkpoints.dials.setting import Setting
    from peft_core.reviews.splits import load_splits
    from peft_core.t5.backbone import load_backbone

    predictor = Predictor(load_backbone("tiny-t5"))
    dialled = Dialled(SHIPPED_CHECKPOINTS / checkpoint, predictor.backbone)

    def moves(text: str, stops: Sequence[float]) -> bool:
        said = [
            predictor.classify_with_model(text, dialled.at(Setting(factor=stop)), dialled.max_length)[0]
            for stop in stops
        ]
        return all(one != other for one, other in pairwise(f"{p.probability_positive:.1%}" for p in said))

    start = next(walk(1))[0]
    found: list[str] = []
    for text in load_splits()["test"]["text"][:]:
        far = abs(len(text.split()) - WORDS)
        stops = (STOPS[start - JUMP], STOPS[start], STOPS[start + JUMP]) if found else STOPS
        if far <= (WORDS / 10 if found else 0) and moves(text, stops):
            found.append(text)
            if len(found) == number:
                return found
    raise RuntimeError(f"{len(found)} test reviews of about {WORDS} words move the needle, not {number}.")


def by_library(text: str, repetitions: int) -> Iterator[Moves]:
    """Every shipped checkpoint whose method has a dial."""
    from peft_core.checkpoints.asking.predictor import Predictor
    from peft_core.checkpoints.dials.dialled import Dialled
    from peft_core.checkpoints.dials.setting import FEWEST_ROWS, Setting
    from peft_core.t5.backbone import load_backbone

    predictor = Predictor(load_backbone("tiny-t5"))
    for folder in sorted(path.parent for path in SHIPPED_CHECKPOINTS.glob("*/run.json")):
        dialled = Dialled(folder, predictor.backbone)
        offered = dialled.offered
        places = [Setting(factor=factor) for factor in (0.5, 2.0) if offered.factor]
        places += [Setting(terms=k) for k in (1, offered.terms - 1) if 1 <= k < offered.terms]
        places += [Setting(rows=n) for n in (FEWEST_ROWS, offered.rows - 1) if FEWEST_ROWS <= n < offered.rows]
        if not places:
            continue

        def move(place: Setting, dialled: Dialled = dialled) -> float:
            started = time.perf_counter()
            predictor.classify_with_model(text, dialled.at(place), dialled.max_length)
            return time.perf_counter() - started

        for place in places:  # what is computed once a checkpoint
            move(place)
        yield Moves(
            where="library",
            checkpoint=folder.name,
            seconds=tuple(move(places[number % len(places)]) for number in range(repetitions)),
        )


SLIDER = ".st-key-dial_factor"
NEEDLES = """[...document.querySelectorAll(".st-key-dial_needles *")]
    .find(part => part.shadowRoot)?.shadowRoot.querySelector("[role=img]")?.ariaLabel"""
NUMBER = """document.querySelector("[data-testid=stMetricValue]")?.innerText"""
YARDSTICK = """
import streamlit as st
@st.fragment
def number():
    st.metric("now", st.select_slider("α", {stops}, 1, key="dial_factor"))
number()
"""
OBSERVE = """() => {
    const said = () => %s
    window.dial = {before: said(), released: 0, heard: 0}
    const release = () => { window.dial.released ||= performance.now() }
    for (const event of ["mouseup", "pointerup", "keydown"])
        document.addEventListener(event, release, {capture: true, once: true})
    const look = () => {
        if (said() !== window.dial.before) window.dial.heard = performance.now()
        else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
}"""


def moved(page: "Page", said: str, start: int, stop: int, keyboard: bool) -> float:
    """Bring the slider of α from one stop to another; seconds until what the JavaScript `said` gives has changed."""
    from app.playground.dials.section import STOPS

    slider = page.locator(SLIDER)
    handle = slider.get_by_role("slider")
    if keyboard:
        assert abs(stop - start) == 1
        handle.focus()
        page.evaluate(OBSERVE % said)
        page.keyboard.press("ArrowRight" if stop > start else "ArrowLeft")
    else:
        thumb, track = (  # the input itself is invisible, and has no place
            handle.locator(f"xpath={above}").bounding_box() for above in ("../..", "../../..")
        )
        x, y = (thumb[side] + thumb[size] / 2 for side, size in (("x", "width"), ("y", "height")))
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(track["x"] + track["width"] * stop / (len(STOPS) - 1), y, steps=4)
        page.wait_for_timeout(150)  # the hand rests before it lets go
        page.evaluate(OBSERVE % said)
        page.mouse.up()
    page.wait_for_function("window.dial.heard > 0", timeout=60_000)
    return page.evaluate("window.dial.heard - window.dial.released") / 1000


def walk(turns: int) -> Iterator[tuple[int, int]]:
    """From stop to stop and back to where it began."""
    from app.playground.dials.section import STOPS

    at = start = STOPS.index(1)
    for place in [*range(start - 1, -1, -1), *range(1, len(STOPS)), *range(len(STOPS) - 2, start - 1, -1)] * turns:
        yield at, place
        at = place


@contextmanager
def opened(script: str, path: str) -> Iterator["Page"]:
    """A page of a Streamlit script in a browser, on a server of its own."""
    from playwright.sync_api import sync_playwright

    sys.path.insert(0, str(ROOT / "scripts"))
    from screenshots import BROWSER_ARGUMENTS, chromium, running_app

    with (
        tempfile.TemporaryDirectory() as runs,
        running_app({"PEFT_RUNS_DIR": runs, "PEFT_SPARE_WORKER": "0"}, script) as address,
        sync_playwright() as p,
    ):
        browser = p.chromium.launch(executable_path=chromium(), args=BROWSER_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(address + path)
        page.wait_for_selector(f"{SLIDER}, .st-key-review", timeout=60_000)
        yield page
        browser.close()


def in_browser(texts: Sequence[str], checkpoint: str, turns: int) -> Iterator[Moves]:
    """The slider of α, stop after stop and back: the first time each place is new, then it is known.

    Then a new review for each move: the hand does not wait, and leaves out stops.
    """
    sys.path.insert(0, str(ROOT / "scripts"))
    from screenshots import settled

    with opened("app/main.py", f"/playground?tab=dials&checkpoint={checkpoint}") as page:
        settled(page)

        def judged(text: str) -> None:
            """Another review is typed, and its needles are there."""
            before = page.evaluate(NEEDLES) or ""
            box = page.locator(".st-key-review textarea")
            box.fill(text)
            box.press("Control+Enter")
            page.wait_for_function(f"before => ({NEEDLES} ?? before) !== before", arg=before, timeout=120_000)

        judged(texts[0])

        def rest() -> None:
            """Until the fixed reviews have all been asked."""
            page.wait_for_timeout(500)
            page.wait_for_function(
                "!/so far|…/.test(document.querySelector('.st-key-dial_accuracy')?.innerText ?? '…')", timeout=120_000
            )
            page.wait_for_timeout(500)

        rest()
        times: dict[str, list[float]] = {FIRST: [], AGAIN: [], KEYS: [], AT_ONCE: []}
        visited = {next(walk(1))[0]}
        for at, place in walk(turns):
            times[AGAIN if place in visited else FIRST].append(moved(page, NEEDLES, at, place, False))
            visited.add(place)
            rest()
        for at, place in walk(turns):
            times[KEYS].append(moved(page, NEEDLES, at, place, True))
            rest()
        start = next(walk(1))[0]
        for number, text in enumerate(texts[1:]):
            judged(text)
            page.wait_for_timeout(HAND)
            far = start + (JUMP if number % 2 else -JUMP)
            times[AT_ONCE].append(moved(page, NEEDLES, start, far, False))
            rest()
            moved(page, NEEDLES, far, start, False)
            rest()
    for where, seconds in times.items():
        yield Moves(where=where, checkpoint=checkpoint, seconds=tuple(seconds))


def of_an_empty_page(turns: int) -> Moves:
    """The same slider on a page that has nothing but it and a number: what Streamlit and a browser take anyway."""
    from app.playground.dials.section import STOPS

    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "yardstick.py"
        script.write_text(YARDSTICK.format(stops=STOPS), encoding="utf-8")
        with opened(str(script), "") as page:
            page.wait_for_timeout(1000)
            seconds = []
            for at, place in walk(turns):
                seconds.append(moved(page, NUMBER, at, place, False))
                page.wait_for_timeout(500)
    return Moves(where=EMPTY, checkpoint="", seconds=tuple(seconds))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a line each, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dials", description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=40, help="moves of the library a checkpoint")
    parser.add_argument("--turns", type=int, default=3, help="of the slider in the browser, there and back")
    parser.add_argument("--at-once", type=int, default=12, help="moves soon after a new review")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, default=DIALS, help="where the results go")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    os.environ |= one_process_settings(options.threads)
    texts = reviews(CHECKPOINT, 1 + options.at_once)
    moves = [
        of_an_empty_page(options.turns),
        *in_browser(texts, CHECKPOINT, options.turns),
        *by_library(texts[0], options.repetitions),
    ]
    from peft_core.t5.backbone import load_backbone

    source = provenance(command_line(parser, options), options.threads)
    report = DialsReport(
        provenance=source.model_copy(update={"precision": "float32"}),
        words=WORDS,
        tokens=len(load_backbone("tiny-t5").tokenizer(texts[0])["input_ids"]),
        load_before=load,
        moves=tuple(moves),
    )
    options.json.write_text(report.model_dump_json(indent=1) + "\n")
    for one in moves:
        slowest = sorted(one.seconds)[int(0.95 * (len(one.seconds) - 1))]
        within = sum(seconds <= LIMIT for seconds in one.seconds)
        print(
            f"{one.where:34} {one.checkpoint:16} median {1000 * median(one.seconds):6.1f} ms, 95% within "
            f"{1000 * slowest:6.1f} ms; {within} of {len(one.seconds)} within {1000 * LIMIT:.0f} ms"
        )


if __name__ == "__main__":
    main()
