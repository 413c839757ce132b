"""Where the dials of a checkpoint stand, and which there are. No torch here."""

from dataclasses import dataclass

MOST = 3.0  # times as loud as trained
FEWEST_ROWS = 1  # fewer are none at all: that is the switch


@dataclass(frozen=True)
class Setting:
    """Where the dials stand. None: as many as were trained."""

    on: bool = True
    factor: float = 1.0
    terms: int | None = None
    rows: int | None = None


AS_TRAINED = Setting()
OFF = Setting(on=False)


@dataclass(frozen=True)
class Offered:
    """Which dials there are beside the switch. `terms`, `rows`: how many were trained; 0: there is no such dial."""

    factor: bool
    terms: int
    rows: int
