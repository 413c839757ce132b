"""How the report's table prints an accuracy: rounded, or cut off, and with how many decimals. No torch here."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Literal

from peft_core.report.quoted import Quoted
from peft_core.report.reread.courses import courses

How = Literal["either", "rounded", "cut", "neither"]


@dataclass(frozen=True)
class Printing:
    """A row's best accuracy in percent, exactly, and what the table has of it."""

    quoted: Quoted
    exact: Decimal
    printed: Decimal

    @property
    def decimals(self) -> int:
        return -int(self.printed.as_tuple().exponent)

    @property
    def rounded(self) -> Decimal:
        return self.exact.quantize(self.printed, ROUND_HALF_UP)

    @property
    def cut(self) -> Decimal:
        return self.exact.quantize(self.printed, ROUND_DOWN)

    @property
    def how(self) -> How:
        """ "either" where rounding and cutting off give the same."""
        fits = {"rounded": self.printed == self.rounded, "cut": self.printed == self.cut}
        if all(fits.values()):
            return "either"
        return next((name for name, fit in fits.items() if fit), "neither")  # type: ignore[return-value]


def printings() -> tuple[Printing, ...]:
    """The rows whose exact accuracy is known: those with a curve."""
    return tuple(
        Printing(one.quoted, Decimal(str(one.best.accuracy)) * 100, Decimal(one.quoted.percent)) for one in courses()
    )
