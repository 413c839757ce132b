"""Render every page at a projector's and a phone's size, in light and dark, into screenshots/.

    make screenshots

Starts the app on a free port with a browser without a window (Debian's chromium, or the one in CHROMIUM). Fails if a
page shows an exception or never finishes loading.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "screenshots"
PAGES = {"home": "/", "lora": "/lora", "playground": "/playground"}
SIZES = {"projector": (1280, 720), "phone": (390, 844)}
SCHEMES = ("light", "dark")
REVIEW = "The plot creaks and the dialogue is clumsy, yet the two leads are so good together that I left smiling."
BROWSER_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def chromium() -> str:
    """Path of the browser."""
    return os.environ.get("CHROMIUM", "/usr/bin/chromium")


@contextmanager
def running_app(environment: dict[str, str] | None = None) -> Iterator[str]:
    """The app on a free port; gives its address and stops it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app/main.py", "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | (environment or {}), stdout=subprocess.DEVNULL) as server:
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/_stcore/health", server)
            yield address
        finally:
            server.terminate()
            server.wait(timeout=20)


def _wait_for(address: str, server: subprocess.Popen, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"The app ended with code {server.returncode} before it answered.")
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                if answer.read() == b"ok":
                    return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"The app did not answer within {seconds:.0f} seconds.")


def settled(page: Page) -> None:
    """Wait until the page has its content, torch is in, and nothing runs any more."""
    page.wait_for_selector("[data-testid='stApp'][data-test-connection-state='CONNECTED']", timeout=60_000)
    page.wait_for_selector("h1", timeout=60_000)
    page.wait_for_timeout(1000)
    page.wait_for_function("!document.body.innerText.includes('is being loaded')", timeout=120_000)
    page.wait_for_selector("[data-testid='stApp'][data-test-script-state='notRunning']", timeout=60_000)
    page.wait_for_timeout(1500)
    if page.locator("[data-testid='stException']").count():
        raise RuntimeError(f"{page.url} shows an exception: {page.locator('[data-testid=stException]').inner_text()}")


def classify_something(page: Page) -> None:
    """The Playground is worth a picture only with an answer on it."""
    page.get_by_label("Your review").fill(REVIEW)
    page.get_by_label("Your review").press("Control+Enter")
    page.wait_for_timeout(1000)
    page.get_by_role("button", name="Classify").click()
    page.wait_for_selector(".st-key-verdicts", timeout=60_000)
    settled(page)


def main() -> None:
    """Write screenshots/PAGE-SIZE-SCHEME.png (the whole page) and …-screen.png (what one screen shows)."""
    OUT.mkdir(exist_ok=True)
    with running_app() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=BROWSER_ARGUMENTS)
        for size, (width, height) in SIZES.items():
            for scheme in SCHEMES:
                context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
                for name, path in PAGES.items():
                    page = context.new_page()
                    page.goto(address + path)
                    settled(page)
                    if name == "playground" and page.get_by_role("button", name="Classify").is_enabled():
                        classify_something(page)
                    stem = OUT / f"{name}-{size}-{scheme}"
                    page.screenshot(path=f"{stem}-screen.png")
                    # Streamlit scrolls inside the page: to see all of it, the window has to be as high as its content
                    content = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
                    page.set_viewport_size({"width": width, "height": min(int(content) + 40, 8000)})
                    page.wait_for_timeout(800)
                    page.screenshot(path=f"{stem}.png")
                    print(f"{stem.name}.png")
                    page.close()
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
