"""Small models on which a method was put and that took real steps, and the record of such a run."""

import copy

import torch
from safetensors.torch import save_file

from peft_core.checkpoints.record import Measured, RunRecord
from peft_core.checkpoints.run_json import write_record
from peft_core.checkpoints.weights_file import checkpoint_weights
from peft_core.config import RunConfig
from peft_core.counting.by_hand import count
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.registry import method_of
from peft_core.t5.backbone import label_logits
from peft_core.t5.precision import set_backbone_dropout

PROMPT_IDS = [8, 9]
_TRAINED = {}  # of this process: models by base model, configuration and batch


def apply(backbone, config, seed=0):
    torch.manual_seed(seed)
    return apply_method(backbone.own_copy(), config, PROMPT_IDS)


def logits(model, batch, backbone):
    with torch.inference_mode():
        return label_logits(model, *batch, backbone.label_ids)


def train_a_little(model, batch, steps=3):
    """Real gradient steps; large ones, so that every trainable tensor visibly moves."""
    optimizer = torch.optim.AdamW(trainable_tensors(model).values(), lr=0.05, weight_decay=0.0)
    ids, mask = batch
    for _ in range(steps):
        start = ids.new_zeros(len(ids), 1)
        out = model(input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False)
        loss = torch.nn.functional.cross_entropy(out.logits[:, 0], torch.tensor([3, 4, 3]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def make_record(backbone, config) -> RunRecord:
    counted = count(backbone.base.architecture, config)
    nothing = {"accuracy": 0.5, "low": 0.1, "high": 0.9, "n": 2}
    return RunRecord(
        name="made in a test",
        config=RunConfig(base=backbone.base.name, method=config),
        learning_rate=1e-3,
        base_fingerprint=backbone.fingerprint,
        data_fingerprint="0" * 64,
        split_sizes={"train": 2, "validation": 2, "test": 2},
        trainable_parameters=counted.trainable_parameters,
        total_parameters=counted.total_parameters,
        steps=1,
        planned_steps=1,
        stopped_by="epochs",
        best_step=1,
        untrained=Measured(split="validation", **nothing),
        validation=Measured(split="validation", **nothing),
        test=Measured(split="test", **nothing),
        validations=((0, 0.5), (1, 0.5)),
        seconds=1.0,
        examples_per_second=2.0,
        device="CPU",
        precision="float32",
        created="2026-01-01T00:00:00Z",
        versions={},
    )


def trained(backbone, config, batch):
    """A model of one's own that took three steps, always the same three: they are taken once for all tests."""
    key = backbone.identity, config, *(part.numpy().tobytes() for part in batch)
    if key not in _TRAINED:
        model = apply(backbone, config, seed=3)
        train_a_little(model, batch)
        _TRAINED[key] = model.eval()
    torch.manual_seed(4)  # what a test draws afterwards does not depend on which test came first
    return copy.deepcopy(_TRAINED[key])


def on_replica(backbone, model, config):
    """The trained tensors as a checkpoint is loaded: over the backbone's own, where the method leaves those alone."""
    if config.method == "full":
        return model.requires_grad_(False)
    loaded = apply_method(backbone.replica(), config, PROMPT_IDS)
    with torch.no_grad():
        for name, parameter in trainable_tensors(model).items():
            trainable_tensors(loaded)[name].copy_(parameter)
    return loaded.eval()


def moved(backbone, config, seed=0):
    """A model in training without dropout, all of its trainable tensors moved away from where they start."""
    model = backbone.own_copy()
    set_backbone_dropout(model, 0.0)
    torch.manual_seed(seed)
    model = apply_method(model, config, PROMPT_IDS)
    with torch.no_grad():
        for parameter in trainable_tensors(model).values():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def as_measuring(measure):
    """What a Trainer validates by, out of a plain function: nothing is said on its way."""

    def measuring():
        yield from ()
        return measure()

    return measuring


def pretend(record: RunRecord, folder) -> RunRecord:
    """A checkpoint's record beside a weights file of the right size, bound to it: it can be listed, not loaded."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / method_of(record.method).weights_file
    save_file({"numbers": torch.zeros(record.trainable_parameters, dtype=torch.bfloat16)}, path)
    record = record.model_copy(update={"weights_sha256": checkpoint_weights(folder, record.method).sha256})
    write_record(record, folder)
    return record
