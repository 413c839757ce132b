"""The questions of this page, in their order."""

from app.method.quiz.questions import computed, measured

QUESTIONS = (computed.factor, computed.houlsby, measured.houlsby_memory, computed.percent)
