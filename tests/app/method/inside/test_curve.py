"""The curve beside the scrubber says where in the run a moment is, and tells what was measured when."""

import pytest

from app.kit import figure, theme
from app.method.inside import curve
from peft_core.checkpoints.record import Measured
from peft_core.config import RunConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.statistics.intervals import wilson
from peft_core.training.snapshots.moments import Moment


def moment(step: int, measured_at: int, right: int) -> Moment:
    return Moment(
        step=step, planned_steps=40, form="tensors", config=RunConfig(method=LoraConfig()), measured_at=measured_at,
        measured=Measured.of("validation", wilson(right, 200)),
    )  # fmt: skip


@pytest.fixture
def drawn(monkeypatch):
    """What was drawn last: the data sets of the specification, and its words."""
    found = {}
    monkeypatch.setattr(theme, "is_dark", lambda: False)
    monkeypatch.setattr(
        figure, "draw", lambda spec, key, words: found.update(spec["datasets"], words=words, layers=spec["layer"])
    )
    return found


def test_validations_ticks_and_the_moment_each_stand_at_their_step(drawn):
    moments = [moment(0, 0, 100), moment(4, 0, 100), moment(10, 10, 150), moment(15, 10, 150)]
    later = {4: wilson(120, 200)}
    curve.draw(moments, later, moments[3], (10, wilson(150, 200)))
    assert drawn["rows"][["step", "accuracy"]].to_numpy().tolist() == [[0, 0.5], [10, 0.75]]
    assert drawn["later"][["step", "accuracy"]].to_numpy().tolist() == [[4, 0.6]]
    assert drawn["ticks"]["step"].tolist() == [0, 4, 10, 15]
    assert drawn["here"]["step"].tolist() == [15], "where it is"
    assert drawn["ring"].to_numpy().tolist() == [[10, 0.75]], "what is told of it was measured earlier"
    assert drawn["noise"][["first", "last"]].to_numpy().tolist() == [[0, 40]], "over all planned steps"
    assert "0: 50.0%; 4: 60.0%; 10: 75.0%" in drawn["words"] and "step 15 of 40" in drawn["words"]


def test_the_axis_holds_every_interval_and_does_not_move_with_the_moment(drawn):
    moments = [moment(0, 0, 100), moment(4, 0, 100), moment(10, 10, 150)]
    later, axes = {4: wilson(20, 200)}, set()
    for shown in moments:
        curve.draw(moments, later, shown, (shown.measured_at, wilson(100, 200)))
        axes |= {tuple(scale["domain"]) for scale in scales(drawn["layers"])}
    ((low, high),) = axes  # one for every layer, at every moment
    assert low < wilson(20, 200).low and high > wilson(150, 200).high


def scales(layers) -> list[dict]:
    """Of the accuracies, in every layer."""
    inner = [scale for layer in layers for scale in scales(layer.get("layer", []))]
    return inner + [
        layer["encoding"]["y"]["scale"] for layer in layers if "scale" in layer.get("encoding", {}).get("y", {})
    ]
