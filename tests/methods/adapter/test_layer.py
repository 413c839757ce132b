"""What only an adapter has: the bottleneck by hand, and where it stands."""

import pytest
import torch

from peft_core.methods.adapter.layer import BottleneckAdapter, WithAdapter
from peft_core.methods.adapter.method import AdapterConfig
from tests.trained import apply

ACT = {
    "relu": lambda z: z.clamp(min=0),
    "silu": lambda z: z / (1 + (-z).exp()),
    "tanh": torch.tanh,
    "quick_gelu": lambda z: z / (1 + (-1.702 * z).exp()),
    "leakyrelu": lambda z: torch.where(z < 0, z / 100, z),
    "relu6": lambda z: z.clamp(0, 6),
    "sigmoid": lambda z: 1 / (1 + (-z).exp()),
    "mish": lambda z: z * (1 + z.exp()).log().tanh(),
    "linear": lambda z: z,
}


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


@pytest.mark.parametrize(
    ("init", "std", "largest"),
    [
        ("houlsby", 0.01 * 0.8796, 0.02),  # a normal distribution cut off at ±2σ has 0.8796 of its σ left
        ("bert", 0.02, 0.2),
        ("linear", None, None),
    ],
)
def test_matrices_and_biases_start_as_the_start_says(init, std, largest):
    torch.manual_seed(0)
    adapter = BottleneckAdapter(512, AdapterConfig(bottleneck_dim=128, adapter_init=init), torch.device("cpu"))
    for layer, inputs in ((adapter.adapter_down, 512), (adapter.adapter_up, 128)):
        # uniform between ±1/√in: its standard deviation is that over √3
        wanted, bound = (std, largest) if std else ((3 * inputs) ** -0.5, inputs**-0.5)
        assert layer.weight.std().item() == pytest.approx(wanted, rel=0.02)
        assert layer.weight.abs().max() <= bound
        assert bool(layer.bias.any()) is (init == "linear")


def test_by_default_the_way_up_is_zero_and_the_way_down_is_what_it_always_was():
    """Checkpoints from before there was a choice have no such field; with their seed they start the same."""
    old = AdapterConfig.model_validate({"method": "adapter", "bottleneck_dim": 3, "placement": "pfeiffer"})
    torch.manual_seed(5)
    adapter = BottleneckAdapter(6, old, torch.device("cpu"))
    torch.manual_seed(5)
    down = torch.nn.Linear(6, 3)
    assert torch.equal(adapter.adapter_down.weight, down.weight)
    assert torch.equal(adapter.adapter_down.bias, down.bias)
    assert not adapter.adapter_up.weight.any() and not adapter.adapter_up.bias.any()
