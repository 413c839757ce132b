"""Changing the customer is really done, and timed fairly: both sides in every pair, taking turns at being first."""

import pytest
import torch

from peft_core.checkpoints.asking import swaps as module
from peft_core.checkpoints.asking.swaps import SETTLING, read_whole, swaps
from peft_core.checkpoints.files import save_checkpoint
from peft_core.methods.full.method import FullConfig
from peft_core.methods.ia3.method import Ia3Config
from peft_core.methods.lora.method import LoraConfig
from tests.trained import logits, make_record, trained


@pytest.fixture(scope="module")
def folders(tmp_path_factory, backbone):
    """A LoRA, an (IA)³ and a whole model, each trained a little."""
    from tests.conftest import three_rows

    root = tmp_path_factory.mktemp("swaps")
    for name, config in (("lora", LoraConfig(r=2)), ("ia3", Ia3Config()), ("whole", FullConfig())):
        model = trained(backbone, config, three_rows())
        save_checkpoint(model, make_record(backbone, config), backbone, root / name)
    return root


def test_small_ones_come_in_turn_a_whole_one_beside_each_and_neither_is_always_first(folders, backbone, monkeypatch):
    seen, before = [], backbone.identity.weights
    load, read = module.load_checkpoint, module.read_whole
    monkeypatch.setattr(module, "load_checkpoint", lambda folder, b: (seen.append(folder.name), load(folder, b)))
    monkeypatch.setattr(module, "read_whole", lambda folder: (seen.append(folder.name), read(folder)))
    found = list(swaps(backbone, [folders / "lora", folders / "ia3"], folders / "whole", rounds=4))
    assert len(found) == 4
    assert all(swap.small > 0 and swap.whole > 0 for swap in found)
    pairs = [seen[start : start + 2] for start in range(0, len(seen), 2)]
    assert len(pairs) == SETTLING + 4
    assert [next(name for name in pair if name != "whole") for pair in pairs] == ["lora", "ia3", "lora", "ia3", "lora"]
    assert {pair.index("whole") for pair in pairs} == {0, 1}
    assert backbone.identity.weights == before


def test_the_whole_model_is_the_one_that_was_trained(folders, backbone, batch):
    read = read_whole(folders / "whole")
    assert not any(parameter.requires_grad for parameter in read.parameters())
    model = trained(backbone, FullConfig(), batch)
    assert torch.allclose(logits(read, batch, backbone), logits(model, batch, backbone), atol=1e-5)
