"""`walk`: run the model once on someone's words and cut the pass into steps."""

from collections.abc import Iterable

import torch
from torch import nn

from peft_core.analysis.walkthrough import ends
from peft_core.analysis.walkthrough.tokens import MAX_TOKENS, read_words
from peft_core.errors import PeftClassroomError
from peft_core.methods import apply_method
from peft_core.methods.adapter import steps as adapter_steps
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full import steps as full_steps
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora import steps as lora_steps
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.passed import DECODER_OUT, ENCODER_BLOCK, ENCODER_OUT, Passed
from peft_core.methods.recorder import Recorder
from peft_core.methods.soft_prompt import steps as soft_prompt_steps
from peft_core.methods.soft_prompt.layer import SoftPromptModel, prompt_ids
from peft_core.methods.steps import Reading, Walk
from peft_core.t5.backbone import Backbone, label_logits
from peft_core.t5.names import Place

STEPS = {"full": full_steps.steps, "adapter": adapter_steps.steps, "lora": lora_steps.steps}


def untrained_model(backbone: Backbone, config: MethodConfig, seed: int = 0) -> nn.Module:
    """The model of step 0: the method's fresh parameters, drawn with `seed` as a training run draws them.

    A module tree of its own over the backbone's shared weights, in evaluation mode.
    """
    model = backbone.replica()
    if isinstance(config, FullConfig):
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
        PeftClassroomError: for an empty or far too long text, or a token that is not there.
    """
    reading = read_words(backbone, text, max_length)
    if not 0 <= token < len(reading.at(place)):
        raise PeftClassroomError(f"There is no token {token + 1} here: choose 1 to {len(reading.at(place))}.")
    inner = model.model if isinstance(model, SoftPromptModel) else model
    base = backbone.replica()
    names = (ENCODER_BLOCK, ENCODER_OUT, DECODER_OUT)
    seen, logits = _run(model, inner, (*names, *_names_at(place, config)), reading, backbone)
    seen_in_base, base_logits = _run(base, base, names, reading, backbone)
    passed = Passed(inner, base, config, place, token, seen, seen_in_base)
    prompt = model.prompt_embeddings if isinstance(model, SoftPromptModel) else None
    middle = soft_prompt_steps.steps(passed, prompt) if prompt is not None else STEPS[config.method](passed)
    answer = ends.answer(passed, backbone.label_ids, logits, base_logits)
    return Walk(
        reading=reading,
        place=place,
        token=token,
        steps=(*ends.beginning(passed, reading), *middle, answer),
        probability=answer.values["p"],
        base_probability=answer.values["p_base"],
    )


def _names_at(place: Place, config: MethodConfig) -> Iterable[str]:
    """The modules that the steps of the method look at."""
    yield place.name
    if isinstance(config, LoraConfig):
        yield f"{place.name}.base_layer"
    if isinstance(config, AdapterConfig) and config.placement == "houlsby":
        yield place.name.removesuffix(".dropout.adapter")


def _run(
    model: nn.Module, t5: nn.Module, names: Iterable[str], reading: Reading, backbone: Backbone
) -> tuple[Recorder, torch.Tensor]:
    """The pass itself: (what was seen, the two logits)."""
    t5.set_attn_implementation("eager")
    ids = torch.tensor([reading.ids])
    with Recorder(t5, names) as seen:
        return seen, label_logits(model, ids, torch.ones_like(ids), backbone.label_ids)[0]
