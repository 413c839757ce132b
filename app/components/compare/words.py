"""Numbers of the comparison as people read them."""

from app.components.questions.question import megabytes
from peft_core.intervals import Accuracy

NOTHING = "–"


def with_interval(measured: Accuracy) -> str:
    """As in "84.5% (83.1–85.7)": the share, and its 95% interval."""
    return f"{measured.accuracy:.1%} ({100 * measured.low:.1f}–{100 * measured.high:.1f})"


def file_size(size: int) -> str:
    """Bytes on disk; never broken over two lines."""
    return f"{size / 1e3:,.0f}\N{NO-BREAK SPACE}kB" if size < 1e6 else megabytes(size)


def several(numbers: tuple[int, ...]) -> str:
    """Seeds, as in "0, 1, 2"."""
    return ", ".join(map(str, numbers))
