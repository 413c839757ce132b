"""What a reel shows of a moment is what the raw tensors of that moment give."""

import numpy as np
import pytest
import torch

from peft_core.analysis.inside.reel import NEAREST, Reel
from peft_core.analysis.inside.seen import Matrix, Rows, Units, Vector
from peft_core.errors import PeftClassroomError
from peft_core.methods import trainable_tensors
from peft_core.methods.inside import kind_of
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.recorder import Recorder
from peft_core.methods.registry import METHODS
from peft_core.t5.backbone import first_step_hidden
from peft_core.training.snapshots import moments
from tests.cases import every_config
from tests.trained import apply, train_a_little
from tests.training.snapshots.test_camera import a_camera

WORDS = "the film was good"


@pytest.fixture
def filmed(backbone, batch, tmp_path):
    """(the reel of a model at its start and after three steps, the model)"""

    def make(config):
        model = apply(backbone, config)
        camera = a_camera(tmp_path, backbone, model, config)
        camera.take(0, 3)
        train_a_little(model, batch)
        camera.take(3, 3)
        return Reel(tmp_path, backbone), model.eval()

    return make


@every_config
def test_every_method_has_a_picture_that_starts_at_nothing_and_ends_at_what_was_trained(filmed, backbone, config):
    reel, model = filmed(config)
    place = reel.places()[-1].name
    start, end = (reel.seen(step, place, WORDS) for step in (0, 3))
    before = dict(backbone.model.named_parameters())
    now = {name: p.detach() for name, p in model.named_parameters()}
    if reel.kind in ("update", "matrix"):
        assert isinstance(end, Matrix)
        assert start.norm == pytest.approx(0, abs=1e-6) and start.largest == pytest.approx(0, abs=1e-6)
        whole = _change(model, place, before, now, backbone, config)
        exact = np.linalg.svd(whole, compute_uv=False)[: len(end.sigmas)]
        np.testing.assert_allclose(end.sigmas, exact, atol=1e-3 * max(exact[0], 1e-9))
        assert end.norm == pytest.approx(np.linalg.norm(whole), rel=1e-4)
        assert end.largest == pytest.approx(np.abs(whole).max(), rel=1e-4)
    elif reel.kind == "rows":
        assert isinstance(end, Rows)
        table, rows = before["shared.weight"].numpy(), model.rows.detach().numpy()
        cosines = rows @ table.T / np.outer(np.linalg.norm(rows, axis=1), np.linalg.norm(table, axis=1))
        words = backbone.tokenizer.convert_ids_to_tokens(cosines.argmax(1).tolist())
        assert [row.words[0] for row in end.rows] == words
        assert all(len(row.words) == NEAREST and row.moved > 0 for row in end.rows)
        assert start.largest == 0
    elif reel.kind == "units":
        assert isinstance(end, Units)
        ids = torch.tensor([backbone.tokenizer(backbone.base.prefix + WORDS)["input_ids"]])
        adapter = model.get_submodule(place)
        with torch.inference_mode(), Recorder(model, [f"{place}.adapter_down", f"{place}.adapter_up"]) as seen:
            first_step_hidden(model, ids, torch.ones_like(ids))
            low, out = adapter.adapter_down.out_features, adapter.adapter_up(torch.from_numpy(end.activations.T))
        assert end.activations.shape == (low, len(end.tokens))
        if not seen.outputs:  # the layer computes by `linear`, without calling its parts: then by what it adds
            with torch.inference_mode(), Recorder(model, [place]) as whole:
                first_step_hidden(model, ids, torch.ones_like(ids))
            added = whole.outputs[place][0] - (0 if adapter.beside else whole.inputs[place][0])
            torch.testing.assert_close(adapter.scaling * out, added, rtol=1e-3, atol=1e-5)
    else:
        assert isinstance(end, Vector)
        assert not start.change.any() and end.change.any()
        (name,) = (name for name in trainable_tensors(model) if name.startswith(f"{place}."))
        np.testing.assert_allclose(end.start + end.change, now[name].numpy(), rtol=1e-5)


def _change(model, place, before, now, backbone, config) -> np.ndarray:
    """ΔW from the layer itself, or from the weights; of a prefix what the block's own `rows` have moved."""
    layer = model.get_submodule(place)
    if hasattr(layer, "delta_weight"):
        return layer.delta_weight().double().numpy()
    if hasattr(layer, "rows"):
        first = apply(backbone, config).get_submodule(place)  # drawn again with the same seed
        both = [torch.cat(of.rows(), dim=1).detach() for of in (layer, first)]  # (heads, 2n, d_kv)
        moved = both[0] - both[1]
        return moved.transpose(0, 1).flatten(1).double().numpy()
    return (now[f"{place}.weight"] - before[f"{place}.weight"]).double().numpy()


def test_every_shipped_method_says_what_is_seen_of_it():
    assert {name for name, method in METHODS.items() if kind_of(method.config()) is None} == set()


def test_a_moment_that_is_gone_or_damaged_and_an_empty_folder_are_told(filmed, backbone, tmp_path):
    reel, _ = filmed(LoraConfig(r=2))
    place = reel.places()[0].name
    with pytest.raises(PeftClassroomError, match="No snapshot of step 2"):
        reel.seen(2, place)
    moments.file_of(tmp_path, 3).unlink()
    with pytest.raises(PeftClassroomError, match="is gone"):
        reel.seen(3, place)
    with pytest.raises(PeftClassroomError, match="kept no snapshots"):
        Reel(tmp_path / "nowhere", backbone)


def test_what_is_compared_with_a_start_that_is_missing_is_told(filmed, tmp_path, backbone):
    reel, _ = filmed(METHODS["ia3"].config())
    place = reel.places()[0].name
    moments.file_of(tmp_path, 0).write_bytes(b"torn")
    again = Reel(tmp_path, backbone)
    assert [m.step for m in again.found.moments] == [3] and len(again.found.damaged) == 1
    with pytest.raises(PeftClassroomError, match="No snapshot of step 0"):
        again.seen(3, place)
