"""Predictions are timed in pairs, and their multiplications are those of a hand calculation."""

import pytest

from benchmarks import latency
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.report.costs.latency import AGAIN, BASE, FORMS, load_latency
from peft_core.t5.architecture import Architecture, BaseModel
from tests.cases import GATED, TINY

WIDTH, ROUNDS = 16, {1: 5, 3: 4}


def here(function, *arguments):
    """Instead of a process of its own."""
    return function(*arguments)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(latency, "WIDTH", WIDTH)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY"):  # put back afterwards
        monkeypatch.setenv(name, "1" if "THREADS" in name else "PASSIVE")


def by_hand(a: Architecture, width: int) -> int:
    """Multiplications of the base model for one review: matrices times tokens, attention, the answer's words."""
    attention, wide = 4 * a.d_model * a.inner_dim, (3 if a.gated else 2) * a.d_model * a.d_ff
    encoder = a.encoder_layers * (width * (attention + wide) + 2 * width**2 * a.inner_dim)
    # one token, which reads itself and then the review, whose keys and values are made in every layer
    crossing = 2 * a.d_model * a.inner_dim * (1 + width) + 2 * width * a.inner_dim
    decoder = a.decoder_layers * (attention + 2 * a.inner_dim + crossing + wide)
    return encoder + decoder + a.d_model * (a.vocab_size + 2)


def lora_by_hand(a: Architecture, r: int, width: int) -> int:
    """r·(in + out) for each token and matrix, q and v; of the cross-attention only v reads the review."""
    one = r * (a.d_model + a.inner_dim)
    return one * (a.encoder_layers * 2 * width + a.decoder_layers * (2 + 1 + width))


def adapter_by_hand(a: Architecture, m: int, width: int) -> int:
    """2·d·m for each token and layer."""
    return 2 * a.d_model * m * (a.encoder_layers * width + a.decoder_layers)


@pytest.mark.parametrize("shape", [TINY, GATED], ids=["plain", "gated"])
def test_every_form_has_the_multiplications_of_the_hand_calculation(small, shape):
    rows = list(latency.measure(here, BaseModel("tiny", shape, "", True, ""), ROUNDS, builds=2))
    assert [(row.form, row.batch) for row in rows] == [(form, batch) for batch in ROUNDS for form in latency.FORMS]
    for row in rows:
        assert len(row.seconds) == 2 * ROUNDS[row.batch]
        assert all(seconds > 0 for seconds in row.seconds)
        prompt = SoftPromptConfig().num_virtual_tokens if row.form == "soft_prompt" else 0
        wanted = by_hand(shape, WIDTH + prompt)
        wanted += lora_by_hand(shape, LoraConfig().r, WIDTH) if row.form == "lora" else 0
        wanted += adapter_by_hand(shape, AdapterConfig().bottleneck_dim, WIDTH) if row.form == "adapter" else 0
        assert row.multiplications == row.batch * wanted, row.form


def test_in_every_round_each_form_is_timed_once_in_an_order_of_its_own(small, monkeypatch):
    from benchmarks import latency_round
    from benchmarks.random_model import Work

    order, drawn = [], latency_round._shuffled
    monkeypatch.setattr(latency_round, "_shuffled", lambda forms, rng: order.append(drawn(forms, rng)) or order[-1])
    monkeypatch.setattr(latency_round, "seconds", lambda work: len(order))  # the number of the round
    found = latency_round.latency_round(TINY, latency.FORMS, Work(1, WIDTH, 20), builds=1)
    rounds = order[1 + latency_round.SETTLING :]  # the first order is that of building
    assert len({tuple(one) for one in rounds}) > 10
    assert all(sorted(one) == sorted(latency.FORMS) for one in rounds)
    assert len({seconds for _, seconds in found.values()}) == 1  # every form has its time of the same rounds


def test_the_command_writes_a_report_that_says_how_to_repeat_it(small, monkeypatch, base_folder, tmp_path, capsys):
    monkeypatch.setattr(latency, "in_a_fresh_process", lambda preload, *work: here(*work))
    monkeypatch.setattr(latency, "ROUNDS", {1: 5})
    path = tmp_path / "latency.json"
    latency.main(["--shapes", str(base_folder), "--builds", "2", "--threads", "1", "--json", str(path)])
    report = load_latency(path)
    assert {row.form for row in report.rows} == {*latency.FORMS} <= {*FORMS}
    assert {report.more(row) for row in report.rows if row.form in (BASE, AGAIN, "lora_merged")} == {0}
    assert "--builds 2" in report.provenance.command
    assert str(tmp_path) not in report.provenance.command.replace(str(base_folder), "")
    assert "adapter" in capsys.readouterr().out
