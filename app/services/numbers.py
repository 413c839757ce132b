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
    """The device a run will use, in words, or why it cannot be used; None while torch is still being imported."""
    if not libraries().ready.is_set() or libraries().error:
        return None
    return _here()[0]


def machine() -> tuple[str, str] | None:
    """Device and precision of a run here, as its record will have them; None while that is not known."""
    if not libraries().ready.is_set() or libraries().error:
        return None
    where, precision = _here()
    return None if precision is None else (where, precision)


@st.cache_resource(show_spinner=False)
def _here() -> tuple[str, str | None]:
    """The device in words, and its precision; what is wrong with `PEFT_DEVICE`, and None."""
    from peft_core.training.device import compute_dtype, describe, pick_device, precision_name

    try:
        found = pick_device()
        return describe(found), precision_name(compute_dtype(found))
    except PeftClassroomError as error:
        return str(error), None
