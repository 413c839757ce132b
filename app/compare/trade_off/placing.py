"""Where names and numbers of points stand in the chart of accuracy against parameters, so that none covers another."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

WIDTH, HEIGHT = 720, 420  # pixels, axes excluded; a narrower chart has numbers in the place of names
NARROW = 270  # of a phone
PRESENTED, BELOW = 345, 80  # high, for a projector: fits on the screen with its controls; of that below the axis
LETTER, LINE = 7.4, 17  # pixels of a letter on average, and of a line
MARK = 9  # pixels from the middle of a mark to its edge


@dataclass(frozen=True)
class Box:
    """A rectangle of the chart, in pixels from its upper left corner."""

    left: float
    right: float
    top: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.bottom <= other.top or other.bottom <= self.top)

    def inside(self, width: int, height: int) -> bool:
        return self.left >= 0 and self.right <= width and self.top >= 0 and self.bottom <= height


# Beside, above and below its mark, nearest first: (align, dx, dy). Then above and below its interval (`_places`).
PLACES = [("left", 15, 0), ("right", -15, 0), ("center", 0, -21), ("center", 0, 21)]
PLACES += [(align, dx, dy) for dy in (-17, 17, -31, 31, -46, 46, -61, 61) for align, dx in (("left", 8), ("right", -8))]
# Further away, for numbers in a narrow chart: there a number is never left out.
FURTHER = [
    (align, sign * dx, dy)
    for dx in (8, 22, 36, 50)
    for dy in (0, -17, 17, -31, 31, -46, 46)
    for align, sign in (("left", 1), ("right", -1))
]
FURTHER += [("center", 0, dy) for dy in (-45, 45, -60, 60, -75, 75)]


def domains(frame: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Domains of both axes: the trainable parameters with a factor 2 of room, the intervals with a little."""
    low, high = float(frame["low"].min()), float(frame["high"].max())
    room = 0.06 * (high - low)
    return [float(frame["trainable"].min()) / 2, float(frame["trainable"].max()) * 2], [low - room, high + room]


def positions(
    frame: pd.DataFrame, width: int = WIDTH, height: int = HEIGHT
) -> tuple[pd.Series, pd.Series, pd.Series, pd.Series]:
    """x of every point, y of it, and y of the ends of its interval, in pixels of a chart of this size."""
    (least, most), (low, high) = domains(frame)
    x = width * np.log(frame["trainable"] / least) / np.log(most / least)
    y, top, bottom = (height * (high - frame[name]) / (high - low) for name in ("accuracy", "high", "low"))
    return x, y, top, bottom


def placed(frame: pd.DataFrame, height: int = HEIGHT) -> dict[str, list]:
    """Columns name and numbers, each with where it stands: align, dx, dy, and narrow_align, narrow_dx, narrow_dy.

    Points of one side with the same setting and the same price have one name and one list of numbers, at the highest.
    A name that would cover something is left out; a number, which a narrow chart has in its place, never is.
    """
    same = frame.groupby(["side", "short", "trainable"])
    highest = same["accuracy"].transform("max") == frame["accuracy"]
    numbers = same["number"].transform(", ".join)
    named = _free_places(frame, frame["short"][highest], WIDTH, height)
    numbered = _free_places(frame, numbers[highest], NARROW, height)
    columns = {
        "numbers": [numbers[index] if highest[index] else "" for index in frame.index],
        "name": [frame.loc[index, "short"] if index in named else "" for index in frame.index],
    }
    for prefix, places in (("", named), ("narrow_", numbered)):
        for position, field in enumerate(("align", "dx", "dy")):
            columns[prefix + field] = [places.get(index, PLACES[0])[position] for index in frame.index]
    return columns


def _free_places(frame: pd.DataFrame, words: pd.Series, width: int, height: int) -> dict[int, tuple[str, int, int]]:
    """Positions for the labels that fit without covering a mark, an interval or another label."""
    x, y, tops, bottoms = positions(frame, width, height)
    taken = [Box(cx - MARK, cx + MARK, cy - MARK, cy + MARK) for cx, cy in zip(x, y, strict=True)]
    taken += [Box(cx - 2, cx + 2, top, bottom) for cx, top, bottom in zip(x, tops, bottoms, strict=True)]
    found: dict[int, tuple[str, int, int]] = {}
    for index, text in words.items():
        for place in _places(y[index], tops[index], bottoms[index], FURTHER if width == NARROW else []):
            there = box(text, x[index], y[index], *place)
            if there.inside(width, height) and not any(there.meets(other) for other in taken):
                found[index] = place
                taken.append(there)
                break
    return found


def _places(y: float, top: float, bottom: float, further: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """PLACES, then those further away, then those beyond the ends of the point's interval."""
    ends = [round(top - y - 0.7 * LINE), round(bottom - y + 0.7 * LINE)]
    return (
        PLACES + further + [(align, dx, dy) for dy in ends for align, dx in (("center", 0), ("left", -8), ("right", 8))]
    )


def box(words: str, x: float, y: float, align: str, dx: int, dy: int) -> Box:
    """What `words` cover beside the point (x, y)."""
    wide = LETTER * len(words)
    left = {"left": x + dx, "right": x + dx - wide, "center": x + dx - wide / 2}[align]
    return Box(left, left + wide, y + dy - LINE / 2, y + dy + LINE / 2)
