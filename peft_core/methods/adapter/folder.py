"""An adapter as a folder of AdapterHub's library (adapters 1.3.0): written, and read whoever wrote it. No torch here.

With x what a sub-layer is given, f what it computes from it, s the scaling and U the way down and up without the
residual, the library computes in a T5, whose layer norm stands in front of the sub-layer (`methods/modeling.py`):

    original_ln_before                           x + f + s·U(x + f)       here "pfeiffer"
    not original_ln_before                       x + f + s·U(f)           here "houlsby"
    is_parallel                                  x + f + s·U(x)           here "parallel"
    residual_before_ln off, original_ln_before   x + x + f + s·U(x + f)   x twice: not here
    original_ln_after off                        without the last "x +"

The last two together are "pfeiffer" again.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from peft_core.errors import PeftClassroomError
from peft_core.methods.reading import Reading, check_settings, written
from peft_core.t5.architecture import Architecture
from peft_core.validated import validated

if TYPE_CHECKING:
    from peft_core.methods.adapter.method import AdapterConfig

ADAPTER_NAME = "classroom"  # the library puts the adapter's name into every key
WHOSE = "AdapterHub"
NON_LINEARITIES = {"silu": "swish"}  # in the library, where its name differs from ours
# `init_weights` of the library; nn.Linear's own start has no name there. Its "mam_adapter" sets b_down to 0 as well,
# our "zero" leaves it as nn.Linear draws it: both add exactly 0 at first.
INITS = {"zero": "mam_adapter", "houlsby": "houlsby", "bert": "bert"}
# Its names for one function, as Transformers has them; a name that is not here is the same, or none of ours.
SAME = {
    "swish": "silu", "gelu_python": "gelu", "leaky_relu": "leakyrelu", "gelu_fast": "gelu_new",
    "gelu_pytorch_tanh": "gelu_new", "gelu_python_tanh": "gelu_new", "gelu_accurate": "gelu_new",
}  # fmt: skip
BEFORE_VERSIONS = {"gelu": "gelu_new", "gelu_orig": "gelu"}  # what folders without a version mean (`loading.py`)
SUBLAYERS = {"mh_adapter": "self-attention", "cross_adapter": "cross-attention", "output_adapter": "feed-forward"}
SWITCH = (True, False)
KNOWN: dict[str, Any] = {
    **dict.fromkeys((*SUBLAYERS, "original_ln_before", "original_ln_after", "residual_before_ln"), SWITCH),
    "is_parallel": SWITCH,
    "adapter_residual_before_ln": SWITCH,  # the same without the adapter's own layer norm, which is refused
    # read below; or of the start and of training alone; or of what is refused where it is on (phm_layer, inv_adapter)
    **dict.fromkeys(
        (
            "architecture", "reduction_factor", "non_linearity", "scaling", "leave_out", "init_weights",
            "init_weights_seed", "dropout", "stochastic_depth", "inv_adapter_reduction_factor", "phm_dim", "phm_rank",
            "phm_bias", "phm_c_init", "phm_init_range", "learn_phm", "shared_phm_rule", "factorized_phm_rule",
            "shared_W_phm", "factorized_phm_W", "hypercomplex_nonlinearity",
        )
    ),
}  # fmt: skip
_KEY = re.compile(r"(?:transformer\.)?(.+)\.adapters\.([^.]+)\.(.+)")


# ---------------------------------------------------------------------------------------------------------------------
# Written


def description(config: "AdapterConfig", architecture: Architecture, base: str) -> dict[str, Any]:
    """What `adapter_config.json` says of `config`."""
    sublayers = {setting: layer in config.sublayers for setting, layer in SUBLAYERS.items()}
    return {
        "config": {
            "adapter_residual_before_ln": False,
            "cross_adapter": sublayers["cross_adapter"],
            "dropout": 0.0,
            "init_weights": INITS.get(config.adapter_init, "bert"),  # what is loaded takes its place
            "inv_adapter": None,
            "inv_adapter_reduction_factor": None,
            "is_parallel": config.placement == "parallel",
            "leave_out": list(config.leave_out),
            "ln_after": False,
            "ln_before": False,
            "mh_adapter": sublayers["mh_adapter"],
            "non_linearity": config.non_linearity,
            "original_ln_after": True,
            "original_ln_before": config.placement == "pfeiffer",
            "output_adapter": sublayers["output_adapter"],
            "phm_layer": False,
            "reduction_factor": reduction_factor(architecture.d_model, config.bottleneck_dim),
            "residual_before_ln": True,
            "scaling": config.adapter_scaling,
            "use_gating": False,
        },
        "hidden_size": architecture.d_model,
        "model_class": "T5ForConditionalGeneration",
        "model_name": base,
        "model_type": "t5",
        "name": ADAPTER_NAME,
        "version": "adapters.1.3.0",
    }


def reduction_factor(d_model: int, bottleneck_dim: int) -> float:
    """d_model / bottleneck_dim, which AdapterHub turns back with int(d_model // reduction_factor)."""
    return d_model / _divisor(d_model, bottleneck_dim)


def reduction_factor_written(d_model: int, bottleneck_dim: int) -> str:
    """The same as Python: a whole number where it is one, otherwise the quotient."""
    if d_model % bottleneck_dim == 0:
        return str(d_model // bottleneck_dim)
    return f"{d_model} / {_divisor(d_model, bottleneck_dim)}"


def _divisor(d_model: int, bottleneck_dim: int) -> float:
    """The bottleneck, or a quarter more where rounding would cost one (256 / 24 may come out a little too large)."""
    exact = int(d_model // (d_model / bottleneck_dim)) == bottleneck_dim
    return bottleneck_dim if exact else bottleneck_dim + 0.25


# ---------------------------------------------------------------------------------------------------------------------
# Read


def recognises(description: Mapping[str, Any]) -> bool:
    """A bottleneck adapter is the one kind without an `architecture`, and it always says its width."""
    said = description.get("config")
    return isinstance(said, Mapping) and said.get("architecture") is None and "reduction_factor" in said


def read(description: Mapping[str, Any], architecture: Architecture, kind: type["AdapterConfig"]) -> Reading:
    """The configuration, of class `kind`, that a folder of anybody says.

    Raises:
        PeftClassroomError: for a setting that changes what is computed and is not supported here, by its name.
    """
    said = {"mh_adapter": False, "output_adapter": False, "original_ln_before": False, **description["config"]}
    scaling, leave_out = said.get("scaling", 1.0), said.get("leave_out") or []
    learned = scaling in ("learned", "channel")  # then it lies beside the matrices: see `adopt`
    if not learned and (isinstance(scaling, bool) or not isinstance(scaling, int | float)):
        raise _refused("scaling", scaling)
    if not isinstance(leave_out, list) or not all(type(block) is int for block in leave_out):
        raise _refused("leave_out", leave_out)
    check_settings(said, KNOWN, WHOSE)
    placement = _placement(said)
    adapted = tuple(layer for setting, layer in SUBLAYERS.items() if said.get(setting))
    inits = {theirs: ours for ours, theirs in INITS.items()}
    init = said.get("init_weights", "bert")
    if not isinstance(init, str) or init not in inits:
        raise _refused("init_weights", init)
    if not adapted:
        raise PeftClassroomError(f"{WHOSE}'s settings {', '.join(SUBLAYERS)} are all off: there is no adapter.")
    config = validated(
        lambda: kind(
            bottleneck_dim=_width(said["reduction_factor"], leave_out, architecture),
            placement=placement,
            non_linearity=_non_linearity(said.get("non_linearity"), "version" in description),
            adapter_init=inits[init],
            adapter_scaling=1.0 if learned else scaling,
            adapted=adapted,
            leave_out=tuple(leave_out),
        )
    )
    notes = [
        f"{WHOSE}'s setting {name} = {written(said[name])} is of training: an answer is given without it."
        for name in ("dropout", "stochastic_depth")
        if said.get(name)
    ]
    if learned:
        notes.append(f"The learned scaling ({scaling}) is multiplied into the way up: the same answers.")
    return Reading(config, tuple(notes))


def _refused(setting: str, value: Any, why: str = "") -> PeftClassroomError:
    return PeftClassroomError(f"{WHOSE}'s setting {setting} = {written(value)} is not supported here{why}.")


def _placement(said: Mapping[str, Any]) -> str:
    """As the table at the top says."""
    before, after = said["original_ln_before"], said.get("original_ln_after", True)
    once = said.get("residual_before_ln", True) or not before
    if said.get("is_parallel"):
        if not after:
            raise _refused("original_ln_after", after, ": the input of the sub-layer would be lost")
        return "parallel"
    if once and not after:
        raise _refused("original_ln_after", after, ": the input of the sub-layer would be lost")
    if not once and after:
        raise _refused("residual_before_ln", False, ": the input of the sub-layer would be added twice")
    return "pfeiffer" if before else "houlsby"


def _width(factor: Any, leave_out: list[int], architecture: Architecture) -> int:
    """The bottleneck: one for all blocks that have adapters."""
    number = architecture.encoder_layers + architecture.decoder_layers
    each = [factor]
    if isinstance(factor, Mapping):
        each = [factor.get(str(block), factor.get("default")) for block in range(number) if block not in leave_out]
    if any(isinstance(one, bool) or not isinstance(one, int | float) or not one > 0 for one in each):
        raise _refused("reduction_factor", factor)
    widths = {max(1, int(architecture.d_model // one)) for one in each}
    if len(widths) != 1:
        raise _refused("reduction_factor", factor, ": all adapters of a model are equally wide")
    return widths.pop()


def _non_linearity(said: Any, has_version: bool) -> str:
    if not isinstance(said, str):
        raise _refused("non_linearity", said)
    if not has_version:
        said = BEFORE_VERSIONS.get(said, said)
    return SAME.get(said.lower(), said.lower())


def adopt(tensors: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Tensors under the name that the adapter has here; a learned scaling is multiplied into the way up.

    The library's AutoAdapterModel writes "transformer." in front of every name: it goes.
    """
    found: dict[str, Any] = {}
    scalings: dict[str, Any] = {}
    for name, tensor in tensors.items():
        key = _KEY.fullmatch(name)
        if key and key[3] == "scaling":
            scalings[f"{key[1]}.adapters.{ADAPTER_NAME}.adapter_up"] = tensor
        else:
            new = f"{key[1]}.adapters.{ADAPTER_NAME}.{key[3]}" if key else name
            found[name if new in found else new] = tensor  # of a second adapter in one file: not placed
    for up, scaling in scalings.items():
        if f"{up}.weight" in found and f"{up}.bias" in found:
            found[f"{up}.weight"] = scaling.reshape(-1, 1) * found[f"{up}.weight"]
            found[f"{up}.bias"] = scaling * found[f"{up}.bias"]
    return found, ()
