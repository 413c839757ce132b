"""Every lesson in a real browser, by one key a stop: each stop has its address, and shows what it claims."""

import os
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.content import labels
from app.content.lessons import Lesson, find
from app.kit.pages import addresses
from peft_core.counting.by_hand import count
from peft_core.methods.lora.method import LoraConfig
from peft_core.paths import ROOT
from peft_core.t5.architecture import base_model

sys.path.insert(0, str(ROOT / "scripts"))
from screenshots import BROWSER_ARGUMENTS, chromium

pytestmark = pytest.mark.skipif(
    not shutil.which(chromium()) and not os.environ.get("CI"),
    reason=f"the browser tests were skipped: there is no {chromium()} (Debian: apt-get install chromium)",
)
LESSONS = find(addresses())[0]
NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+|\d+\.\d+%?|\d+%|\d{3,}")  # of a text: these must be on the screen, too
FIRST = "lora-in-ten-minutes"

# All that people read, or hear, below the rail: text, what charts and controls are called, what boxes hold.
ARRIVED = """([number, wanted]) => {
    const app = document.querySelector("[data-testid=stApp]"), main = document.querySelector("[data-testid=stMain]");
    const rail = main?.querySelector(".st-key-rail");
    const place = rail?.querySelector(".st-key-rail_where")?.innerText ?? "";
    const there = place.replace(/\\s+/g, " ").includes(` ${number} of `);
    if (!there || app.dataset.testScriptState !== "notRunning") { return false; }
    const said = [main.innerText.replace(rail.innerText, "")];
    for (const one of main.querySelectorAll("[aria-label]:not(svg *), input, svg text")) {
        said.push(one.ariaLabel ?? "", one.value ?? "", one.matches("text") ? one.textContent : "");
    }
    const seen = said.join(" ").replace(/\\s+/g, " ");
    window.missing = wanted.filter(one => !seen.includes(one));
    return main.querySelector("[data-testid=stException]") || !window.missing.length ? seen : false;
}"""


@pytest.fixture(scope="module")
def address(app_without_runs):
    assert Path(chromium()).exists(), f"In CI the browser tests always run, but there is no {chromium()}."
    return app_without_runs


