"""The whole story in a real browser: move the rank, see the count, train, watch, try the checkpoint."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from peft_core.architecture import base_model
from peft_core.configs import LoraConfig
from peft_core.counting import count
from peft_core.paths import ROOT

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


@pytest.fixture
def page(address):
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=BROWSER_ARGUMENTS)
        yield browser.new_page(viewport={"width": 1280, "height": 720})
        browser.close()


def lora_count(r: int) -> str:
    return f"{count(base_model('tiny-t5').architecture, LoraConfig(r=r)).trainable_parameters:,}"


@pytest.mark.timeout(900)
def test_from_rank_slider_to_verdict(page, address):
    from playwright.sync_api import expect

    # A short run: 64 reviews of 64 tokens, set in the link like everything else
    page.goto(f"{address}/lora?lora_r=4&train_size=64&max_length=64&epochs=1&seed=3")
    settled(page)
    metric = page.get_by_test_id("stMetricValue").first
    expect(metric).to_have_text(lora_count(4))

    slider = page.locator(".st-key-lora_r").get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    expect(metric).to_have_text(lora_count(5))
    expect(page.get_by_text("The hand calculation agrees.")).to_be_visible(timeout=120_000)
    expect(page).to_have_url(re.compile(r"lora_r=5"))

    page.locator(".st-key-train").get_by_role("button").click()
    expect(page).to_have_url(re.compile(r"run=\d{8}-\d{6}-[0-9a-f]{6}"))
    expect(page.locator(".st-key-curves")).to_be_visible(timeout=120_000)
    page.reload()  # the run does not depend on the page
    expect(page.get_by_text("Accuracy on the test split")).to_be_visible(timeout=240_000)
    expect(page.locator(".st-key-curves").get_by_role("img").first).to_be_visible()

    page.get_by_role("link", name="Try this checkpoint in the Playground").click()
    settled(page)
    expect(page.get_by_text("LoRA r=5, 64 reviews, seed 3").first).to_be_visible()
    review = page.get_by_label("Your review")
    review.fill("a wonderful, moving film")
    review.press("Control+Enter")
    page.locator(".st-key-classify").get_by_role("button").click()
    verdict = page.locator(".st-key-verdicts").get_by_test_id("stMetricValue").first
    expect(verdict).to_have_text(re.compile(r"^[+−] (positive|negative)$"))
    assert "wonderful" not in page.url


def test_a_link_with_impossible_values_still_opens(page, address):
    from playwright.sync_api import expect

    page.goto(f"{address}/lora?lora_r=9999&seed=-5&max_length=77&base=t5-nano&run=..%2Fx")
    settled(page)
    expect(page.get_by_text("the nearest possible value is 256")).to_be_visible()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(lora_count(256))
