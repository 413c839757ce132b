"""The multiplications by hand, against those that torch counts while the library's own T5 computes."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import T5ForConditionalGeneration

from peft_core.counting.longer_input import work
from peft_core.t5.architecture import base_model
from peft_core.t5.backbone import hf_config
from tests.cases import GATED, TINY


@pytest.mark.parametrize("architecture", [TINY, GATED, base_model("tiny-t5").architecture], ids=["tiny", "gated", "t5"])
@pytest.mark.parametrize("rows", [7, 64])
def test_torch_counts_as_many(architecture, rows):
    with torch.device("meta"):
        config = hf_config(architecture)
        config._attn_implementation = "eager"
        model = T5ForConditionalGeneration(config).eval()
        embedded = torch.zeros(1, rows, architecture.d_model)
        with FlopCounterMode(display=False) as counter:
            model(inputs_embeds=embedded, decoder_input_ids=torch.zeros(1, 1, dtype=torch.long), use_cache=False)
    assert counter.get_total_flops() == 2 * work(architecture, rows).total  # a multiplication and an addition each


def test_what_grows_as_what():
    before, after = work(TINY, 100), work(TINY, 150)
    assert after.pairs / before.pairs == 1.5**2
    assert after.rows / before.rows == after.read / before.read == 1.5
    assert after.rest == before.rest
