"""What only torch can say of a configuration or of this computer; None as long as it is still being imported."""

from collections import Counter
from functools import lru_cache

import streamlit as st

from app.services.loading import libraries
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import BaseModel
from peft_core.t5.parts import Part, part_of


def numel(base: BaseModel, config: MethodConfig):
    """The count by `numel()`, or None while torch is still being imported."""
    if not libraries().ready.is_set() or libraries().error:
        return None
    from peft_core.counting.by_numel import count_by_numel

    return count_by_numel(base, config)


def numel_by_part(base: BaseModel, config: MethodConfig) -> dict[Part, int] | None:
    """`numel()` of what trains, added up by the parts that a hand calculation counts; None while torch is imported."""
    if not libraries().ready.is_set() or libraries().error:
        return None
    return _numel_by_part(base, config)


@lru_cache(maxsize=512)
def _numel_by_part(base: BaseModel, config: MethodConfig) -> dict[Part, int]:
    from peft_core.counting.by_numel import trainable_rows

    sums: Counter[Part] = Counter()
    for row in trainable_rows(base, config):
        sums[part_of(row.name)] += row.numel
    return dict(sums)


def device() -> str | None:
    """The device a run will use, in words; None while torch is still being imported, or where there is `no_device`."""
    here = machine()
    return here and here[0]


def machine() -> tuple[str, str] | None:
    """Device and precision of a run here, as its record will have them; None as of `device`."""
    found = _machine()
    return found if isinstance(found, tuple) else None


def no_device() -> str | None:
    """Why no run can be started: the environment names a device or a precision that is not here. None: it can."""
    found = _machine()
    return found if isinstance(found, str) else None


def _machine() -> tuple[str, str] | str | None:
    return _looked_up() if libraries().ready.is_set() and not libraries().error else None


@st.cache_resource(show_spinner=False)
def _looked_up() -> tuple[str, str] | str:
    """(device, precision), or what is wrong with the variables that name them."""
    from peft_core.training.device import compute_dtype, describe, pick_device, precision_name

    try:
        chosen = pick_device()
        return describe(chosen), precision_name(compute_dtype(chosen))
    except PeftClassroomError as error:
        return str(error)
