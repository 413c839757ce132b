"""Whether a page is presented: what the address says, and what stays on the way to other pages."""

from app.kit import present


def test_a_screen_that_is_large_by_itself_is_not_presented_and_the_mode_comes_back_after_it(open_page):
    app = open_page("glossary", present="1")
    said = []
    for asked in (None, "0", None):
        if asked is None:
            app.query_params.pop(present.KEY, None)
        else:
            app.query_params[present.KEY] = asked
        app.run()
        assert not app.exception
        said.append(app.query_params.get(present.KEY))
    assert [one[0] if isinstance(one, list) else one for one in said] == ["1", "0", "1"]
