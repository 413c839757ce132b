"""The questions of this page, in their order."""

from app.method.quiz.questions import computed, measured, recorded

QUESTIONS = (measured.step_zero, computed.positions, measured.fewest, recorded.behind)
