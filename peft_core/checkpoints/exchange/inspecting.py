"""What a checkpoint is, of anybody: whose, over which base, which method, how many numbers, and whether it can be read.

A problem is a sentence, not an exception: a folder that is refused is looked at as far as it can be read.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from peft_core.checkpoints.exchange.importing import Adopted, adopt, base_of
from peft_core.checkpoints.exchange.recognise import Found, recognise
from peft_core.checkpoints.files import load_checkpoint
from peft_core.checkpoints.record import AdoptedRecord, Record
from peft_core.checkpoints.run_json import read_record
from peft_core.counting.by_hand import count
from peft_core.errors import PeftClassroomError, visible
from peft_core.methods import trainable_tensors
from peft_core.methods.method import MethodConfig
from peft_core.methods.reading import written
from peft_core.methods.registry import method_label
from peft_core.statistics.intervals import Accuracy
from peft_core.t5.backbone import Backbone, load_backbone
from peft_core.validated import shortened

# Settings of a description that say where a checkpoint is from, and change nothing that it computes.
ABOUT = frozenset(
    {
        "auto_mapping", "base_model_name_or_path", "peft_version", "inference_mode", "task_type", "revision",
        "megatron_core", "model_class", "model_name", "model_type", "hidden_size", "name", "version",
        "backbone_checkpoint_name", "backbone_class", "backbone_hash", "opendelta_version", "transformers_version",
        "architectures", "dtype", "torch_dtype",
    }
)  # fmt: skip
MOST_SETTINGS = 40
OFF: tuple[Any, ...] = (None, False, "", [], {})


@dataclass(frozen=True)
class Inspection:
    """Everything that is to be said of a checkpoint. What is not known is None or empty.

    `settings`: what its description says and does not leave switched off. `config`: how it is read here.
    `stored`: numbers in its weights file; `trainable`: those that are loaded; `by_hand`: the hand calculation.
    """

    name: str
    kind: str = ""
    whose: str = ""
    base_named: str = ""
    base: str = ""
    method: str = ""
    label: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    stored: int | None = None
    trainable: int | None = None
    by_hand: int | None = None
    test: Accuracy | None = None
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def readable(self) -> bool:
        """Whether it was put on its base model without a word of doubt."""
        return self.trainable is not None and not self.problems

    def as_data(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self) | {"readable": self.readable}


def inspect(
    path: Path,
    base: str | None = None,
    alpha: float | None = None,
    folders: bool = True,
    backbone_of: Callable[[str], Backbone] = load_backbone,
) -> tuple[Inspection, Adopted | None]:
    """What lies in `path`; and, of a foreign checkpoint that can be read, the model of it.

    Args:
        base: name or folder of the base model, where the one that it names is not here.
        alpha: of a loralib file, which does not hold it.
        folders: whether the base that it names may be the path of a folder.
        backbone_of: loads a base model by its name.
    """
    said = Inspection(path.resolve().name)
    try:
        found = recognise(path)
        said = replace(
            said,
            kind=found.kind,
            whose=found.whose,
            base_named=found.base,
            settings=settings(found.said) if found.kind != "transformers" else {},
        )
        if found.kind == "ours":
            record = read_record(path)
            said = _recorded(said, record)
            name = base_of(replace(found, base=record.base), base, folders)[0].name
            said = replace(said, base=name)
            load_checkpoint(path, backbone := backbone_of(name))
            return _counted(said, record.method, record.trainable_parameters, (), backbone), None
        said = replace(said, stored=_numbers(found))
        model, note = base_of(found, base, folders)
        said = replace(said, base=model.name, notes=(note,) if note else ())
        adopted = adopt(found, backbone_of(model.name), alpha)
    except PeftClassroomError as error:
        return replace(said, problems=(str(error),)), None
    trainable = sum(p.numel() for p in trainable_tensors(adopted.model).values())
    return _counted(said, adopted.config, trainable, adopted.notes, adopted.backbone), adopted


def settings(said: Mapping[str, Any]) -> dict[str, str]:
    """The settings that are not switched off, as a person reads them."""
    inner = said.get("config")
    every = {**said, **inner} if isinstance(inner, dict) else dict(said)
    every.pop("config", None)
    on = {
        shortened(visible(str(name)), 80): written(value)
        for name, value in every.items()
        if name not in ABOUT and not any(type(value) is type(off) and value == off for off in OFF)
    }
    return dict(list(on.items())[:MOST_SETTINGS])


def _recorded(said: Inspection, record: Record) -> Inspection:
    return replace(
        said,
        base_named=record.base,
        method=record.method.method,
        label=method_label(record.method),
        config=record.method.model_dump(mode="json"),
        stored=record.trainable_parameters,
        test=record.test,
        notes=(record.why, *record.notes) if isinstance(record, AdoptedRecord) else (),
    )


def _counted(
    said: Inspection, config: MethodConfig, trainable: int, notes: tuple[str, ...], backbone: Backbone
) -> Inspection:
    by_hand = count(backbone.base.architecture, config).trainable_parameters
    return replace(
        said,
        method=config.method,
        label=method_label(config),
        config=config.model_dump(mode="json"),
        trainable=trainable,
        by_hand=by_hand,
        notes=(*said.notes, *notes),
        problems=() if trainable == by_hand else (f"The hand calculation gives {by_hand:,}, not {trainable:,}.",),
    )


def _numbers(found: Found) -> int:
    total = 0
    for shape in found.shapes().values():
        size = 1
        for side in shape:
            size *= side
        total += size
    return total
