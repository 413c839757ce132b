"""The sum behind the memory of training, beside the tensors that a training run was found to hold."""

import pytest

from peft_core.counting.training_bytes import training_bytes
from peft_core.methods.registry import METHODS, method_label
from peft_core.report.costs.growth import KNOBS, load_growth
from peft_core.report.costs.measured import load_cost
from peft_core.t5.architecture import base_model

COUNTERS = 4 * 1000  # AdamW counts its steps in one number a tensor, which the sum leaves out
MEASURED = load_cost().training + tuple(
    row for name in KNOBS if (sweep := load_growth().sweep(name)) for row in sweep.rows
)


@pytest.mark.parametrize("row", MEASURED, ids=lambda row: f"{row.shape} {method_label(row.method)}")
def test_worked_out_is_what_was_measured(row):
    """`benchmarks/training_round.py` adds up numel × itemsize of the tensors that exist."""
    found = training_bytes(base_model(row.shape).architecture, row.method)
    assert found.weights == row.weight_bytes
    assert found.gradients == row.gradient_bytes
    assert 0 <= row.optimizer_bytes - found.optimizer <= COUNTERS


def test_a_weight_of_the_base_model_takes_two_bytes_and_eighteen_where_it_trains():
    shape = base_model("tiny-t5").architecture
    weights = 21_829_632
    for name, method in METHODS.items():
        size = training_bytes(shape, method.config())
        assert size.base == 2 * weights
        if method.owns_weights:
            assert size.total == 18 * weights, name
        else:
            assert size.total - size.base == 16 * (size.trained // 4), name
