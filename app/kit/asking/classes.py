"""What the two classes of a task are called on a page: positive and negative, or what somebody has called them."""

from dataclasses import dataclass

from app.content import label
from app.kit import theme
from app.kit.plain import escaped
from peft_core.reviews.config import Learned
from peft_core.reviews.splits import LABEL_WORDS


@dataclass(frozen=True)
class Classes:
    """The names of label 0 and label 1, letter for letter: of own texts they are a visitor's words.

    `key` tells what was asked of one task from what was asked of another, wherever answers are kept.
    """

    no: str
    yes: str
    key: str
    own: bool = False

    def verdict(self, positive: bool) -> str:
        """The class that is answered, with its sign; of own texts, too, the second one is the positive. For tables."""
        return f"{theme.sign(LABEL_WORDS[positive])} {self.yes if positive else self.no}"

    def written_verdict(self, positive: bool) -> str:
        """The same for what is drawn as Markdown."""
        return f"{theme.sign(LABEL_WORDS[positive])} {self.written['yes' if positive else 'no']}"

    @property
    def p(self) -> str:
        """What every number is: the probability of the second class. For charts and tables."""
        return label("playground", "probability_of", name=self.yes)

    @property
    def written(self) -> dict[str, str]:
        """Both names, and what texts are called, for a label that is drawn as Markdown."""
        return {name: escaped(words) for name, words in self.plain.items()}

    @property
    def plain(self) -> dict[str, str]:
        """The same for charts, tables and screen readers."""
        return {"no": self.no, "yes": self.yes, "texts": label("playground", "texts" if self.own else "reviews")}


def classes_of(learned: Learned) -> Classes:
    """Those of a task."""
    return named(learned.labels, learned.task_key, learned.own is not None)


def named(labels: tuple[str, str], key: str = "", own: bool | None = None) -> Classes:
    """Those with these names. The words of the film reviews are in the language of the page."""
    given = labels == LABEL_WORDS
    no, yes = (label("playground", name) if given else name for name in labels)
    return Classes(no, yes, key, not given if own is None else own)
