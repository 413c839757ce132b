"""Soft prompts beside peft's PROMPT_TUNING."""

import json

import pytest
import torch
from peft import PeftModel, PromptTuningConfig

from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import what_costs
from peft_core.methods.soft_prompt.method import METHOD, SoftPromptConfig
from tests.methods.peft_folders import all_logits, assert_equal, counts, described, opened_here, saved_by_peft
from tests.trained import apply

WHOLE = {"peft_type": "PROMPT_TUNING", "task_type": "SEQ_2_SEQ_LM", "num_virtual_tokens": 5}


@pytest.fixture(params=["backbone", "gated"])
def base(request):
    return request.getfixturevalue(request.param)


def of_peft(**settings) -> PromptTuningConfig:
    return PromptTuningConfig(**{"task_type": "SEQ_2_SEQ_LM", "num_virtual_tokens": 5} | settings)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"prompt_init": "random"}),
        ({"num_virtual_tokens": 1}, {"prompt_init": "random", "num_virtual_tokens": 1}),
        ({"prompt_tuning_init": "SAMPLE_VOCAB"}, {"prompt_init": "vocab"}),
        ({"prompt_tuning_init": "TEXT", "prompt_tuning_init_text": "good film"},
         {"prompt_init": "text", "prompt_text": "good film"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("submodules", [1, 2, None])
def test_a_folder_of_peft_computes_the_same_here(base, batch, submodules, settings, expected, tmp_path):
    if "prompt_tuning_init_text" in settings:
        settings = settings | {"tokenizer_name_or_path": base.base.source}
    theirs = saved_by_peft(base, of_peft(num_transformer_submodules=submodules, **settings), tmp_path)
    ours, config, notes = opened_here(tmp_path, base)
    assert config == SoftPromptConfig(**{"num_virtual_tokens": 5} | expected)
    assert_equal(ours, theirs, batch, base)
    n = config.num_virtual_tokens
    assert notes == (
        () if submodules == 1 else
        (f"Of its {2 * n} rows the first {n} are used, as peft does; the others were never read.",)
    )  # fmt: skip


def test_the_counts_are_those_that_peft_prints(base, tmp_path):
    theirs = saved_by_peft(base, of_peft(num_transformer_submodules=1), tmp_path)
    assert counts(apply(base, SoftPromptConfig(num_virtual_tokens=5))) == theirs.get_nb_trainable_parameters()


def test_without_a_task_peft_leaves_the_prompt_out_and_we_say_so(backbone, batch, tmp_path):
    theirs = saved_by_peft(backbone, of_peft(num_transformer_submodules=1), tmp_path)
    bare = {name: value for name, value in described(tmp_path).items() if name != "task_type"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(bare))
    without = PeftModel.from_pretrained(backbone.own_copy(), tmp_path).eval()
    assert torch.equal(all_logits(without, batch), all_logits(backbone.model, batch))
    ours, _, notes = opened_here(tmp_path, backbone)
    assert len(notes) == 1 and "task_type" in notes[0]
    assert_equal(ours, theirs, batch, backbone)


@pytest.mark.parametrize("config", METHOD.examples.values())
def test_what_is_written_is_read_but_for_where_it_started(base, config):
    written = METHOD.description(config, base.base.architecture, "base")
    assert what_costs(METHOD.read(written, base.base.architecture).config) == what_costs(config)


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("task_type", "CAUSAL_LM", "task_type = 'CAUSAL_LM'"),
        ("num_transformer_submodules", 3, "num_transformer_submodules = 3"),
        ("token_dim", 17, "token_dim = 17"),
        ("num_virtual_tokens", None, "num_virtual_tokens"),
        ("num_virtual_tokens", 0, "num_virtual_tokens"),
        ("modules_to_save", ["lm_head"], "modules_to_save"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(backbone, setting, value, sentence):
    with pytest.raises(PeftClassroomError, match=sentence):
        METHOD.read(WHOLE | {setting: value}, backbone.base.architecture)


def test_rows_of_another_number_are_left_to_be_refused():
    tensors = {"prompt_embeddings": torch.zeros(7, 16)}
    assert METHOD.adopt(tensors, SoftPromptConfig(num_virtual_tokens=5)) == (tensors, ())
