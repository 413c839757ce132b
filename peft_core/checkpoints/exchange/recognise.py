"""What a folder or a file is, and whose: from its descriptions and the heads of its weights. No torch here.

    ours            run.json
    peft            adapter_config.json with "peft_type", adapter_model.safetensors
    adapterhub      adapter_config.json with "config", adapter.safetensors
    opendelta       config.json with "delta_type", one safetensors file
    transformers    config.json with "model_type" t5, model.safetensors
    loralib         one safetensors file whose tensors are called ….lora_A and ….lora_B

Each of the last five is brought into a form that a method here reads (`forms/`): a description, and tensors under
the names that go with it. Nothing is ever unpickled: a `.bin` file is refused, with the two lines that convert it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from peft_core.checkpoints.exchange.forms.native import Native
from peft_core.checkpoints.run_json import RECORD
from peft_core.errors import PeftClassroomError
from peft_core.methods.reading import DESCRIPTION, read_description
from peft_core.t5.architecture import BaseModel, base_model, catalogue
from peft_core.t5.stored import read_head
from peft_core.validated import shortened

Kind = Literal["ours", "peft", "adapterhub", "opendelta", "transformers", "loralib"]
WHOSE: Mapping[Kind, str] = {
    "ours": "PEFT Classroom",
    "peft": "Hugging Face peft",
    "adapterhub": "AdapterHub's adapters",
    "opendelta": "OpenDelta",
    "transformers": "Hugging Face transformers",
    "loralib": "loralib",
}
MAX_TENSORS = 20_000  # the largest T5 has about 1,600
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
# The weights of each kind, and the pickle that its library writes in their place.
WEIGHTS: Mapping[Kind, tuple[str, str]] = {
    "peft": ("adapter_model.safetensors", "adapter_model.bin"),
    "adapterhub": ("adapter.safetensors", "pytorch_adapter.bin"),
    "transformers": ("model.safetensors", "pytorch_model.bin"),
}
_THEN = "Restore the file, or save the checkpoint again."


@dataclass(frozen=True)
class Found:
    """What lies in `path`. `said`: the settings that its description holds, as written; `base`: the base it names.

    `head`: an output layer that the library keeps beside the weights; it is no part of the method.
    """

    path: Path
    kind: Kind
    version: str = ""
    base: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)
    weights: tuple[Path, ...] = ()
    head: Path | None = None

    @property
    def name(self) -> str:
        """What a sentence calls it."""
        return self.path.resolve().name

    @property
    def whose(self) -> str:
        """The library that wrote it, and its version where it says one."""
        return f"{WHOSE[self.kind]} {self.version}".strip()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape of its tensors, from the heads of its files.

        Raises:
            PeftClassroomError: if a file is damaged, or holds more tensors than any model.
        """
        found = {name: tensor.shape for path in self.weights for name, tensor in read_head(path).items()}
        if len(found) > MAX_TENSORS:
            raise PeftClassroomError(f"{self.name} holds {len(found):,} tensors, more than any T5.")
        return found

    def native(self, alpha: float | None = None) -> Native:
        """Its description and its tensors in the form that the methods here read.

        Args:
            alpha: LoRA's alpha, for a file that does not hold it.

        Raises:
            PeftClassroomError: for a setting that no method here can express, by its name.
        """
        from peft_core.checkpoints.exchange.forms import translate

        return translate(self.kind, self.said, self.shapes(), self.version, alpha)


def recognise(path: Path) -> Found:
    """What lies in the folder or file `path`.

    Raises:
        PeftClassroomError: if it is nothing known, or its weights are a pickle, or missing.
    """
    if path.is_file():
        return _state_dict(path)
    if not path.is_dir():
        raise PeftClassroomError(f"There is no folder or file {path}.")
    if (path / RECORD).is_file():
        return Found(path, "ours")
    if (path / DESCRIPTION).is_file():
        said = _read(path / DESCRIPTION)
        if "peft_type" in said:
            return _peft(path, said)
        if isinstance(said.get("config"), dict):
            return _adapterhub(path, said)
        raise PeftClassroomError(
            f"{path.resolve().name}/{DESCRIPTION} has neither peft_type, as peft's, nor config, as AdapterHub's: "
            "it does not say what the tensors are."
        )
    if (path / "config.json").is_file():
        said = _read(path / "config.json")
        if "delta_type" in said:
            return Found(
                path, "opendelta", _word(said, "opendelta_version"), _word(said, "backbone_checkpoint_name"), said,
                (_only_weights(path, "pytorch_model.bin"),),
            )  # fmt: skip
        if said.get("model_type") == "t5":
            return Found(path, "transformers", _word(said, "transformers_version"), "", said, _parts(path))
        kind = shortened(repr(said.get("model_type")), 80)
        raise PeftClassroomError(
            f"{path.resolve().name}/config.json is of a model of type {kind}, and only T5 can be used."
        )
    return _state_dict(_only_weights(path, ""))


