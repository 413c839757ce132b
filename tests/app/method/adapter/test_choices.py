"""The screens under Choices: each opens, and its numbers are those of the shapes, the files, the functions."""

import re

import pytest
import torch

from app.content import text
from app.method.adapter import choices, starts
from peft_core.checkpoints.listing import list_checkpoints
from peft_core.counting.by_hand import count
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.report.costs.measured import StepZeroRow, load_step_zero
from peft_core.t5.architecture import base_model
from peft_core.t5.backbone import build_on_meta

BASE = base_model("tiny-t5")


def shown(app) -> str:
    return "\n".join(str(e.value) for e in (*app.markdown, *app.caption, *app.latex, *app.info, *app.error))


def numbers(words: str) -> set[int]:
    return {int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*\d|\d", words)}


def test_every_choice_opens_and_says_its_numbers(checked_charts, open_page):
    app = open_page("adapter", section="choices", choice="norms", adapter_m="24")
    config = AdapterConfig(bottleneck_dim=24)
    norms = sum(p.numel() for n, p in build_on_meta(BASE.architecture).named_parameters() if "layer_norm" in n)
    adapters = count(BASE.architecture, config).trainable_parameters
    assert {norms, adapters, norms + adapters} <= numbers(shown(app))
    for name, wanted in (
        ("where", {adapters}),
        ("prediction", {2 * BASE.architecture.d_model * 24}),
        ("tasks", {adapters}),
        ("width", {info.record.trainable_parameters for info in list_checkpoints() if info.method == "adapter"}),
        ("merging", set()),
        ("start", set()),
    ):
        app.get_by_key("choice").set_value(name).run()
        assert not app.exception, name
        assert not app.error, name
        assert wanted <= numbers(shown(app)), name
        assert app.query_params.get("choice", ["where"]) in ([name], name)


@pytest.mark.parametrize(("place", "placement"), [("after", "pfeiffer"), ("both", "houlsby")])
def test_where_they_stand_is_counted_as_the_method_counts(open_page, place, placement):
    app = open_page("adapter", section="choices", choice="where", adapter_place=place, adapter_m="8")
    config = AdapterConfig(bottleneck_dim=8, placement=placement)
    assert count(BASE.architecture, config).trainable_parameters in numbers(shown(app))


def test_the_start_of_the_page_is_walked_and_named(open_page):
    app = open_page("adapter", section="maths", adapter_start="bert")
    assert app.get_by_key("adapter_start").value == "bert"
    assert text("method/adapter", "initialisation") in shown(app)
    assert open_page("adapter", adapter_start="nonsense").get_by_key("adapter_start").value == "zero"


@pytest.mark.parametrize("name", choices.ACT)
def test_what_no_matrix_does_the_non_linearity_does(name):
    """A linear function of one number is odd and doubles; the page's left sides would both be 0."""
    theirs = {
        "relu": torch.relu, "gelu": torch.nn.functional.gelu, "silu": torch.nn.functional.silu, "tanh": torch.tanh,
    }[name]  # fmt: skip
    for z in (-3.0, -0.25, 0.0, 1.5):
        mine = choices.ACT[name]
        assert mine(z) == pytest.approx(theirs(torch.tensor(z, dtype=torch.float64)).item())
        broken = mine(2 * z) - 2 * mine(z) if name == "tanh" else mine(z) + mine(-z)
        assert (abs(broken) > 1e-3) is (z != 0)


def test_the_table_of_starts_has_each_that_was_measured():
    report = load_step_zero()
    row = StepZeroRow(
        method=AdapterConfig(adapter_init="bert"), accuracy=0.5, changed_verdicts=3, largest_change=0.1,
        mean_change=0.0123,
    )  # fmt: skip
    others = tuple(r for r in report.rows if r.method != row.method)
    table = starts.table(report.model_copy(update={"rows": (*others, row)}), "bert")
    assert "1.2 points" in table and f"3 of {report.n}" in table
    (zero,) = [line for line in table.splitlines() if line.startswith("| `zero`")]
    assert "exactly 0" in zero and f"0 of {report.n}" in zero
