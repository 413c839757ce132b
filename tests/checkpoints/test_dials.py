"""Dials on trained checkpoints: exactly as trained, exactly off, and in between what the equations say."""

import numpy as np
import pytest
import torch

from peft_core.checkpoints.asking.predictor import Predictor
from peft_core.checkpoints.dials.blend import Blend
from peft_core.checkpoints.dials.dialled import Dialled
from peft_core.checkpoints.dials.setting import AS_TRAINED, OFF, Setting
from peft_core.checkpoints.files import load_checkpoint, save_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.common import wrapped_linears
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.prefix.method import PrefixConfig
from peft_core.methods.registry import method_of
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.t5.linear_form import dense, linear_form
from tests.cases import CASES, every_config
from tests.trained import PROMPT_IDS, logits, make_record, trained


@pytest.fixture(scope="module")
def saved(backbone, tmp_path_factory):
    """Save a trained checkpoint of a configuration once; gives its folder."""
    root, folders = tmp_path_factory.mktemp("dials"), {}

    def save(config, seed=2):
        if (config, seed) not in folders:
            ids = torch.randint(5, 27, (3, 7), generator=torch.Generator().manual_seed(seed))
            folders[config, seed] = root / str(len(folders))
            model = trained(backbone, config, (ids, torch.ones_like(ids)))
            save_checkpoint(model, make_record(backbone, config), backbone, folders[config, seed])
        return folders[config, seed]

    return save


def products(model):
    """s·B·A of every layer that has one, by name, computed here."""
    forms = {name: linear_form(layer) for name, layer in wrapped_linears(model).items()}
    return {n: f.factor * f.up.detach().double().numpy() @ f.down.detach().double().numpy() for n, f in forms.items()}


def changes(model):
    """W − W₀ of every wrapped layer, by name."""
    return {n: dense(f := linear_form(one)).double() - f.weight.double() for n, one in wrapped_linears(model).items()}


def turned(dialled):
    """Every dial as far from where it was trained as it goes."""
    offered = dialled.offered
    return Setting(
        factor=3.0 if offered.factor else 1.0, terms=0 if offered.terms else None, rows=1 if offered.rows else None
    )


@every_config
def test_as_trained_is_exactly_the_checkpoint_before_and_after_every_dial_has_been_turned(
    backbone, saved, batch, config
):
    expected = logits(load_checkpoint(saved(config), backbone)[0], batch, backbone)
    dialled = Dialled(saved(config), backbone)
    everything = Setting(terms=dialled.offered.terms or None, rows=dialled.offered.rows or None)
    for setting in (AS_TRAINED, turned(dialled), AS_TRAINED, OFF, everything):
        said = logits(dialled.at(setting), batch, backbone)
        assert torch.equal(said, expected) == (setting in (AS_TRAINED, everything))


@every_config
def test_off_is_exactly_the_base_model(backbone, saved, batch, config):
    dialled, base = Dialled(saved(config), backbone), logits(backbone.model, batch, backbone)
    assert torch.equal(logits(dialled.at(OFF), batch, backbone), base)
    if dialled.offered.factor:
        assert torch.equal(logits(dialled.at(Setting(factor=0.0)), batch, backbone), base)


@every_config
def test_others_who_ask_the_checkpoint_notice_nothing(backbone, saved, config):
    predictor, dialled = Predictor(backbone), Dialled(saved(config), backbone)
    before = predictor.classify("the film was good", saved(config))[0].probability_positive
    base = predictor.classify("the film was good")[0].probability_positive
    dialled.at(turned(dialled))
    assert predictor.classify("the film was good", saved(config))[0].probability_positive == before
    assert predictor.classify("the film was good")[0].probability_positive == base


def test_every_method_that_starts_as_the_base_and_keeps_its_weights_can_be_turned(backbone, saved):
    for config in CASES.values():
        method, offered = method_of(config), Dialled(saved(config), backbone).offered
        assert offered.factor == (method.starts_as_base(config) or method.name == "adapter") * (not method.owns_weights)
        assert (offered.terms > 0) == (method.name == "lora")
        assert (offered.rows > 0) == (method.name in ("soft_prompt", "prefix"))


LORAS = {name: config for name, config in CASES.items() if isinstance(config, LoraConfig)}
every_lora = pytest.mark.parametrize("config", LORAS.values(), ids=LORAS.keys())


@every_lora
@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_the_first_k_terms_are_numpys_nearest_matrix_of_rank_k(backbone, saved, config, factor):
    dialled = Dialled(saved(config), backbone)
    whole = products(load_checkpoint(saved(config), backbone)[0])
    for k in range(dialled.offered.terms):
        kept = products(dialled.at(Setting(terms=k, factor=factor)))
        for name, delta in whole.items():
            u, sigmas, vt = np.linalg.svd(delta)
            nearest = factor * (u[:, :k] * sigmas[:k]) @ vt[:k]
            assert np.allclose(kept[name], nearest, atol=1e-5 * max(1.0, sigmas[0]))


