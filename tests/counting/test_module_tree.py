"""The module tree shows the real model: nothing lost, nothing twice, and only what is alike folded."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from torch import nn
from transformers import T5ForConditionalGeneration

from peft_core.counting import by_numel
from peft_core.counting.by_numel import count_by_numel, module_tree, survey, trainable_rows
from peft_core.counting.module_tree import Node, insertions, outline, parameters, read_tree
from peft_core.counting.real_model import real_model
from peft_core.methods import apply_method
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.layer import LoRALinear
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.t5.architecture import base_model
from peft_core.t5.backbone import WithoutValues, build_on_meta, hf_config
from tests.cases import GATED, TINY, every_config
from tests.counting.strategies import architectures, configs


def unfold(node: Node) -> Node:
    """The tree with a node of its own for every module."""
    children = [replace(unfold(child), name=name, copies=1) for child in node.children for name in child.names]
    return replace(node, children=tuple(children))


def build(architecture, config) -> nn.Module:
    """The real model once more, without what is tested here."""
    with torch.device("meta"):
        base = T5ForConditionalGeneration(hf_config(architecture))
        if not architecture.tied:
            base.lm_head = nn.Linear(architecture.d_model, architecture.vocab_size, bias=False)
    return apply_method(base, config, [0] if isinstance(config, SoftPromptConfig) else None)


def walk(node: Node):
    yield node
    for child in node.children:
        yield from walk(child)


def ends(node: Node, times: int = 1):
    """The nodes of an outline with nothing below them, and how often each stands in the model."""
    below = [end for child in node.children for end in ends(child, times * child.copies)]
    return below or [(node, times)]


def hold_all_laws(architecture, config):
    tree, model, counted = (
        module_tree(architecture, config),
        build(architecture, config),
        count_by_numel(architecture, config),
    )
    assert (tree.trains, tree.trains + tree.frozen) == (counted.numel_trainable, counted.numel_total)

    seen = dict(parameters(tree))
    wanted = dict(model.named_parameters(remove_duplicate=False))
    assert list(seen) == list(wanted)  # every name of the state dict, in its order, tied tensors at each place
    for name, tensor in seen.items():
        assert (tensor.shape, tensor.numel) == (tuple(wanted[name].shape), wanted[name].numel())
        assert tensor.trains is wanted[name].requires_grad
        assert not tensor.tied_to or wanted[tensor.tied_to] is wanted[name]
    assert [n for n, t in seen.items() if not t.tied_to] == [n for n, _ in model.named_parameters()]
    rows = [(n, tuple(p.shape), p.numel()) for n, p in model.named_parameters() if p.requires_grad]
    assert [(r.name, r.shape, r.numel) for r in trainable_rows(architecture, config)] == rows

    for part in walk(tree):  # the counts on a line are the sums of what is below it
        sizes = [(t.numel, t.trains) for _, t in parameters(part) if not t.tied_to]
        assert part.trains == sum(n for n, trains in sizes if trains)
        assert part.frozen == sum(n for n, trains in sizes if not trains)

    flat = unfold(tree)
    assert all(node.copies == 1 for node in walk(flat))
    assert (flat.trains, flat.frozen) == (tree.trains, tree.frozen)
    kinds = [type(module).__name__ for module in model.modules()]
    assert [node.kind for node in walk(flat)] == kinds

    short = outline(tree)
    assert (short.trains, short.frozen) == (tree.trains, tree.frozen)
    assert sum(times * leaf.frozen for leaf, times in ends(short)) == tree.frozen  # nothing is lost in the short one
    assert [t for _, t in parameters(short) if t.inserted] == [t for _, t in parameters(tree) if t.inserted]
    assert insertions(short) == insertions(tree)


@every_config
@pytest.mark.parametrize("architecture", [TINY, GATED], ids=["tiny", "gated"])
def test_the_tree_is_the_model(architecture, config):
    hold_all_laws(architecture, config)


@given(architecture=architectures, config=configs)
@settings(max_examples=25)
def test_the_tree_is_the_model_whatever_its_shapes(architecture, config):
    hold_all_laws(architecture, config)


def without_insertions(node: Node) -> Node:
    """The tree with every inserted module and tensor taken out: where a module was wrapped, it comes back."""
    if node.inserted:
        (wrapped,) = [child for child in node.children if not child.inserted]
        return without_insertions(replace(wrapped, name=node.name))
    children = tuple(without_insertions(child) for child in node.children)
    tensors = tuple(replace(t, trains=False, tied_to=None) for t in node.tensors if not t.inserted)
    return replace(node, children=children, tensors=tensors, trains=0, frozen=0)


@given(architecture=architectures, config=configs)
@settings(max_examples=25)
def test_taking_out_what_was_inserted_leaves_the_base_model(architecture, config):
    """So exactly those nodes count as inserted that the base model does not have."""
    base = build_on_meta(architecture)
    bare = unfold(read_tree(base, {*base.modules(), *base.parameters()}))
    assert without_insertions(unfold(module_tree(architecture, config))) == without_insertions(bare)
    trained = [tensor for _, tensor in parameters(module_tree(architecture, config)) if tensor.trains]
    assert all(tensor.inserted is not isinstance(config, FullConfig) for tensor in trained)


def test_only_tensors_that_have_no_values_are_left_without():
    """Another layer that is made meanwhile, in this thread or in another, starts as it always does."""

    def layers() -> list[torch.Tensor]:
        torch.manual_seed(0)
        return [
            *nn.Linear(3, 2).parameters(),
            nn.Embedding(2, 3).weight,
            LoRALinear(nn.Linear(3, 2), LoraConfig()).lora_A,
        ]

    wanted = layers()
    with WithoutValues():
        found, shape = layers(), nn.Linear(3, 2, device="meta").weight
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
    assert shape.is_meta and shape.requires_grad and shape.shape == (2, 3)


def test_block_0_stays_by_itself_because_of_its_position_bias():
    tree = module_tree(base_model("t5-small").architecture, LoraConfig(r=8))
    for stack in ("encoder", "decoder"):
        (blocks,) = [n for c in tree.children if c.name == stack for n in c.children if n.name == "block"]
        assert [(block.name, block.copies) for block in blocks.children] == [("0", 1), ("1", 5)]
        bias = [any("relative_attention_bias" in n for n, _ in parameters(block)) for block in blocks.children]
        assert bias == [True, False]


def test_neighbours_that_differ_in_anything_are_not_folded():
    def tree(*layers):
        return read_tree(nn.ModuleList(layers), set())

    alike = tree(nn.Linear(2, 3), nn.Linear(2, 3), nn.Linear(2, 3))
    assert [(c.name, c.copies) for c in alike.children] == [("0", 3)]
    frozen = nn.Linear(2, 3).requires_grad_(False)
    for other in (nn.Linear(3, 2), nn.Linear(2, 3, bias=False), frozen, nn.Bilinear(1, 2, 3)):
        parts = tree(nn.Linear(2, 3), other, nn.Linear(2, 3)).children
        assert [(c.name, c.copies) for c in parts] == [("0", 1), ("1", 1), ("2", 1)]
    named = read_tree(nn.ModuleDict({"q": nn.Linear(2, 3), "k": nn.Linear(2, 3)}), set())
    assert len(named.children) == 2  # q and k are alike, but not numbers of a list


def test_one_build_serves_the_sum_the_rows_and_the_tree(monkeypatch):
    built = []
    monkeypatch.setattr(by_numel, "real_model", lambda shape: built.append(shape) or real_model(shape))
    survey.cache_clear()
    for _ in range(2):
        count_by_numel(TINY, LoraConfig(r=2))
        trainable_rows(TINY, LoraConfig(r=2))
        module_tree(TINY, LoraConfig(r=2))
    assert built == [TINY]


def test_the_insertions_of_each_method():
    def inserted(config):
        return insertions(module_tree(base_model("t5-small").architecture, config))

    assert inserted(FullConfig()) == {}
    assert inserted(SoftPromptConfig()) == {"SoftPromptModel": 1}
    assert inserted(LoraConfig()) == {"LoRALinear": 36}  # q and v in 6 + 2 · 6 attentions
    assert inserted(AdapterConfig()) == {"WithAdapter": 12}
    assert inserted(AdapterConfig(placement="houlsby")) == {"WithAdapter": 24}
