"""What the board says in words: what an experiment is called, what its line shows, and what is not in it."""

from collections.abc import Mapping, Sequence

from app.classroom.board.gathered import Gathered
from app.content import label, text
from peft_core.methods.registry import METHODS
from peft_core.report.experiments.class_runs import Along, Fit, Group
from peft_core.statistics.formats import points
from peft_core.statistics.trend import LEAST

SHORT = ("method", "base", "epochs", "train_size")  # settings that every name of an experiment has


def titles(groups: Sequence[Group]) -> Mapping[str, str]:
    """By key: method, base model and amount of training; where two read the same, also what they differ in."""
    short = {group.key: _short(group) for group in groups}
    return {group.key: ", ".join([short[group.key], *_differences(group, groups, short)]) for group in groups}


def _short(group: Group) -> str:
    name = label(f"method/{group.setting['method']}", "title")
    values = {word: f"{group.setting[word]:,}" for word in ("epochs", "train_size")}
    return label("board", "experiment", method=name, base=group.setting["base"], **values)


def _differences(group: Group, groups: Sequence[Group], short: Mapping[str, str]) -> list[str]:
    alike = [other for other in groups if short[other.key] == short[group.key] and other is not group]
    names = [name for name in group.setting if any(other.setting.get(name) != group.setting[name] for other in alike)]
    return [f"{name.replace('_', ' ')} {_value(group.setting[name])}" for name in names if name not in SHORT]


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or label("board", "none_of_them")
    return f"{value:g}" if isinstance(value, float) else str(value)


def number(group: Group, along: Along) -> str:
    """What is turned, in words: "rank", or how many numbers are trained."""
    return axes(group)[along]


def axes(group: Group) -> dict[Along, str]:
    """What can be on the axis, in words: the method's own number, if it has one, and how many numbers are trained."""
    knob = METHODS[str(group.setting["method"])].knob
    own: dict[Along, str] = {"knob": knob.sweep} if knob else {}
    return own | {"trainable": label("board", "trainable")}


def sentence(group: Group, found: Fit, along: Along, split: str) -> str:
    """What the line shows, how sure it is, or why there is none."""
    what = number(group, along)
    values = {"what": what, "n": len(found.used), "different": len(found.values), "least": LEAST}
    if found.trend is None:
        return text("board", "few", **values)
    slope, low, high = found.trend.a_unit
    values |= {
        "slope": points(slope),
        "low": points(low),
        "high": points(high),
        "half": points((high - low) / 2, False),
    }
    shown = "unclear" if not found.trend.told else "more" if slope > 0 else "less"
    of = found.used[0].measured[split].n
    return " ".join((text("board", shown, **values), text("board", "how", of=f"{of:,}", **values)))


def left_out(now: Gathered, groups: Sequence[Group], group: Group, found: Fit) -> str:
    """How many runs are not in the line, and why; empty if all are."""
    others = sum(len(other.runs) for other in groups if other is not group)
    counted = {why: len(runs) for why, runs in found.left_out.items()}
    counted |= {"other_settings": others, "waiting": now.waiting, "without": now.without}
    told = [label("board", f"left_{why}", n=n) for why, n in counted.items() if n]
    return text("board", "left_out", runs=", ".join(told)) if told else ""
