"""LoRA: what can be chosen, counted, stored and read. No torch here.

rsLoRA and DoRA are LoRA with another factor before B·A, and with a trained length for every row of the whole.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from math import sqrt
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo, field_validator

from peft_core.errors import PeftClassroomError
from peft_core.methods.lora import targets
from peft_core.methods.lora.supported import KNOWN, check_start, notes
from peft_core.methods.method import CountLine, Knob, Look, Method, MethodConfig, blocks
from peft_core.methods.reading import Reading, check_settings
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import LAYERS, Place, feed_forward, matrices, matrix_of
from peft_core.t5.parts import Part
from peft_core.validated import validated

VARIANTS = ("LoRA", "rsLoRA", "DoRA")
TARGET_MODULES = ("q", "k", "v", "o", "wi", "wo")
MAGNITUDE = "lora_magnitude_vector"  # DoRA's lengths, as peft calls them
T = TypeVar("T", int, float)


def _pairs(value: Any) -> Any:
    """A table, pairs, or words of a command line ("name=4") as pairs."""
    if isinstance(value, Mapping):
        return tuple(value.items())
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return tuple(tuple(word.split("=", 1)) for word in value)
    return value


# Dotted name → value, in the order of the forward pass. Pairs, so that a configuration can be a key; a table in files.
Table = Annotated[tuple[tuple[str, T], ...], BeforeValidator(_pairs), PlainSerializer(dict)]
Rank = Annotated[int, Field(ge=1, le=1024)]
MAX_ALPHA = 4096
Alpha = Annotated[float, Field(gt=0, le=MAX_ALPHA)]


class LoraConfig(MethodConfig):
    """LoRA (Hu et al. 2021): W₀x + s·B·A·x with A (r, in) and B (out, r).

    s is alpha / r, or alpha / √r with rsLoRA (Kalajdzievski 2023). With DoRA (Liu et al. 2024), each row of W₀ + s·B·A
    is brought to a length of its own, which is trained, too.
    """

    method: Literal["lora"] = "lora"
    r: Rank = Field(8, description="rank of the update")
    alpha: Alpha = Field(16.0, description="scaling = alpha / r (rsLoRA: alpha / √r)")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout on the input of A only")
    target_modules: tuple[str, ...] = Field(
        ("q", "v"),
        min_length=1,
        description="which linear layers: of q, k, v, o, wi, wo, in every attention including cross-attention; "
        "or dotted names, as encoder.block.0.layer.0.SelfAttention.q",
    )
    use_rslora: bool = Field(False, description="rsLoRA: scaling = alpha / √r")
    use_dora: bool = Field(False, description="DoRA: the length of every row of W is trained by itself")
    rank_pattern: Table[Rank] = Field((), description="another r for single layers, as dotted.name=4")
    alpha_pattern: Table[Alpha] = Field((), description="another alpha for single layers, as dotted.name=8")

    @field_validator("target_modules", mode="after")
    @classmethod
    def _in_one_order(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        short = tuple(name for name in TARGET_MODULES if name in value)
        if short and (others := set(value) - set(short)):
            raise ValueError(f"either some of {', '.join(TARGET_MODULES)}, or dotted names; not both: {min(others)}")
        return short or targets.in_order(value)

    @field_validator("rank_pattern", "alpha_pattern", mode="after")
    @classmethod
    def _only_what_differs(cls, value: tuple[tuple[str, Any], ...], info: ValidationInfo) -> tuple:
        """For target modules alone, and only where the value is another one than for all."""
        wanted = info.data.get("target_modules", ())
        known = dict(value)
        names = targets.in_order(known)
        if beside := [name for name in names if not _among(name, wanted)]:
            raise ValueError(f"{beside[0]} is none of the target modules")
        usual = info.data.get("r" if info.field_name == "rank_pattern" else "alpha")
        return tuple((name, known[name]) for name in names if known[name] != usual)

    def covers(self, dotted: str) -> bool:
        """Whether the weight matrix of this dotted name is a target."""
        return _among(dotted, self.target_modules)

    def rank_at(self, dotted: str) -> int:
        """r at this matrix."""
        return dict(self.rank_pattern).get(dotted, self.r)

    def alpha_at(self, dotted: str) -> float:
        """alpha at this matrix."""
        return dict(self.alpha_pattern).get(dotted, self.alpha)

    def scaling_at(self, dotted: str) -> float:
        """The factor in front of B·A·x at this matrix: alpha / r, with rsLoRA alpha / √r."""
        r = self.rank_at(dotted)
        return self.alpha_at(dotted) / (sqrt(r) if self.use_rslora else r)

    @property
    def scaling(self) -> float:
        """The factor in front of B·A·x where no pattern says otherwise."""
        return self.scaling_at("")

    @property
    def rule(self) -> str:
        """How the factor follows from alpha and r, as plain text."""
        return "α / √r" if self.use_rslora else "α / r"

    @property
    def variant(self) -> str:
        """One of `VARIANTS`, or "rsDoRA", which is both at once."""
        rule = "rsLoRA" if self.use_rslora else "LoRA"
        return rule if not self.use_dora else "DoRA" if not self.use_rslora else "rsDoRA"


def _among(dotted: str, wanted: tuple[str, ...]) -> bool:
    return dotted in wanted or (targets.short_name(dotted) in wanted and matrix_of(dotted) is not None)


class Lora(Method):
    """Stored as a Hugging Face PEFT folder."""

    config = LoraConfig
    examples: ClassVar = {
        "": LoraConfig(r=4, alpha=6),
        "all": LoraConfig(r=2, alpha=8, target_modules=TARGET_MODULES),
        "rslora": LoraConfig(r=4, alpha=6, use_rslora=True),
        "dora": LoraConfig(r=3, alpha=6, use_dora=True, target_modules=("q", "v", "o", "wo")),
        "patterns": LoraConfig(
            r=2,
            alpha=5,
            target_modules=(
                "encoder.block.0.layer.0.SelfAttention.k",
                "encoder.block.1.layer.0.SelfAttention.v",
                "encoder.block.1.layer.1.DenseReluDense.wo",
                "decoder.block.0.layer.0.SelfAttention.v",
                "decoder.block.0.layer.1.EncDecAttention.v",
            ),
            rank_pattern={"encoder.block.1.layer.0.SelfAttention.v": 4, "decoder.block.0.layer.1.EncDecAttention.v": 1},
            alpha_pattern={"encoder.block.1.layer.1.DenseReluDense.wo": 9},
        ),
    }
    position = 3
    look = Look("#CC79A7", "#E39BC3", "cross")
    learning_rate = 2e-3
    weights_file = "adapter_model.safetensors"
    knob = Knob("r", "rank")
    changes_matrices = True
    free_fields = frozenset({"alpha", "alpha_pattern"})
    told_by_label = frozenset({"use_rslora", "use_dora"})

    def label(self, config: LoraConfig) -> str:
        return f"{config.variant} r={config.r}"

    def beside_knob(self, config: LoraConfig) -> dict[str, Any]:
        """alpha goes along with the rank where their ratio is kept: the factor that follows from both is the setting.

        rsLoRA is for an alpha that stays where it is.
        """
        shared = super().beside_knob(config)
        return shared if config.use_rslora else shared | {"alpha": None, "scaling": config.scaling}

    def added(self, architecture: Architecture, config: LoraConfig) -> Iterator[CountLine]:
        """r · (in + out) for each wrapped linear layer (Hu et al. 2021, section 4.1); with DoRA a length for each row.

        A part has one line; layers of another rank are a summand of their own in it.
        """
        a = architecture
        number = {"encoder": a.encoder_layers, "decoder": a.decoder_layers}
        found = sorted(self.places(a, config), key=lambda p: (p.stack == "decoder", LAYERS.index(p.layer)))
        for (stack, layer), group in groupby(found, key=lambda p: (p.stack, p.layer)):
            inner = a.d_ff if layer == "feed-forward" else a.inner_dim
            alike: dict[tuple[int, int], list[Place]] = {}  # by rank, and by rows where their lengths are trained
            for place in group:
                rows = a.d_model if place.module in ("o", "wo") else inner
                alike.setdefault((config.rank_at(place.name), rows * config.use_dora), []).append(place)
            product, value = [], 0
            for (r, rows), places in alike.items():
                strips = f"{r}·({a.d_model:,}+{inner:,})"
                product.append(_times(places, number[stack], f"({strips} + {rows:,})" if rows else strips))
                value += len(places) * (r * (a.d_model + inner) + rows)
            yield CountLine(Part(layer, stack), " + ".join(product), value)

    def places(self, architecture: Architecture, config: LoraConfig) -> Iterator[Place]:
        found = [place for place in matrices(architecture) if config.covers(place.name)]
        dotted = [name for name in config.target_modules if name not in TARGET_MODULES]
        if missing := set(dotted) - {place.name for place in found}:
            raise PeftClassroomError(f"This T5 has no linear layer {min(missing)}. Take it from the target modules.")
        yield from found

    def stored_name(self, name: str) -> str:
        """….SelfAttention.q.lora_A → base_model.model.….SelfAttention.q.lora_A.weight; DoRA's lengths stay bare"""
        return f"base_model.model.{name}" + ("" if name.endswith(MAGNITUDE) else ".weight")

    def description(self, config: LoraConfig, architecture: Architecture, base: str) -> dict:
        return {
            "peft_type": "LORA",
            "task_type": "SEQ_2_SEQ_LM",
            "base_model_name_or_path": base,
            "revision": None,
            "r": config.r,
            "lora_alpha": config.alpha,
            "lora_dropout": config.dropout,
            "target_modules": _written_out(config, architecture.gated),
            "bias": "none",
            "fan_in_fan_out": False,
            "inference_mode": True,
            "init_lora_weights": True,
            "modules_to_save": None,
            "rank_pattern": dict(config.rank_pattern),
            "alpha_pattern": dict(config.alpha_pattern),
            "use_rslora": config.use_rslora,
            "use_dora": config.use_dora,
        }

    def recognises(self, description: Mapping[str, Any]) -> bool:
        return description.get("peft_type") == "LORA"

    def read(self, description: Mapping[str, Any], architecture: Architecture) -> Reading:
        """A folder of peft's, its targets and patterns resolved to single layers (`targets.py`).

        The law: what `description` writes of a configuration is read as that configuration, where its targets are
        short names wherever they can be.
        """
        check_start(description)
        check_settings(description, KNOWN, "peft")
        wanted = targets.targets(description, architecture)
        every = [p.name for p in matrices(architecture) if _among(p.name, wanted)]
        config = validated(
            lambda: LoraConfig(
                r=description.get("r", 8),
                alpha=description.get("lora_alpha", 8),
                dropout=description.get("lora_dropout", 0.0),
                target_modules=wanted,
                use_rslora=description.get("use_rslora", False),
                use_dora=description.get("use_dora", False),
                rank_pattern=targets.resolved(description.get("rank_pattern"), every),
                alpha_pattern=targets.resolved(description.get("alpha_pattern"), every),
            )
        )
        return Reading(config, tuple(notes(description)))

    def adopt(self, tensors: Mapping[str, Any], config: LoraConfig) -> tuple[dict[str, Any], tuple[str, ...]]:
        """DoRA's lengths are called with and without `.weight`, by version."""
        return {name.removesuffix(".weight") if f"{MAGNITUDE}." in name else name: t for name, t in tensors.items()}, ()

    def libraries(self, config: LoraConfig) -> tuple[str, ...]:
        """AdapterHub's adapters and OpenDelta have no rsLoRA, no DoRA and one rank for all; the first none on o."""
        plain = not (config.use_rslora or config.use_dora or config.rank_pattern or config.alpha_pattern)
        short = set(config.target_modules) <= set(TARGET_MODULES)
        missing = set() if plain and short else {"adapters", "opendelta"}
        missing |= {"adapters"} if "o" in config.target_modules else set()
        return tuple(name for name in super().libraries(config) if name not in missing)

    def template_values(self, config: LoraConfig, architecture: Architecture, library: str) -> dict[str, Any]:
        if library == "adapters" and architecture.gated and "wi" in config.target_modules:
            raise PeftClassroomError("For a gated T5, adapters has LoRA on wi_1 but not on wi_0. Choose peft.")
        return {
            "targets": _written_out(config, architecture.gated),
            "everywhere": config.target_modules[0] in TARGET_MODULES,
            "patterns": {"rank_pattern": dict(config.rank_pattern), "alpha_pattern": dict(config.alpha_pattern)},
        }


def _times(places: list[Place], number: int, each: str) -> str:
    """ "6 blocks × 2 (q, v) × …", or "3 layers (q, v) × …" where the blocks are not alike."""
    names = list(dict.fromkeys(place.module for place in places))
    if len(places) == number * len(names):
        return f"{blocks(number)} × {len(names)} ({', '.join(names)}) × {each}"
    return f"{len(places)} {'layer' if len(places) == 1 else 'layers'} ({', '.join(names)}) × {each}"


def _written_out(config: LoraConfig, gated: bool) -> list[str]:
    """Names of the wrapped layers as peft takes them; a gated T5 has wi_0 and wi_1 for wi."""
    wi = [name for name in feed_forward(gated) if name != "wo"]
    return [part for name in config.target_modules for part in (wi if name == "wi" else (name,))]


METHOD = Lora()
