"""How the report's seven curves went: where each was best, and what its training loss did afterwards. No torch here."""

from dataclasses import dataclass
from itertools import pairwise

from peft_core.report.quoted import Quoted, QuotedEpoch, quoted_rows


@dataclass(frozen=True)
class Course:
    """A row of the report with a curve. Epochs are the report's, from 0."""

    quoted: Quoted
    epochs: tuple[QuotedEpoch, ...]

    @property
    def best(self) -> QuotedEpoch:
        """The epoch with the highest accuracy, the earliest of equal ones."""
        return max(self.epochs, key=lambda epoch: epoch.accuracy)

    @property
    def last(self) -> QuotedEpoch:
        return self.epochs[-1]

    @property
    def best_is_last(self) -> bool:
        """Whether the accuracy was still rising when the run stopped: a longer one may have come further."""
        return self.best == self.last

    @property
    def last_gain(self) -> float:
        """What the last epoch added to the accuracy of the one before, 0…1."""
        return self.last.accuracy - self.epochs[-2].accuracy

    @property
    def lowest_loss(self) -> QuotedEpoch:
        """The epoch with the lowest training loss."""
        return min(self.epochs, key=lambda epoch: epoch.train_loss)

    @property
    def loss_rise(self) -> float:
        """How far the last training loss lies above the lowest one, as a share of that."""
        return self.last.train_loss / self.lowest_loss.train_loss - 1

    @property
    def rises_every_epoch(self) -> bool:
        """Whether the loss went up in every epoch after its lowest, of which there was at least one."""
        after = [epoch.train_loss for epoch in self.epochs[self.epochs.index(self.lowest_loss) :]]
        return len(after) > 1 and all(later > before for before, later in pairwise(after))


def courses() -> tuple[Course, ...]:
    """The rows of the report that have a curve, in its order."""
    return tuple(Course(row, row.curve) for row in quoted_rows() if row.curve)
