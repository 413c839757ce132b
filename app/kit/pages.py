"""Where the pages lie: what `st.Page`, `st.page_link` and `st.switch_page` take. No other file spells a path.

A method's page is a folder `app/method/NAME` with a `page.py`, and its words `app/content/en/method/NAME.md`. Folders
are found, not listed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.content import head
from peft_core.config import RunConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import METHODS

FOLDER = Path(__file__).parent.parent / "method"
TASK = "learn"  # what is learned: its key in a link to a Train form
WITHIN = {  # pages that are no room of their own
    "glossary": "home/", "computer": "home/", "map": "home/",
    "board": "classroom/", "vote": "classroom/", "wall": "classroom/",
}  # fmt: skip
FORM = ("train_size", "max_length", "epochs", "max_seconds", "seed")  # settings of every Train form: keys in a link


@dataclass(frozen=True)
class MethodPage:
    """A page about one method; a method may have several."""

    name: str  # of its folder, its content, and its address
    method: str
    title: str
    short: str  # the title in the list of pages
    icon: str
    link: Mapping[str, str]  # field of the configuration → key of the widget that sets it, in a link; all of them


@cache
def method_pages() -> Mapping[str, MethodPage]:
    """The pages by name: in the order of the methods, the page with the method's own name first."""
    found = []
    for script in FOLDER.glob("*/page.py"):
        name = script.parent.name
        words = head(f"method/{name}")
        found.append(
            MethodPage(
                name,
                words.get("method", name),
                words["title"],
                words.get("short", words["title"]),
                words["icon"],
                words.get("link", {}),
            )
        )
    found.sort(key=lambda page: (METHODS[page.method].position, page.name != page.method, page.name))
    return {page.name: page for page in found}


def pages_of(method: str) -> list[MethodPage]:
    """The pages about a method; the first one has its name."""
    return [page for page in method_pages().values() if page.method == method]


def rate_key(method: str) -> str:
    """The learning rate's key in a link: each method has a rate of its own."""
    return f"{method}_rate"


def page_for(method: MethodConfig) -> tuple[MethodPage, dict[str, str | list[str]]]:
    """The page with a method's own name, and what a link says to set its widgets as configured."""
    (page, *_) = pages_of(method.method)
    return page, {key: _in_link(getattr(method, field)) for field, key in page.link.items()}


def training_link(run: RunConfig) -> tuple[str, dict[str, str | list[str]]]:
    """The script of the page that trains `run`, and the rest of the link that fills in every setting its form has.

    A limit in seconds that the run lacks is left to the form.
    """
    page, method = page_for(run.method)
    both = dict(run.data) | dict(run.train)
    values = {name: both[name] for name in FORM if both[name] is not None}
    values |= {TASK: run.data.task} if run.data.task == "lie" else {}  # own texts are in no link
    values |= {"base": run.base, "section": "train", rate_key(page.method): run.learning_rate}
    return script_of(page.name), method | {key: _in_link(value) for key, value in values.items()}


def _in_link(value: object) -> str | list[str]:
    return [str(one) for one in value] if isinstance(value, tuple) else str(value).removesuffix(".0")


@cache
def addresses() -> frozenset[str]:
    """Every page by its address in the browser; Home's is empty."""
    rooms = {path.parent.name for path in FOLDER.parent.glob("*/page.py")} - {"home"}
    return frozenset({"", *rooms, *WITHIN, *method_pages()})


def script_of(name: str) -> str:
    """The script of a page by its name, which is also its address: a room of its own, or one within a room."""
    room = "method/" if name in method_pages() else WITHIN.get(name, "")
    return f"{room}{name}/page.py"
