"""One browser for all tests of a file."""

import os
import shutil
from pathlib import Path

import pytest

from tests.accessibility.browser import visitor
from tests.accessibility.screens import chromium


@pytest.fixture(scope="module")  # no longer: playwright keeps the loop of its thread, and other tests want one
def opened():
    """The same page in every test; each opens what it needs."""
    if not shutil.which(chromium()) and not os.environ.get("CI"):
        pytest.skip(f"the screens were not walked: there is no {chromium()} (Debian: apt-get install chromium)")
    assert Path(chromium()).exists(), f"In CI the screens are always walked, but there is no {chromium()}."
    from playwright.sync_api import expect

    expect.set_options(timeout=60_000)  # other tests share the cores
    with visitor() as one:
        yield one


@pytest.fixture
def page(opened):
    """In light, and without the cookies of the test before."""
    opened.context.clear_cookies()
    opened.emulate_media(color_scheme="light")
    return opened


@pytest.fixture
def server(app_without_runs):
    return app_without_runs
