"""Layer-norm tuning beside peft's LN_TUNING."""

import pytest
from peft import LNTuningConfig

from peft_core.errors import PeftClassroomError
from peft_core.methods.layer_norm.method import METHOD, LayerNormConfig
from tests.methods.peft_folders import assert_equal, counts, opened_here, saved_by_peft
from tests.trained import apply

WHOLE = {"task_type": "SEQ_2_SEQ_LM", "peft_type": "LN_TUNING"}


@pytest.fixture(params=["backbone", "gated"])
def base(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(
    "settings",
    [{}, {"task_type": "SEQ_2_SEQ_LM"}, {"target_modules": ["final_layer_norm", "layer_norm"]},
     {"target_modules": r".*layer_norm"}, {"target_modules": r"(en|de)coder\..*_norm"}],
)  # fmt: skip
def test_a_folder_of_peft_computes_the_same_here(base, batch, settings, tmp_path):
    theirs = saved_by_peft(base, LNTuningConfig(**settings), tmp_path)
    ours, config, notes = opened_here(tmp_path, base)
    assert (config, notes) == (LayerNormConfig(), ())
    assert_equal(ours, theirs, batch, base)


def test_the_counts_are_those_that_peft_prints(base, tmp_path):
    theirs = saved_by_peft(base, LNTuningConfig(task_type="SEQ_2_SEQ_LM"), tmp_path)
    assert counts(apply(base, LayerNormConfig())) == theirs.get_nb_trainable_parameters()


def test_what_is_written_is_read(base):
    written = METHOD.description(LayerNormConfig(), base.base.architecture, "base")
    assert METHOD.read(written, base.base.architecture).config == LayerNormConfig()


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("target_modules", ["layer_norm"], "leaves out decoder.final_layer_norm"),
        ("target_modules", r"encoder\..*layer_norm", r"leaves out decoder.block.0.layer.0.layer_norm"),
        ("target_modules", ["layer_norm", "final_layer_norm", "q"], r"SelfAttention.q, too"),
        ("target_modules", [1], r"target_modules = \[1\]"),
        ("target_modules", "(", "is no pattern"),
        ("exclude_modules", ["final_layer_norm"], r"exclude_modules = \['final_layer_norm'\]"),
        ("modules_to_save", ["lm_head"], r"modules_to_save = \['lm_head'\]"),
        ("task_type", "SEQ_CLS", "task_type = 'SEQ_CLS'"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(backbone, setting, value, sentence):
    with pytest.raises(PeftClassroomError, match=sentence):
        METHOD.read(WHOLE | {setting: value}, backbone.base.architecture)
