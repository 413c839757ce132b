"""A sample of screens in `make walk`, always the same; `make axe` walks all of them. The bar of a phone, a
finger, and a walk with the Tab key: all in one file, for one browser and one app.
"""

import re

import pytest

from tests.accessibility import axe, report, theirs
from tests.accessibility.screens import sample, settled
from tests.accessibility.walk import LAPTOP, PHONE, phone, script, turn, walk

BROKEN = """() => {
    const main = document.querySelector("[data-testid='stMain'] h1").parentElement;
    main.insertAdjacentHTML("beforeend", `<div class="broken">
        <h4>two levels down</h4> <img src="data:," width="50" height="50"> <p style="color: #999">too pale</p>
        <button style="min-height: 0; height: 20px" aria-label="small">x</button>
        <div style="width: 200px; overflow-x: auto"><div style="width: 500px">no name</div></div>
        <div style="width: 700px">wide</div>
    </div>`);
    document.querySelector("[data-testid='stTabs'] [role='tablist']").scrollLeft = 9999;
}"""


@pytest.mark.walk
@pytest.mark.timeout(900)
def test_nothing_is_wrong_on_a_sample_of_screens_on_a_phone_and_in_both_schemes(page, server):
    seen = list(walk(page, server, sample()))
    assert report.wrong(report.summary(seen, "")) == []
    everything = [one for screen in seen for found in screen.violations.values() for one in found]
    must = [line for line in theirs.VIOLATIONS if line.everywhere]
    assert must
    assert list(theirs.gone(everything, must)) == []  # what is not Streamlit's any more leaves the list
    for screen in seen:
        assert screen.texts > 20, screen.name
        assert screen.title.endswith("PEFT Classroom"), screen.name


@pytest.mark.walk
def test_dark_differs_from_light_in_colours_alone(page, server):
    page.set_viewport_size(LAPTOP)
    page.goto(f"{server}/lora?section=count")
    settled(page)
    found = {}
    for scheme in ("light", "dark"):
        turn(page, scheme)
        found[scheme] = sorted((one.rule, one.html) for one in axe.run(page)[0] if one.rule not in axe.OF_COLOURS)
    assert [rule for rule, _ in found["light"]] == [rule for rule, _ in found["dark"]]
    assert {rule for rule, _ in found["light"]} <= {line.rule for line in theirs.VIOLATIONS}


def test_each_kind_of_mistake_is_found(page, server):
    page.set_viewport_size(PHONE)
    page.goto(f"{server}/lora?section=idea")
    settled(page)
    page.evaluate(BROKEN)
    seen = phone(page)
    assert [one["words"] for one in seen.small] == ["small"]
    assert seen.sideways > 0
    assert seen.nameless == ["div."]
    assert seen.open_tab_hidden == 1
    violations, _ = axe.run(page)
    ours = theirs.ours(violations, theirs.VIOLATIONS)
    assert {one.rule for one in ours} >= {"heading-order", "image-alt", "color-contrast"}
    contrast = page.evaluate(script("contrast"))
    assert [(one["words"], one["ratio"]) for one in contrast["found"]] == [("too pale", 2.85)]


def test_a_finding_that_is_not_in_the_list_is_ours_and_a_line_that_explains_nothing_is_told():
    (line, *_) = theirs.VIOLATIONS
    known = axe.Found(line.rule, "serious", f"{line.html} class='x'>", "ul", line.inside)
    elsewhere = axe.Found(line.rule, "serious", "<ul class='mine'>", "ul", line.inside)
    assert theirs.ours([known, elsewhere], theirs.VIOLATIONS) == [elsewhere]
    assert line in theirs.gone([elsewhere], theirs.VIOLATIONS)
    assert line not in theirs.gone([known], theirs.VIOLATIONS)
    assert all(one.why and one.html for one in (*theirs.VIOLATIONS, *theirs.OPEN))


BAR = ".st-key-controls_bar"


