"""A question of Check yourself as the whole class is asked it."""

from app.method.quiz.questions import Question
from peft_core.serving.live.vote import Ballot

STEPS = 6  # of a scale; phones show buttons, and a thumb has no use for forty


def ballot(question: Question) -> Ballot:
    """The question with its options; of a scale some steps, the right one and the one nearest to the naive included."""
    places = list(range(len(question.options)))
    if question.estimate:
        scale, naive = question.estimate.scale, question.estimate.naive
        far = min(places, key=lambda place: max(scale[place], naive) / min(scale[place], naive))
        stride = -(-len(places) // STEPS)
        places = sorted({*places[question.right % stride :: stride], far})
    explain = "\n\n".join(filter(None, (question.explain, question.table)))
    options = tuple(question.options[place] for place in places)
    return Ballot(question.ask, options, places.index(question.right), explain, question.source)
