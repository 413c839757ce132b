"""Presenter mode in a browser at 1280×720, by what scripts/presented.js sees and not by what the page means to show."""

import os
import re
import shutil
import sys

import pytest

from app.content.lessons import find
from app.kit.pages import addresses
from peft_core.paths import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
from presented import SIZE, measured, presented, turned
from screenshots import BROWSER_ARGUMENTS, chromium, settled

pytestmark = pytest.mark.skipif(
    not shutil.which(chromium()) and not os.environ.get("CI"),
    reason=f"the browser tests were skipped: there is no {chromium()} (Debian: apt-get install chromium)",
)
LESSONS = find(addresses())[0]


@pytest.fixture(scope="module")
def address(app_without_runs):
    return app_without_runs


@pytest.fixture(scope="module")
def page():
    """One visitor for all tests."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=BROWSER_ARGUMENTS)
        yield browser.new_page(viewport=SIZE)
        browser.close()


def opened(page, address: str, path: str) -> None:
    page.goto("about:blank")
    page.goto(address + presented(path))
    settled(page)


# Heat-maps of tensors, heat-maps with numbers, a table with rows; `scripts/presented.py` walks all of them.
SECTIONS = ["/lora?section=steps&step=3", "/rank_lab?lab=similarity", "/compare"]


@pytest.mark.walk  # of `make test`, Count: below
@pytest.mark.parametrize("path", SECTIONS)
def test_every_screen_of_a_section_is_large_whole_and_has_one_figure(page, address, path):
    opened(page, address, path)
    places, figures = [], 0
    while True:
        found = measured(page)
        assert found["problems"] == [], f"{page.url} {found['place']}"
        places.append(found["place"])
        figures += bool(found["figures"])
        if not turned(page, "PageDown"):
            break
    assert figures and len(set(places)) == len(places)


def test_what_is_measured_would_be_noticed(page, address):
    opened(page, address, "/?about=family")
    page.add_style_tag(content=".stMain p { font-size: 12px !important; } [data-deck] { position: static !important; }")
    page.add_style_tag(content=".stMain [data-deck] * { visibility: visible !important; }")
    assert any(re.match(r"17\.0 px", problem) for problem in measured(page)["problems"])
    page.add_style_tag(content="html body [data-testid=stSidebar] { display: block !important; }")
    assert "stSidebar is seen" in measured(page)["problems"]


def test_keys_turn_screens_then_sections_and_the_address_follows(page, address):
    from playwright.sync_api import expect

    opened(page, address, "/lora?section=count")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("figure="))
    second = measured(page)
    page.reload()
    settled(page)
    assert measured(page) == second  # the link, not the session
    assert second["place"].startswith("2 / ")
    while turned(page, "ArrowRight"):
        assert measured(page)["problems"] == []  # a chart, a tree that is turned like pages
    page.keyboard.press(" ")
    expect(page.locator(".st-key-presenter footer #name")).to_have_text("Maths")
    expect(page).not_to_have_url(re.compile("figure="))
    slider = page.get_by_role("slider", name="rank r")
    slider.focus()
    slider.press("ArrowRight")  # belongs to the slider
    expect(page).to_have_url(re.compile("lora_r=16"))
    expect(page.locator(".st-key-presenter footer #name")).to_have_text("Maths")


@pytest.mark.walk
def test_the_mode_stays_on_other_pages_and_the_key_is_not_taken_from_who_writes(page, address):
    from playwright.sync_api import expect

    page.goto(f"{address}/playground")
    settled(page)
    box, bar = page.locator(".st-key-review textarea"), page.locator(".st-key-presenter footer")
    box.fill("")
    box.press_sequentially("a pompous plot")
    expect(box).to_have_value("a pompous plot")
    expect(bar).to_be_hidden()
    box.blur()
    page.keyboard.press("p")
    expect(bar).to_be_visible()
    expect(page).to_have_url(re.compile("present=1"))
    page.goto(f"{address}/?present=1")
    settled(page)
    page.locator("a[href*='/lora']").first.evaluate("link => link.click()")  # it may be on another screen
    expect(page).to_have_url(re.compile(r"/lora\?.*present=1"))
    expect(bar).to_be_visible()
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    expect(page).not_to_have_url(re.compile("present=1"))
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Present")).click()
    expect(bar).to_be_visible()


@pytest.mark.walk
@pytest.mark.timeout(900)
@pytest.mark.parametrize("lesson", LESSONS.values(), ids=LESSONS)
def test_every_stop_of_a_lesson_fits_on_a_screen_without_scrolling(page, address, lesson):
    """By one key a stop."""
    page.goto(f"{address}/{lesson.address(1, present=True)}")
    for number in range(1, len(lesson.stops) + 1):
        page.locator(".st-key-rail").get_by_text(re.compile(rf"(?<!\d){number}\sof\s{len(lesson.stops)}$")).wait_for()
        settled(page)
        assert measured(page)["problems"] == [], f"stop {number}: {page.url}"
        page.keyboard.press("ArrowRight")
