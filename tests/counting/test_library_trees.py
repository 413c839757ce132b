"""The printed trees hold what is counted by hand: two libraries' own words beside our sum."""

import re

import pytest

from peft_core.counting.by_hand import count
from peft_core.counting.library_trees import library_trees
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import METHODS
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.t5.architecture import base_model

SAME = {  # what was asked of the library is this configuration of ours
    ("peft", "lora"): LoraConfig(r=8),
    ("peft", "soft_prompt"): SoftPromptConfig(num_virtual_tokens=10),
    ("adapters", "adapter"): AdapterConfig(bottleneck_dim=8),
    ("adapters", "lora"): LoraConfig(r=8),
    ("opendelta", "soft_prompt"): SoftPromptConfig(num_virtual_tokens=10),
    ("opendelta", "adapter"): AdapterConfig(bottleneck_dim=8, placement="houlsby"),
}


@pytest.mark.parametrize(("library", "method"), SAME)
def test_a_librarys_own_count_is_the_hand_count(library, method):
    trees = library_trees()
    numbers = re.findall(r"\d[\d,]*", trees.of(method)[library].summary)
    counted = count(base_model(trees.base).architecture, SAME[library, method]).trainable_parameters
    assert counted in {int(number.replace(",", "")) for number in numbers}


def test_opendelta_leaves_cross_attention_out_of_its_lora():
    """Its summary says 196,608 where ours and peft's say 294,912: a third of the matrices is not touched."""
    trees = library_trees()
    ours = count(base_model(trees.base).architecture, LoraConfig(r=8))
    cross = sum(line.value for line in ours.lines if line.part.kind == "cross-attention")
    assert f"{ours.trainable_parameters - cross}/" in trees.of("lora")["opendelta"].summary


def test_every_tree_is_of_a_method_that_is_here():
    for prints in library_trees().libraries.values():
        assert prints.methods.keys() <= METHODS.keys()
        assert "transformers" in prints.versions
