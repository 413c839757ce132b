"""The questions of this page, in their order."""

from app.method.quiz.questions import computed, measured, recorded

QUESTIONS = (measured.memory, measured.step_zero, computed.break_even, measured.merge, recorded.best)
