"""Words → tokens: the prefix of the base model, the pieces of the text, the end of the sequence."""

from peft_core.methods.steps import Reading, Token
from peft_core.reviews.batches import encode
from peft_core.reviews.checks import check_text
from peft_core.t5.backbone import Backbone

MAX_TOKENS = 60  # what still fits on a screen


def read_words(backbone: Backbone, text: str, max_length: int = MAX_TOKENS) -> Reading:
    """The tokens of `text`, at most `max_length` and never more than 60: cut in the middle, as training cuts.

    Raises:
        PeftClassroomError: if the text is empty or far too long.
    """
    tokenizer, prefix = backbone.tokenizer, backbone.base.prefix
    text = check_text(text)
    longest = min(max_length, MAX_TOKENS)
    (ids,) = encode(tokenizer, [text], prefix, longest)
    (whole,) = encode(tokenizer, [text], prefix, longest + len(text) + 1)  # a piece has at least one character
    before = len(tokenizer(prefix, add_special_tokens=False)["input_ids"]) if prefix else 0
    parts = ["prefix"] * before + ["words"] * (len(ids) - before - 1) + ["end"]
    pieces = tokenizer.convert_ids_to_tokens(ids)
    start = backbone.model.config.decoder_start_token_id
    return Reading(
        tokens=tuple(Token(*token) for token in zip(pieces, ids, parts, strict=True)),
        left_out=len(whole) - len(ids),
        start=Token(tokenizer.convert_ids_to_tokens(start), start, "start"),
    )