@every_config
@pytest.mark.parametrize("factor", [0.25, 2.0])
def test_what_changes_matrices_changes_them_by_the_factor(backbone, saved, config, factor):
    if getattr(config, "use_dora", False) or not wrapped_linears(load_checkpoint(saved(config), backbone)[0]):
        return
    dialled = Dialled(saved(config), backbone)
    whole = {name: change.clone() for name, change in changes(dialled.at(AS_TRAINED)).items()}
    for name, change in changes(dialled.at(Setting(factor=factor))).items():
        assert torch.allclose(change, factor * whole[name], atol=1e-5)


@pytest.mark.parametrize("config", [SoftPromptConfig(num_virtual_tokens=5), PrefixConfig(num_virtual_tokens=5)])
def test_the_first_rows_are_what_a_checkpoint_with_these_rows_alone_computes(backbone, saved, batch, config):
    dialled = Dialled(saved(config), backbone)
    (rows,) = trainable_tensors(load_checkpoint(saved(config), backbone)[0]).values()
    for n in (1, 3):
        fewer = apply_method(backbone.replica(), config.model_copy(update={"num_virtual_tokens": n}), PROMPT_IDS)
        with torch.no_grad():
            (own,) = trainable_tensors(fewer).values()
            own.copy_(rows[:n])
        said = logits(dialled.at(Setting(rows=n)), batch, backbone)
        assert torch.equal(said, logits(fewer.eval(), batch, backbone))


@pytest.mark.parametrize(
    ("config", "setting", "said"),
    [
        (LoraConfig(r=4, alpha=6), Setting(factor=3.5), "from 0 to 3"),
        (LoraConfig(r=4, alpha=6), Setting(factor=-1.0), "from 0 to 3"),
        (LoraConfig(r=4, alpha=6), Setting(factor=float("nan")), "from 0 to 3"),
        (LoraConfig(r=4, alpha=6), Setting(terms=5), "Between 0 and 4 terms"),
        (LoraConfig(r=4, alpha=6), Setting(rows=1), "no dial for rows"),
        (SoftPromptConfig(num_virtual_tokens=5), Setting(rows=0), "Between 1 and 5 rows"),
        (SoftPromptConfig(num_virtual_tokens=5), Setting(factor=2.0), "no dial for α"),
        (AdapterConfig(), Setting(terms=1), "no dial for terms"),
        (CASES["full"], Setting(factor=2.0), "no dial for α"),
    ],
)
def test_what_cannot_be_turned_is_refused_in_words(backbone, saved, config, setting, said):
    dialled = Dialled(saved(config), backbone)
    with pytest.raises(PeftClassroomError, match=said):
        dialled.at(setting)


# ---------------------------------------------------------------------------------------------------------------------
# Blends


@pytest.mark.parametrize(
    "second", [LoraConfig(r=4, alpha=6), LoraConfig(r=2, alpha=8), LoraConfig(r=3, target_modules=("k", "v", "wo"))]
)
def test_loras_are_blended_in_what_they_add_to_a_matrix(backbone, saved, batch, second):
    first = LoraConfig(r=4, alpha=6)
    folders = saved(first), saved(second, seed=5)
    blend = Blend(*folders, backbone)
    models = [load_checkpoint(folder, backbone)[0] for folder in folders]
    one, two = map(products, models)
    for t, end in ((0, models[0]), (1, models[1])):
        assert torch.equal(logits(blend.at(t), batch, backbone), logits(end, batch, backbone))
    for t in (0.25, 0.5):
        found = products(blend.at(t))
        assert found.keys() == one.keys() | two.keys()
        for name, delta in found.items():
            assert np.allclose(delta, (1 - t) * one.get(name, 0) + t * two.get(name, 0), atol=1e-6)


BLENDED = {name: config for name, config in CASES.items() if hasattr(method_of(config).optional("dial"), "blend")}


@pytest.mark.parametrize("config", BLENDED.values(), ids=BLENDED.keys())
def test_the_others_are_blended_number_by_number(backbone, saved, batch, config):
    folders = saved(config), saved(config, seed=5)
    blend = Blend(*folders, backbone)
    one, two = (trainable_tensors(load_checkpoint(folder, backbone)[0]) for folder in folders)
    assert any(not torch.equal(one[name], two[name]) for name in one)
    for name, number in trainable_tensors(blend.at(0.25)).items():
        assert torch.allclose(number, 0.75 * one[name] + 0.25 * two[name])
    for t, folder in zip((0, 1), folders, strict=True):
        expected = logits(load_checkpoint(folder, backbone)[0], batch, backbone)
        assert torch.equal(logits(blend.at(t), batch, backbone), expected)


def test_what_cannot_be_blended_is_refused_in_words(backbone, saved):
    lora, dora = LoraConfig(r=4, alpha=6), LoraConfig(r=2, use_dora=True)
    for first, second, said in (
        (lora, AdapterConfig(), "two methods"),
        (lora, dora, "side by side"),
        (CASES["full"], CASES["full"], "change weight matrices alone"),
        (AdapterConfig(), AdapterConfig(bottleneck_dim=3), "same settings"),
    ):
        with pytest.raises(PeftClassroomError, match=said):
            Blend(saved(first), saved(second), backbone)
    for t in (-0.1, 1.5, float("nan")):
        with pytest.raises(PeftClassroomError, match="from 0"):
            Blend(saved(lora), saved(lora, seed=5), backbone).at(t)
