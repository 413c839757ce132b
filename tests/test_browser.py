"""The story in a real browser: links, counts, a step through, a training run, the Playground."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from peft_core.config import PRESETS
from peft_core.counting.by_hand import count
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import METHODS
from peft_core.paths import ROOT
from peft_core.t5.architecture import base_model

sys.path.insert(0, str(ROOT / "scripts"))
from screenshots import BROWSER_ARGUMENTS, chromium, running_app, settled

pytestmark = pytest.mark.skipif(
    not shutil.which(chromium()) and not os.environ.get("CI"),
    reason=f"the browser tests were skipped: there is no {chromium()} (Debian: apt-get install chromium)",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    assert Path(chromium()).exists(), f"In CI the browser tests always run, but there is no {chromium()}."
    with running_app({"PEFT_RUNS_DIR": str(tmp_path_factory.mktemp("runs"))}) as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=BROWSER_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def context(browser):
    """One for all tests: a new one would fetch and compile Streamlit's scripts again, some seconds a test."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    yield context
    context.close()


@pytest.fixture
def page(address, context):
    """A visitor of its own: cookies, history."""
    context.clear_cookies()
    page = context.new_page()
    yield page
    page.close()


def by_hand(config) -> str:
    return f"{count(base_model('tiny-t5').architecture, config).trainable_parameters:,}"


def write(page, key: str, words: str) -> None:
    box = page.locator(f".st-key-{key} textarea, .st-key-{key} input").first
    box.fill(words)
    box.press("Control+Enter")
    settled(page)


def test_from_rank_slider_to_count_and_a_link_that_brings_it_all_back(page, address):
    from playwright.sync_api import expect

    page.goto(f"{address}/lora?lora_r=4&seed=11")
    settled(page)
    metric = page.get_by_test_id("stMetricValue").first
    expect(metric).to_have_text(by_hand(LoraConfig(r=4)))
    slider = page.get_by_role("slider", name="rank r")
    slider.focus()
    slider.press("ArrowRight")
    expect(metric).to_have_text(by_hand(LoraConfig(r=8)))
    at, size = slider.bounding_box(), 0.75  # of its length: the stop 64
    page.mouse.move(at["x"] + at["width"] * 3 / 8, at["y"] + at["height"] / 2)
    page.mouse.down()
    page.mouse.move(at["x"] + at["width"] * size, at["y"] + at["height"] / 2, steps=6)
    expect(metric).to_have_text(by_hand(LoraConfig(r=64)))  # while it is held
    page.mouse.up()
    box = page.get_by_role("spinbutton", name="rank r")
    expect(box).to_have_value("64")
    box.fill("5")
    box.press("Enter")
    expect(metric).to_have_text(by_hand(LoraConfig(r=5)))
    expect(slider).to_have_attribute("aria-valuetext", "5")
    page.get_by_role("tab", name="Count").click()
    expect(page.get_by_text("The hand calculation agrees.")).to_be_visible(timeout=120_000)
    page.get_by_role("tab", name="Train").click()
    page.locator(".st-key-preset_short").get_by_role("button").click()
    short = PRESETS["short"]
    settings = (f"train_size={short.reviews}", f"max_length={short.max_length}")
    for part in ("lora_r=5", "seed=11", "section=train", *settings):
        expect(page).to_have_url(re.compile(part))  # each arrives by itself

    link = page.url
    page.goto("about:blank")
    page.goto(link)
    settled(page)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(by_hand(LoraConfig(r=5)))
    expect(page.get_by_role("tab", name="Train")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".st-key-train_size").get_by_text(str(short.reviews)).first).to_be_visible()
    expect(page.locator(".st-key-seed input")).to_have_value("11")


