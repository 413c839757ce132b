"""Every link of a shipped lesson names a page, keys that this page has, and values that it takes.

What is legal is asked of the pages: of what they import, or of the constants that stand in their files. A key without a
rule fails: say here where its page has the list.
"""

import ast
import re
from collections.abc import Callable, Container
from pathlib import Path

import pytest

from app.compare.significant.section import QUESTIONS
from app.compare.trade_off.section import SIDES
from app.content.lessons import find
from app.kit.asking.review_box import MOST_IN_LINK
from app.kit.length import STOPS
from app.kit.pages import addresses, method_pages
from app.method.lora.why_rank_one import MATRICES
from app.method.train.settings import MAX_EPOCHS
from app.method.train.task import TASKS
from app.playground.identity.lists import written
from app.playground.identity.section import VIEWS
from app.rank_lab import matrix_editor
from peft_core.checkpoints.listing import list_checkpoints
from peft_core.paths import ROOT
from peft_core.t5.architecture import catalogue
from peft_core.training.snapshots.moments import RECORDED, steps_in

APP = ROOT / "app"
LESSONS = find(addresses())[0]
STOPS_OF = [(lesson, number) for lesson in LESSONS.values() for number in range(1, len(lesson.stops) + 1)]


def constants(path: str, name: str) -> set:
    """The constants within the first value that a file gives to `name`, or within its keyword argument `name`."""
    tree = ast.parse((APP / path).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and name in {ast.unparse(target) for target in node.targets}:
            value = node.value
        elif isinstance(node, ast.keyword) and node.arg == name:
            value = node.value
        else:
            continue
        keys = value.keys if isinstance(value, ast.Dict) else ast.walk(value)
        return {key.value for key in keys if isinstance(key, ast.Constant)}
    return set()


def tuple_of(path: str, name: str) -> dict:
    """The numbers of a line like `LOW, HIGH = 1, 2`, by their names."""
    for node in ast.walk(ast.parse((APP / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            names = [ast.unparse(one) for one in node.targets[0].elts]
            if name in names:
                return dict(zip(names, ast.literal_eval(node.value), strict=True))
    raise AssertionError(f"{path} has no {name}")


def whole(low: int, high: float) -> Callable[[str], bool]:
    return lambda value: value.isdecimal() and low <= int(value) <= high


A_SCREEN = re.compile(r"[1-9](\.[2-9])?").fullmatch  # a figure, or a screen after it: app/kit/present


def among(options: Container) -> Callable[[str], bool]:
    return lambda value: value in options


def a_matrix(value: str) -> bool:
    return matrix_editor.written(matrix_editor.read(value)) == value


CHECKPOINTS = {info.name for info in list_checkpoints()}
LORA = tuple_of("method/lora/page.py", "MAX_RANK")
SKELETON = constants("method/skeleton.py", "names")
OF_METHODS = {
    "base": among(catalogue()),
    "question": whole(1, 9),
    "inside_run": lambda value: (RECORDED / value).is_dir(),
    "inside_step": whole(0, 10**6),
    "learn": among(TASKS),
    "epochs": whole(1, MAX_EPOCHS),
    "max_length": lambda value: int(value) in STOPS,
}
KEYS: dict[str, dict[str, Callable[[str], bool]]] = {
    "": {
        "about": among(constants("home/page.py", "SCREENS")),
        "customers": whole(1, tuple_of("home/why.py", "MOST")["MOST"]),
    },
    "playground": {
        "tab": among(constants("playground/page.py", "TABS")),
        "checkpoint": among(CHECKPOINTS | {"tiny-t5"}),
        "explain_checkpoint": among(CHECKPOINTS | {"tiny-t5"}),
        "words": lambda value: 0 < len(value) <= MOST_IN_LINK,
        "asked": among("01"),
        "identity_view": among(VIEWS),
        "identity_list": among(written()),
    },
    "race": {"race_at": whole(0, 100)},
    "rank_lab": {
        "lab": among(constants("rank_lab/page.py", "TABS")),
        "matrix": a_matrix,
        "delta_of": among(CHECKPOINTS),
    },
    "compare": {
        "part": among(constants("compare/page.py", "PARTS")),
        "question": among(QUESTIONS),
        "points": among(SIDES),
        "first": among(CHECKPOINTS),
        "second": among(CHECKPOINTS),
    },
    "lora": {
        "lora_r": whole(1, LORA["MAX_RANK"]),
        "lora_alpha": whole(1, LORA["MAX_ALPHA"]),
        "svd_matrix": among(MATRICES),
    },
    "soft_prompt": {"prompt_question": among(constants("method/soft_prompt/choices.py", "SCREENS"))},
}


def keys_of(page: str) -> dict[str, Callable[[str], bool]]:
    own = KEYS.get(page, {}) | {"figure": A_SCREEN}
    if page not in method_pages():
        return own
    more = constants(f"method/{page}/page.py", "more")
    return OF_METHODS | own | {"section": among(SKELETON | more | {"check"})}


def test_the_lists_are_those_of_the_pages():
    assert {"idea", "count", "train", "code"} <= SKELETON and "rank_one" not in SKELETON
    assert "rank_one" in constants("method/lora/page.py", "more")
    assert {"methods", "why"} <= constants("home/page.py", "SCREENS")
    assert LORA == {"MAX_RANK": 256, "MAX_ALPHA": 512.0}
    assert Path(RECORDED / "lora").is_dir() and "lora-8" in CHECKPOINTS


@pytest.mark.parametrize(("lesson", "number"), STOPS_OF, ids=lambda it: it if isinstance(it, int) else it.name)
def test_a_link_names_what_its_page_has(lesson, number):
    stop = lesson.stops[number - 1]
    assert stop.page in addresses()
    known = keys_of(stop.page)
    for key, value in stop.query:
        assert key in known, f"{stop.page or 'Home'} has no {key}, or KEYS does not know where its list is"
        assert known[key](value), f"{key} = {value}"
    query = dict(stop.query)
    if "inside_step" in query:
        assert int(query["inside_step"]) in steps_in(RECORDED / query["inside_run"])
    if "lora_r" in query:  # after a link without α the page would show α's default, and not 2·r
        assert float(query["lora_alpha"]) == 2 * int(query["lora_r"])


@pytest.mark.parametrize(
    ("page", "key", "value"),
    [("lora", "section", "cuont"), ("lora", "lora_r", "0"), ("compare", "first", "lora-9"), ("", "about", "us")],
)
def test_a_wrong_value_would_be_noticed(page, key, value):
    assert not keys_of(page)[key](value)
    assert "lora_rank" not in keys_of("lora")
