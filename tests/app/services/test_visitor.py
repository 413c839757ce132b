"""Whose runs these are: the browser's by our own cookie, a person's who is signed in, else the session's."""

from types import SimpleNamespace

import pytest

from app.services import visitor
from peft_core.serving.keys import Keys


@pytest.fixture
def sits(monkeypatch, tmp_path):
    """Somebody in front of a page, with these cookies and this login; gives the keys of the server."""
    keys = Keys(tmp_path / ".server")
    monkeypatch.setattr(visitor, "keys", lambda: keys)

    def sit(cookies=None, user=None, session=None):
        session = {} if session is None else session
        context = SimpleNamespace(cookies=cookies or {})
        monkeypatch.setattr(visitor, "st", SimpleNamespace(context=context, user=user or {}, session_state=session))
        return keys

    return sit


def test_a_browser_keeps_its_runs_whatever_cookies_of_others_come_with_it(sits):
    keys = sits()
    ann = keys.new_visitor()
    mine = {"peft_visitor": keys.visitor_cookie(ann)}
    sits(mine)
    assert visitor.owner() == ann
    sits(mine | {"_streamlit_xsrf": "2|00000000|" + "00" * 16 + "|1"})
    assert visitor.owner() == ann
    bob = keys.new_visitor()
    sits({"peft_visitor": keys.visitor_cookie(bob)})
    assert visitor.owner() == bob


@pytest.mark.parametrize("cookie", [None, "", "0" * 32, "forged.AAAAAA.x"])
def test_without_a_cookie_of_ours_it_is_the_session(sits, cookie):
    ann, bob = {}, {}
    owners = []
    for session in (ann, ann, bob):
        sits({"peft_visitor": cookie} if cookie is not None else {}, session=session)
        owners.append(visitor.owner())
    assert owners[0] == owners[1] != owners[2]
    assert all(1 <= len(owner) <= 64 for owner in owners)


def test_whoever_is_signed_in_has_the_same_runs_in_every_browser(sits):
    user = {"is_logged_in": True, "iss": "https://login.example", "sub": "4711"}
    keys = sits()
    sits({"peft_visitor": keys.visitor_cookie(keys.new_visitor())}, user)
    here = visitor.owner()
    sits(user=user)
    assert visitor.owner() == here
    sits(user=user | {"iss": "https://other.example"})
    assert visitor.owner() != here
    assert "4711" not in here


@pytest.mark.parametrize(
    ("user", "asks"), [({}, False), ({"is_logged_in": False}, True), ({"is_logged_in": True, "sub": "1"}, False)]
)
def test_a_login_is_asked_for_where_one_is_set_up(sits, user, asks):
    sits(user=user)
    assert visitor.asks_for_login() is asks


def test_the_teacher_is_the_browser_that_gave_the_key(sits):
    keys = sits()
    keys.teacher_key()
    ann, bob = keys.new_visitor(), keys.new_visitor()
    given = keys.teacher_cookie(ann)
    for browser, cookie, expected in ((ann, given, True), (bob, given, False), (ann, "x", False), (ann, None, False)):
        cookies = {"peft_visitor": keys.visitor_cookie(browser)} | ({"peft_teacher": cookie} if cookie else {})
        sits(cookies)
        assert visitor.is_teacher() is expected
