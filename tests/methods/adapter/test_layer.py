"""What only an adapter has: the bottleneck by hand, and where it stands."""

import pytest
import torch

from peft_core.methods.adapter.layer import BottleneckAdapter, WithAdapter
from peft_core.methods.adapter.method import AdapterConfig
from tests.trained import apply

ACT = {"relu": lambda z: z.clamp(min=0), "silu": lambda z: z / (1 + (-z).exp()), "tanh": torch.tanh}


@pytest.mark.parametrize("non_linearity", ACT)
def test_the_bottleneck_by_hand(non_linearity):
    torch.manual_seed(0)
    adapter = BottleneckAdapter(6, AdapterConfig(bottleneck_dim=2, non_linearity=non_linearity), torch.device("cpu"))
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.copy_(torch.randn_like(parameter))
    h = torch.randn(3, 6)
    low = ACT[non_linearity](h @ adapter.adapter_down.weight.T + adapter.adapter_down.bias)
    wanted = h + low @ adapter.adapter_up.weight.T + adapter.adapter_up.bias
    torch.testing.assert_close(adapter(h), wanted)


@pytest.mark.parametrize(
    ("placement", "wanted"),
    [
        ("pfeiffer", ["encoder.block.{}.layer.1", "decoder.block.{}.layer.2"]),
        (
            "houlsby",
            [
                "encoder.block.{}.layer.0.dropout", "encoder.block.{}.layer.1.dropout",
                "decoder.block.{}.layer.0.dropout", "decoder.block.{}.layer.2.dropout",
            ],
        ),
    ],
)  # fmt: skip
def test_adapters_stand_where_the_placement_says(backbone, placement, wanted):
    model = apply(backbone, AdapterConfig(bottleneck_dim=2, placement=placement))
    found = {name for name, module in model.named_modules() if isinstance(module, WithAdapter)}
    assert found == {place.format(block) for place in wanted for block in range(2)}
