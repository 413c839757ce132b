"""Numbers as people read them, for what several pages say."""

from peft_core.report.quoted import Quoted
from peft_core.statistics.intervals import Accuracy

NOTHING = "–"


def duration(seconds: float) -> str:
    """Milliseconds below a tenth of a second, never broken over two lines."""
    if seconds < 0.1:
        return f"{1000 * seconds:.2g}\N{NO-BREAK SPACE}ms"
    return f"{seconds:.2f}\N{NO-BREAK SPACE}s" if seconds < 10 else f"{seconds:,.0f}\N{NO-BREAK SPACE}s"


def rough(seconds: float) -> str:
    """A time that is estimated, as people say it; never broken over two lines."""
    for most, size, unit in ((100, 1, "s"), (100 * 60, 60, "min")):
        if seconds < most:
            return f"{max(1, round(seconds / size))}\N{NO-BREAK SPACE}{unit}"
    return f"{seconds / 3600:.0f}\N{NO-BREAK SPACE}h"


def with_interval(measured: Accuracy) -> str:
    """A share with its 95% interval, as in "84.5% (83.1–85.7)"."""
    return f"{measured.accuracy:.1%} ({100 * measured.low:.1f}–{100 * measured.high:.1f})"


def quoted_text(quoted: Quoted) -> str:
    """The same with the accuracy as the report prints it: it rounds some and cuts others off."""
    return f"{quoted.percent}% ({100 * quoted.measured.low:.1f}–{100 * quoted.measured.high:.1f})"


def several(numbers: tuple[int, ...]) -> str:
    """Seeds, as in "0, 1, 2"."""
    return ", ".join(map(str, numbers))


def times(factor: float) -> str:
    """A ratio as people say it, with three digits at most."""
    return f"{factor:,.0f}×" if factor >= 100 else f"{factor:.3g}×" if factor >= 1 else f"{factor:.2g}×"


def share(fraction: float) -> str:
    """A percentage with two digits."""
    return f"{fraction:.0%}" if fraction >= 0.095 else f"{100 * fraction:.2g}%"


def megabytes(count: float) -> str:
    """Bytes as megabytes (10⁶), so that parameters × bytes can be checked in the head; never broken over two lines."""
    number = f"{count / 1e6:,.0f}" if count >= 1e7 else f"{count / 1e6:.2g}"
    return f"{number}\N{NO-BREAK SPACE}MB"


def percent(share: float) -> str:
    """One decimal; 100% only where nothing is missing."""
    return f"{share:.1%}" if share > 1 - 1e-9 else f"{min(share, 0.999):.1%}"
