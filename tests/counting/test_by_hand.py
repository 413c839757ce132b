"""Counts by hand equal numel() of the real model, for the report's ten rows and for random shapes."""

import pytest
from hypothesis import given, settings

from peft_core.counting.by_hand import count
from peft_core.counting.by_numel import count_by_numel, trainable_rows
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.ia3.method import Ia3Config
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import method_config
from peft_core.t5.architecture import Architecture, base_model, catalogue
from tests.cases import SHAPES
from tests.counting.strategies import architectures, configs

REPORT = [  # method, options, total, trainable: the student report's table
    ("full", {}, 60_506_624, 60_506_624),
    ("soft_prompt", {"num_virtual_tokens": 10}, 60_511_744, 5_120),
    ("soft_prompt", {"num_virtual_tokens": 1}, 60_507_136, 512),
    ("soft_prompt", {"num_virtual_tokens": 10}, 60_511_744, 5_120),
    ("adapter", {"bottleneck_dim": 8}, 60_611_168, 104_544),
    ("adapter", {"bottleneck_dim": 8}, 60_611_168, 104_544),
    ("adapter", {"bottleneck_dim": 1}, 60_525_068, 18_444),
    ("lora", {"r": 8}, 60_801_536, 294_912),
    ("lora", {"r": 1}, 60_543_488, 36_864),
    ("lora", {"r": 8}, 60_801_536, 294_912),
]


@pytest.mark.parametrize(("method", "options", "total", "trainable"), REPORT)
def test_the_reports_table_comes_out_exactly(method, options, total, trainable):
    shape, config = base_model("t5-small").architecture, method_config(method, **options)
    by_hand, by_numel = count(shape, config), count_by_numel(shape, config)
    assert (by_hand.total_parameters, by_hand.trainable_parameters) == (total, trainable)
    assert (by_numel.numel_total, by_numel.numel_trainable) == (total, trainable)


@given(architecture=architectures, config=configs)
@settings(max_examples=60)
def test_count_equals_numel(architecture, config):
    by_hand, by_numel = count(architecture, config), count_by_numel(architecture, config)
    assert by_hand.trainable_parameters == by_numel.numel_trainable
    assert by_hand.total_parameters == by_numel.numel_total


@given(architecture=architectures, config=configs)
@settings(max_examples=100)
def test_lines_add_up_and_are_sums_a_person_can_check(architecture, config):
    result = count(architecture, config)
    assert sum(line.value for line in result.lines) == result.trainable_parameters
    for line in result.lines:
        assert _evaluate(line.text) == line.value, line.text


def _evaluate(text: str) -> int:
    """The product a line shows, worked out from its characters alone."""
    import re

    expression = text.rsplit(": ", 1)[-1]
    expression = re.sub(r"\((?:[a-z_0-9]+, )*[a-z_0-9]*[a-z][a-z_0-9]*\)", "", expression)  # the names in brackets
    expression = re.sub(r"[a-z]+", "", expression).replace(",", "").replace("×", "*").replace("·", "*")
    return eval(expression, {"__builtins__": {}})


@pytest.mark.parametrize("base", SHAPES, ids=lambda base: base.name)
def test_every_base_in_the_catalogue_counts_right(base):
    counted = count(base.architecture, LoraConfig()).total_parameters
    assert counted == count_by_numel(base, LoraConfig()).numel_total


def test_the_base_model_that_pages_begin_with_is_the_smallest():
    """Bundled ones stand at the head of the catalogue, from small to large."""
    bundled = [base for base in catalogue().values() if base.bundled]
    sizes = [count(base.architecture, FullConfig()).total_parameters for base in bundled]
    assert [base.name for base in bundled] == list(catalogue())[: len(bundled)]
    assert sizes == sorted(sizes) and len(sizes) > 1


def test_tree_rows_add_up_to_the_count():
    shape, config = base_model("t5-small").architecture, LoraConfig(r=8)
    rows = trainable_rows(shape, config)
    assert sum(row.numel for row in rows) == 294_912
    assert rows[0].name == "encoder.block.0.layer.0.SelfAttention.q.lora_A"
    assert rows[0].shape == (8, 512)


def test_a_share_is_of_all_there_is_the_added_parameters_included():
    counted = count(base_model("t5-small").architecture, LoraConfig(r=8))
    assert counted.trainable_fraction == 294_912 / 60_801_536
    assert count(base_model("t5-small").architecture, FullConfig()).trainable_fraction == 1


def test_one_block_is_no_blocks():
    one = Architecture(64, 16, 4, 24, 3, encoder_layers=1, decoder_layers=2)

    def texts(config):
        return [line.text for line in count(one, config).lines]

    assert texts(LoraConfig(r=2, target_modules=("q", "wo"))) == [
        "encoder self-attention: 1 block × 1 (q) × 2·(16+12)",
        "encoder feed-forward: 1 block × 1 (wo) × 2·(16+24)",
        "decoder self-attention: 2 blocks × 1 (q) × 2·(16+12)",
        "decoder cross-attention: 2 blocks × 1 (q) × 2·(16+12)",
        "decoder feed-forward: 2 blocks × 1 (wo) × 2·(16+24)",
    ]
    assert texts(Ia3Config()) == [
        "encoder self-attention: 1 block × 2 (k, v) × 12",
        "encoder feed-forward: 1 block × 1 (wo) × 24",
        "decoder self-attention: 2 blocks × 2 (k, v) × 12",
        "decoder cross-attention: 2 blocks × 2 (k, v) × 12",
        "decoder feed-forward: 2 blocks × 1 (wo) × 24",
    ]
    assert texts(AdapterConfig(bottleneck_dim=3)) == [
        "encoder, after feed-forward: 1 block × ((16+1)·3 + (3+1)·16)",
        "decoder, after feed-forward: 2 blocks × ((16+1)·3 + (3+1)·16)",
    ]
