"""Walk the screens and say what is wrong.

python -m tests.accessibility                    every screen of scripts/screenshots.py; a quarter of an hour
python -m tests.accessibility --only lora-train  some of them
python -m tests.accessibility --sample           those of `make walk`
python -m tests.accessibility --write            every screen; the result goes into docs/accessibility.md
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

from tests.accessibility import report, theirs
from tests.accessibility.browser import server, visitor
from tests.accessibility.screens import every, sample
from tests.accessibility.walk import walk


def main() -> int:
    """The exit code: 0 if nothing is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.accessibility", description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="SCREEN", help="these screens, by their names in screenshots.py")
    parser.add_argument("--sample", action="store_true", help="the screens of `make walk`")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the result, as JSON")
    parser.add_argument(
        "--write", action="store_true", help="the result into benchmarks/results and docs/accessibility.md"
    )
    options = parser.parse_args()
    screens = sample() if options.sample else every()
    screens = {name: every()[name] for name in options.only} if options.only else screens
    whole = screens == every()
    if options.write and not whole:
        parser.error("--write is for all screens: leave out --only and --sample")
    seen, began = [], time.monotonic()
    with server() as address, visitor() as page:
        for screen in walk(page, address, screens, asked=not options.sample):
            seen.append(screen)
            wrong = report.wrong(report.summary([screen], ""))
            print(f"{len(seen):4} of {len(screens)} {screen.name:30} {'; '.join(wrong) or 'well'}", flush=True)
    found = report.summary(seen, "python -m tests.accessibility --write" if options.write else "")
    wrong = report.wrong(found)
    if whole:
        for kind, lines in report.WHOSE.items():
            every_one = [one for screen in seen for scheme in getattr(screen, kind).values() for one in scheme]
            wrong += [f"not found any more, so not Streamlit's: {line.rule}" for line in theirs.gone(every_one, lines)]
    for path in filter(None, (options.json, report.JSON if options.write else None)):
        report.keep(found, path)
    if options.write:
        kept = json.loads(report.JSON.read_text(encoding="utf-8"))
        page_now = report.PAGE.read_text(encoding="utf-8")
        report.PAGE.write_text(report.in_page(page_now, report.written(kept)), encoding="utf-8")
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(one.ru_utime + one.ru_stime for one in spent)
    print(f"\n{len(seen)} screens, {time.monotonic() - began:.0f} s, {cpu:.0f} s of processor", *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
