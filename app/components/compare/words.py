"""Numbers of the comparison in the cells of a table, shorter than in a sentence."""

from peft_core.report.quoted import Quoted
from peft_core.statistics.intervals import Accuracy

NOTHING = "–"


def with_interval(measured: Accuracy) -> str:
    """As in "84.5% (83.1–85.7)": the share, and its 95% interval."""
    return f"{measured.accuracy:.1%} ({100 * measured.low:.1f}–{100 * measured.high:.1f})"


def quoted_text(quoted: Quoted) -> str:
    """The same with the accuracy as the report prints it: it rounds some and cuts others off."""
    return f"{quoted.percent}% ({100 * quoted.measured.low:.1f}–{100 * quoted.measured.high:.1f})"


def several(numbers: tuple[int, ...]) -> str:
    """Seeds, as in "0, 1, 2"."""
    return ", ".join(map(str, numbers))
