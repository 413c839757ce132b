"""What every method has: the contract between a method's folder and everything else. No torch here.

A method is a folder of `peft_core/methods`. Its `method.py` defines a configuration and a `Method`, and ends in
`METHOD = …()`, the object that all others ask; its `layer.py` has what computes (see `Method.layer`). Folders are
found, not listed (`registry.py`), so no other file names a method. A hook that is missing is never another method's.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from peft_core.errors import UnknownMethodError
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import Place
from peft_core.t5.parts import Part
from peft_core.validated import Frozen

if TYPE_CHECKING:
    from peft_core.methods.reading import Reading

# Libraries that a script can be written for, the most usual first; `peft_core` itself has every method.
LIBRARIES = ("peft", "adapters", "opendelta", "transformers")


class MethodConfig(Frozen):
    """What can be chosen of one method; `method` is its name, and tells the kinds apart in files."""

    method: str

    @property
    def start_text(self) -> str | None:
        """Words whose embeddings the method starts from. None: it starts from numbers alone."""
        return None


@dataclass(frozen=True)
class Look:
    """One colour (on a light and on a dark ground) and one marker (a Vega shape), on every page and in exports."""

    light: str
    dark: str
    marker: str


@dataclass(frozen=True)
class Knob:
    """A method's own number: its field in the configuration, and the name of the sweep that measures along it."""

    field: str
    sweep: str


@dataclass(frozen=True)
class CountLine:
    """One line of a hand calculation.

    `product` has the numbers ("6 blocks × 2 (q, v) × 8·(512+512)"), `value` its result, `part` what of the model it
    counts. The words for a part are the reader's: `Part.words` in the terminal, app/content on a page.
    """

    part: Part
    product: str
    value: int

    @property
    def text(self) -> str:
        """The line in English, for the terminal."""
        return f"{self.part.words}: {self.product}"


def blocks(number: int) -> str:
    """ "1 block", "6 blocks": how the product of a line begins."""
    return f"{number} block" if number == 1 else f"{number} blocks"


class Method(ABC):
    """One method, as everything else asks it."""

    config: ClassVar[type[MethodConfig]]
    examples: ClassVar[Mapping[str, MethodConfig]]  # what the contract tests run over, by what is special about it
    position: ClassVar[int]  # in every list of methods
    look: ClassVar[Look]
    learning_rate: ClassVar[float]  # chosen on validation reviews with tiny-t5: `python -m peft_core sweep`
    weights_file: ClassVar[str]  # of a checkpoint, as the library that reads it calls it
    knob: ClassVar[Knob | None] = None
    owns_weights: ClassVar[bool] = False  # trains the base's weights, so it needs a copy; rounded when stored
    changes_matrices: ClassVar[bool] = False  # has a ΔW for the Rank lab: a matrix, or two factors
    free_fields: ClassVar[frozenset[str]] = frozenset()  # they change values, never shapes or work
    start_fields: ClassVar[frozenset[str]] = frozenset()  # where training starts: they change no trained model's answer
    told_by_label: ClassVar[frozenset[str]] = frozenset()  # fields that `label` tells, beside the knob

    @property
    def name(self) -> str:
        """The name of the folder, of the page, and of the method in files."""
        return self.config.model_fields["method"].default

    @abstractmethod
    def label(self, config: Any) -> str:
        """The method with its one decisive number, as in "LoRA r=8"."""

    def starts_as_base(self, config: Any) -> bool:
        """Whether the model computes at step 0 exactly what the base model computes."""
        return True

    def beside_knob(self, config: Any) -> dict[str, Any]:
        """What two configurations share that differ in the method's own number alone, in plain values."""
        shared = config.model_dump(mode="json", exclude={"method"})
        return {name: value for name, value in shared.items() if self.knob is None or name != self.knob.field}

    @abstractmethod
    def added(self, architecture: Architecture, config: Any) -> Iterator[CountLine]:
        """The lines of the hand calculation for what the method adds to the base model, from shapes alone."""

    @abstractmethod
    def places(self, architecture: Architecture, config: Any) -> Iterator[Place]:
        """Every place where `config` changes something, in the order of the forward pass."""

    # ----------------------------------------------------------------------------------------------------------------
    # How it is stored, in the format of the library that people use afterwards

    def stored_name(self, name: str) -> str:
        """Our parameter name as the other library spells it in its file. Different names stay different."""
        return name

    def stored_shape(self, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that the other library gives to our parameter of this name and shape; same numbers, same order."""
        return shape

    def description(self, config: Any, architecture: Architecture, base: str) -> dict | None:
        """What the other library's `adapter_config.json` says; `base` names the base model.

        None: the checkpoint is a whole model, a Transformers folder.
        """
        return None

    def recognises(self, description: Mapping[str, Any]) -> bool:
        """Whether this `adapter_config.json`, of anybody, is of this method."""
        return False

    def read(self, description: Mapping[str, Any], architecture: Architecture) -> "Reading":
        """The configuration that a recognised description says: the inverse of `description`, for anybody's folder.

        Raises:
            PeftClassroomError: for a setting that changes what is computed and is not supported here, by its name.
        """
        raise UnknownMethodError(description, "read")

    def adopt(self, tensors: Mapping[str, Any], config: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Tensors of anybody's folder under the names and in the shapes of ours; and sentences on what was left out.

        What cannot be placed keeps its name: loading refuses it.
        """
        return dict(tensors), ()

    # ----------------------------------------------------------------------------------------------------------------
    # Scripts for other libraries: `LIBRARY.py.j2` in the method's folder

    def libraries(self, config: Any) -> tuple[str, ...]:
        """The libraries for which there is a template, the most usual first."""
        here = Path(__file__).parent / self.name
        return tuple(library for library in LIBRARIES if (here / f"{library}.py.j2").is_file())

    def template_values(self, config: Any, architecture: Architecture, library: str) -> dict[str, Any]:
        """What the method's template needs beside the configuration.

        Raises:
            PeftClassroomError: if `library` cannot do this on a T5 of this kind.
        """
        return {}

    # ----------------------------------------------------------------------------------------------------------------
    # Code that needs torch, or is there for some methods only

    @property
    def layer(self) -> ModuleType:
        """`layer.py` of the method's folder; imports torch.

        It has `apply(model, config, prompt_ids)`, which freezes a T5, adds the method's parameters and returns what is
        to be trained. It may also have `PACKED`, the classes of its modules that `checkpoints/asking/packed_pass.py`
        computes: they are made of what stands in `common.py`. Rows of a model with other modules go by themselves.
        """
        return import_module(f"peft_core.methods.{self.name}.layer")

    def optional(self, module: str) -> ModuleType | None:
        """A further module of the method's folder, if it has one.

        fast     FUSED, plain class → class that computes the same with fewer passes over memory
        steps    `steps(passed)`, the forward pass in steps; `watched(place, config)`, further modules it looks at
        inside   what is seen of it while it trains: one of the functions that `methods/inside.py` names
        dial     what can be turned after training, in place on a model of its own; each of these, if it is there:
                 `scale(model, factor)`, what was trained times a factor: 0 is the model before
                 `terms(model)`, their number; `order(model)`, the largest first; `keep_terms(model, k)`
                 `rows(model)`, their number; `keep_rows(model, n)`
                 `blend(model, first, second, t)`, between two models with the same settings
        """
        name = f"peft_core.methods.{self.name}.{module}"
        return import_module(name) if find_spec(name) else None
