"""One app and one browser for all tests of a file."""

import os
import shutil
from pathlib import Path

import pytest

from tests.accessibility.browser import visitor
from tests.accessibility.screens import chromium


@pytest.fixture(scope="module")  # no longer: playwright keeps the loop of its thread, and other tests want one
def opened():
    """(page, address): the page is the same one in every test; each opens what it needs."""
    if not shutil.which(chromium()) and not os.environ.get("CI"):
        pytest.skip(f"the screens were not walked: there is no {chromium()} (Debian: apt-get install chromium)")
    assert Path(chromium()).exists(), f"In CI the screens are always walked, but there is no {chromium()}."
    from playwright.sync_api import expect

    expect.set_options(timeout=60_000)  # other tests share the cores
    with visitor() as both:
        yield both


@pytest.fixture
def page(opened):
    """In light, and without the cookies of the test before."""
    page, _ = opened
    page.context.clear_cookies()
    page.emulate_media(color_scheme="light")
    return page


@pytest.fixture
def server(opened):
    return opened[1]
