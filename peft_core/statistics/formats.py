"""Numbers as a careful reader wants them printed. English, as everything that the command line and the exports say."""

from peft_core.statistics.intervals import Accuracy


def points(share: float, sign: bool = True) -> str:
    """A difference of shares in percentage points, as in "+0.6" or "−0.03": whatever is not 0 does not look like it."""
    text = next((t for t in (f"{abs(share) * 100:.{digits}f}" for digits in (1, 2, 3)) if float(t)), "0")
    return text if not sign or text == "0" else ("+" if share > 0 else "−") + text


def p_value(p: float) -> str:
    """Two decimals; three below 0.1, so that 0.048 is not told as 0.05; one digit below 0.01; at last "< 0.0001"."""
    if p < 0.0001:
        return "< 0.0001"
    return f"{p:.1g}" if p < 0.01 else f"{p:.3f}" if p < 0.0995 else f"{p:.2f}"


def p_text(p: float) -> str:
    """A p-value as text, as in "p = 0.22" or "p < 0.0001"."""
    told = p_value(p)
    return f"p {told}" if told.startswith("<") else f"p = {told}"


def interval_text(measured: Accuracy) -> str:
    """A share with its interval, as in "84.5% (83.1% to 85.7%)"."""
    return f"{measured.accuracy:.1%} ({measured.low:.1%} to {measured.high:.1%})"


def bytes_text(number: float) -> str:
    """Bytes in decimal units with three digits: "10.4 kB", "306 MB"."""
    for unit in ("B", "kB", "MB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} GB"
