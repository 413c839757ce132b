"""Every term of the glossary is used, every marked term is explained, and a link holds the glossary's words alone."""

import re

import pytest

from app.content import FOLDER, LANGUAGE, anchor, glossary, marked, text

MARK = re.compile(r"\[\[(?:[^\[\]|]+\|)?([^\[\]|]+)\]\]")
HEAD = re.compile(r"\A\+\+\+\n.*?^\+\+\+$", re.DOTALL | re.MULTILINE)  # data: [[lists]] is TOML there
CONTENT = {path: HEAD.sub("", path.read_text(encoding="utf-8")) for path in (FOLDER / LANGUAGE).rglob("*.*")}
USED = {term for path, body in CONTENT.items() if path.name != "glossary.toml" for term in MARK.findall(body)}


def test_every_marked_term_is_explained_and_every_term_is_marked_somewhere():
    assert USED == set(glossary())


@pytest.mark.parametrize("term", glossary())
def test_a_meaning_can_stand_in_a_title(term):
    meaning = glossary()[term]
    assert meaning.endswith(".")
    assert not set('{}"\\<>\n') & set(meaning)  # a title ends at a quote, and a text's braces are filled in
    assert anchor(term)


def test_the_terms_stand_in_alphabetical_order_and_each_has_a_place_of_its_own():
    terms = list(glossary())
    assert terms == sorted(terms, key=str.casefold)
    assert len({anchor(term) for term in terms}) == len(terms)


def test_a_mark_becomes_a_link_with_its_meaning():
    meaning = glossary()["logit"]
    assert marked("the [[logit]] of") == f'the [logit](glossary#logit "{meaning}") of'
    assert marked("two [[scores|logit]]") == f'two [scores](glossary#logit "{meaning}")'
    with pytest.raises(KeyError):
        marked("[[no such term]]")


def test_a_place_has_the_name_that_a_browser_gives_it():
    """Read off the headings of the page in a browser."""
    seen = {"AdamW": "adam-w", "McNemar test": "mc-nemar-test", "bf16": "bf16", "ECE": "ece", "TF-IDF": "tf-idf"}
    assert {term: anchor(term) for term in seen} == seen


def test_what_a_visitor_types_is_never_taken_for_a_mark():
    assert "glossary#" not in text("common", "try_it", method="[[logit]]")


def test_the_page_has_every_term_at_its_place(open_page):
    app = open_page("glossary")
    shown = [m.value for m in app.markdown]
    assert [words for words in shown if words.startswith("## ")] == [f"## {t}\n{m}" for t, m in glossary().items()]
