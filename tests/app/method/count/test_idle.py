"""Count, Train and Code say what cannot learn; where everything can, nothing is said."""

import pytest

IDLE = "cannot learn"


def told(app) -> list[str]:
    return [m.value for m in app.markdown if IDLE in m.value]


@pytest.mark.parametrize("section", ["count", "train", "code"])
def test_it_is_said_wherever_the_count_stands(open_page, section):
    (said,) = told(open_page("lora", section=section, base="tiny-t5"))
    assert "**12,288** of the 86,016 numbers" in said and "14%" in said


def test_nothing_is_said_where_everything_learns(open_page):
    assert told(open_page("lora", section="count", base="tiny-t5", lora_targets=["v"])) == []
    assert told(open_page("adapter", section="count", base="tiny-t5")) == []