@pytest.fixture(scope="module")
def page(address):
    """One for all tests: each begins with an address of its own."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=BROWSER_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        yield page
        browser.close()


def wanted_of(lesson: Lesson, number: int) -> list[str]:
    """What a stop claims to be on the screen: what its file lists, and every number that is said, asked or right."""
    stop, right = lesson.stops[number - 1], ""
    if stop.ballot and stop.ballot.right is not None:
        right = stop.ballot.options[stop.ballot.right]
    said = " ".join((stop.text, stop.ask, stop.expect, right))
    return list(dict.fromkeys([*stop.shows, *NUMBER.findall(said)]))


def start(page, address: str, name: str, present: bool = False) -> Lesson:
    """Begin a lesson as people do: from the list, after whatever was open before. Only the first page is loaded."""
    if page.url == "about:blank":
        page.goto(f"{address}/lessons")
    else:
        page.get_by_test_id("stSidebarNav").get_by_role("link", name="Lessons").click()
    lesson, words = LESSONS[name], labels("lessons")["project_name" if present else "start_name"]
    page.get_by_role("link", name=words.format(title=lesson.title), exact=True).click()
    arrive(page, lesson, 1)
    return lesson


def turn(page, lesson: Lesson, number: int) -> None:
    """One key on, to the stop with this number."""
    page.keyboard.press("ArrowRight")
    arrive(page, lesson, number)


def arrive(page, lesson: Lesson, number: int) -> None:
    """Wait until the screen is that of the stop; then look for what must not be there."""
    from playwright.sync_api import TimeoutError

    wanted = wanted_of(lesson, number)
    try:
        seen = page.wait_for_function(ARRIVED, arg=[number, wanted], polling=250, timeout=120_000).json_value()
    except TimeoutError:
        missing = page.evaluate("window.missing")
        pytest.fail(f"{lesson.name}, stop {number}: {missing} not on the screen of {page.url}")
    assert not page.locator("[data-testid=stException]").count()
    link, stop = urlsplit(page.url), lesson.stops[number - 1]
    assert link.path.rsplit("/", 1)[-1] == stop.page
    here = parse_qsl(link.query)
    assert ("lesson", lesson.name) in here and ("stop", str(number)) in here
    for key, value in stop.query:  # a default is left out of an address; another value would be another screen
        assert (key, value) in here or key not in dict(here), f"{lesson.name}, stop {number}: {key} in {page.url}"
    assert not re.search(r"The link (asked|asks|names) |is not possible here", seen)


@pytest.mark.walk
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_walked_by_one_key(page, address, name):
    lesson = start(page, address, name)
    for number in range(2, len(lesson.stops) + 1):
        turn(page, lesson, number)
    page.keyboard.press("ArrowRight")  # there is nothing after the last stop
    page.keyboard.press("ArrowLeft")
    arrive(page, lesson, len(lesson.stops) - 1)


def by_hand(r: int) -> str:
    return f"{count(base_model('tiny-t5').architecture, LoraConfig(r=r)).trainable_parameters:,}"


def test_a_stop_shows_what_its_link_says_whatever_was_moved_before(page, address):
    from playwright.sync_api import expect

    lesson = start(page, address, FIRST)
    turn(page, lesson, 2)
    slider, metric = page.get_by_role("slider", name="rank r"), page.get_by_test_id("stMetricValue").first
    slider.focus()
    page.keyboard.press("ArrowRight")  # the slider's own key turns no stop
    expect(metric).to_have_text(by_hand(16))
    page.get_by_role("button", name="v", exact=True).click()
    expect(metric).not_to_have_text(by_hand(16))
    assert "stop=2" in page.url  # what a class moves leaves it in the lesson
    page.get_by_role("link", name="Next").click()
    arrive(page, lesson, 3)
    expect(metric).to_have_text(by_hand(8))
    expect(slider).to_have_attribute("aria-valuetext", "8")
    expect(page.get_by_role("spinbutton", name="rank r")).to_have_value("8")

    slider.focus()
    page.keyboard.press("End")
    expect(metric).to_have_text(by_hand(256))
    page.get_by_role("link", name=labels("lessons")["again"]).click()
    arrive(page, lesson, 3)
    expect(metric).to_have_text(by_hand(8))
    expect(slider).to_have_attribute("aria-valuetext", "8")


def test_keys_that_a_control_needs_turn_no_stop(page, address):
    from playwright.sync_api import expect

    lesson = start(page, address, FIRST)
    turn(page, lesson, 2)
    box, tab = page.get_by_role("spinbutton", name="rank r"), page.get_by_role("tab", name="Idea")
    for control, key in ((box, "ArrowLeft"), (box, "ArrowRight"), (tab, "ArrowRight")):
        control.focus()
        page.keyboard.press(key)
    expect(page.get_by_role("tab", name="Count")).to_be_focused()  # it went to the next tab instead
    assert "stop=2" in page.url
    page.keyboard.press("Control+ArrowRight")
    page.evaluate("document.activeElement.blur()")
    turn(page, lesson, 3)
    page.keyboard.press("ArrowRight")  # pressed again before the screen has changed, it is one turn
    turn(page, lesson, 4)


def test_whoever_leaves_a_lesson_finds_back_and_a_projector_stays_one(page, address):
    from playwright.sync_api import expect

    lesson = start(page, address, FIRST)
    turn(page, lesson, 2)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Glossary").click()
    back = page.get_by_role("link", name="Back to the lesson: stop 2")
    expect(back).to_be_visible()
    assert "lesson" not in page.url
    back.click()
    arrive(page, lesson, 2)
    page.go_back()  # the browser's own way
    expect(page.get_by_role("heading", name="Glossary")).to_be_visible()

    start(page, address, FIRST, present=True)
    page.keyboard.press("PageDown")  # what presenters hold in their hands sends this
    arrive(page, lesson, 2)
    assert "present=1" in page.url
