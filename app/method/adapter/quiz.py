"""The questions of this page, in their order."""

from app.method.quiz.questions import computed, measured

QUESTIONS = (computed.doubling, measured.step_time, measured.file, measured.mergeable)
