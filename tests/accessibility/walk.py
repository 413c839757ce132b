"""One visit of a screen: what a phone shows of it, then axe-core and contrasts on a laptop, light and dark.

The page is loaded once, as a phone loads it. Then the window becomes a laptop's, and the computer turns dark: Streamlit
and our pages follow both without a load. Dark differs from light in colours alone, so axe's rule about colours is all
that runs again; `tests/accessibility/test_screens.py` holds that on one screen.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.accessibility import axe
from tests.accessibility.screens import make_worth_a_picture, settled

PHONE, LAPTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 720}
SCHEMES = ("light", "dark")

FOLDER = Path(__file__).parent
TURNED = """scheme => {
    const ground = getComputedStyle(document.documentElement).getPropertyValue("--ground").trim();
    const [page, sheet] = [getComputedStyle(document.querySelector("[data-testid='stApp']")).backgroundColor, ground];
    const dark = colour => Number(colour.match(/\\d+/)[0]) < 128;
    return dark(page) === (scheme === "dark") && (sheet === "#FFFFFF") === (scheme === "light");
}"""


@dataclass
class Phone:
    """What phone.js has seen, with the controls folded and, where there are any, open."""

    tabs: float | None  # from the top of the screen to the strip of tabs, in pixels
    open_tab_hidden: int  # strips whose open tab is not in sight
    small: list[dict[str, Any]]  # targets under 44 px
    sideways: float  # pixels by which the page is too wide
    nameless: list[str]  # boxes that scroll sideways without a name
    boxes: int


@dataclass
class Screen:
    """Everything about one address."""

    name: str
    address: str
    title: str
    phone: Phone
    violations: dict[str, list[axe.Found]] = field(default_factory=dict)  # scheme → found
    incomplete: dict[str, list[axe.Found]] = field(default_factory=dict)
    texts: int = 0  # whose contrast was computed
    faint: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def walk(page: Any, server: str, screens: Mapping[str, str], asked: bool = False) -> Iterator[Screen]:
    """Visit each screen. `asked`: pages that answer questions are asked one, as for a picture."""
    for name, address in screens.items():
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(PHONE)
        page.goto(server + address)
        settled(page)
        screen = Screen(name, address, page.title(), phone(page))
        page.set_viewport_size(LAPTOP)
        if asked:
            make_worth_a_picture(page, name)
        for scheme in SCHEMES:
            turn(page, scheme)
            rules = () if scheme == "light" else axe.OF_COLOURS
            screen.violations[scheme], screen.incomplete[scheme] = axe.run(page, rules)
            contrast = page.evaluate(script("contrast"))
            screen.texts, screen.faint[scheme] = contrast["texts"], contrast["found"]
        yield screen


def turn(page: Any, scheme: str) -> None:
    """The computer turns light or dark, and the page has followed: Streamlit's colours and ours."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(TURNED, arg=scheme)
    settled(page, 200)


def phone(page: Any) -> Phone:
    """What the page, as wide as a phone, shows: as it was opened, and with the controls open."""
    seen = page.evaluate(script("phone"))
    bar = page.locator(".st-key-controls_bar").get_by_role("button")
    if bar.count():
        bar.click()
        opened = page.evaluate(script("phone"))
        seen["small"] += [one for one in opened["small"] if one not in seen["small"]]
        seen["sideways"] = max(seen["sideways"], opened["sideways"])
        seen["nameless"] = sorted({*seen["nameless"], *opened["nameless"]})
        bar.click()
    return Phone(**seen)


def script(name: str) -> str:
    """A script of this folder, to be asked in the browser."""
    return (FOLDER / f"{name}.js").read_text(encoding="utf-8")
