"""Render every page, section by section, at a projector's and a phone's size, in light and dark, into screenshots/.

    make screenshots                    # all of it: about ten minutes
    make screenshots ONLY="lora home"   # some pages

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
sys.path.insert(0, str(ROOT))  # run as a script, its own folder is all that is there

from app.kit.pages import method_pages  # noqa: E402
from peft_core.computer.browser import chromium  # noqa: E402

OUT = ROOT / "screenshots"
SECTIONS = ("idea", "count", "maths", "steps", "train", "inside", "try", "check", "cost", "code")
TABS = ("compare", "dials", "explain", "what_if", "identity", "many", "calibration")
COMPARE = ("table", "trade_off", "curves", "significant", "optimism", "export")
REPORT = ("curves", "last", "rising", "tree", "mask", "targets", "starts", "slips", "ties", "digits")
LAB = ("builder", "motion", "delta", "enough", "similarity", "against")
PAGES = {
    "home": {"home": "/", **{f"home-{tab}": f"/?about={tab}" for tab in ("why", "family", "when_not")}},
    "glossary": {"glossary": "/glossary"},
    "computer": {"computer": "/computer"},
    "board": {"board": "/board"},
    "map": {
        "map": "/map?plug=soft_prompt&plug=adapter&plug=lora",
        "map-t5-small": "/map?map_base=t5-small&plug=prefix",
    },
    **{page: {f"{page}-{section}": f"/{page}?section={section}" for section in SECTIONS} for page in method_pages()},
    "playground": {f"playground-{tab}": f"/playground?tab={tab}" for tab in TABS},
    "compare": {f"compare-{part}": f"/compare?part={part}" for part in COMPARE},
    "report": {f"report-{screen}": f"/compare?part=report&screen={screen}" for screen in REPORT},
    "rank_lab": {f"rank_lab-{tab}": f"/rank_lab?lab={tab}" for tab in LAB},
}
PAGES["race"] = {
    "race": "/race",
    "race-half": "/race?race_at=55",
    "race-end": "/race?race_at=100",
    "race-live": "/race?race=live",
}
PAGES["lessons"] = {
    "lessons": "/lessons",
    "lessons-whole": "/lessons?read=lora-in-ten-minutes",
    "lessons-stop": "/lora?section=count&lesson=lora-in-ten-minutes&stop=3",
    "lessons-projector": "/lora?section=count&lesson=lora-in-ten-minutes&stop=3&present=1",
}
TO_ASK = "/lora?section=check&question=2"
PAGES["vote"] = {"vote": "/vote", "vote-screen": TO_ASK, "vote-phone": TO_ASK}
PAGES["wall"] = {"wall": "/wall", "wall-screen": "/wall", "wall-phone": "/wall"}
PAGES["rank_lab"]["rank_lab-photograph"] = "/rank_lab?lab=motion&motion=photograph&photo_rank=4"
PROMPT = ("price", "length", "words", "relatives")
PAGES["soft_prompt"] |= {
    f"soft_prompt-{name}": f"/soft_prompt?section=choices&prompt_question={name}" for name in PROMPT
}
for question in ("every_pair", "seeds", "power", "quoted"):
    PAGES["compare"][f"compare-{question}"] = f"/compare?part=significant&question={question}"
for question in ("temperature", "threshold"):
    PAGES["playground"][f"playground-{question}"] = f"/playground?tab=calibration&sure={question}"
PAGES["full"] |= {f"full-{name}": f"/full?section=maths&one_step={name}" for name in ("loss", "rate", "precision")}
PAGES["full"]["full-forgetting"] = "/full?section=forgetting"
PAGES["prefix"]["prefix-prefix_read"] = "/prefix?section=prefix_read"
PAGES["lora"]["lora-rank_one"] = "/lora?section=rank_one&terms=2"
for pane in ("scaling", "targets", "variants", "origin", "start", "many"):
    PAGES["lora"][f"lora-choices-{pane}"] = f"/lora?section=choices&lora_question={pane}"
for _choice in ("where", "start", "width", "prediction", "merging", "norms", "tasks"):
    PAGES["adapter"][f"adapter-choices-{_choice}"] = f"/adapter?section=choices&choice={_choice}"
for _surprise in ("rounding", "train_adapter", "names", "sharing"):
    PAGES["adapterhub"][f"adapterhub-{_surprise}"] = f"/adapterhub?section=library&surprise={_surprise}"
SIZES = {"projector": (1280, 720), "phone": (390, 844)}
SCHEMES = ("light", "dark")
REVIEW = "The plot creaks and the dialogue is clumsy, yet the two leads are so good together that I left smiling."
BROWSER_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--force-prefers-reduced-motion"]


@contextmanager
def running_app(environment: dict[str, str] | None = None, script: str = "app/main.py") -> Iterator[str]:
    """The app, or another script, on a free port; gives its address and stops it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.headless", "true"]
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


