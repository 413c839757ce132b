"""T5 shapes as plain data, and the base models this project knows. No torch here.

T5 v1.0 (Raffel et al. 2020): feed-forward = wo·ReLU(wi·x), and one token embedding is shared by encoder, decoder and
output layer. T5 v1.1, and Flan-T5, which was trained from it: feed-forward = wo·(GELU(wi_0·x) ⊙ wi_1·x), and the output
layer has weights of its own.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from peft_core.errors import PeftClassroomError
from peft_core.paths import BUNDLED_BASES
from peft_core.t5.stored import stored_output_is_the_embedding
from peft_core.validated import GIVEN, shortened

LARGEST = 1 << 20  # of any size in a configuration: a larger one is damage, and would only fill the memory


@dataclass(frozen=True)
class Architecture:
    """The numbers that fix every shape of a T5."""

    vocab_size: int
    d_model: int
    d_kv: int
    d_ff: int
    num_heads: int
    encoder_layers: int
    decoder_layers: int
    gated: bool = False
    relative_attention_num_buckets: int = 32
    tied: bool = True  # the output layer is the token embedding, not weights of its own

    @property
    def inner_dim(self) -> int:
        """Rows of q, k and v: all heads side by side (num_heads · d_kv). Not always d_model: T5-3b has 4096."""
        return self.num_heads * self.d_kv

    @property
    def blocks(self) -> int:
        return self.encoder_layers + self.decoder_layers


@dataclass(frozen=True)
class BaseModel:
    """A base model: its shapes, where it is loaded from, and the words put in front of a review."""

    name: str
    architecture: Architecture
    source: str  # folder of a bundled model, or id on the Hugging Face Hub
    bundled: bool
    prefix: str

    @property
    def ids(self) -> tuple[str, ...]:
        """Its names on the Hub: of T5 also the one that it had first, under which older caches have it."""
        return (self.source, self.name) if self.source == f"google-t5/{self.name}" else (self.source,)


def _t5(d_model: int, d_kv: int, d_ff: int, num_heads: int, layers: int) -> Architecture:
    return Architecture(32128, d_model, d_kv, d_ff, num_heads, layers, layers)


def _t5_1_1(d_model: int, d_ff: int, num_heads: int, layers: int) -> Architecture:
    return Architecture(32128, d_model, 64, d_ff, num_heads, layers, layers, gated=True, tied=False)


# Shapes from the published config.json of each model (Raffel et al. 2020, table of section 3.7).
_T5 = {
    "t5-small": _t5(512, 64, 2048, 8, 6),
    "t5-base": _t5(768, 64, 3072, 12, 12),
    "t5-large": _t5(1024, 64, 4096, 16, 24),
    "t5-3b": _t5(1024, 128, 16384, 32, 24),
    "t5-11b": _t5(1024, 128, 65536, 128, 24),
}
_T5_1_1 = {
    "small": _t5_1_1(512, 1024, 6, 8),
    "base": _t5_1_1(768, 2048, 12, 12),
    "large": _t5_1_1(1024, 2816, 16, 24),
    "xl": _t5_1_1(2048, 5120, 32, 24),
    "xxl": _t5_1_1(4096, 10240, 64, 24),
}
_HUB = {f"google-t5/{name}": shape for name, shape in _T5.items()} | {
    f"google/{family}-{size}": shape for family in ("t5-v1_1", "flan-t5") for size, shape in _T5_1_1.items()
}
# T5's own supervised mixture contained SST-2 under this prefix (Raffel et al. 2020, appendix D). To v1.1, which saw no
# task before fine-tuning, and to Flan-T5 it is words like others.
_HUB_PREFIX = "sst2 sentence: "
_BUNDLED_PREFIX = "sentiment: "


def read_architecture(folder: Path) -> Architecture:
    """The shapes of the T5 in `folder`, from its `config.json` and the names and bytes of its tensors.

    Raises:
        PeftClassroomError: if it is not the configuration of a T5, or lacks a shape.
    """
    config = _read_config(folder / "config.json")
    if config.get("model_type") != "t5":
        kind = shortened(repr(config.get("model_type")), GIVEN)
        raise PeftClassroomError(f"Only T5 models can be used here; {folder / 'config.json'} is of a {kind}.")
    needed = ("vocab_size", "d_model", "d_kv", "d_ff", "num_heads", "num_layers")
    if missing := [name for name in needed if name not in config]:
        raise PeftClassroomError(f"{folder / 'config.json'} does not say {', '.join(missing)}. Add what is missing.")
    for name in (*needed, "num_decoder_layers", "relative_attention_num_buckets"):
        value = config.get(name)
        if value is not None and (type(value) is not int or not 1 <= value <= LARGEST):
            given = shortened(repr(value), GIVEN)
            raise PeftClassroomError(f"{folder / 'config.json'}: {name} is {given}, no size of a T5. Restore the file.")
    layers = config["num_layers"]
    stored = stored_output_is_the_embedding(folder)
    return Architecture(
        vocab_size=config["vocab_size"],
        d_model=config["d_model"],
        d_kv=config["d_kv"],
        d_ff=config["d_ff"],
        num_heads=config["num_heads"],
        encoder_layers=layers,
        decoder_layers=config.get("num_decoder_layers") or layers,
        gated=str(config.get("feed_forward_proj", "relu")).startswith("gated"),
        relative_attention_num_buckets=config.get("relative_attention_num_buckets", 32),
        tied=_said_to_be_tied(config) if stored is None else stored,
    )


def _read_config(path: Path) -> dict:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise PeftClassroomError(f"{path} cannot be read ({shortened(str(error))}). Restore the file.") from error
    if not isinstance(found, dict):
        raise PeftClassroomError(f"{path} holds no settings. Restore the file.")
    return found


def _said_to_be_tied(config: dict) -> bool:
    """Whether a `config.json` says so; T5's default is yes.

    Transformers 5 writes true for every T5. What it leaves of v1.1's own false is `scale_decoder_outputs`: only the
    embedding's logits are scaled.
    """
    return config.get("tie_word_embeddings") is not False and config.get("scale_decoder_outputs") is not False


@cache
def catalogue() -> dict[str, BaseModel]:
    """Every base model by name: bundled ones first, the smallest of them at the head."""
    found = [
        BaseModel(folder.name, read_architecture(folder), str(folder), True, _BUNDLED_PREFIX)
        for folder in sorted(BUNDLED_BASES.glob("*"))
        if (folder / "config.json").exists()
    ]
    found.sort(key=lambda base: (base.architecture.d_model, base.architecture.blocks))
    bundled = {base.name: base for base in found}
    names = {source: source.partition("/")[2] for source in _HUB}
    hub = {name: BaseModel(name, _HUB[source], source, False, _HUB_PREFIX) for source, name in names.items()}
    return bundled | hub


def base_model(name: str) -> BaseModel:
    """The base model called `name`: from the catalogue, also by its id on the Hub, or a local folder that holds a T5.

    Raises:
        PeftClassroomError: if there is no such model.
    """
    known = catalogue()
    for base in known.values():
        if name in (base.name, base.source):
            return base
    if (Path(name) / "config.json").is_file():
        return BaseModel(name, read_architecture(Path(name)), name, True, _HUB_PREFIX)
    raise PeftClassroomError(f"Unknown base model {name!r}. Known: {', '.join(known)}; or give the folder of a T5.")
