"""ΔW of what is merged, against the safetensors files alone."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from peft_core.checkpoints.exchange.merging import merge_checkpoints
from peft_core.checkpoints.files import load_checkpoint, save_checkpoint
from peft_core.checkpoints.run_json import read_record
from peft_core.errors import PeftClassroomError
from peft_core.methods.full.method import FullConfig
from peft_core.methods.ia3.method import Ia3Config
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.t5.backbone import load_backbone
from tests.cases import make_base
from tests.trained import make_record, trained

QV = LoraConfig(r=2, alpha=6)
QVO = LoraConfig(r=3, alpha=4, target_modules=("q", "v", "o"), use_rslora=True)
DORA = LoraConfig(r=2, alpha=4, use_dora=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory, backbone):
    """Three checkpoints of one base model, and one each of whatever has no ΔW."""
    import torch

    ids = torch.tensor([[5, 6, 7, 8, 9, 1]])
    batch = ids.expand(3, -1).contiguous(), torch.ones(3, 6, dtype=torch.long)
    folder = tmp_path_factory.mktemp("merging")
    for name, config in {
        "qv": QV, "qvo": QVO, "dora": DORA, "ia3": Ia3Config(), "full": FullConfig(), "prompt": SoftPromptConfig(),
    }.items():  # fmt: skip
        save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, folder / name)
    return folder


def deltas(folder) -> dict[str, np.ndarray]:
    """ΔW from the two files of a peft folder of LoRA: no torch, and no code of ours."""
    said = json.loads((folder / "adapter_config.json").read_text())
    tensors = load_file(folder / "adapter_model.safetensors")
    found = {}
    for name in (key.removesuffix(".lora_A.weight") for key in tensors if key.endswith(".lora_A.weight")):
        a, b = (tensors[f"{name}.lora_{part}.weight"].astype(np.float64) for part in "AB")
        scaling = said["lora_alpha"] / (a.shape[0] ** 0.5 if said["use_rslora"] else a.shape[0])
        found[name] = scaling * b @ a
    return found


def total(made, weights) -> dict[str, np.ndarray]:
    """Σ wᵢ·ΔWᵢ"""
    parts = [(weight, deltas(made / name)) for name, weight in weights.items()]
    names = {name for _, part in parts for name in part}
    return {name: sum(weight * part[name] for weight, part in parts if name in part) for name in names}


@pytest.mark.parametrize(("one", "other"), [(0.5, 0.5), (1.0, -0.7)])
def test_without_a_rank_nothing_is_lost(made, backbone, tmp_path, one, other):
    made_of = merge_checkpoints([made / "qv", made / "qvo"], [one, other], tmp_path / "out")
    assert (made_of.rank, made_of.lost) == (5, 0.0)
    wanted, got = total(made, {"qv": one, "qvo": other}), deltas(tmp_path / "out")
    assert wanted.keys() == got.keys()
    for name, matrix in wanted.items():
        np.testing.assert_allclose(got[name], matrix, atol=1e-6)
    _, record = load_checkpoint(tmp_path / "out", backbone)
    assert record.origin == "merged" and record.test is None
    assert record.source == f"{one:g}·qv + {other:g}·qvo"


def test_cut_to_a_rank_it_is_the_nearest_matrix_of_that_rank_and_says_what_is_lost(made, tmp_path):
    made_of = merge_checkpoints([made / "qv", made / "qvo"], [0.5, 0.5], tmp_path / "out", rank=2)
    wanted, got = total(made, {"qv": 0.5, "qvo": 0.5}), deltas(tmp_path / "out")
    lost = whole = 0.0
    for name, matrix in wanted.items():
        sigmas = np.linalg.svd(matrix, compute_uv=False)
        assert np.linalg.matrix_rank(got[name], tol=1e-5) <= 2
        assert np.linalg.norm(matrix - got[name]) == pytest.approx(np.sqrt((sigmas[2:] ** 2).sum()), abs=1e-5)
        lost, whole = lost + (sigmas[2:] ** 2).sum(), whole + (sigmas**2).sum()
    assert 0 < made_of.lost == pytest.approx(lost / whole, rel=1e-4)
    assert f"{made_of.lost:.2%} of ΔW" in read_record(tmp_path / "out").notes[0]


def test_an_update_that_is_no_product_needs_a_rank_and_with_a_high_one_it_is_exact(made, backbone, tmp_path):
    import torch

    from peft_core.checkpoints.exchange.merging import updates

    paths, weights = [made / "dora", made / "ia3"], [0.5, 2.0]
    with pytest.raises(PeftClassroomError, match=r"give a rank \(--rank\)"):
        merge_checkpoints(paths, weights, tmp_path / "out")
    merge_checkpoints(paths, weights, tmp_path / "out", rank=16)
    parts = [updates(path, backbone) for path in paths]
    for name, update in updates(tmp_path / "out", backbone).items():
        wanted = sum(w * part[name].whole for w, part in zip(weights, parts, strict=True) if name in part)
        assert torch.allclose(update.up @ update.down, wanted, atol=1e-6), name


@pytest.mark.parametrize(
    ("names", "weights", "rank", "sentence"),
    [
        (["qv"], [1.0], None, "Between 2 and 10"),
        (["qv", "qvo"], [1.0], None, "need as many weights"),
        (["qv", "qvo"], [1.0, float("nan")], None, "need as many weights"),
        (["qv", "qvo"], [1.0, 1.0], 0, "between 1 and 1024"),
        (["qv", "prompt"], [1.0, 1.0], None, "does not change weight matrices alone"),
        (["full", "qv"], [1.0, 1.0], 4, "does not change weight matrices alone"),
    ],
)
def test_what_cannot_be_added_is_refused(made, tmp_path, names, weights, rank, sentence):
    with pytest.raises(PeftClassroomError, match=sentence):
        merge_checkpoints([made / name for name in names], weights, tmp_path / "out", rank)
    assert not list(tmp_path.iterdir())


def test_updates_of_different_base_models_cannot_be_added(made, batch, tmp_path):
    other = load_backbone(str(make_base(tmp_path / "base", seed=5)))
    save_checkpoint(trained(other, QV, batch), make_record(other, QV), other, tmp_path / "other")
    with pytest.raises(PeftClassroomError, match="trained on another base model"):
        merge_checkpoints([made / "qv", tmp_path / "other"], [0.5, 0.5], tmp_path / "out")
    (tmp_path / "out").mkdir()
    with pytest.raises(PeftClassroomError, match="exists already"):
        merge_checkpoints([made / "qv", made / "nowhere"], [0.5, 0.5], tmp_path / "out")
