"""ΔW: its name, its singular values by two routes, and what a checkpoint says it is."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from peft_core.analysis.spectra.checkpoint_deltas import (
    _rounding,
    deltas_of,
    initial_deltas,
    linear_layers,
    load_deltas,
)
from peft_core.analysis.spectra.delta import (
    DenseDelta,
    LowRankDelta,
    kept_energy,
    random_like,
    svd,
)
from peft_core.analysis.spectra.spectrum import effective_rank
from peft_core.checkpoints.files import save_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.methods import apply_method
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.layer import lora_layers
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.paths import SHIPPED_CHECKPOINTS
from peft_core.t5.backbone import load_backbone
from peft_core.t5.names import Place, matrix, matrix_of
from tests.cases import CASES, make_base
from tests.trained import make_record, trained

NAME = matrix("encoder", 0, "self-attention", "q")
sides = st.integers(1, 7)
ADAPTED = [LoraConfig(r=4, alpha=6), CASES["lora-all"], CASES["lora-dora"], CASES["lora-patterns"], FullConfig()]


@st.composite
def low_rank_deltas(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    out, rank, into = draw(sides), draw(sides), draw(sides)
    b, a = rng.standard_normal((out, rank)), rng.standard_normal((rank, into))
    if draw(st.booleans()):  # factors of lower rank than they could have
        b[:, 0] = 0
    return LowRankDelta(NAME, b, a, draw(st.floats(0.01, 100)))


deltas = st.one_of(
    low_rank_deltas(),
    st.builds(
        lambda out, into, seed: DenseDelta(NAME, np.random.default_rng(seed).standard_normal((out, into))),
        sides, sides, st.integers(0, 2**32 - 1),
    ),
)  # fmt: skip


@settings(deadline=None)
@given(low_rank_deltas())
def test_thin_qr_of_the_factors_gives_the_svd_of_their_product(delta):
    direct = np.linalg.svd(delta.matrix, compute_uv=False)
    size = max(1.0, direct[0])
    assert len(delta.svd.sigmas) == delta.max_rank
    assert np.allclose(delta.svd.sigmas, direct[: delta.max_rank], atol=1e-12 * size)
    assert np.allclose(direct[delta.max_rank :], 0, atol=1e-12 * size)
    assert np.allclose(DenseDelta(NAME, delta.matrix).svd.sigmas, direct, atol=1e-12 * size)


@settings(deadline=None)
@given(deltas)
def test_the_svd_gives_the_matrix_back_and_is_orthonormal(delta):
    u, sigmas, vt = delta.svd
    size = max(1.0, delta.norm)
    assert np.allclose((u * sigmas) @ vt, delta.matrix, atol=1e-11 * size)
    assert np.allclose(u.T @ u, np.eye(len(sigmas)), atol=1e-11)
    assert np.allclose(vt @ vt.T, np.eye(len(sigmas)), atol=1e-11)
    assert all(a >= b >= 0 for a, b in pairwise(sigmas))
    assert np.isclose(delta.norm, np.linalg.norm(delta.matrix))
    assert delta.shape == delta.matrix.shape


@settings(deadline=None)
@given(deltas, st.integers(0, 7))
def test_what_is_cut_is_the_tail_of_the_squares(delta, k):
    u, sigmas, vt = delta.svd
    cut = (u[:, :k] * sigmas[:k]) @ vt[:k]
    missing = np.linalg.norm(delta.matrix - cut) ** 2
    assert np.isclose(missing, (sigmas[k:] ** 2).sum(), atol=1e-11 * max(1.0, delta.norm**2))
    both = [delta, delta]
    assert np.isclose(1 - missing / delta.norm**2 if delta.norm else 1, kept_energy(both, k), atol=1e-9)
    assert kept_energy(both, k) <= kept_energy(both, k + 1) + 1e-12


@settings(deadline=None)
@given(deltas, st.integers(0, 2**32 - 1))
def test_the_random_matrix_has_shape_rank_and_norm_of_the_real_one(delta, seed):
    drawn, again = random_like(delta, seed), random_like(delta, seed)
    assert (drawn.shape, drawn.max_rank) == (delta.shape, delta.max_rank)
    assert np.isclose(drawn.norm, delta.norm)
    assert np.array_equal(drawn.matrix, again.matrix)
    if delta.norm:
        assert np.linalg.matrix_rank(drawn.matrix) == delta.max_rank


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(PeftClassroomError, match="NaN or infinity"):
        svd(np.array([[1.0, np.nan]]))


@pytest.mark.parametrize("base", ["backbone", "gated"])
def test_every_linear_layer_of_a_block_has_a_name_and_nothing_else_has(base, request):
    model = request.getfixturevalue(base).model
    named = {dotted: matrix_of(dotted) for dotted, _ in model.named_modules()}
    linear = {d for d, m in model.named_modules() if isinstance(m, nn.Linear) and d != "lm_head"}
    assert {dotted for dotted, name in named.items() if name} == linear
    assert all(named[dotted].name == dotted for dotted in linear)
    assert len({named[dotted].key for dotted in linear}) == len(linear)


@pytest.mark.parametrize("config", ADAPTED)
def test_a_checkpoint_gives_the_update_that_its_model_computes_with(backbone, batch, config, tmp_path):
    model = trained(backbone, config, batch)
    save_checkpoint(model, make_record(backbone, config), backbone, tmp_path / "c")
    found = load_deltas(tmp_path / "c", backbone)
    assert list(found) == sorted(found, key=lambda name: name.order)
    if isinstance(config, FullConfig):
        before = dict(backbone.model.named_modules())
        truth = {n: layer.weight - before[n.name].weight for n, layer in linear_layers(model).items()}
    else:
        truth = {matrix_of(dotted): layer.delta_weight() for dotted, layer in lora_layers(model).items()}
    assert found.keys() == truth.keys()
    for name, delta in found.items():
        assert np.allclose(delta.matrix, truth[name].detach().numpy(), atol=1e-6)
    assert sum(delta.norm > 0 for delta in found.values()) > len(found) / 2  # all but the idle ones of the decoder


@pytest.mark.parametrize("config", [SoftPromptConfig(num_virtual_tokens=3), AdapterConfig(bottleneck_dim=3)])
def test_a_method_that_changes_no_matrix_is_refused_with_what_to_choose(backbone, batch, config, tmp_path):
    save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, tmp_path / "c")
    with pytest.raises(
        PeftClassroomError, match="Choose a checkpoint of another method, such as Full fine-tuning or LoRA"
    ):
        load_deltas(tmp_path / "c", backbone)


def test_weights_for_another_base_model_are_refused(backbone, batch, tmp_path):
    config = LoraConfig(r=2)
    save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, tmp_path / "c")
    with pytest.raises(PeftClassroomError, match="another base model"):
        load_deltas(tmp_path / "c", load_backbone(str(make_base(tmp_path / "other", seed=1))))


def test_the_start_of_a_run_is_drawn_again_from_its_seed(backbone):
    """As the experiment draws it: seed, then the method; B is zero, so ΔW is."""
    record = make_record(backbone, LoraConfig(r=3))
    torch.manual_seed(record.config.train.seed)
    truth = deltas_of(apply_method(backbone.own_copy(), record.config.method), backbone)
    torch.manual_seed(77)
    start = initial_deltas(record, backbone)
    assert start.keys() == truth.keys()
    assert all(np.array_equal(start[name].a, truth[name].a) and start[name].norm == 0 for name in start)
    with pytest.raises(PeftClassroomError, match="Only LoRA has a factor A"):
        initial_deltas(make_record(backbone, FullConfig()), backbone)
    assert not any(p.requires_grad for p in backbone.model.parameters())


def test_rounding_of_a_stored_full_model_is_told(backbone, batch):
    """Its expected norm, within a tenth of the true one over all layers; weights kept in fp32 have none."""
    model = trained(backbone, FullConfig(), batch)
    assert {delta.rounding for delta in deltas_of(model, backbone).values()} == {0.0}
    exact = {name: layer.weight.detach().clone() for name, layer in linear_layers(model).items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(torch.bfloat16))
    found = deltas_of(model, backbone)
    truth = sum(
        float((layer.weight.detach() - exact[name]).square().sum()) for name, layer in linear_layers(model).items()
    )
    assert np.isclose(sum(delta.rounding**2 for delta in found.values()), truth, rtol=0.1)


@pytest.mark.parametrize("rows", ["alike", "of unequal size"])
@pytest.mark.parametrize("shape", [(60, 60), (240, 60), (60, 240)])
def test_the_floor_is_the_largest_singular_value_of_rounding_itself(shape, rows):
    """Known weights, rounded: what rounding has added is known exactly. Of weights alike also by s·(√m + √n)."""
    rng = np.random.default_rng(7)
    exact = rng.uniform(1, 2, shape)
    if rows != "alike":
        exact *= np.geomspace(1, 64, shape[0])[:, None]
    stored = torch.tensor(exact).to(torch.bfloat16).double()
    truth = np.linalg.svd(stored.numpy() - exact, compute_uv=False)
    norm, floor = _rounding(stored)
    assert np.isclose(norm, np.linalg.norm(truth), rtol=0.05)
    assert np.isclose(floor, truth[0], rtol=0.15)
    if rows == "alike":
        assert np.isclose(floor, norm / np.sqrt(exact.size) * (shape[0] ** 0.5 + shape[1] ** 0.5), rtol=0.1)


def test_rounding_does_not_raise_the_effective_rank_of_a_known_update():
    """Rank 5 added to large weights and rounded: of all its σ it would seem to be of more than twice that."""
    rng = np.random.default_rng(3)
    before = torch.tensor(rng.normal(0, 1, (80, 80))).to(torch.bfloat16).double()
    update = rng.standard_normal((80, 5)) @ rng.standard_normal((5, 80)) * 0.005
    stored = (before + torch.tensor(update)).to(torch.bfloat16).double()
    delta = DenseDelta(NAME, (stored - before).numpy(), *_rounding(stored))
    truth = effective_rank(np.linalg.svd(update, compute_uv=False))
    assert np.isclose(effective_rank(delta.svd.sigmas, delta.floor), truth, rtol=0.05)
    assert effective_rank(delta.svd.sigmas) > 2 * truth


def test_the_shipped_full_checkpoint_is_not_given_the_rank_of_its_rounding():
    """Of all its σ 49.9; of those above rounding about 10.8: rounded once more, an update of rank 34 had 45.1."""
    delta = load_deltas(SHIPPED_CHECKPOINTS / "full", load_backbone("tiny-t5"))[
        matrix("decoder", 0, "self-attention", "v")
    ]
    assert round(effective_rank(delta.svd.sigmas), 1) == 49.9
    assert np.isclose(effective_rank(delta.svd.sigmas, delta.floor), 10.8, atol=0.3)


@pytest.mark.parametrize("form", ["dense", "low rank"])
def test_the_sigmas_alone_are_those_of_the_svd(form):
    generator = np.random.default_rng(0)
    b, a = generator.standard_normal((9, 4)), generator.standard_normal((4, 12))
    name = Place("encoder", 0, "self_attention", "q")
    delta = LowRankDelta(name, b, a, 0.5) if form == "low rank" else DenseDelta(name, 0.5 * b @ a)
    assert len(delta.sigmas) == delta.max_rank
    assert delta.sigmas == pytest.approx(delta.svd.sigmas, abs=1e-12)
    assert delta.sigmas[:4] == pytest.approx(np.linalg.svd(0.5 * b @ a)[1][:4])