QUIET = """milliseconds => {
    if (!window.lastChange) {
        const noted = () => { window.lastChange = performance.now(); };
        noted();
        const everything = {subtree: true, childList: true, attributes: true, characterData: true};
        new MutationObserver(noted).observe(document, everything);
    }
    const app = document.querySelector("[data-testid=stApp]");
    return app && app.dataset.testConnectionState === "CONNECTED" && app.dataset.testScriptState === "notRunning"
        && performance.now() - window.lastChange > milliseconds
        && document.querySelector("h1") && !document.querySelector("[data-testid=stSkeleton]")
        && !document.body.innerText.includes("is being loaded"); // last, for it costs the browser a layout
}"""


def settled(page: Page, quiet_ms: int = 500) -> None:
    """Wait until the page has its content, torch is in, nothing runs, and nothing has changed for a while.

    Charts come late, and what a click starts begins a moment after it: both change the document.
    """
    page.wait_for_function(QUIET, arg=quiet_ms, polling=50, timeout=180_000)
    if page.locator("[data-testid='stException']").count():
        raise RuntimeError(f"{page.url} shows an exception: {page.locator('[data-testid=stException]').inner_text()}")


def make_worth_a_picture(page: Page, name: str) -> None:
    """A page that answers questions is asked one."""
    if name in ("playground-compare", "playground-dials", "playground-explain", "playground-what_if"):
        _write(page, "review", REVIEW)
        if button := {"explain": "explain_go", "what_if": "what_if_negate"}.get(name.split("-")[1]):
            press(page, button)
    elif name == "playground-identity":
        press(page, "identity_go")
    elif name == "playground-many":
        _write(page, "many_text", "\n".join(["A wonderful, moving film.", "Dull from start to finish.", REVIEW]))
        press(page, "many_classify")
    elif name.startswith(("vote-", "wall-")):
        press(page, "quiz_ask_class" if name.startswith("vote") else "wall_open")
        page.wait_for_url("**view=screen**")
        if name.endswith("phone"):
            page.goto(page.url.replace("&view=screen", ""))
        settled(page)
    elif name.endswith("-try"):
        _write(page, "try_review", REVIEW)
        press(page, "try")


def _write(page: Page, key: str, words: str) -> None:
    box = page.locator(f".st-key-{key} textarea")
    box.fill(words)
    box.press("Control+Enter")
    settled(page)


def press(page: Page, key: str) -> None:
    """Press the button with this key, and wait for what it does."""
    page.locator(f".st-key-{key}").get_by_role("button").click()
    page.wait_for_timeout(300)
    settled(page)


def photograph(page: Page, stem: Path, width: int) -> None:
    """STEM-screen.png: what one screen shows; STEM.png: all of it."""
    page.screenshot(path=f"{stem}-screen.png")
    # Streamlit scrolls inside the page: to see all of it, the window has to be as high as its content
    content = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": min(int(content) + 40, 8000)})
    page.wait_for_timeout(500)
    page.screenshot(path=f"{stem}.png")


def main(only: list[str]) -> None:
    """Write screenshots/PAGE-SECTION-SIZE-SCHEME.png (the whole page) and …-screen.png (what one screen shows)."""
    OUT.mkdir(exist_ok=True)
    wanted = {name: path for page in only or PAGES for name, path in PAGES[page].items()}
    with running_app() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=BROWSER_ARGUMENTS)
        for size, (width, height) in SIZES.items():
            for scheme in SCHEMES:
                context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
                for name, path in wanted.items():
                    page = context.new_page()
                    page.goto(address + path)
                    settled(page)
                    make_worth_a_picture(page, name)
                    photograph(page, OUT / f"{name}-{size}-{scheme}", width)
                    print(f"{name}-{size}-{scheme}.png")
                    page.close()
                context.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