def test_on_a_phone_a_bar_opens_the_controls_and_folding_loses_nothing(page, server):
    from playwright.sync_api import expect

    page.set_viewport_size(PHONE)
    page.goto(f"{server}/lora?section=idea&lora_r=4")
    settled(page)
    bar, box = page.locator(BAR).get_by_role("button"), page.get_by_role("spinbutton", name="rank r")
    expect(bar).to_have_attribute("aria-expanded", "false")
    expect(bar).to_contain_text("tiny-t5 · LoRA r=4 · 43,008 trainable")
    expect(box).not_to_be_visible()
    bar.click()
    expect(bar).to_have_attribute("aria-expanded", "true")
    box.fill("16")
    box.press("Enter")
    expect(bar).to_contain_text("LoRA r=16 · 172,032 trainable")
    expect(page).to_have_url(re.compile("lora_r=16"))
    expect(box).to_be_visible()  # a run of the page does not fold them
    bar.click()
    expect(box).not_to_be_visible()
    page.get_by_role("tab", name="Count").tap()
    expect(page.get_by_text("The hand calculation agrees.")).to_be_visible(timeout=60_000)
    expect(bar).to_contain_text("LoRA r=16")
    expect(page).to_have_url(re.compile("lora_r=16"))
    page.set_viewport_size(LAPTOP)
    expect(bar).not_to_be_visible()
    expect(box).to_have_value("16")
    expect(box).to_be_visible()


def test_where_a_link_asked_for_the_impossible_the_bar_is_open_and_says_so(page, server):
    from playwright.sync_api import expect

    page.set_viewport_size(PHONE)
    page.goto(f"{server}/lora?lora_r=9999")
    settled(page)
    expect(page.get_by_text("the nearest possible value is 256")).to_be_visible()
    expect(page.locator(BAR).get_by_role("button")).to_have_attribute("aria-expanded", "true")
    for _ in range(5):
        page.keyboard.press("Tab")  # a closed list of pages takes no focus
    assert page.evaluate("document.activeElement.closest('.st-key-controls_bar') !== null")


UNDER = """at => {
    const handle = document.querySelector("[data-testid='stSlider'] input").parentElement.parentElement;
    const { left, top, width, height } = handle.getBoundingClientRect();
    return handle.contains(document.elementFromPoint(left + width / 2 + at[0], top + height / 2 + at[1]));
}"""


def test_a_finger_that_misses_the_handle_of_a_slider_by_20_pixels_has_it(page, server):
    page.set_viewport_size(PHONE)
    page.goto(f"{server}/rank_lab?lab=builder")
    settled(page)
    page.locator("[data-testid='stSlider']").first.scroll_into_view_if_needed()
    for at in ([0, 0], [20, 0], [0, 20], [0, -20]):
        assert page.evaluate(UNDER, at), at
    assert not page.evaluate(UNDER, [60, 60])


SCREENS = ("/lora?section=count", "/compare?part=table")  # with a chart; with tables


@pytest.mark.parametrize("address", SCREENS)
def test_every_stop_of_the_tab_key_is_seen_and_marked(page, server, address):
    page.set_viewport_size(LAPTOP)
    page.goto(server + address)
    settled(page)
    stops = []
    for _ in range(200):
        page.keyboard.press("Tab")
        told = page.evaluate(script("focus"))
        if told["unmarked"] and not any(name in told["unmarked"] for name in theirs.UNSEEN):
            pytest.fail(f"nothing shows the focus on {told['unmarked']}")
        if told["now"] is None:
            break
        stops.append(told["now"])
    assert 20 < len(stops) < 200
    assert [
        stop for stop in stops if not stop["seen"] and not any(name in stop["told"] for name in theirs.UNSEEN)
    ] == []
    assert "Skip to main content" in stops[0]["told"]
    assert any("stSidebarNavLink" in stop["told"] for stop in stops)
    assert any("Fullscreen" in stop["told"] for stop in stops)  # of a chart or a table: seen while it has the focus


def test_a_stop_that_is_not_marked_is_told(page, server):
    page.set_viewport_size(LAPTOP)
    page.goto(f"{server}/glossary")
    settled(page)
    page.add_style_tag(
        content=".stApp.stApp.stApp a:focus-visible { outline: none !important; box-shadow: none !important; }"
    )
    told = []
    for _ in range(6):
        page.keyboard.press("Tab")
        told.append(page.evaluate(script("focus"))["unmarked"])
    assert any("stSidebarNavLink" in (one or "") for one in told)


def test_ctrl_enter_classifies_words_that_a_link_has_brought(page, server):
    from playwright.sync_api import expect

    page.set_viewport_size(LAPTOP)
    page.goto(f"{server}/playground?checkpoint=lora-8&words=A+dull+film")
    settled(page)
    cards = page.locator("[class*='st-key-verdict_']")
    expect(cards).to_have_count(0)
    box = page.get_by_role("textbox", name="Your review")
    expect(box).to_have_value("A dull film")
    box.press("Control+Enter")  # nothing was typed
    expect(cards.first).to_be_visible(timeout=60_000)
