"""The fp32 weights behind a model's: its own where it is in fp32, copies where it is not, or will not be."""

import pytest
import torch
from torch import nn

from peft_core.training.loop.masters import Masters


def parameters() -> dict[str, nn.Parameter]:
    torch.manual_seed(0)
    return {"exact": nn.Parameter(torch.randn(3)), "rounded": nn.Parameter(torch.randn(3).to(torch.bfloat16))}


@pytest.mark.parametrize(("before_cast", "own"), [({}, True), ({"before_cast": True}, False)])
def test_a_weight_in_fp32_is_its_own_master_unless_it_is_about_to_be_cast(before_cast, own):
    of_model = parameters()
    masters = Masters(of_model, **before_cast)
    assert (masters["exact"] is of_model["exact"]) is own
    assert masters["rounded"] is not of_model["rounded"]
    for name, weight in masters.items():
        assert weight.dtype == torch.float32
        assert torch.equal(weight, of_model[name].float())
        assert (own and name == "exact") or weight.data_ptr() != of_model[name].data_ptr()


def test_what_moved_is_rounded_into_the_model():
    of_model = parameters()
    masters = Masters(of_model)
    with torch.no_grad():
        for weight in masters.values():
            weight += 1 / 3
    masters.to_model()
    assert torch.equal(of_model["exact"], masters["exact"])
    assert torch.equal(of_model["rounded"], masters["rounded"].to(torch.bfloat16))
