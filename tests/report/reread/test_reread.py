"""What the report's curves, tree and hand lines say, worked out again from the CSV files and from plain arithmetic."""

import csv
import math

import pytest

from peft_core.report.quoted import QUOTES, quoted_rows
from peft_core.report.reread.courses import courses
from peft_core.report.reread.hand_lines import FAULTS, calculations
from peft_core.report.reread.printed_tree import PRINTED_TOKENS, tree_sums
from peft_core.report.reread.printing import printings
from peft_core.report.reread.starts import starts
from peft_core.report.reread.targets import choices, quoted_row

Line = dict[str, str]


def lines(name: str) -> list[Line]:
    with (QUOTES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def curves() -> dict[tuple[str, str, str], list[Line]]:
    """The lines of the file a curve, in the order of the report's table."""
    found: dict[tuple[str, str, str], list[Line]] = {}
    for line in lines("curves.csv"):
        found.setdefault((line["method"], line["implementation"], line["setting"]), []).append(line)
    return found


def test_the_seven_curves_are_those_of_the_file(curves):
    assert len(courses()) == len(curves) == 7
    for course, file in zip(courses(), curves.values(), strict=True):
        assert [e.train_loss for e in course.epochs] == [float(line["train_loss"]) for line in file]
        assert [e.accuracy for e in course.epochs] == [float(line["valid_accuracy"]) for line in file]


def test_three_runs_are_best_in_their_last_epoch(curves):
    expected = set()
    for key, file in curves.items():
        shares = [float(line["valid_accuracy"]) for line in file]
        if all(share < shares[-1] for share in shares[:-1]):
            expected.add(key)
    assert expected == {("full", "own", ""), ("adapter", "adapterhub", "8"), ("adapter", "adapterhub", "1")}
    found = [course for course in courses() if course.best_is_last]
    assert {(c.quoted.method.method, c.quoted.implementation) for c in found} == {key[:2] for key in expected}
    assert len(found) == 3
    gains = {c.quoted.key: round(100_000 * c.last_gain) for c in found}
    assert gains == {"full-own": 316, "adapter-8-adapterhub": 396, "adapter-1-adapterhub": 288}


def test_one_training_loss_rises_epoch_after_epoch(curves):
    losses = [float(line["train_loss"]) for line in curves["soft_prompt", "opendelta", "1"]]
    (one,) = [course for course in courses() if course.rises_every_epoch and course.loss_rise > 0.1]
    assert one.quoted.key == "soft_prompt-1-opendelta"
    assert one.lowest_loss.train_loss == min(losses) == pytest.approx(0.2953, abs=5e-5)
    assert one.last.train_loss == losses[-1] == pytest.approx(0.3784, abs=5e-5)
    assert one.loss_rise == pytest.approx(losses[-1] / min(losses) - 1)
    others = {c.quoted.key: c.loss_rise for c in courses() if c != one}
    assert max(others.values()) == others["soft_prompt-10-opendelta"] < 0.02


def test_the_printed_embedding_does_not_fit_the_printed_total():
    """T5-small by plain arithmetic: d = 512, d_ff = 2048, 8 heads of 64, 6 + 6 blocks, 32 buckets."""
    d, attention, wide = 512, 4 * 512 * 512, 2 * 512 * 2048
    encoder = 6 * (attention + wide + 2 * d) + d + 32 * 8
    decoder = 6 * (2 * attention + wide + 3 * d) + d + 32 * 8
    (full,) = [line for line in lines("results.csv") if line["method"] == "full"]
    printed = int(full["total_parameters"])
    sums = tree_sums()
    assert (printed - encoder - decoder) / d == sums.tokens_that_fit == sums.tokens == 32_128
    assert sums.printed_total == sums.total == printed == 60_506_624
    assert PRINTED_TOKENS == 34_136
    assert sums.total_with_printed_tokens == 34_136 * d + encoder + decoder == 61_534_720
    assert sums.too_many == (34_136 - 32_128) * d
    assert sums.without_cross_attention == printed - 6 * (attention + d) == 54_212_096


def test_the_real_model_has_what_the_printed_tree_lacks():
    """By the names of a real T5's parameters: no count by hand has a part in it."""
    from peft_core.t5.architecture import base_model
    from peft_core.t5.backbone import build_on_meta

    model = build_on_meta(base_model("t5-small").architecture)
    cross = [n for n, _ in model.named_modules() if n.startswith("decoder") and n.endswith(".layer.1")]
    inside = sum(p.numel() for name in cross for p in model.get_submodule(name).parameters())
    sums = tree_sums()
    assert len(cross) == 6
    assert inside == sums.cross_attention + sums.cross_attention_norms == 6_294_528
    for stack in (model.encoder, model.decoder):
        sizes = [sum(p.numel() for p in block.parameters()) for block in stack.block]
        assert sizes[0] - sizes[1] == 32 * 8  # the position bias: block 0 alone has it
        assert len(set(sizes[1:])) == 1


def test_the_lines_as_transcribed_and_the_right_ones():
    found = {line.name: line for one in calculations() for line in one.lines}
    quoted = {name: (line.quoted.text, line.quoted.value, line.quoted.written) for name, line in found.items()}
    assert quoted == {
        "one_adapter": ("(212 + 1) · 1 + (1 + 1) · 212", 637, 1_712),
        "all_adapters": ("1,712 · 12", 20_544, 20_544),
        "encoder": ("1,192 · 2 · 4", 9_536, 9_136),
        "decoder": ("1,192 · 4 · 4", 19_072, 19_440),
        "sum": ("9,136 + 19,440", 28_576, 28_576),
    }
    right = {name: (line.right.text, line.right.value, line.right.written) for name, line in found.items()}
    assert right == {
        "one_adapter": ("(512 + 1) · 8 + (8 + 1) · 512", 8_712, 8_712),
        "all_adapters": ("8,712 · 12", 104_544, 104_544),
        "encoder": ("8,192 · 2 · 6", 98_304, 98_304),
        "decoder": ("8,192 · 4 · 6", 196_608, 196_608),
        "sum": ("98,304 + 196,608", 294_912, 294_912),
    }
    faults = {name: line.fault for name, line in found.items()}
    assert faults == {
        "one_adapter": "slip", "all_adapters": "inherited", "encoder": "slip", "decoder": "slip", "sum": "inherited",
    }  # fmt: skip
    assert set(faults.values()) < set(FAULTS)


def test_the_right_lines_end_in_the_reports_table_and_in_what_numel_says():
    from peft_core.counting.by_numel import count_by_numel
    from peft_core.t5.architecture import base_model

    printed = {
        line["method"]: int(line["trainable_parameters"]) for line in lines("results.csv") if line["setting"] == "8"
    }
    for one in calculations():
        numel = count_by_numel(base_model("t5-small").architecture, one.method).numel_trainable
        assert one.lines[-1].right.written == one.total == one.printed == numel == printed[one.method.method]


def test_how_an_accuracy_is_printed():
    how = {found.quoted.key: found.how for found in printings()}
    assert how.pop("full-own") == "rounded"  # 90.064 is 90.1
    assert how.pop("soft_prompt-1-opendelta") == "cut"  # 84.996 is 84.9
    assert set(how.values()) == {"either"}
    for found in printings():
        share = max(e.accuracy for e in found.quoted.curve) * 100
        assert float(found.exact) == pytest.approx(share, abs=1e-9)
        step = 10.0**-found.decimals
        assert abs(float(found.printed) - share) < step
        assert (float(found.printed) > share) is (found.how == "rounded")
    assert [found.quoted.percent for found in printings() if found.decimals != 1] == ["89.02"]


def test_the_starts_are_torchs():
    """Of many columns, so that the largest of many draws is next to the bound."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    report, up = starts()
    rows, columns = report.shape
    wide, narrow = torch.empty(400, columns), torch.empty(400, columns)
    nn.init.kaiming_uniform_(wide)
    nn.init.kaiming_uniform_(narrow, a=math.sqrt(5))
    assert wide.abs().max().item() == pytest.approx(report.report, rel=1e-3) and wide.abs().max() <= report.report
    assert narrow.abs().max().item() == pytest.approx(report.ours, rel=1e-3) and narrow.abs().max() <= report.ours
    assert report.report / report.ours == pytest.approx(math.sqrt(6))
    default = nn.Linear(up.shape[1], 4000)
    assert default.weight.abs().max().item() == pytest.approx(up.report, rel=1e-3)
    assert default.bias.abs().max().item() == pytest.approx(up.report, rel=1e-2)
    assert (rows, up.shape[1], up.ours) == (8, 8, 0.0)


def test_our_layers_start_as_told(backbone):
    import torch

    from peft_core.methods import apply_method

    torch.manual_seed(0)
    report, up = starts()
    of_ours = report.ours * math.sqrt(report.shape[1] / backbone.base.architecture.d_model)  # 1 / √in
    for row in quoted_rows():
        if row.key in ("lora-8-own", "adapter-8-own"):
            model = apply_method(backbone.replica(), row.method)
            parts = dict(model.named_parameters())
            if row.method.method == "lora":
                widest = max(p.abs().max().item() for name, p in parts.items() if name.endswith("lora_A"))
                assert widest == pytest.approx(of_ours, rel=1e-2)
            else:
                assert all(not p.any() for name, p in parts.items() if "adapter_up" in name) and up.ours == 0


def test_with_adamw_the_first_update_is_as_much_larger_as_a_is_wider():
    """One step from B = 0: B moves by the rate whatever the size of its gradient, so B·A grows as A does."""
    import torch

    torch.manual_seed(0)
    a, x, y = torch.randn(2, 6).double(), torch.randn(6, 5).double(), torch.randn(4, 5).double()
    first = []
    for factor in (1.0, math.sqrt(6)):
        b = torch.zeros(4, 2, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.AdamW([b], lr=0.01, weight_decay=0.0, eps=1e-12)
        (b @ (factor * a) @ x - y).square().sum().backward()
        optimizer.step()
        first.append((b @ (factor * a)).detach())
    assert torch.allclose(first[1], math.sqrt(6) * first[0], rtol=1e-6)


def test_other_matrices_train_as_many_numbers():
    rows = {"".join(choice.targets): choice for choice in choices()}
    assert {name: choice.r for name, choice in rows.items()} == {"qk": 8, "qv": 8, "v": 16, "qkvo": 4}
    assert {choice.trainable for choice in rows.values()} == {quoted_row().trainable_parameters} == {294_912}
    for choice in rows.values():  # six self-attentions in the encoder, twice six in the decoder
        assert choice.trainable == choice.r * 1024 * len(choice.targets) * 18


def test_every_accuracy_of_the_curves_is_a_whole_number_of_test_reviews(curves):
    shares = [float(line["valid_accuracy"]) * 25_000 for file in curves.values() for line in file]
    assert len(shares) == 70
    assert all(abs(share - round(share)) < 1e-6 for share in shares)
