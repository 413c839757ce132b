"""Own texts into parts: a share of each class, drawn with a seed, all copies of a text in one part. No torch here."""

from collections.abc import Sequence

from peft_core.errors import PeftClassroomError
from peft_core.reviews.splits import LABEL_WORDS

SHARES = (0.2, 0.2)  # of the texts: to validate on, and to test on
SEED = 0  # the same file is split alike whatever a run's own seed is, so that runs on it stay comparable


def folded(text: str) -> str:
    """What two copies of a text have in common: "Good film " and "good  FILM" are one text."""
    return " ".join(text.split()).casefold()


def hold_out(
    texts: Sequence[str], labels: Sequence[int], shares: Sequence[float], seed: int, names: Sequence[str] = LABEL_WORDS
) -> list[list[int]]:
    """Row numbers to train on, then those of each part held out: of each label `share` of its different texts.

    Every part has at least one text of each label.

    Raises:
        PeftClassroomError: if a label has too few different texts, so that nothing would be left to train on.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    part_of: dict[tuple[int, str], int] = {}
    for label, name in enumerate(names):
        different = list(dict.fromkeys(folded(text) for text, own in zip(texts, labels, strict=True) if own == label))
        counts = [max(1, round(share * len(different))) for share in shares]
        if not all(0 < share < 1 for share in shares) or sum(counts) >= len(different):
            held = " and ".join(f"{share:.0%}" for share in shares)
            raise PeftClassroomError(
                f"{len(different)} different texts are {name}: too few to hold out {held} and train on the rest."
            )
        drawn = iter(generator.choice(len(different), sum(counts), replace=False))
        for part, count in enumerate(counts, start=1):
            part_of |= {(label, different[next(drawn)]): part for _ in range(count)}
    where = [part_of.get((label, folded(text)), 0) for text, label in zip(texts, labels, strict=True)]
    return [[row for row, part in enumerate(where) if part == wanted] for wanted in range(len(shares) + 1)]
