"""A sentence of the library is shown letter for letter."""

from app.kit.plain import JOINER, escaped


def test_a_sentence_of_the_library_is_shown_letter_for_letter():
    shown = escaped("**b** [a](http://x) <img src=x> $x$ :red[y] `c` ~s~ | #1")
    for character in "*[]()<>$:`~|#":
        assert all(shown[i - 1] == "\\" for i, c in enumerate(shown) if c == character)


def test_what_looks_like_a_link_stays_a_text():
    """The browser makes links of such words after it has taken the backslashes away."""
    for words in ("https://evil.example/x", "HTTP://evil.example", "www.evil.example", "me@evil.example"):
        shown = escaped(words)
        assert JOINER in shown and words not in shown.replace("\\", "")
        assert shown.replace("\\", "").replace(JOINER, "") == words


def test_a_line_begins_no_list_no_code_and_makes_no_heading_of_the_one_before():
    assert escaped("a\n===") == "a\n\\==="
    assert escaped("a\n1. b\n.") == "a\n1\\. b\n\\."
    assert escaped("a\n\n    b") == "a\n\nb"
    assert escaped("&lt; & &#60; AT&T") == "\\&lt; & \\&\\#60; AT&T"
    assert escaped("r=8, 1.5%") == "r=8, 1.5%"
