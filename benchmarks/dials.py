"""How soon a dial is heard: the answer to one review after a dial was moved, by the library and in a browser.

    python -m benchmarks.dials          writes benchmarks/results/dials.json; about three minutes on 2 cores

The library: `Dialled.at` and one answer, every shipped checkpoint at places that alternate. The browser: Chromium on
the real app, from the key that moves the slider of α until the description of the needles has changed on the page;
apart, those moves to a place that nobody had visited.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from pydantic import Field

from benchmarks.processes import command_line, one_process_settings, provenance
from peft_core.paths import RESULTS, ROOT, SHIPPED_CHECKPOINTS
from peft_core.report.costs.measured import Provenance
from peft_core.validated import Frozen

DIALS = RESULTS / "dials.json"
WORDS = 60
SENTENCE = "The plot creaks and the dialogue is clumsy, yet the two leads are so good together that I left smiling. "
LIMIT = 0.1  # seconds


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


def review() -> str:
    """The review: `WORDS` words."""
    return " ".join((SENTENCE * WORDS).split()[:WORDS])


def by_library(repetitions: int) -> Iterator[Moves]:
    """Every shipped checkpoint whose method has a dial."""
    from peft_core.checkpoints.dials.dialled import Dialled
    from peft_core.checkpoints.dials.setting import FEWEST_ROWS, Setting
    from peft_core.checkpoints.predictor import Predictor
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
            predictor.classify_with_model(review(), dialled.at(place), dialled.max_length)
            return time.perf_counter() - started

        for place in places:  # what is computed once a checkpoint
            move(place)
        yield Moves(
            where="library",
            checkpoint=folder.name,
            seconds=tuple(move(places[number % len(places)]) for number in range(repetitions)),
        )


CHART = "[data-testid=stVegaLiteChart]"  # the needles, the only chart on the tab
OBSERVE = """chart => {
    const said = () => document.querySelector(chart)?.getAttribute("aria-label")
    window.dial = {before: said(), released: 0, heard: 0}
    const release = () => { window.dial.released ||= performance.now() }
    document.addEventListener("keydown", release, {capture: true, once: true})
    const look = () => {
        if (said() !== window.dial.before) window.dial.heard = performance.now()
        else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
}"""


def in_browser(checkpoint: str, turns: int) -> Iterator[Moves]:
    """The slider of α, stop after stop and back: the first time each place is new, then it is known."""
    from playwright.sync_api import sync_playwright

    sys.path.insert(0, str(ROOT / "scripts"))
    from screenshots import BROWSER_ARGUMENTS, chromium, running_app, settled

    with tempfile.TemporaryDirectory() as runs, running_app({"PEFT_RUNS_DIR": runs}) as address, sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium(), args=BROWSER_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{address}/playground?tab=dials&checkpoint={checkpoint}")
        settled(page)
        box = page.locator(".st-key-review textarea")
        box.fill(review())
        box.press("Control+Enter")
        slider = page.locator(".st-key-dial_factor").get_by_role("slider")

        def move(key: str) -> float:
            slider.focus()
            page.evaluate(OBSERVE, CHART)
            slider.press(key)
            page.wait_for_function("window.dial.heard > 0", timeout=20_000)
            return page.evaluate("window.dial.heard - window.dial.released") / 1000

        def rest() -> None:
            page.wait_for_function("!document.body.innerText.includes('so far')", timeout=120_000)
            page.wait_for_timeout(700)

        page.wait_for_selector(CHART)
        rest()
        steps = [*[-1] * 3, *[1] * 6, *[-1] * 3]  # every stop, and back to where it began
        first, again, at, visited = [], [], 0, {0}
        for step in steps * turns:
            at += step
            seconds = move("ArrowLeft" if step < 0 else "ArrowRight")
            (again if at in visited else first).append(seconds)
            visited.add(at)
            rest()
        yield Moves(where="browser, first visit to a place", checkpoint=checkpoint, seconds=tuple(first))
        yield Moves(where="browser", checkpoint=checkpoint, seconds=tuple(again))
        browser.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a line each, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dials", description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=40, help="moves of the library a checkpoint")
    parser.add_argument("--turns", type=int, default=3, help="of the slider in the browser, there and back")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, default=DIALS, help="where the results go")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    os.environ |= one_process_settings(options.threads)
    moves = [*by_library(options.repetitions), *in_browser("lora-8", options.turns)]
    from peft_core.t5.backbone import load_backbone

    source = provenance(command_line(parser, options), options.threads)
    report = DialsReport(
        provenance=source.model_copy(update={"precision": "float32"}),
        words=WORDS,
        tokens=len(load_backbone("tiny-t5").tokenizer(review())["input_ids"]),
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
