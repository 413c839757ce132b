"""Cookies that only this server can make, a key and a password that are compared in constant time."""

import os
import stat
import threading
import time

import pytest

from peft_core.errors import PeftClassroomError
from peft_core.serving import keys as module
from peft_core.serving.keys import Keys, short


@pytest.fixture
def keys(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SCRYPT", {"n": 2, "r": 1, "p": 1})
    return Keys(tmp_path / ".server")


def test_a_cookie_is_read_by_every_server_over_the_folder_and_by_no_other(keys, tmp_path):
    visitor = keys.new_visitor()
    cookie = keys.visitor_cookie(visitor)
    assert Keys(keys.folder).visitor(cookie) == visitor
    assert Keys(tmp_path / "another").visitor(cookie) is None


def test_what_this_server_did_not_sign_is_nobody(keys):
    visitor = keys.new_visitor()
    cookie = keys.visitor_cookie(visitor)
    changed = cookie[:-9] + ("A" if cookie[-9] != "A" else "B") + cookie[-8:]  # the last letter has bits to spare
    other_kind = keys._signer("class").dumps(visitor)
    odd = [None, "", visitor, changed, cookie + "x", other_kind, "x" * 10_000, "é", keys._signer("visitor").dumps("x")]
    assert [keys.visitor(one) for one in [*odd, keys._signer("visitor").dumps(["x"])]] == [None] * 10


def test_no_two_browsers_are_one(keys):
    assert len({keys.new_visitor() for _ in range(1000)}) == 1000


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_what_lies_there_is_readable_for_the_server_alone_and_becomes_so_again(keys, caplog):
    keys.teacher_key()
    keys.set_password("open sesame")
    files = [keys.folder / name for name in ("secret", "teacher", "password")]
    assert sorted(keys.folder.iterdir()) == sorted(files)
    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    files[0].chmod(0o644)
    Keys(keys.folder)
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert "could be read by others" in caplog.text


def test_servers_that_start_at_once_come_to_one_secret(tmp_path):
    found, start = [], threading.Barrier(8)

    def begin():
        start.wait()
        found.append(Keys(tmp_path / ".server")._secret)

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_where_nothing_can_be_kept_browsers_are_known_until_the_server_ends_and_the_log_says_so(tmp_path, caplog):
    (tmp_path / "runs").write_text("a file")
    keys = Keys(tmp_path / "runs" / ".server")
    assert "until it ends" in caplog.text
    visitor = keys.new_visitor()
    assert keys.visitor(keys.visitor_cookie(visitor)) == visitor
    with pytest.raises(PeftClassroomError, match="cannot be written"):
        keys.set_password("open sesame")


def test_a_password_that_cannot_be_read_lets_nobody_in(keys):
    (keys.folder / "password").write_bytes(b"\xff")
    assert keys.has_password
    for ask in (lambda: keys.is_password("x"), lambda: keys.entered("ann", keys._signer("class").dumps("ann"))):
        with pytest.raises(PeftClassroomError, match="cannot be read"):
            ask()


def test_the_password_lets_in_this_browser_until_it_is_another_password(keys):
    ann, bob = keys.new_visitor(), keys.new_visitor()
    assert not keys.has_password
    assert not keys.is_password("")
    keys.set_password("Grüße aus 7b")
    assert keys.has_password
    assert keys.is_password("Grüße aus 7b")
    assert [keys.is_password(typed) for typed in ("", "grüße aus 7b", "Grüße", "x" * 1_000_000)] == [False] * 4
    cookie = keys.class_cookie(ann)
    assert keys.entered(ann, cookie)
    assert not keys.entered(bob, cookie)
    assert not keys.entered(None, cookie)
    assert not keys.entered(ann, keys.visitor_cookie(ann))
    keys.set_password("Grüße aus 7b")  # the same word, set again: everybody enters again
    assert not keys.entered(ann, cookie)
    keys.set_password(None)
    assert not keys.has_password
    assert not keys.entered(ann, cookie)


def test_the_password_itself_is_nowhere(keys):
    keys.set_password("open sesame")
    assert all("sesame" not in path.read_text() for path in keys.folder.iterdir())


def test_the_teachers_key_holds_for_a_browser_and_a_day_and_until_there_is_a_new_one(keys, monkeypatch):
    ann, bob = keys.new_visitor(), keys.new_visitor()
    assert not keys.has_teacher
    assert not keys.is_teacher_key("")
    key = keys.teacher_key()
    assert keys.teacher_key() == key
    assert keys.is_teacher_key(f" {key.lower().replace('-', ' ')} ")
    assert not keys.is_teacher_key(key[:-1])
    assert not keys.is_teacher_key(key * 100)
    cookie = keys.teacher_cookie(ann)
    assert keys.is_teacher(ann, cookie)
    assert not keys.is_teacher(bob, cookie)
    monkeypatch.setattr(module, "TEACHER_SECONDS", -1)
    assert not keys.is_teacher(ann, cookie)
    monkeypatch.undo()
    assert keys.is_teacher(ann, cookie)
    assert keys.teacher_key(new=True) != key
    assert not keys.is_teacher_key(key)
    assert not keys.is_teacher(ann, cookie)


def test_a_teacher_who_left_is_none_in_any_tab_until_the_key_is_given_again(keys, monkeypatch):
    ann, bob = keys.new_visitor(), keys.new_visitor()
    keys.teacher_key()
    anns, bobs = keys.teacher_cookie(ann), keys.teacher_cookie(bob)
    keys.leave(ann)
    assert not keys.is_teacher(ann, anns)
    assert keys.is_teacher(bob, bobs)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 2)
    assert keys.is_teacher(ann, keys.teacher_cookie(ann))
    assert not keys.is_teacher(ann, anns)


def test_a_short_name_is_the_same_each_time_and_does_not_give_the_browser_away(keys):
    visitor = keys.new_visitor()
    assert short(visitor) == short(visitor)
    assert short(visitor) not in visitor
