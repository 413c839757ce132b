"""T5 shapes as plain data, and the base models this project knows. No torch here.

T5 v1.0 (Raffel et al. 2020): feed-forward = wo·ReLU(wi·x). T5 v1.1: feed-forward = wo·(GELU(wi_0·x) ⊙ wi_1·x).
One token embedding is shared by encoder, decoder and output layer.
"""

from dataclasses import dataclass
from functools import cache

from peft_core.errors import PeftClassroomError
from peft_core.paths import BUNDLED_BASES


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


def _t5(d_model: int, d_kv: int, d_ff: int, num_heads: int, layers: int) -> Architecture:
    return Architecture(32128, d_model, d_kv, d_ff, num_heads, layers, layers)


# Shapes from the published config.json of each model (Raffel et al. 2020, table of section 3.7).
_HUB = {
    "t5-small": _t5(512, 64, 2048, 8, 6),
    "t5-base": _t5(768, 64, 3072, 12, 12),
    "t5-large": _t5(1024, 64, 4096, 16, 24),
    "t5-3b": _t5(1024, 128, 16384, 32, 24),
    "t5-11b": _t5(1024, 128, 65536, 128, 24),
}
# T5's own supervised mixture contained SST-2 under this prefix (Raffel et al. 2020, appendix D).
_HUB_PREFIX = "sst2 sentence: "
_BUNDLED_PREFIX = "sentiment: "


def _read_bundled(name: str) -> Architecture:
    import json

    config = json.loads((BUNDLED_BASES / name / "config.json").read_text())
    return from_hf_config(config)


def from_hf_config(config: dict) -> Architecture:
    """An Architecture from the fields of a Transformers T5 `config.json`.

    Raises:
        PeftClassroomError: if it is not the configuration of a T5.
    """
    if config.get("model_type") != "t5":
        raise PeftClassroomError(f"Only T5 models can be used here; this one is a {config.get('model_type')!r}.")
    layers = config["num_layers"]
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
    )


@cache
def catalogue() -> dict[str, BaseModel]:
    """Every base model by name: bundled ones first, the smallest of them at the head."""
    found = [
        BaseModel(folder.name, _read_bundled(folder.name), str(folder), True, _BUNDLED_PREFIX)
        for folder in sorted(BUNDLED_BASES.glob("*"))
        if (folder / "config.json").exists()
    ]
    found.sort(key=lambda base: (base.architecture.d_model, base.architecture.blocks))
    bundled = {base.name: base for base in found}
    hub = {name: BaseModel(name, shape, f"google-t5/{name}", False, _HUB_PREFIX) for name, shape in _HUB.items()}
    return bundled | hub


def base_model(name: str) -> BaseModel:
    """The base model called `name`: from the catalogue, or a local folder that holds a T5.

    Raises:
        PeftClassroomError: if there is no such model.
    """
    import json
    from pathlib import Path

    known = catalogue()
    if name in known:
        return known[name]
    config = Path(name) / "config.json"
    if config.is_file():
        return BaseModel(name, from_hf_config(json.loads(config.read_text())), name, True, _HUB_PREFIX)
    raise PeftClassroomError(f"Unknown base model {name!r}. Known: {', '.join(known)}; or give the folder of a T5.")
