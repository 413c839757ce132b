"""AdapterHub's rounding, recomputed with whole numbers, and what the report's line would train."""

from fractions import Fraction
from math import floor

import pytest

from app.method.adapterhub.factor import bottleneck, one_too_small
from peft_core.methods.adapter.folder import reduction_factor
from peft_core.t5.architecture import catalogue
from tests.app.method.adapter.test_choices import numbers, shown

WIDTHS = {base.architecture.d_model for base in catalogue().values()}


def test_a_factor_is_divided_and_rounded_down_and_never_below_1():
    assert bottleneck(512, 48) == 10  # 10.67
    assert bottleneck(384, 16) == 24
    assert bottleneck(384, 1024) == 1


@pytest.mark.parametrize("d", sorted(WIDTHS))
def test_the_widths_that_lose_one_are_those_whose_stored_quotient_is_too_large(d):
    """A stored number is a fraction, and fractions are divided exactly."""
    wanted = [m for m in range(1, d // 2 + 1) if floor(Fraction(d) / Fraction(d / m)) < m]
    assert list(one_too_small(d)) == wanted
    assert all(Fraction(d / m) > Fraction(d, m) for m in wanted)
    assert all(bottleneck(d, d / m) == m - 1 for m in wanted)
    assert all(bottleneck(d, reduction_factor(d, m)) == m for m in range(1, d // 2 + 1))  # what our files say


def test_for_t5_small_five_and_ten_are_among_them():
    assert {5, 10, 11, 13, 20, 22} <= {*one_too_small(512)}


def test_every_surprise_opens_and_the_reports_line_is_counted(open_page):
    """104,544 numbers in T5-small's adapters with m = 8, and an embedding of 32,128 × 512."""
    query = {"base": "t5-small", "hub_factor": "64", "section": "library"}
    app = open_page("adapterhub", **query, surprise="train_adapter")
    assert {104_544, 32_128 * 512, 104_544 + 32_128 * 512} <= numbers(shown(app))
    for name in ("rounding", "names", "sharing"):
        app.get_by_key("surprise").set_value(name).run()
        assert not app.exception and not app.error, name
    app.get_by_key("surprise").set_value("rounding").run()
    for wish, got in ((10, 9), (8, 8)):
        app.get_by_key("hub_wish").set_value(wish).run()
        assert app.code[0].value.splitlines()[-1] == str(got)
        assert ("One is lost" in shown(app)) is (got < wish)


def test_the_question_asks_about_the_sliders_own_factor(open_page):
    app = open_page("adapterhub", base="t5-small", hub_factor="48", section="check")
    (asked,) = [m.value for m in app.markdown if "a reduction factor of" in m.value]
    assert "factor of 48 gives m = 10" in asked and "**96**" in asked


def test_a_wish_out_of_bounds_becomes_the_nearest_and_a_sentence_says_so(open_page):
    app = open_page("adapterhub", base="t5-small", section="library", surprise="rounding")
    app.get_by_key("hub_wish").set_value(900).run()
    assert app.get_by_key("hub_wish").value == 256
    assert any("= 900 is not possible here; the nearest possible value is 256" in one.value for one in app.info)
