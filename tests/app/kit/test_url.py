"""Links, Back and Forward: the address is right when it says something, and what is not here is told."""

import pytest
from streamlit.testing.v1 import AppTest

from app.kit import url


def page() -> None:
    import streamlit as st

    from app.kit import url

    tabs = url.tabs("tab", ("first", "second"), ("One", "Two"))
    st.text(next(name for name, tab in tabs.items() if tab.open))
    st.text(url.one_of("side", "Side", {"left": "Left", "right": "Right"}))
    st.text(url.pick("size", "Size", [1, 2, 3], 1, str))
    url.clamp("n", "n", 1, 8)
    st.text(st.slider("n", 1, 8, 2, key="n", bind="query-params"))


def opened(**query: str) -> AppTest:
    app = AppTest.from_function(page, default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def shown(app: AppTest) -> list[str]:
    return [element.value for element in app.text]


def test_a_link_sets_what_it_names_and_a_later_address_nothing(monkeypatch):
    app = opened(tab="second", side="right", size="3", n="5")
    assert shown(app) == ["second", "right", "3", "5"]
    app.query_params["side"] = "left"
    app.run()  # a slow address of the run before
    assert shown(app)[1] == "right"
    assert app.query_params["side"] == "right"


def test_after_back_the_address_is_right_also_where_it_says_nothing(monkeypatch):
    app = opened(tab="second", side="right", size="3")
    monkeypatch.setattr(url, "went_back_or_forward", lambda: True)
    for key in ("tab", "side", "size"):
        del app.query_params[key]
    app.run()
    assert shown(app)[:3] == ["first", "left", "1"]
    app.query_params["tab"], app.query_params["size"] = "second", "2"
    app.run()
    assert shown(app)[:3] == ["second", "left", "2"]


@pytest.mark.parametrize(("asked", "used"), [("99", 8), ("-4", 1), ("1e9", 8)])
def test_what_is_moved_is_told_and_stands_in_the_address(asked, used):
    app = opened(n=asked)
    assert shown(app)[3] == str(used)
    assert app.query_params["n"] == str(used)
    assert [f"{used}." in note.value for note in app.info] == [True]
    app.get_by_key("n").set_value(4).run()
    assert not app.info


def test_what_is_not_here_is_told_in_plain_words_until_another_is_chosen():
    app = opened(tab="**third**" + "x" * 100, side="up")
    notes = [note.value for note in app.info]
    assert len(notes) == 2
    assert r"\*\*third\*\*" in notes[0]
    assert "x" * 50 not in notes[0]
    app.run()  # the page draws itself again while libraries load
    assert len(app.info) == 2
    app.get_by_key("side").set_value("right").run()
    assert len(app.info) == 1


def other_pages() -> None:
    import streamlit as st

    from app.kit import url

    offered = ["a", "b", "c"] if st.toggle("of all", True, key="of_all") else ["a", "b"]
    st.text(url.one_of("side", "Side", {name: name.upper() for name in offered}))


def test_what_a_control_said_on_another_page_and_cannot_say_here_is_the_first_option():
    app = AppTest.from_function(other_pages, default_timeout=60).run()
    app.get_by_key("side").set_value("c").run()
    assert shown(app) == ["c"]
    app.get_by_key("of_all").set_value(False).run()
    assert not app.exception
    assert shown(app) == ["a"]
    assert "side" not in app.query_params
