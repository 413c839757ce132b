"""What the Rank lab computes of a checkpoint: long work, between whose matrices short questions are answered."""

from app import services
from app.rank_lab import data
from peft_core.checkpoints.listing import find_checkpoint


def test_whoever_asks_a_model_waits_for_one_matrix_and_not_for_all(monkeypatch):
    let_pass, passed = services.let_pass, []
    monkeypatch.setattr(services, "let_pass", lambda: passed.append(let_pass()))
    info = find_checkpoint("lora-1")
    data._layers.clear()
    data._against.clear()
    matrices = len(data.layers(info))
    assert len(passed) == matrices > 1
    assert len(data.against(info)) <= matrices and len(passed) == 2 * matrices
