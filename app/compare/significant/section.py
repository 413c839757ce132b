"""Is it significant? One question at a time: a pair, all pairs, methods, what can be seen at all, the report's."""

from app.compare import shared
from app.compare.significant import every_pair, pair, power, quoted_differences, seeds
from app.content import label

QUESTIONS = {
    "pair": pair.draw,
    "every_pair": every_pair.draw,
    "seeds": seeds.draw,
    "power": power.draw,
    "quoted": quoted_differences.draw,
}


def draw() -> None:
    """The question of the link, and its answer."""
    QUESTIONS[shared.choose("question", label("compare", "question"), tuple(QUESTIONS), "question")]()
