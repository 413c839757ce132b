"""Folders that Hugging Face peft makes, and the same folders opened here: two sides that share the base model alone."""

import json

import torch
from safetensors.torch import load_file

from peft_core.checkpoints.files import copy_tensors
from peft_core.methods import apply_method
from peft_core.methods.registry import METHODS

CLOSE = 1e-5


def saved_by_peft(backbone, config, folder):
    """peft's own model of `config` over the base, its trainable numbers drawn, saved in `folder`."""
    from peft import get_peft_model

    model = get_peft_model(backbone.own_copy(), config).eval()
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_(1.0, 0.3)
    model.save_pretrained(folder)
    return model


def described(folder) -> dict:
    return json.loads((folder / "adapter_config.json").read_text())


def opened_here(folder, backbone):
    """(model, configuration, notes) of anybody's folder, by the methods' own `recognises`, `read` and `adopt`."""
    description = described(folder)
    (method,) = (method for method in METHODS.values() if method.recognises(description))
    reading = method.read(description, backbone.base.architecture)
    tensors, left_out = method.adopt(load_file(folder / "adapter_model.safetensors"), reading.config)
    model = apply_method(backbone.replica(), reading.config, [0]).eval()
    copy_tensors(tensors, method, model, folder.name)
    return model, reading.config, (*reading.notes, *left_out)


@torch.inference_mode()
def all_logits(model, batch, steps=1):
    """(batch, steps, vocabulary): of the first `steps` positions of the decoder, which reads one token at each."""
    ids, mask = batch
    start = torch.zeros(len(ids), steps, dtype=torch.long)
    start[:, 1:] = torch.arange(5, 4 + steps)
    return model(input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False).logits


def assert_equal(ours, theirs, batch, backbone):
    """The same logits, which are not the base model's."""
    difference = (all_logits(ours, batch) - all_logits(theirs, batch)).abs().max()
    assert difference < CLOSE
    assert (all_logits(ours, batch) - all_logits(backbone.model, batch)).abs().max() > 1000 * CLOSE


def counts(model) -> tuple[int, int]:
    """(trainable, all), by `numel()`."""
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return sum(n for n, trains in sizes if trains), sum(n for n, _ in sizes)
