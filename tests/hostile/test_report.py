"""What docs/serving.md says that `make soak` found is what its results say."""

from tests.hostile.report import BEGIN, PAGE, table, written


def test_the_page_says_what_the_results_say():
    page = PAGE.read_text(encoding="utf-8")
    assert BEGIN in page and written(page, table()) == page
    assert written(page, "another") != page
    assert table().count("\n| ") >= 4  # without the head: kills, checkpoints, addresses, tables
