"""Time to classify a batch: the base model, and the base model with something beside its matrices or merged into them.

In fp32 and in one process, as the Playground does it. In every round each form is timed once, in an order that is drawn
anew, so that a busy moment of the machine, and whatever the form before has left in the cache, hits all of them alike.
The models are built several times over: where its tensors lie in memory makes a model faster or slower, too.
"""

import copy
import gc
import random

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.random_model import LABEL_IDS, Work, random_batch, random_model, seconds
from peft_core.methods import apply_method
from peft_core.methods.common import merge
from peft_core.methods.method import MethodConfig
from peft_core.report.costs.latency import MERGED
from peft_core.t5.architecture import Architecture
from peft_core.t5.backbone import label_logits

SETTLING = 3  # batches after building: kernels and memory for these shapes
SEED = 0


def latency_round(
    architecture: Architecture, forms: dict[str, MethodConfig | None], work: Work, builds: int
) -> dict[str, tuple[int, tuple[float, ...]]]:
    """form → (multiplications of a batch, seconds of every round), over `work.steps` rounds for each of `builds`."""
    clock: dict[str, list[float]] = {form: [] for form in forms}
    multiplications: dict[str, int] = {}
    plain, rng = random_model(architecture, None), random.Random(SEED)
    for build in range(builds):
        models = {form: _classifier(plain, form, forms[form]) for form in _shuffled(forms, rng)}
        if build == 0:
            multiplications = {form: _count(model, architecture, work) for form, model in models.items()}
        gc.collect()  # the models of the last build: not in the middle of a round
        for number in range(SETTLING + work.steps):
            batch = random_batch(architecture, work, build * 10_000 + number)
            ids, mask = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask)
            for form in _shuffled(forms, rng):
                model = models[form]
                taken = seconds(lambda model=model, ids=ids, mask=mask: _classify(model, ids, mask))
                if number >= SETTLING:
                    clock[form].append(taken)
    return {form: (multiplications[form], tuple(clock[form])) for form in forms}


def _shuffled(forms: dict[str, MethodConfig | None], rng: random.Random) -> list[str]:
    return rng.sample(list(forms), len(forms))


def _classifier(plain: nn.Module, form: str, method: MethodConfig | None) -> nn.Module:
    """A model in tensors of its own."""
    model = copy.deepcopy(plain)
    if method is not None:
        model = apply_method(model, method)
    if form.endswith(MERGED):
        merge(model)
    return model.eval()


@torch.inference_mode()
def _classify(model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    return label_logits(model, input_ids, attention_mask, LABEL_IDS)


def _count(model: nn.Module, architecture: Architecture, work: Work) -> int:
    """Multiplications of one batch: torch counts each with its addition as two operations."""
    batch = random_batch(architecture, work, 0)
    with FlopCounterMode(display=False) as counter:
        _classify(model, torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask))
    return counter.get_total_flops() // 2
