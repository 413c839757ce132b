"""Time to classify a batch: the base model, a soft prompt, an adapter, LoRA beside its matrices, LoRA merged.

In fp32 and on one process, as the Playground does it; the forms take turns, so that a busy moment of the machine hits
all of them.
"""

from statistics import median

import torch
from torch import nn

from benchmarks.random_model import LABEL_IDS, SETTLING, Work, random_batch, random_model, seconds
from peft_core.methods.common import merge
from peft_core.methods.method import MethodConfig
from peft_core.report.costs.measured import InferenceForm
from peft_core.t5.architecture import Architecture
from peft_core.t5.backbone import label_logits


def inference_round(
    architecture: Architecture, forms: dict[InferenceForm, MethodConfig | None], work: Work
) -> dict[InferenceForm, tuple[int, float]]:
    """form → (rows that the encoder reads for each review, median seconds a batch)."""
    models = {form: _classifier(architecture, form, method) for form, method in forms.items()}
    positions = {form: _watch(model) for form, model in models.items()}
    clock: dict[InferenceForm, list[float]] = {form: [] for form in models}
    for number in range(SETTLING + work.steps):
        batch = random_batch(architecture, work, number)
        ids, mask = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask)
        for form, model in models.items():
            clock[form].append(seconds(lambda model=model, ids=ids, mask=mask: _classify(model, ids, mask)))
    return {form: (positions[form].pop(), median(times[SETTLING:])) for form, times in clock.items()}


def _classifier(architecture: Architecture, form: InferenceForm, method: MethodConfig | None) -> nn.Module:
    model = random_model(architecture, method).eval()
    if form.endswith("_merged"):
        merge(model)
    return model


def _watch(model: nn.Module) -> set[int]:
    """Filled with the number of rows that the encoder reads: one number, however often it reads."""
    seen: set[int] = set()
    (encoder,) = (module for name, module in model.named_modules() if name.split(".")[-1] == "encoder")
    encoder.register_forward_hook(lambda module, inputs, output: seen.add(output.last_hidden_state.shape[1]))
    return seen


@torch.inference_mode()
def _classify(model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    return label_logits(model, input_ids, attention_mask, LABEL_IDS)