@pytest.mark.walk
def test_a_phone_votes_and_writes_and_the_projector_shows_it_when_the_teacher_says_so(page, address, browser):
    from playwright.sync_api import expect

    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True).new_page()
    page.goto(f"{address}/lora?section=check&question=2")
    settled(page)
    page.locator(".st-key-quiz_ask_class").get_by_role("button").click()
    page.wait_for_url("**/vote?code=*view=screen")
    phone.goto(f"{address}/vote?code={re.search('code=([A-Z]{4})', page.url)[1]}")
    settled(phone)
    expect(phone.get_by_role("heading", level=1)).to_contain_text("A is random, B is all zeros.")
    for part in ("stSidebar", "stHeader"):
        expect(phone.get_by_test_id(part)).not_to_be_visible()
    options = phone.locator("[class*=st-key-vote_1_]").get_by_role("button")
    assert all(option.bounding_box()["height"] >= 44 for option in options.all())
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    for place in (0, 3):
        options.nth(place).click()
        expect(options.nth(place)).to_have_attribute("data-testid", "stBaseButton-primary")
    expect(phone.get_by_text("Your vote is counted.")).to_be_visible()
    expect(page.get_by_text("1 vote", exact=True)).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0)  # how they voted is not shown yet
    page.locator(".st-key-vote_show").get_by_role("button").click()
    expect(page.get_by_text("D · none of them · 1")).to_be_visible()
    page.locator(".st-key-vote_reveal").get_by_role("button").click()
    expect(page.get_by_text("✓ A · a soft prompt with 10 rows · 0 · right")).to_be_visible()
    expect(phone.get_by_text("You said D · none of them.")).to_be_visible()  # by itself
    with page.expect_download() as saved:
        page.locator(".st-key-vote_csv").get_by_role("button").click()
    assert Path(saved.value.path()).read_text(encoding="utf-8-sig").splitlines()[4].endswith("none of them,1,no")

    page.goto(f"{address}/wall")
    settled(page)
    page.locator(".st-key-wall_open").get_by_role("button").click()
    page.wait_for_url("**/wall?code=*view=screen")
    here = page.url.partition("&")[0]
    phone.goto(here)
    settled(phone)
    words = "A wonderful <b>film</b>, warm and *funny* to the end."
    phone.locator(".st-key-wall_text_0 textarea").fill(words)
    phone.get_by_role("radio", name="negative").click()
    phone.locator(".st-key-wall_send").get_by_role("button").click()
    expect(phone.get_by_text("methods are fooled.")).to_be_visible(timeout=120_000)
    expect(phone.get_by_text("Your sentence waits for the teacher.")).to_be_visible()
    seen = page.get_by_text("A wonderful film, warm and *funny* to the end.")
    expect(page.get_by_text("1 wait at the desk")).to_be_visible()
    expect(seen).to_have_count(0)
    desk = page.context.new_page()
    desk.goto(f"{here}&view=desk")
    desk.locator(".st-key-wall_accept_1").get_by_role("button").click()
    expect(seen).to_be_visible()
    expect(phone.get_by_text("Your sentence is on the wall.")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    desk.close()
    phone.context.close()


SAID = [(word, "positive") for word in ("good", "lively", "funny", "fine")]
SAID += [(word, "negative") for word in ("bad", "dull", "sad", "weak")]
THINGS = "film plot actor scene story cast end start".split()
OWN = "text,label\n" + "\n".join(f"the {thing} was {word},{label}" for word, label in SAID for thing in THINGS)


IN_SIGHT = """height => [
    ".st-key-cancel", ".st-key-run [data-testid=stProgress]", ".st-key-curves :is(canvas, svg)"
].every(part => document.querySelector(part)?.getBoundingClientRect().bottom <= height)"""


@pytest.mark.timeout(900)
def test_an_adapter_is_trained_on_a_csv_of_ones_own_reloaded_and_asked(page, address):
    from playwright.sync_api import expect

    page.goto(f"{address}/adapter?section=train&learn=own&adapter_m=4&max_length=32&epochs=6&seed=3")
    settled(page)
    write(page, "own_pasted", OWN)
    page.locator(".st-key-train").get_by_role("button").click()
    expect(page).to_have_url(re.compile(r"run=\d{8}-\d{6}-[0-9a-f]{6}"))
    expect(page.locator(".st-key-curves")).to_be_visible(timeout=120_000)
    page.wait_for_function(IN_SIGHT, arg=720)  # and nobody has scrolled
    page.reload()  # the run does not depend on the page
    expect(page.get_by_text("Test, untrained")).to_be_visible(timeout=240_000)
    expect(page.get_by_text("Fingerprint of the weights")).to_be_visible()
    expect(page.locator(".st-key-curves :is(canvas, svg)").first).to_be_visible()

    page.get_by_role("link", name="in the Playground").click()  # one, or the first and the last weights
    settled(page)
    expect(page.get_by_text("Adapter m=4, Pfeiffer, own texts (40), seed 3").first).to_be_visible()
    write(page, "review", "the music was lively")
    page.locator(".st-key-classify").get_by_role("button").click()
    verdict = page.locator(".st-key-verdicts").get_by_test_id("stMetricValue").first
    expect(verdict).to_have_text(re.compile(r"^[+−] (positive|negative)$"))
    assert "music" not in page.url


CUT = """cards => cards.flatMap(card => [card, ...card.querySelectorAll("*")]).filter(part =>
    part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0 || part.getBoundingClientRect().right > innerWidth
).map(part => part.textContent)"""


@pytest.mark.walk
def test_no_card_is_cut_at_any_width_and_three_stand_in_a_row(page, address):
    from playwright.sync_api import expect

    page.goto(f"{address}/lora?section=try")
    settled(page)
    write(page, "try_review", "A dull film.")  # Ctrl+Enter classifies
    cards = page.locator("[class*='st-key-verdict_']")
    expect(cards).to_have_count(5, timeout=60_000)  # four LoRAs are shipped, and the base model
    for width in (390, 1280, 1366, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        assert cards.evaluate_all(CUT) == []
        tops = cards.evaluate_all("cards => cards.map(card => Math.round(card.getBoundingClientRect().top))")
        assert max(map(tops.count, tops)) == (1 if width == 390 else 3)
        answers = cards.get_by_test_id("stMetricValue")
        assert max(answers.evaluate_all("all => all.map(one => one.offsetHeight)")) < 50  # one line: no word is broken
    page.add_style_tag(content="[data-testid=stMetricValue] * { font-size: 90px; white-space: nowrap !important; }")
    assert cards.evaluate_all(CUT) != []  # it would be noticed
    page.reload()
    settled(page)
    write(page, "try_review", "A dull film.")
    expect(cards).to_have_count(5)
    page.get_by_role("link", name="Compare with other methods in the Playground").click()
    expect(page.locator(".st-key-review textarea")).to_have_value("A dull film.")
    settled(page)
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        assert cards.evaluate_all(CUT) == []


def test_back_and_forward_show_what_the_address_says(page, address):
    from playwright.sync_api import expect

    page.goto(f"{address}/lora")
    settled(page)
    slider = page.get_by_role("slider", name="rank r")
    slider.focus()
    slider.press("ArrowRight")
    expect(page).to_have_url(re.compile("lora_r=16"))
    seen = {}

    def look(opened: str) -> None:
        expect(page.get_by_role("tab", selected=True).first).to_have_text(opened)
        settled(page)
        shown = page.get_by_test_id("stMetricValue").first.inner_text()
        assert seen.setdefault(page.url, (opened, shown)) == (opened, shown)

    look("Idea")
    for name in ("Count", "Maths"):
        page.get_by_role("tab", name=name, exact=True).click()
        expect(page).to_have_url(re.compile(f"section={name.lower()}"))
        look(name)
    assert len(seen) == 3
    for go, name in ((page.go_back, "Count"), (page.go_back, "Idea"), (page.go_forward, "Count")):
        go()
        look(name)
    assert len(seen) == 3
    assert page.title().startswith("LoRA")


@pytest.mark.walk
def test_a_step_through_goes_on_and_back_and_its_link_opens_at_the_same_step(page, address):
    from playwright.sync_api import expect

    page.goto(f"{address}/lora?section=steps")
    settled(page)
    screen = page.locator(".st-key-steps_screen")
    expect(screen).to_be_visible(timeout=60_000)
    first = screen.inner_text()
    shows = "([first, same]) => (document.querySelector('.st-key-steps_screen')?.innerText === first) === same"
    page.locator(".st-key-steps_next").get_by_role("button").click()
    expect(page).to_have_url(re.compile("step=2"))
    page.wait_for_function(shows, arg=[first, False])
    settled(page)
    second = screen.inner_text()
    page.locator(".st-key-steps_back").get_by_role("button").click()
    page.wait_for_function(shows, arg=[first, True])
    page.goto(f"{address}/lora?section=steps&step=2")
    settled(page)
    assert page.locator(".st-key-steps_screen").inner_text() == second


@pytest.mark.walk
def test_a_counterfactual_shows_every_checkpoint_before_and_after(page, address):
    from playwright.sync_api import expect

    page.goto(f"{address}/playground?tab=what_if")
    settled(page)
    write(page, "review", "This film is good.")
    page.locator(".st-key-what_if_negate").get_by_role("button").click()
    expect(page.get_by_text("This film is not good.").first).to_be_visible()
    assert "good" not in page.url


@pytest.fixture(scope="module")
def dora_zip(tmp_path_factory):
    """A zip of what peft saves after training a DoRA for two steps."""
    import torch
    from peft import LoraConfig as PeftLora
    from peft import get_peft_model
    from transformers import T5ForConditionalGeneration

    folder = tmp_path_factory.mktemp("elsewhere") / "my-dora"
    base = T5ForConditionalGeneration.from_pretrained(base_model("tiny-t5").source, dtype=torch.float32)
    torch.manual_seed(0)
    config = PeftLora(task_type="SEQ_2_SEQ_LM", target_modules=["q", "v"], r=4, lora_alpha=8, use_dora=True)
    model = get_peft_model(base, config)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(2):
        model(input_ids=torch.tensor([[5, 6, 7, 1]]), labels=torch.tensor([[8, 1]])).loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    return shutil.make_archive(str(folder), "zip", folder)


@pytest.mark.walk
def test_a_dora_that_peft_trained_is_opened_from_a_zip_and_asked_beside_ours(page, address, dora_zip):
    from playwright.sync_api import expect

    page.goto(f"{address}/playground?checkpoint=lora-8")
    settled(page)
    write(page, "review", "a wonderful, moving film")
    page.locator(".st-key-exchange_open").get_by_role("button").first.click()
    upload = page.locator(".st-key-exchange_file input[type=file]")
    expect(upload).to_be_enabled(timeout=60_000)
    upload.set_input_files(dora_zip)
    expect(page.locator(".st-key-checkpoint").get_by_text("DoRA r=4, from Hugging Face peft")).to_be_visible(
        timeout=60_000
    )
    page.keyboard.press("Escape")
    settled(page)
    page.locator(".st-key-classify").get_by_role("button").click()
    verdicts = page.locator(".st-key-verdicts").get_by_test_id("stMetricValue")
    expect(verdicts).to_have_count(2, timeout=60_000)
    for place in range(2):
        expect(verdicts.nth(place)).to_have_text(re.compile(r"^[+−] (positive|negative)$"))


def test_a_csv_is_classified_and_comes_back_with_verdicts(page, address, tmp_path):
    from playwright.sync_api import expect

    file = tmp_path / "reviews.csv"
    file.write_text('review;label\n"A wonderful, moving film.";positive\n"=Dull, lifeless mess.";negative\n')
    page.goto(f"{address}/playground?tab=many&checkpoint=lora-8&checkpoint=adapter-8")
    settled(page)
    page.get_by_role("tab", name="Upload a file").click()
    settled(page)
    page.locator(".st-key-many_file input[type=file]").set_input_files(file)
    settled(page)
    page.locator(".st-key-many_classify").get_by_role("button").click()
    expect(page.locator(".st-key-many_download")).to_be_visible(timeout=60_000)
    with page.expect_download() as download:
        page.locator(".st-key-many_download").get_by_role("button").click()
    header, *rows = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(rows) == 2
    assert any("'=Dull" in row for row in rows)  # never a formula for a spreadsheet
    assert "lora-8" in header
    assert "adapter-8" in header


@pytest.mark.walk
def test_a_click_on_a_point_marks_its_row_in_the_table_and_the_page_can_be_taken_home(page, address):
    from playwright.sync_api import expect

    page.goto(f"{address}/compare?part=trade_off")
    settled(page)
    points = page.locator(".st-key-trade_off_chart .mark-symbol").last.locator("path")
    points.first.click(force=True)  # the cheapest of the report's points: the hit areas are the last layer
    expect(page).to_have_url(re.compile("row=soft_prompt-1-opendelta"))
    settled(page)
    page.get_by_role("tab", name="The table").click()
    expect(page.get_by_role("heading", name="Soft prompt n=1, OpenDelta")).to_be_visible()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("84.9%")
    page.get_by_role("tab", name="Take it home").click()
    settled(page)
    with page.expect_download() as download:
        page.locator(".st-key-export_html").get_by_role("button").click()
    handout = Path(download.value.path()).read_text(encoding="utf-8")
    assert "Soft prompt n=1, OpenDelta" in handout
    assert "<script" not in handout


@pytest.mark.walk
def test_the_rank_lab_from_a_matrix_to_the_directions_of_two_runs(page, address):
    from playwright.sync_api import expect

    page.goto(f"{address}/rank_lab?lab=builder")
    settled(page)
    page.locator(".st-key-matrix_rank2").get_by_role("button").click()
    settled(page)
    page.locator(".st-key-lab_terms_next").get_by_role("button").click()
    expect(page.get_by_text(re.compile("is missing, and the sum holds 100.0%"))).to_be_visible()  # of rank 2: two terms
    expect(page).to_have_url(re.compile("lab_terms=2"))
    page.goto(page.url)  # the link, not the session
    settled(page)
    expect(page.get_by_text(re.compile("is missing, and the sum holds 100.0%"))).to_be_visible()
    page.get_by_role("tab", name="Does rank 1 suffice?").click()
    settled(page)
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
    expect(page.get_by_text(re.compile("with every ΔW cut to rank 1, which keeps")).first).to_be_visible()
    page.get_by_role("tab", name="The same directions?").click()
    settled(page)
    same_seed = page.get_by_text(re.compile("Both runs started with the same seed"))
    expect(same_seed).to_be_visible()  # r=8 and r=64, as in the paper
    page.goto(f"{address}/rank_lab?lab=similarity&lab_first=lora-8&lab_second=lora-8-seed1&lab_what=dW")
    settled(page)
    expect(page.get_by_text(re.compile(r"all together φ\(8, 8\)")).first).to_be_visible()
    expect(same_seed).to_have_count(0)


@pytest.mark.walk
def test_home_opens_with_verdicts_and_the_map_leads_to_the_place_that_is_pressed(page, address):
    from playwright.sync_api import expect

    page.goto(address)
    cards = page.locator(".judged li")
    expect(cards).to_have_count(1 + len(METHODS))
    for width, height in ((390, 844), (1280, 720)):
        page.set_viewport_size({"width": width, "height": height})
        settled(page)
        assert all(box["y"] + box["height"] <= height for box in (card.bounding_box() for card in cards.all()))
    page.goto(f"{address}/map?plug=lora")
    box = page.get_by_role("button", name="decoder 2 · cross-attention · v")
    box.focus()
    box.press("Enter")
    expect(page).to_have_url(re.compile("lora.*steps_place=decoder.block.1.layer.1.EncDecAttention.v"))
    expect(page.locator(".st-key-steps_place input")).to_have_value("decoder 2 · cross-attention · v")


@pytest.mark.walk
def test_a_circle_is_turned_stretched_and_made_a_line_without_the_server(page, address):
    from playwright.sync_api import expect

    page.goto(f"{address}/rank_lab?lab=motion&two_a=3&two_b=0&two_c=0&two_d=1")
    said = page.locator(".stage")
    expect(said).to_contain_text("The unit circle")
    page.get_by_role("button", name="Step →").click()
    expect(said).to_contain_text("Nothing is longer or shorter")
    page.get_by_role("button", name="Play").click()
    expect(said).to_contain_text("That is what the matrix does")
    expect(page.get_by_text("Energy kept 100.0%")).to_be_visible()
    page.locator("button.one").click()
    expect(page.get_by_text("Energy kept 90.0%; the farthest point loses 1.00.")).to_be_visible()  # 9 of 9 + 1


def test_a_link_with_impossible_values_still_opens(page, address):
    from playwright.sync_api import expect

    page.goto(f"{address}/lora?lora_r=9999&seed=-5&max_length=77&base=t5-nano&run=..%2Fx&section=%3Cb%3E&step=1e9")
    settled(page)
    expect(page.get_by_text("the nearest possible value is 256")).to_be_visible()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(by_hand(LoraConfig(r=256)))
    expect(page).to_have_url(re.compile("lora_r=256"))  # a copied link shows what is shown
    for unknown in ("t5-nano", "<b>"):
        expect(page.get_by_text(f"= {unknown}, which is not here")).to_be_visible()


@pytest.mark.walk
def test_the_end_of_a_section_leads_to_the_beginning_of_the_next(page, address):
    page.goto(f"{address}/lora?section=count")
    settled(page)
    place = "document.querySelector('[data-testid=stMain]').scrollTop"
    page.get_by_role("button", name="Next: Maths →").scroll_into_view_if_needed()
    assert page.evaluate(place) > 0
    page.get_by_role("button", name="Next: Maths →").click()
    page.wait_for_url("**section=maths**")
    page.wait_for_function(f"{place} === 0")
