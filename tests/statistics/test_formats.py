"""Numbers in words."""

import pytest

from peft_core.statistics.formats import bytes_text, p_text, p_value, points


@pytest.mark.parametrize(
    ("share", "told"),
    [(0.0063, "+0.6"), (-0.003, "−0.3"), (-0.0003, "−0.03"), (0.00001, "+0.001"), (0, "0"), (1, "+100.0")],
)
def test_points(share, told):
    assert points(share) == told
    assert points(share, sign=False) == told.lstrip("+−")


def test_p_values_and_bytes():
    assert [p_value(p) for p in (0.5, 0.0999, 0.0482, 0.0123, 0.004, 0.00001)] == [
        "0.50", "0.10", "0.048", "0.012", "0.004", "< 0.0001",
    ]  # fmt: skip
    assert [p_text(p) for p in (0.5, 0.00001)] == ["p = 0.50", "p < 0.0001"]
    assert [bytes_text(n) for n in (12, 10_360, 26_230_912, 3e9)] == ["12 B", "10.4 kB", "26.2 MB", "3 GB"]
    assert [bytes_text(n) for n in (999.4, 999.5, 1_000)] == ["999 B", "1 kB", "1 kB"]  # never "1e+03 B"
