"""Is it significant? One question at a time: a pair, all pairs, methods, what can be seen at all, the report's."""

from app.compare.significant import every_pair, pair, power, quoted_differences, seeds
from app.content import label
from app.kit import url

QUESTIONS = {
    "pair": pair.draw,
    "every_pair": every_pair.draw,
    "seeds": seeds.draw,
    "power": power.draw,
    "quoted": quoted_differences.draw,
}


def draw() -> None:
    """The question of the link, and its answer."""
    titles = {name: label("compare", f"question_{name}") for name in QUESTIONS}
    QUESTIONS[url.screen_of("question", label("compare", "question"), titles, untitled=False)]()
