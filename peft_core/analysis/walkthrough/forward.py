"""`walk`: run the model once on someone's words and cut the pass into steps."""

from collections.abc import Iterable

import torch
from torch import nn

from peft_core.analysis.walkthrough import ends
from peft_core.analysis.walkthrough.tokens import MAX_TOKENS, read_words
from peft_core.errors import PeftClassroomError
from peft_core.methods import apply_method
from peft_core.methods.common import InFront, prompt_ids
from peft_core.methods.method import MethodConfig
from peft_core.methods.passed import DECODER_OUT, ENCODER_BLOCK, ENCODER_OUT, Passed
from peft_core.methods.recorder import Recorder
from peft_core.methods.registry import method_label, method_of
from peft_core.methods.steps import Reading, Walk
from peft_core.t5.backbone import Backbone, label_logits
from peft_core.t5.names import Place


def untrained_model(backbone: Backbone, config: MethodConfig, seed: int = 0) -> nn.Module:
    """The model of step 0: the method's fresh parameters, drawn with `seed` as a training run draws them.

    A module tree of its own over the backbone's shared weights, in evaluation mode.
    """
    model = backbone.replica()
    if method_of(config).owns_weights:
        return model  # nothing is added; `apply` would ask the shared weights for gradients
    start = prompt_ids(backbone, config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return apply_method(model, config, start).eval()


@torch.inference_mode()
def walk(
    backbone: Backbone,
    model: nn.Module,
    config: MethodConfig,
    text: str,
    place: Place,
    token: int,
    max_length: int = MAX_TOKENS,
) -> Walk:
    """One forward pass of `model` on `text`, looked at where `place` is, at the row of one token.

    Args:
        model: a module tree of the caller's own (`untrained_model`, `load_checkpoint`): hooks are put on it for the
            time of the pass, and it is switched to plain attention, which alone tells its weights.
        token: row of `place`, from 0: see `Reading.at`.
        max_length: tokens that this model reads; never more than 60 here.

    Raises:
        PeftClassroomError: for an empty or far too long text, a token that is not there, or a method without steps.
    """
    method_steps = method_of(config).optional("steps")
    if method_steps is None:
        raise PeftClassroomError(f"{method_label(config)} has no steps to walk through. Choose another section.")
    reading = read_words(backbone, text, max_length)
    if not 0 <= token < len(reading.at(place)):
        raise PeftClassroomError(f"There is no token {token + 1} here: choose 1 to {len(reading.at(place))}.")
    inner = model.model if isinstance(model, InFront) else model
    base = backbone.replica()
    names = (ENCODER_BLOCK, ENCODER_OUT, DECODER_OUT)
    seen, logits = _run(model, inner, (*names, place.name, *method_steps.watched(place, config)), reading, backbone)
    seen_in_base, base_logits = _run(base, base, names, reading, backbone)
    passed = Passed(model, inner, base, config, place, token, seen, seen_in_base)
    answer = ends.answer(passed, backbone.label_ids, logits, base_logits)
    return Walk(
        reading=reading,
        place=place,
        token=token,
        steps=(*ends.beginning(passed, reading), *method_steps.steps(passed), answer),
        probability=answer.values["p"],
        base_probability=answer.values["p_base"],
    )


def _run(
    model: nn.Module, t5: nn.Module, names: Iterable[str], reading: Reading, backbone: Backbone
) -> tuple[Recorder, torch.Tensor]:
    """The pass itself: (what was seen, the two logits)."""
    t5.set_attn_implementation("eager")
    ids = torch.tensor([reading.ids])
    with Recorder(t5, names) as seen:
        return seen, label_logits(model, ids, torch.ones_like(ids), backbone.label_ids)[0]
