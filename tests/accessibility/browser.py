"""The app and a browser, started once for whatever is walked."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.accessibility.screens import BROWSER_ARGUMENTS, chromium, running_app


@contextmanager
def visitor() -> Iterator[Any]:
    """A page in a browser that has a touch screen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=BROWSER_ARGUMENTS)
        yield browser.new_context(has_touch=True).new_page()
        browser.close()


@contextmanager
def server() -> Iterator[str]:
    """The address of an app of its own, without any runs."""
    with tempfile.TemporaryDirectory() as runs, running_app({"PEFT_RUNS_DIR": runs}) as address:
        yield address
