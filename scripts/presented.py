"""Walk presenter mode over every section, a screen at a time, and measure each at 1280×720: what the last row sees.

    python scripts/presented.py                  # every address of scripts/screenshots.py: about a quarter of an hour
    python scripts/presented.py lora rank_lab    # some pages
    python scripts/presented.py --pictures       # and each screen as a picture, in screenshots/presented

Says what is wrong with which screen, and fails if anything is. The test of presenter mode measures with this, too.
"""

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]  # run as a script, its own folder is all that is there

from playwright.sync_api import Page, sync_playwright  # noqa: E402

from peft_core.computer.browser import chromium  # noqa: E402
from screenshots import BROWSER_ARGUMENTS, OUT, PAGES, make_worth_a_picture, running_app, settled  # noqa: E402

SIZE = {"width": 1280, "height": 720}
MOST_SCREENS = 60  # of one section: more is a loop
OTHERS = ("vote-", "wall-")  # drawn for a projector, or for phones, without this mode

MEASURE = (ROOT / "scripts" / "presented.js").read_text(encoding="utf-8")


def measured(page: Page) -> dict[str, Any]:
    """What a screen shows, and what is wrong with it."""
    return page.evaluate(MEASURE)


def presented(address: str) -> str:
    """The address, in presenter mode."""
    return f"{address}{'&' if '?' in address else '?'}present=1"


def turned(page: Page, key: str = "ArrowDown") -> bool:
    """Go on with a key; whether another screen of the same section came."""
    if not (place := re.match(r"(\d+) / (\d+)", measured(page)["place"])) or place[1] == place[2]:
        return False
    page.evaluate("document.activeElement.blur()")  # a box in which one writes has the keys
    page.keyboard.press(key)
    settled(page, 250)
    return True


def main(arguments: list[str]) -> int:
    """Every screen of the pages asked for: one line each, then what is wrong."""
    pictures = "--pictures" in arguments
    only = [one for one in arguments if one != "--pictures"]
    wrong = screens = 0
    folder = OUT / "presented"
    folder.mkdir(parents=True, exist_ok=True)
    with running_app() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=BROWSER_ARGUMENTS)
        context = browser.new_context(viewport=SIZE)
        for name, path in [pair for page in only or PAGES for pair in PAGES[page].items()]:
            if name.startswith(OTHERS):
                continue
            page = context.new_page()
            page.goto(address + path)
            settled(page)
            make_worth_a_picture(page, name)  # what is pressed for it may be on another screen
            if "present=1" not in path:
                page.evaluate("document.activeElement.blur()")
                page.keyboard.press("p")
                page.wait_for_url("**present=1**")
                settled(page)
            for number in range(1, MOST_SCREENS):
                found = measured(page)
                screens += 1
                wrong += bool(found["problems"])
                if pictures:
                    page.screenshot(path=folder / f"{name}-{number}.png")
                said = "; ".join(found["problems"]) or "ok"
                print(f"{name} {found['place'] or '1 / 1'} ({found['figures']} fig.): {said}", flush=True)
                if not turned(page):
                    break
            page.close()
        browser.close()
    print(f"{screens} screens, {wrong} of them with something wrong.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