def find_base(named: str, folders: bool) -> tuple[BaseModel | None, str]:
    """The base model that a file names, and a sentence if it was found by less than its full name.

    Args:
        folders: whether a folder's path is looked for, too: what comes from outside may not say where to look.

    Raises:
        PeftClassroomError: if the name is the path of a folder whose T5 cannot be read.
    """
    known = catalogue()
    for base in known.values():
        if named in (base.name, base.source):
            return base, ""
    if folders and named and Path(named).is_dir():
        here = Path(named).resolve()
        bundled = next((base for base in known.values() if base.bundled and Path(base.source).resolve() == here), None)
        return bundled or base_model(named), ""
    last = named.replace("\\", "/").rstrip("/").rpartition("/")[2]
    if last in known:
        return known[last], f"It names {shortened(named)!r} as its base model; that is taken to be {last} here."
    return None, ""


def pickle_refused(pickle: str, weights: str) -> str:
    """The sentence for weights that are a pickle, with the two lines that convert them."""
    return (
        f"The weights are a pickle ({pickle}), and nothing is ever unpickled here: a pickle can run any program. If "
        "you trust it, convert it where you made it, with these two lines of Python:\n"
        "    import torch, safetensors.torch\n"
        f'    safetensors.torch.save_file({{k: v.clone().contiguous() for k, v in torch.load("{pickle}", '
        f'weights_only=True).items()}}, "{weights}")'
    )


# ---------------------------------------------------------------------------------------------------------------------


def _peft(path: Path, said: dict[str, Any]) -> Found:
    return Found(
        path, "peft", _word(said, "peft_version"), _word(said, "base_model_name_or_path"), said,
        (_weights(path, "peft"),),
    )  # fmt: skip


def _adapterhub(path: Path, said: dict[str, Any]) -> Found:
    head = path / "model_head.safetensors"
    return Found(
        path, "adapterhub", _word(said, "version").removeprefix("adapters."), _word(said, "model_name"), said,
        (_weights(path, "adapterhub"),), head if head.is_file() else None,
    )  # fmt: skip


def _parts(path: Path) -> tuple[Path, ...]:
    """The weights of a whole model, of a large one in several files."""
    index = path / "model.safetensors.index.json"
    if (path / "model.safetensors").is_file() or not index.is_file():
        return (_weights(path, "transformers"),)
    listed = _read(index).get("weight_map")
    if not isinstance(listed, dict) or not listed:
        raise PeftClassroomError(f"{path.resolve().name}/{index.name} does not say where the weights are. {_THEN}")
    files = sorted({str(name) for name in listed.values()})
    if bad := [name for name in files if Path(name).name != name or not (path / name).is_file()]:
        raise PeftClassroomError(f"{path.resolve().name} lacks {shortened(bad[0], 80)}, one of its parts. {_THEN}")
    return tuple(path / name for name in files)


def _weights(path: Path, kind: Kind) -> Path:
    weights, pickle = WEIGHTS[kind]
    if (path / weights).is_file():
        return path / weights
    if (path / pickle).is_file():
        raise PeftClassroomError(f"{path.resolve().name}: {pickle_refused(pickle, weights)}")
    raise PeftClassroomError(f"{path.resolve().name} has no {weights}. {_THEN}")


def _only_weights(path: Path, pickle: str) -> Path:
    """The one safetensors file of a folder whose library has no name for it."""
    files = sorted(file for file in path.glob("*.safetensors") if file.is_file())
    if len(files) == 1:
        return files[0]
    if files:
        raise PeftClassroomError(f"{path.resolve().name} has {len(files)} safetensors files: give one of them alone.")
    pickles = sorted(file.name for file in path.iterdir() if file.suffix in PICKLES and file.is_file())
    if pickles:
        chosen = pickle if pickle in pickles else pickles[0]
        raise PeftClassroomError(f"{path.resolve().name}: {pickle_refused(chosen, Path(chosen).stem + '.safetensors')}")
    raise PeftClassroomError(
        f"{path.resolve().name} is nothing that can be read here: it has no {RECORD}, {DESCRIPTION} or config.json, "
        "and no safetensors file."
    )


def _state_dict(path: Path) -> Found:
    """A file of tensors alone: loralib's, if its names say so."""
    if path.suffix in PICKLES:
        raise PeftClassroomError(f"{path.name}: {pickle_refused(path.name, path.stem + '.safetensors')}")
    if path.suffix != ".safetensors":
        raise PeftClassroomError(f"{path.name} is no folder and no safetensors file, so it cannot be read here.")
    if not any(name.endswith(".lora_A") for name in read_head(path)):
        raise PeftClassroomError(
            f"{path.name} has no description beside it, and none of its tensors is called ….lora_A, as loralib's are: "
            "nothing says what they are."
        )
    return Found(path, "loralib", weights=(path,))


def _read(path: Path) -> dict[str, Any]:
    return read_description(path, _THEN)


def _word(said: Mapping[str, Any], name: str) -> str:
    """A setting that is a short text; characters that steer a terminal are taken out."""
    value = said.get(name)
    text = value if isinstance(value, str) else ""
    return shortened("".join(character for character in text if character.isprintable()))
