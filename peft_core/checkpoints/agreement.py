"""One truth in a folder: what `run.json` says, what the other library's file says, and the base model that is loaded.

Another library reads `adapter_config.json`, we read `run.json`. Where they say different things, one of us would
compute something else than the other, without a word. So both are read in the same way, and compared.
"""

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, T5Config

from peft_core.checkpoints.record import Record
from peft_core.checkpoints.run_json import RECORD, THEN
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import Method, MethodConfig
from peft_core.methods.reading import DESCRIPTION, read_description
from peft_core.methods.registry import METHODS, method_of
from peft_core.t5.architecture import Architecture, catalogue
from peft_core.t5.backbone import Backbone
from peft_core.t5.identity import forward_settings, tokenizer_fingerprint
from peft_core.validated import GIVEN, shortened

MOST_BYTES = 50_000_000  # of a file that is read whole; the words of mT5, the longest, have 16 MB


def method_described(description: dict[str, Any]) -> Method | None:
    """The method whose description this is; None if it is of none that is known here."""
    return next((method for method in METHODS.values() if method.recognises(description)), None)


def check_base(record: Record, backbone: Backbone, name: str) -> None:
    """Refuse a checkpoint over another base model than its own.

    Raises:
        PeftClassroomError: if the weights, the tokenizer, the configuration or the words in front differ. What an
            older record does not know is not compared.
    """
    parts = (
        ("weights", record.base_fingerprint, backbone.identity.weights),
        ("tokenizer", record.tokenizer_fingerprint, backbone.identity.tokenizer),
        ("configuration", record.config_fingerprint, backbone.identity.config),
    )
    for part, recorded, here in parts:
        if recorded is not None and recorded != here:
            raise PeftClassroomError(
                f"{name} was trained on another base model than {backbone.base.name} as loaded here: the {part} "
                f"differs (fingerprint {shortened(recorded, 12)} and {here[:12]} …). Load the base it was trained on "
                f"({record.base}), or train again."
            )
    if record.prefix is not None and record.prefix != backbone.base.prefix:
        raise PeftClassroomError(
            f"{name} was trained on reviews behind {record.prefix!r}, and {backbone.base.name} as loaded here puts "
            f"{backbone.base.prefix!r} in front. Load the base it was trained on ({record.base}), or train again."
        )


def check_described(folder: Path, record: Record, backbone: Backbone) -> None:
    """Refuse a folder whose file for the other library says something else than its record.

    Raises:
        PeftClassroomError: with the setting and both values.
    """
    method, architecture = method_of(record.method), backbone.base.architecture
    ours = method.description(record.method, architecture, record.base)
    if ours is None:
        check_whole_model(folder, backbone)
        return
    description = read_description(folder / DESCRIPTION, THEN)
    if method_described(description) is not method:
        raise PeftClassroomError(
            f"{folder.name}: {DESCRIPTION} is not of the method that {RECORD} names ({method.name}). {THEN}"
        )
    theirs = _read(method, description, architecture, folder.name)
    same = _read(method, ours, architecture, folder.name)
    for setting, value in same:
        if setting not in method.start_fields and getattr(theirs, setting) != value:
            raise PeftClassroomError(
                f"{folder.name}: {RECORD} and {DESCRIPTION} disagree on {setting}: {_short(value)} and "
                f"{_short(getattr(theirs, setting))}. {THEN}"
            )
    _check_base_named(description, record, folder.name)


def _read(method: Method, description: dict[str, Any], architecture: Architecture, name: str) -> MethodConfig:
    try:
        return method.read(description, architecture).config
    except PeftClassroomError as error:
        raise PeftClassroomError(f"{name}: {DESCRIPTION} cannot be obeyed. {error}") from error


def _check_base_named(description: dict[str, Any], record: Record, name: str) -> None:
    """A folder's path may be written in many ways; the name of another known model contradicts."""
    named = description.get("base_model_name_or_path") or description.get("model_name")
    known = {each: base.name for base in catalogue().values() for each in (base.name, base.source)}
    if isinstance(named, str) and named in known and known[named] != known.get(record.base, record.base):
        raise PeftClassroomError(
            f"{name}: {RECORD} and {DESCRIPTION} disagree on the base model: {record.base} and {_short(named)}. {THEN}"
        )


def check_whole_model(folder: Path, backbone: Backbone) -> None:
    """The folder of a whole model is read by transformers: its configuration and tokenizer are the base model's.

    Raises:
        PeftClassroomError: with the setting and both values, or if one of them cannot be read.
    """
    for path in sorted(folder.iterdir()):
        if path.suffix != ".safetensors" and path.is_file() and (size := path.stat().st_size) > MOST_BYTES:
            raise PeftClassroomError(
                f"{folder.name}: {path.name} has {size / 1e6:.0f} MB, more than any T5's settings and words. {THEN}"
            )
    try:
        config = T5Config.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        said, digest = forward_settings(config), tokenizer_fingerprint(tokenizer)
    except Exception as error:  # of three libraries that read a stranger's settings, each with errors of its own
        raise PeftClassroomError(
            f"{folder.name}: its config.json or its tokenizer cannot be read ({shortened(str(error))}). {THEN}"
        ) from error
    for setting, value in forward_settings(backbone.model.config).items():
        if said[setting] != value:
            raise PeftClassroomError(
                f"{folder.name}: its config.json says {setting} = {_short(said[setting])}, and its base model "
                f"{backbone.base.name} has {_short(value)}. {THEN}"
            )
    if digest != backbone.identity.tokenizer:
        raise PeftClassroomError(f"{folder.name}: its tokenizer is not that of {backbone.base.name}. {THEN}")


def _short(value: object) -> str:
    return shortened(str(value), GIVEN)
