"""The parts of a T5 in words."""

from app.content import label
from peft_core.t5.parts import Part


def words(part: Part) -> str:
    """The part as the page calls it, as in "encoder self-attention" and "decoder, after feed-forward"."""
    kind = label("parts", part.kind_of_words)
    return label("parts", "behind" if part.behind else "inside", stack=part.stack, kind=kind) if part.stack else kind
