"""Walks through the tiny model."""

from peft_core.analysis.walkthrough.forward import walk
from peft_core.analysis.walkthrough.tokens import read_words
from peft_core.methods.places import places

TEXT = "the film was not good , i never laughed"


def walks(backbone, model, config, every=1):
    """A walk at every place (or at some of them), at the last token there."""
    for place in places(backbone.base.architecture, config)[::every]:
        yield walk(backbone, model, config, TEXT, place, len(read_words(backbone, TEXT).at(place)) - 1)
