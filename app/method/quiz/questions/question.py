"""One predict-then-reveal question, and how its options are made from the true value by fixed rules.

Nobody types which option is right: it is the one made from the truth. Numbers stand in ascending order and worded
options in alphabetical order, so the place of an option gives nothing away.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from app.content import text
from app.kit.formats import times
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import BaseModel

DISTINCT = 1.1  # a wrong number at least this factor from the true one: a measurement is no exact number
NEAR = 1.25  # a guess on the scale within this factor of the truth was a good one
GUESSES = (1, 1.2, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70)


@dataclass(frozen=True)
class Setting:
    """What the page shows at this moment."""

    page: str
    base: BaseModel
    config: MethodConfig

    def prose(self, section: str, **values: object) -> str:
        """A section of this page's questions in app/content."""
        return text(f"quiz/{self.page}", section, **values)


@dataclass(frozen=True)
class Estimate:
    """Numbers behind a guess on a scale: what is true, and what the naive answer would be."""

    truth: float
    naive: float
    scale: tuple[float, ...]  # the options, as numbers


@dataclass(frozen=True)
class Question:
    """Everything on the screen. `right` is the place of the right option, `source` says where its number is from."""

    page: str
    name: str
    ask: str
    options: tuple[str, ...]
    right: int
    explain: str
    source: str
    table: str = ""  # Markdown, shown with the explanation
    estimate: Estimate | None = None

    @property
    def answer(self) -> str:
        return self.options[self.right]

    def is_right(self, option: str) -> bool:
        """Whether this option counts as predicted right; on a scale, near is good enough."""
        if self.estimate is None:
            return option == self.answer
        guess = self.estimate.scale[self.options.index(option)]
        return max(guess, self.estimate.truth) <= NEAR * min(guess, self.estimate.truth)


@dataclass(frozen=True)
class Loading:
    """Stands for a question that needs the reviews, while these are being read."""

    page: str
    name: str


def numeric(
    setting: Setting,
    name: str,
    truth: float,
    others: Iterable[float],
    show: Callable[[float], str],
    source: str,
    values: Mapping[str, object],
    *,
    exact: bool = False,
    table: str = "",
) -> Question:
    """Options are the truth and those of `others` that differ from it; `show` is how a number is written.

    Args:
        exact: the truth is a count, not a measurement: any other number is wrong.
    """
    wrong = [o for o in others if o != truth and (exact or max(o, truth) >= DISTINCT * min(o, truth))]
    shown = {show(value): value for value in (*wrong, truth)}  # of two that read the same, the truth stays
    options = sorted(shown, key=shown.__getitem__)
    return _question(setting, name, options, show(truth), source, values, table=table)


def worded(
    setting: Setting,
    name: str,
    keys: Iterable[str],
    right: str,
    source: str,
    values: Mapping[str, object],
    *,
    table: str = "",
) -> Question:
    """Options are the sections `<name>_<key>` of the page's prose; `right` is one of the keys."""
    options = {key: setting.prose(f"{name}_{key}", **values) for key in keys}
    return _question(
        setting, name, sorted(options.values(), key=str.casefold), options[right], source, values, table=table
    )


def estimated(
    setting: Setting, name: str, truth: float, naive: float, source: str, values: Mapping[str, object], table: str
) -> Question:
    """A guess on a logarithmic scale that reaches beyond the naive answer; right is the step nearest to the truth."""
    reach = max(truth, naive)
    scale = tuple(step for decade in (1, 100, 10_000) for step in (g * decade for g in GUESSES) if step <= 2 * reach)
    nearest = min(scale, key=lambda step: max(step, truth) / min(step, truth))
    options = [times(step) for step in scale]
    estimate = Estimate(truth, naive, scale)
    return _question(setting, name, options, times(nearest), source, values, table=table, estimate=estimate)


def _question(setting: Setting, name: str, options, right: str, source: str, values, **more) -> Question:
    values = {**values, "answer": right}
    return Question(
        setting.page,
        name,
        setting.prose(f"{name}_ask", **values),
        tuple(options),
        list(options).index(right),
        setting.prose(f"{name}_explain", **values),
        source,
        **more,
    )
