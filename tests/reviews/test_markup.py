"""HTML that came along with a review: gone before a model reads it, and what people write stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peft_core.reviews.checks import check_text, had_markup

PIECES = [
    *("<br/>", "<BR />", "<br>", "<i>", "</i>", "<p class='x'>", "<", ">"),
    *("&quot;", "&amp;", "amp;", "quot;", "&#39;", "&", "b", " ", "film", "\x07"),
]


@pytest.mark.parametrize(
    ("pasted", "read"),
    [
        ("Great.<br/><br />Really<BR>great.", "Great. Really great."),
        ("<p>One</p><p class=\"x\">two</p>", "One two"),
        ("I saw <i>Titanic</i>, <strong>twice</strong>.", "I saw Titanic, twice."),
        ("&quot;Good&quot; &amp; short &#39;n sweet&nbsp;&hellip;", '"Good" & short \'n sweet …'),
        ("&amp;quot;Good&amp;quot;", '"Good"'),
        ("&lt;br&gt;good", "good"),
    ],
)  # fmt: skip
def test_html_is_read_as_a_browser_shows_it(pasted, read):
    assert check_text(pasted) == read
    assert had_markup(pasted)


@pytest.mark.parametrize(
    "text", ["3 < 5 > 2", "I <3 it", "AT&T; and R&D", "<spoiler> He dies </spoiler>", "&copy2010 &not good", "<bravo>"]
)
def test_what_is_no_markup_stays(text):
    assert check_text(text) == text
    assert not had_markup(text)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_cleaning_twice_is_cleaning_once(text):
    read = check_text(f"word {text}")
    assert check_text(read) == read
    assert not had_markup(read)


def test_white_space_alone_is_no_markup():
    assert not had_markup("a  good\n\nfilm\x07")
