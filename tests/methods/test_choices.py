"""What can be chosen: the defaults, the limits, and that the default rate is a good one."""

import pytest

from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import METHODS, method_config
from peft_core.paths import RESULTS
from peft_core.training.sweep import read_sweep

DEFAULTS = {
    "full": {},
    "soft_prompt": {"num_virtual_tokens": 10, "prompt_init": "vocab", "prompt_text": None},
    "adapter": {
        "bottleneck_dim": 8, "placement": "pfeiffer", "non_linearity": "relu", "adapter_init": "zero",
        "adapter_scaling": 1.0, "adapted": (), "leave_out": (),
    },
    "lora": {
        "r": 8,
        "alpha": 16.0,
        "dropout": 0.0,
        "target_modules": ("q", "v"),
        "use_rslora": False,
        "use_dora": False,
        "rank_pattern": {},
        "alpha_pattern": {},
    },
    "ia3": {},
    "layer_norm": {},
    "prefix": {"num_virtual_tokens": 10, "prompt_init": "random", "num_layers": None},
}  # fmt: skip
LIMITS = [  # method, field, allowed, refused
    ("soft_prompt", "num_virtual_tokens", (1, 200), (0, 201)),
    ("prefix", "num_virtual_tokens", (1, 200), (0, 201)),
    ("prefix", "num_layers", (1, 200), (0, 201)),
    ("adapter", "bottleneck_dim", (1, 4096), (0, 4097)),
    ("lora", "r", (1, 1024), (0, 1025)),
    ("lora", "alpha", (1e-9, 4096), (0, 4096.1)),
    ("lora", "dropout", (0, 0.999), (-0.001, 1)),
    ("lora", "target_modules", (("q",), ("q", "k", "v", "o", "wi", "wo")), ((), ("x",))),
]


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_method_without_a_word_is_its_default(name):
    assert method_config(name).model_dump() == {"method": name} | DEFAULTS[name]


@pytest.mark.parametrize(("name", "field", "allowed", "refused"), LIMITS)
def test_limits_are_allowed_and_what_is_beyond_them_is_a_sentence(name, field, allowed, refused):
    for value in allowed:
        assert getattr(method_config(name, **{field: value}), field) == value
    for value in refused:
        with pytest.raises(PeftClassroomError, match=field):
            method_config(name, **{field: value})


def test_prompt_text_is_at_most_500_characters():
    assert len(method_config("soft_prompt", prompt_init="text", prompt_text="a" * 500).start_text) == 500
    with pytest.raises(PeftClassroomError, match="prompt_text"):
        method_config("soft_prompt", prompt_init="text", prompt_text="a" * 501)


@pytest.mark.parametrize("name", METHODS)
def test_the_default_rate_was_tried_and_is_within_a_standard_error_of_the_best(name):
    trials = read_sweep(RESULTS / "sweep-tiny-t5.json").trials
    tried = [(t.config.train.learning_rate, t.validation.accuracy) for t in trials if t.config.method.method == name]
    assert max(a for rate, a in tried if rate == METHODS[name].learning_rate) > max(a for _, a in tried) - 0.01


def test_target_modules_have_one_order_and_are_there_once():
    """So that two configurations of one model are equal, and a folder written twice is the same."""
    assert method_config("lora", target_modules=("wo", "v", "q", "v")).target_modules == ("q", "v", "wo")
