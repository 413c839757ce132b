"""A row of docs/compatibility.md is one thing that was tried; `python -m tests.compatibility` writes them down.

In: another library saves, we read. Out: we save, the other library reads. Both sides compute by themselves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from peft_core.checkpoints.exchange.exporting import export_checkpoint
from peft_core.checkpoints.exchange.inspecting import inspect
from peft_core.checkpoints.files import save_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import METHODS, method_of
from tests.cases import CASES
from tests.checkpoints.exchange import golden_kinds, peft_kinds
from tests.checkpoints.exchange.peft_kinds import first_logits
from tests.trained import make_record, trained

TOLERANCE = 1e-5  # of a logit, in fp32
MOVED = 0.05  # a method must have changed some logit by more, or equal means nothing


@dataclass(frozen=True)
class Row:
    """`difference`: the largest of all logits, where both compute; `reason`: the sentence, where it is refused."""

    library: str
    method: str
    option: str
    direction: str
    difference: float | None = None
    reason: str = ""

    @property
    def verdict(self) -> str:
        if self.reason:
            return "refused"
        return "equal" if self.difference <= TOLERANCE else "DIFFERENT"


@dataclass(frozen=True)
class World:
    """What a row is measured on."""

    backbone: Any
    golden: Any  # the base of the golden fixtures
    batch: Any
    folder: Path  # empty


@dataclass(frozen=True)
class Tried:
    """A row to be measured. `refused`: a word of the sentence, where it has to be refused."""

    library: str
    method: str
    option: str
    direction: str
    measure: Callable[[World], tuple[float | None, str]]
    refused: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.library, self.method, self.option, self.direction

    def row(self, world: World) -> Row:
        difference, reason = self.measure(world)
        return Row(*self.key, difference, reason)


def _read(folder: Path, backbone: Any, count: int | None = None, **options: Any) -> tuple[Any, str]:
    """Our model of a foreign folder, or the sentence of its refusal.

    Args:
        count: what the library trains; we load as many, or a note says what was left out or put together.
    """
    said, adopted = inspect(folder, base=backbone.base.name, backbone_of=lambda name: backbone, **options)
    assert adopted is not None or said.problems, said
    assert adopted is None or count in (None, said.trainable) or said.notes, (said.trainable, count)
    return adopted and adopted.model, " ".join(said.problems)


def _of_peft(kind: peft_kinds.Kind, world: World) -> tuple[float | None, str]:
    folder, theirs, count = peft_kinds.build(kind, world.backbone, world.folder / "theirs", world.batch)
    model, problem = _read(folder, world.backbone, count if kind.same_count and not kind.difference else None)
    if problem:
        return None, problem
    ours, base = first_logits(model, world.batch), first_logits(world.backbone.model, world.batch)
    assert (ours - base).abs().max() > MOVED, "nothing was moved"
    return (ours - theirs).abs().max().item(), ""


def _of_golden(library: str, name: str, world: World) -> tuple[float | None, str]:
    pickle = golden_kinds.is_pickle(library, name)
    if pickle:
        _, problem = _read(golden_kinds.GOLDEN / library / "saved" / name, world.golden)
        assert "nothing is ever unpickled" in problem
    about = golden_kinds.index(library)["folders"][name]
    folder = golden_kinds.converted(library, name, world.folder / name)
    model, problem = _read(folder, world.golden, about["trainable"])
    if problem:
        return None, problem
    assert about["differs_from_base"] > MOVED
    return (golden_kinds.logits(library, model) - golden_kinds.wanted(library, name)).abs().max().item(), ""


class _LoralibLinear(torch.nn.Module):
    """What loralib.Linear computes, h = W₀x + (alpha / r)·BAx, written down once more."""

    def __init__(self, base: torch.nn.Linear, r: int, alpha: float) -> None:
        super().__init__()
        self.base, self.scaling = base, alpha / r
        self.lora_A = torch.nn.Parameter(0.3 * torch.randn(r, base.in_features))
        self.lora_B = torch.nn.Parameter(0.3 * torch.randn(base.out_features, r))

    @property
    def weight(self) -> torch.Tensor:
        return self.base.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + self.scaling * (x @ self.lora_A.T @ self.lora_B.T)


def _of_loralib(given: bool, world: World) -> tuple[float | None, str]:
    torch.manual_seed(1)
    model, names = world.backbone.own_copy(), ("SelfAttention.q", "SelfAttention.v", "DenseReluDense.wo")
    for dotted, layer in list(model.named_modules()):
        if isinstance(layer, torch.nn.Linear) and dotted.endswith(names):
            parent, _, last = dotted.rpartition(".")
            setattr(model.get_submodule(parent), last, _LoralibLinear(layer, 2 if last == "wo" else 3, 6.0))
    tensors = {name: p.detach() for name, p in model.named_parameters() if "lora_" in name}
    save_file(tensors, world.folder / "lora.safetensors")
    ours, problem = _read(world.folder / "lora.safetensors", world.backbone, alpha=6.0 if given else None)
    if problem:
        return None, problem
    return (first_logits(ours, world.batch) - first_logits(model, world.batch)).abs().max().item(), ""


def _of_transformers(world: World) -> tuple[float | None, str]:
    torch.manual_seed(1)
    model = world.backbone.own_copy()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(world.folder / "whole")
    world.backbone.tokenizer.save_pretrained(world.folder / "whole")
    ours, problem = _read(world.folder / "whole", world.backbone)
    if problem:
        return None, problem
    return (first_logits(ours, world.batch) - first_logits(model, world.batch)).abs().max().item(), ""


# ---------------------------------------------------------------------------------------------------------------------
# Out


def _exported(config: Any, format: str, world: World) -> tuple[Any, str]:
    """A trained model of ours and, if it was refused, why; its export lies in the folder."""
    model = trained(world.backbone, config, world.batch)
    save_checkpoint(model, make_record(world.backbone, config), world.backbone, world.folder / "ours")
    try:
        export_checkpoint(world.folder / "ours", format, world.folder / "out", world.backbone.base.name)
    except PeftClassroomError as error:
        return model, str(error)
    return model, ""


def _to_peft(config: Any, world: World) -> tuple[float | None, str]:
    from peft import PeftModel

    model, problem = _exported(config, "peft", world)
    if problem:
        return None, problem
    theirs = PeftModel.from_pretrained(world.backbone.own_copy(), world.folder / "out").eval()
    return (first_logits(model, world.batch) - first_logits(theirs, world.batch)).abs().max().item(), ""


def _merged(config: Any, world: World) -> tuple[float | None, str]:
    from transformers import AutoTokenizer, T5ForConditionalGeneration

    model, problem = _exported(config, "transformers-merged", world)
    if problem:
        return None, problem
    AutoTokenizer.from_pretrained(world.folder / "out")
    theirs = T5ForConditionalGeneration.from_pretrained(
        world.folder / "out", dtype=torch.float32, attn_implementation="eager"
    ).eval()
    return (first_logits(model, world.batch) - first_logits(theirs, world.batch)).abs().max().item(), ""


def _described(config: Any) -> Mapping[str, Any]:
    from tests.cases import TINY

    return method_of(config).description(config, TINY, "base") or {}


def _out() -> list[Tried]:
    rows = []
    for name, config in CASES.items():
        if "peft_type" in _described(config):
            rows.append(Tried("Hugging Face peft", config.method, name, "out", partial(_to_peft, config)))
        refused = "cannot be merged" if config.method in ("soft_prompt", "adapter", "prefix") else ""
        rows.append(
            Tried(
                "Hugging Face transformers", config.method, f"{name}, merged", "out", partial(_merged, config), refused
            )
        )
    return rows


TRIED: tuple[Tried, ...] = (
    *(
        Tried("Hugging Face peft", kind.method, kind.option, "in", partial(_of_peft, kind), kind.refused)
        for kind in peft_kinds.KINDS
    ),
    *(
        Tried(
            golden_kinds.LIBRARIES[library],
            golden_kinds.method(name),
            name,
            "in",
            partial(_of_golden, library, name),
            golden_kinds.REFUSED.get((library, name), ""),
        )
        for library, name in golden_kinds.kinds()
    ),
    Tried("loralib", "LoRA", "alpha given, ranks 2 and 3", "in", partial(_of_loralib, True)),
    Tried("loralib", "LoRA", "alpha not given", "in", partial(_of_loralib, False), "alpha"),
    Tried("Hugging Face transformers", "full", "a whole T5", "in", _of_transformers),
    *_out(),
)
assert set(METHODS) == {config.method for config in CASES.values()}
