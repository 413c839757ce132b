"""(IA)³ beside peft's IA3."""

import pytest
from peft import IA3Config

from peft_core.errors import PeftClassroomError
from peft_core.methods.ia3.method import METHOD, Ia3Config
from tests.methods.peft_folders import assert_equal, counts, opened_here, saved_by_peft
from tests.trained import apply

WHOLE = {"peft_type": "IA3", "target_modules": ["k", "v", "wo"], "feedforward_modules": ["wo"]}


@pytest.fixture(params=["backbone", "gated"])
def base(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"task_type": "SEQ_2_SEQ_LM", "init_ia3_weights": False},
        {"target_modules": ["wo", "v", "k"], "feedforward_modules": ["wo"]},
        {"target_modules": r".*\.(k|v|wo)", "feedforward_modules": r".*\.wo"},
        {"target_modules": r".*Attention\.[kv]|.*Dense\.wo", "feedforward_modules": ["DenseReluDense.wo"]},
    ],
)
def test_a_folder_of_peft_computes_the_same_here(base, batch, settings, tmp_path):
    theirs = saved_by_peft(base, IA3Config(**settings), tmp_path)
    ours, config, notes = opened_here(tmp_path, base)
    assert (config, notes) == (Ia3Config(), ())
    assert_equal(ours, theirs, batch, base)


def test_the_counts_are_those_that_peft_prints(base, tmp_path):
    theirs = saved_by_peft(base, IA3Config(task_type="SEQ_2_SEQ_LM"), tmp_path)
    assert counts(apply(base, Ia3Config())) == theirs.get_nb_trainable_parameters()


def test_what_is_written_is_read(base):
    written = METHOD.description(Ia3Config(), base.base.architecture, "base")
    assert METHOD.read(written, base.base.architecture).config == Ia3Config()


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("target_modules", ["k", "v"], "leaves out decoder.block.0.layer.2.DenseReluDense.wo"),
        ("target_modules", ["k", "v", "wo", "q"], "SelfAttention.q, too"),
        ("target_modules", "all-linear", "leaves out"),
        ("target_modules", r"encoder.*\.(k|v|wo)", "leaves out decoder"),
        ("feedforward_modules", [], r"feedforward_modules = \[\]"),
        ("feedforward_modules", ["wo", "v"], "SelfAttention.v, too"),
        ("exclude_modules", r"decoder.*", "exclude_modules"),
        ("modules_to_save", ["lm_head"], "modules_to_save"),
        ("task_type", "SEQ_CLS", "task_type = 'SEQ_CLS'"),
        ("a_setting_to_come", 3, "a_setting_to_come = 3"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(backbone, setting, value, sentence):
    with pytest.raises(PeftClassroomError, match=sentence):
        METHOD.read(WHOLE | {setting: value}, backbone.base.architecture)
