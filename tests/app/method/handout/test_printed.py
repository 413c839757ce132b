"""Printed by a real browser: two pages of A4 at most, whatever the method, the base model and the settings."""

import os
import re
import shutil

import pytest

from app.kit.pages import method_pages
from peft_core.computer.browser import chromium

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which(chromium()) and not os.environ.get("CI"), reason=f"there is no {chromium()}"),
]
LONG = [
    ("adapterhub", {"placement": "houlsby"}),
    ("lora", {"use_dora": True, "target_modules": ["q", "k", "v", "o", "wi", "wo"]}),
]


@pytest.fixture(scope="module")
def page():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(offline=True)
        yield context.new_page()
        browser.close()


@pytest.mark.parametrize(("name", "settings"), [*((name, {}) for name in method_pages()), *LONG], ids=str)
def test_it_fits_on_two_pages(page, handouts, name, settings):
    for base in ("tiny-t5", "t5-11b"):
        page.set_content(handouts(name, base, **settings).blank().decode())
        printed = page.pdf(format="A4", prefer_css_page_size=True)
        pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", printed))
        assert 1 <= pages <= 2, base
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
