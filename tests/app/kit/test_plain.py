"""A sentence of the library is shown letter for letter."""

from app.kit.plain import escaped


def test_a_sentence_of_the_library_is_shown_letter_for_letter():
    shown = escaped("**b** [a](http://x) <img src=x> $x$ :red[y] `c` ~s~ | #1")
    for character in "*[]()<>$:`~|#":
        assert all(shown[i - 1] == "\\" for i, c in enumerate(shown) if c == character)
