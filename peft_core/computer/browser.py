"""The browser that the browser tests and `make screenshots` drive."""

import os
import shutil

from peft_core.computer.finding import Finding

USUAL = "/usr/bin/chromium"


class Browser(Finding):
    """Chromium, or what stands in for it."""

    path: str | None


def chromium() -> str:
    """Path of the browser: `CHROMIUM`, otherwise Debian's."""
    return os.environ.get("CHROMIUM") or USUAL


def browser() -> Browser:
    """Whether it is here."""
    path = shutil.which(chromium())
    if path:
        return Browser(name="browser", path=path, found=path, public="it is here")
    return Browser(
        name="browser", path=None, state="note", found=f"there is no {chromium()}", public="it is not here",
        then="The browser tests and `make screenshots` need it: apt-get install chromium, or set CHROMIUM to its path.",
    )  # fmt: skip
