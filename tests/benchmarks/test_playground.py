"""The benchmark of the Playground's answers: what it asks of each side, and how its rounds become a report."""

from pathlib import Path

import pytest

from benchmarks import playground
from benchmarks.many_checkpoints import LORAS, OF_EACH_METHOD, save_all
from benchmarks.playground_report import Memory, PlaygroundReport, Timing, write
from benchmarks.processes import provenance
from peft_core.checkpoints.files import load_checkpoint
from peft_core.t5.backbone import load_backbone


def timing(seconds: float, side: str = "together", **more) -> Timing:
    return Timing(
        side=side,
        checkpoints="ten LoRAs",
        reviews=1,
        tokens=40,
        seconds=(seconds,),
        fastest=(seconds / 2,),
        same_verdicts=1,
        **more,
    )


def test_rounds_are_put_together_row_by_row_and_come_back_from_the_file(tmp_path):
    rounds = [[timing(t), timing(10 * t, "before")] for t in (0.3, 0.1, 0.2)]
    latency = playground.merged(rounds)
    assert [row.seconds for row in latency] == [(0.3, 0.1, 0.2), (3.0, 1.0, 2.0)]
    assert [row.time for row in latency] == [0.2, 2.0]
    memory = Memory(checkpoints=2, backbone_bytes=100, own_bytes=20, tensor_bytes=120, growth_bytes=(30, 20, 44))
    assert memory.ratio == pytest.approx(130 / 120)
    report = PlaygroundReport(
        provenance=provenance("a test", 1), peft="0", base="tiny", latency=latency, throughput=(), memory=memory
    )
    write(report, tmp_path / "report.json")
    assert PlaygroundReport.model_validate_json((tmp_path / "report.json").read_bytes()) == report
    lines = playground.summary(report).splitlines()
    assert "200.0 ms (100.0–300.0; fastest 50.0), 1.00×" in lines[2]
    assert "10.00×" in lines[3]


def test_the_random_checkpoints_load_and_differ_from_an_untrained_method(backbone, tmp_path):
    assert len(OF_EACH_METHOD) == len(LORAS) == 10
    assert {config.method for config in OF_EACH_METHOD} == {"lora", "adapter", "soft_prompt"}
    folders = save_all(OF_EACH_METHOD, backbone, tmp_path)
    for folder, config in zip(folders, OF_EACH_METHOD, strict=True):
        model, record = load_checkpoint(folder, backbone)
        assert record.config.method == config
        assert all(p.abs().max() > 0 for p in model.parameters() if p.requires_grad)


@pytest.mark.timeout(300)
def test_every_side_answers_every_review_for_every_checkpoint(tmp_path):
    from benchmarks.playground_round import Sides

    texts = ["A wonderful, moving film.", "Dull from start to finish, and far too long."]
    loras = save_all(LORAS[:2], load_backbone("tiny-t5"), Path(tmp_path))
    sides = Sides(loras)
    expected = sides.together(texts, loras)
    assert len(expected) == 4
    assert set(expected) <= {"positive", "negative"}
    for ask in (
        sides.one_by_one,
        sides.peft_one_by_one("longest", 10),
        sides.peft_one_by_one("max_length", 10),
        sides.peft_one_by_one("longest", 1, sort=True),
        sides.peft_mixed("longest", 10),
    ):
        assert ask(texts, loras) == expected
