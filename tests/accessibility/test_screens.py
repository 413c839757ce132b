"""A sample of screens on every run of the tests, always the same; `make axe` walks all of them."""

import pytest

from tests.accessibility import axe, report, theirs
from tests.accessibility.screens import every, kind, sample, settled
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


def test_the_sample_has_every_page_and_every_kind_of_section():
    everything, chosen = every(), sample()
    assert chosen.items() <= everything.items()
    assert {address.split("?")[0] for address in chosen.values()} == {a.split("?")[0] for a in everything.values()}
    sections = {kind(address) for address in everything.values() if "section=" in address}
    assert sections <= set(map(kind, chosen.values()))


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
