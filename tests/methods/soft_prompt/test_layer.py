"""What only a soft prompt has: where its rows come from, and that they stand before the tokens."""

import pytest
import torch

from peft_core.errors import PeftClassroomError
from peft_core.methods.common import prompt_ids
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.soft_prompt.layer import apply
from peft_core.methods.soft_prompt.method import SoftPromptConfig

TEXT = SoftPromptConfig(num_virtual_tokens=5, prompt_init="text", prompt_text="good film")


def rows(backbone, config, ids=None, seed=3):
    torch.manual_seed(seed)
    return apply(backbone.own_copy(), config, ids).prompt_embeddings


def test_words_are_repeated_or_cut_to_as_many_rows(backbone):
    table = backbone.model.shared.weight
    good, film = prompt_ids(backbone, TEXT)  # without an end of sequence
    assert [backbone.tokenizer.decode(i) for i in (good, film)] == ["good", "film"]
    assert torch.equal(rows(backbone, TEXT, [good, film]), table[[good, film, good, film, good]])
    one = SoftPromptConfig(num_virtual_tokens=1, prompt_init="text", prompt_text="good film")
    assert torch.equal(rows(backbone, one, [good, film]), table[[good]])
    assert prompt_ids(backbone, LoraConfig()) is prompt_ids(backbone, SoftPromptConfig()) is None


@pytest.mark.parametrize("nothing", [None, []])
def test_without_words_a_prompt_of_text_is_refused(backbone, nothing):
    with pytest.raises(PeftClassroomError, match="give prompt_text"):
        rows(backbone, TEXT, nothing)


def test_of_the_vocabulary_every_token_can_be_drawn_and_no_other_row(backbone):
    table = backbone.model.shared.weight
    found = rows(backbone, SoftPromptConfig(num_virtual_tokens=100))
    torch.manual_seed(3)
    assert torch.equal(found, table[torch.randint(0, len(table), (100,))])


def test_a_random_prompt_is_standard_normal_and_a_seed_draws_it(backbone):
    config = SoftPromptConfig(num_virtual_tokens=100, prompt_init="random")
    found = rows(backbone, config)
    torch.manual_seed(3)
    assert torch.equal(found, torch.randn(100, 16))
    assert not torch.equal(found, rows(backbone, config, seed=4))


def test_the_prompt_stands_before_the_tokens_and_is_always_read(backbone, batch):
    ids, mask = batch
    model = apply(backbone.own_copy(), SoftPromptConfig(num_virtual_tokens=5))
    read = model.with_rows(model.shared(ids), mask)
    assert torch.equal(read["inputs_embeds"][:, :5], model.prompt_embeddings.expand(3, 5, 16))
    assert torch.equal(read["inputs_embeds"][:, 5:], backbone.model.shared(ids))
    assert torch.equal(read["attention_mask"], torch.cat([torch.ones(3, 5, dtype=mask.dtype), mask], dim=1))
