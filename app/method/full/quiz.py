"""The questions of this page, in their order."""

from app.method.quiz.questions import computed, measured, recorded

QUESTIONS = (computed.most_weights, computed.state, measured.weights_share, recorded.more_is_better)
