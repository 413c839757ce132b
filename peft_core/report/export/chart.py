"""Accuracy against trainable parameters as plain data: a page draws the points without computing anything."""

from math import ceil, floor, log10
from typing import Any

from peft_core.methods.registry import METHODS, method_label
from peft_core.report.table import Table
from peft_core.statistics.intervals import Accuracy
from peft_core.statistics.pareto import Point, pareto_front

WIDTH, HEIGHT = 760, 380
LEFT, RIGHT, TOP, BOTTOM = 60, 50, 20, 50
TICK = 0.05  # of accuracy
LABEL = (22, 13)  # width and height that a number takes, in pixels
MARKERS = {  # Vega's shapes (`Look.marker`) as SVG paths around (0, 0)
    "circle": "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0Z",
    "cross": "M-2,-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z",
    "diamond": "M0,-6.5L6.5,0L0,6.5L-6.5,0Z",
    "square": "M-5,-5H5V5H-5Z",
    "triangle-down": "M0,6L6,-5L-6,-5Z",
    "triangle-left": "M-6,0L5,6L5,-6Z",
    "triangle-right": "M6,0L-5,6L-5,-6Z",
    "triangle-up": "M0,-6L6,5L-6,5Z",
}


def chart_data(table: Table) -> dict[str, Any]:
    """The report's points and ours with pixel positions, the fronts of both, and the ticks of both axes.

    A point is called by the number of its row. Runs that two rows share are one point.
    """
    found: list[tuple[str, int, str, str, int, Accuracy]] = []
    for number, row in enumerate(table.rows, 1):
        name = method_label(row.method)
        if row.quoted:
            quoted = row.quoted
            found.append(("report", number, name, row.method.method, quoted.trainable_parameters, quoted.measured))
        if row.reproduction and row.same_runs_as is None:
            trainable = row.reproduction.counts.by_hand.trainable
            found.append(("ours", number, name, row.method.method, trainable, row.reproduction.test))
    decades = (
        floor(min(log10(trainable) for *_, trainable, _ in found)),
        ceil(max(log10(trainable) for *_, trainable, _ in found)),
    )
    lowest = floor(min(accuracy.low for *_, accuracy in found) / TICK) * TICK
    highest = min(1.0, ceil(max(accuracy.high for *_, accuracy in found) / TICK) * TICK)

    def x(trainable: float) -> float:
        share = (log10(trainable) - decades[0]) / (decades[1] - decades[0])
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(accuracy: float) -> float:
        return round(HEIGHT - BOTTOM - (accuracy - lowest) / (highest - lowest) * (HEIGHT - TOP - BOTTOM), 1)

    points = [
        {
            "side": side,
            "number": str(number),
            "label": label,
            "method": method,
            "marker": MARKERS[METHODS[method].look.marker],
            "x": x(trainable),
            "y": y(accuracy.accuracy),
            "y_low": y(accuracy.low),
            "y_high": y(accuracy.high),
        }
        for side, number, label, method, trainable, accuracy in found
    ]
    _place_labels(points)
    fronts = {}
    for side in ("report", "ours"):
        candidates = [Point(str(n), trainable, a.accuracy) for s, n, _, _, trainable, a in found if s == side]
        fronts[side] = [[x(p.trainable_parameters), y(p.accuracy)] for p in pareto_front(candidates)]
    ticks = round((highest - lowest) / TICK)
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "top": TOP,
        "bottom": HEIGHT - BOTTOM,
        "points": points,
        "fronts": fronts,
        "x_ticks": [{"at": x(10.0**k), "text": f"{10**k:,}"} for k in range(decades[0], decades[1] + 1)],
        "y_ticks": [{"at": y(lowest + i * TICK), "text": f"{lowest + i * TICK:.0%}"} for i in range(ticks + 1)],
    }


def _place_labels(points: list[dict[str, Any]]) -> None:
    """Set `y_label`: beside the point, or below the labels that are there already."""
    placed: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda p: p["y"]):
        at = point["y"]
        for x, y in sorted(placed, key=lambda label: label[1]):
            if abs(x - point["x"]) < LABEL[0] and abs(y - at) < LABEL[1]:
                at = y + LABEL[1]
        placed.append((point["x"], at))
        point["y_label"] = round(at, 1)
