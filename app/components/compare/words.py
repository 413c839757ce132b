"""Numbers of the comparison as people read them; never broken over two lines."""

from app.components.questions.question import megabytes
from app.content import label
from peft_core.intervals import Accuracy

NOTHING = "–"


def with_interval(measured: Accuracy) -> str:
    """As in "84.5% (83.1–85.7)": the share, and its 95% interval."""
    low, high = 100 * measured.low, 100 * measured.high
    return f"{measured.accuracy:.1%} ({low:.1f}–{high:.1f})"


def points(difference: float) -> str:
    """A difference of shares in percentage points, with a real minus sign."""
    return label("compare", "points", n=signed(100 * difference))


def signed(number: float) -> str:
    """One decimal, always with a sign; what rounds to nothing has none."""
    rounded = round(number, 1)
    return "0.0" if rounded == 0 else f"{rounded:+.1f}".replace("-", "−")


def probability(p: float) -> str:
    """A p-value: two digits that count, and no zero that it is not."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def file_size(bytes_: int) -> str:
    """Bytes on disk."""
    return f"{bytes_ / 1e3:,.0f}\N{NO-BREAK SPACE}kB" if bytes_ < 1e6 else megabytes(bytes_)


def several(numbers: tuple[int, ...]) -> str:
    """Seeds, as in "0, 1, 2"."""
    return ", ".join(map(str, numbers))
