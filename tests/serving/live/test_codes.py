"""What is open is found by its code and by who opened it, and goes when it is closed or left alone."""

import pytest

from peft_core.errors import PeftClassroomError
from peft_core.serving.live import codes
from peft_core.serving.live.codes import LENGTH, LETTERS, Codes, Live


def test_a_code_is_four_letters_that_spell_nothing_and_is_found_however_it_is_typed():
    open_ones = Codes("votes", most=200)
    found = {open_ones.add(Live("ann")).code for _ in range(200)}
    assert len(found) == 200
    assert all(len(code) == LENGTH and set(code) <= set(LETTERS) for code in found)
    assert not set(LETTERS) & set("AEIOUYL10")
    code = found.pop()
    one = open_ones.find(code)
    for typed in (code.lower(), f" {code[:2]} {code[2:]} ", f"\t{code}\n"):
        assert open_ones.find(typed) is one
    for typed in ("", "AAAA", code[:3], code * 2, code + "\x00", "\u202e" + code, "x" * 60_000, "ＢＣＤＦ"):
        assert open_ones.find(typed) is None


def test_a_new_one_never_takes_the_code_of_another(monkeypatch):
    drawn = iter("BBBBBBBBCCCC")
    monkeypatch.setattr(codes.secrets, "choice", lambda letters: next(drawn))
    open_ones = Codes("votes")
    assert [open_ones.add(Live("ann")).code for _ in range(2)] == ["BBBB", "CCCC"]


def test_it_is_gone_when_closed_or_when_nobody_has_used_it_and_looking_is_no_use():
    now = [0.0]
    open_ones = Codes("votes", most=2, idle=100)
    first, second = (open_ones.add(Live(owner, lambda: now[0])) for owner in ("ann", "bob"))
    assert open_ones.of("ann") is first and open_ones.of("bob") is second and open_ones.of("eve") is None
    with pytest.raises(PeftClassroomError, match="2 votes are open on this server; close one"):
        open_ones.add(Live("eve"))
    open_ones.close(second)
    assert second.closed and open_ones.find(second.code) is None and open_ones.of("bob") is None
    now[0] = 90
    assert open_ones.find(first.code) is first
    now[0] = 101
    assert open_ones.find(first.code) is None and first.closed
    assert open_ones.add(Live("eve", lambda: now[0])).code


def test_a_visitor_is_a_digest_that_is_good_for_one_vote_alone():
    one, other = Live("ann"), Live("ann")
    assert one.member("bob") == one.member("bob") != other.member("bob")
    assert one.member("bob") != one.member("ann")
    assert one.is_starter("ann") and not one.is_starter("bob")
    assert "ann" not in str(vars(one))
