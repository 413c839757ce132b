"""A table on the command line: what only a person can know is asked for, by the option that says it."""

import pytest

from peft_core.cli.tables import Told, reviews_of_file
from peft_core.errors import PeftClassroomError

STARS = "body,stars\n" + "".join(f"film number {i},{1 + i % 5}\n" for i in range(10))
NOT_TOLD = [
    (STARS, Told(), "Does the first row name the columns"),
    (STARS, Told(names=True), "Which column holds the texts"),
    (STARS, Told("2", "stars"), "the same column"),
    (STARS, Told("body", "rating"), "no one column 'rating'"),
    (STARS, Told("body", "3"), r"no one column '3'. --label-column is one of: 1 \('body'\), 2 \('stars'\)"),
    (STARS, Told("body", "stars"), "The values of that column are: 1, 2, 3, 4, 5. Say what they mean"),
    (STARS, Told("body", "stars", positive="4,6"), "No row has the label '6'"),
    (STARS, Told("body", "stars", "4,5", "1,4"), "'4' cannot be both"),
    (STARS, Told("body", positive="5"), "name it"),
    (STARS, Told("body", separator="x"), "--separator is one of"),
    (STARS, Told("body", encoding="rot13"), "Unknown encoding"),
    ("a good film\n", Told(), "Does the first row name the columns"),
]


@pytest.mark.parametrize(("content", "told", "sentence"), NOT_TOLD)
def test_what_is_not_told_is_asked_for_and_not_guessed(content, told, sentence, tmp_path):
    (tmp_path / "class.csv").write_text(content)
    with pytest.raises(PeftClassroomError, match=sentence):
        reviews_of_file(str(tmp_path / "class.csv"), told)


def test_what_is_told_is_done(tmp_path):
    (tmp_path / "class.csv").write_text(STARS)
    reviews, _ = reviews_of_file(str(tmp_path / "class.csv"), Told("body", "stars", "4,5", "1, 2"))
    assert reviews.labels == (0, 0, None, 1, 1) * 2
    (tmp_path / "plain.csv").write_text("a film;POS\nb film;neg\n")
    reviews, table = reviews_of_file(str(tmp_path / "plain.csv"), Told("1", "2", names=False))
    assert (reviews.texts, reviews.labels, table.delimiter) == (("a film", "b film"), (1, 0), ";")
