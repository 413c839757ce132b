"""The Rank lab: every section's numbers are those of numpy, every link brings its screen back, odd links get a note."""

import json
import shutil
import threading
from urllib.parse import parse_qs

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app import services
from app.content import label
from app.kit import theme
from app.kit.drawn.svd_parts import number
from app.kit.formats import percent
from app.kit.plain import escaped
from app.rank_lab import data, similarity_charts
from app.rank_lab.builder import nonzero_terms
from app.rank_lab.enough import chart as enough_chart
from app.rank_lab.enough import measured as enough_data
from app.rank_lab.matrix_editor import PRESETS, read, written
from peft_core.analysis.spectra.spectrum import effective_rank, energy, partial_sum, residual_norm
from peft_core.analysis.spectra.truncation_file import TRUNCATION, Truncation, write_truncation
from peft_core.analysis.spectra.truncation_finding import find
from peft_core.checkpoints.run_json import read_record
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.paths import SHIPPED_CHECKPOINTS


@pytest.fixture
def lab(open_page):
    return lambda **query: open_page("rank_lab", **query)


def prose(app: AppTest) -> str:
    return " ".join([*(m.value for m in app.markdown), *(m.value for m in app.get("latex")), *alts(app)])


def alts(app: AppTest) -> list[str]:
    return [chart.proto.alt for chart in app.get("vega_lite_chart")]


def notes(app: AppTest) -> str:
    return " ".join(i.value for i in app.info)


# ---------------------------------------------------------------------------------------------------------------------
# A matrix of one's own


def builds(app: AppTest, rows, k: int) -> None:
    """The page says of this matrix and this number of terms what numpy says."""
    matrix = np.array(rows)
    terms = nonzero_terms(matrix)
    words = prose(app)
    assert len(terms) == np.linalg.matrix_rank(matrix)
    missing = number(float(np.linalg.norm(matrix - partial_sum(terms, k))))
    assert missing == number(residual_norm(terms, k))
    assert f"**{k}** of {len(terms)} terms, **{missing}**" in words
    assert f"**{percent(energy(terms, k))}** of the energy" in words
    assert "; ".join(", ".join(number(v) for v in row) for row in partial_sum(terms, k)) in words


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_built_term_by_term_until_nothing_is_missing(lab, name, checked_charts):
    app = lab()
    app.get_by_key(f"matrix_{name}").click().run()
    rank = np.linalg.matrix_rank(np.array(PRESETS[name]))
    builds(app, PRESETS[name], 1)
    for k in range(2, rank + 1):
        app.get_by_key("lab_terms_next").click().run()
        builds(app, PRESETS[name], k)
        assert app.query_params["lab_terms"] == str(k)
    assert app.get_by_key("lab_terms_next").disabled
    assert "is missing, and the sum holds **100.0%**" in prose(app)
    assert app.query_params.get("matrix", written(PRESETS["full"])) == written(PRESETS[name])


def test_the_presets_are_what_they_are_called():
    ranks = {name: np.linalg.matrix_rank(np.array(rows)) for name, rows in PRESETS.items()}
    assert ranks == {"rank1": 1, "rank2": 2, "full": 4, "identity": 3}
    assert len({term.sigma for term in nonzero_terms(np.array(PRESETS["identity"]))}) == 1


def test_a_link_brings_back_the_matrix_the_terms_and_the_vector(lab):
    app = lab(matrix="1,2/3,-9/0,4", lab_terms="2", lab_x1="-3", lab_x2="7")
    builds(app, [[1, 2], [3, -9], [0, 4]], 2)
    assert not app.info
    assert r"A\,x = \begin{pmatrix}11\\-72\\28\end{pmatrix}" in prose(app)
    app.get_by_key("matrix_2_1").set_value(5).run()
    builds(app, [[1, 2], [5, -9], [0, 4]], 1)  # another matrix begins with its first term
    assert app.query_params["matrix"] == "1,2/5,-9/0,4"


def test_the_size_changes_and_new_cells_are_zero(lab):
    app = lab(matrix="1,2/3,4")
    app.get_by_key("matrix_rows").set_value(3).run()
    builds(app, [[1, 2], [3, 4], [0, 0]], 1)
    app.get_by_key("matrix_columns").set_value(4).run()
    builds(app, [[1, 2, 0, 0], [3, 4, 0, 0], [0, 0, 0, 0]], 1)


def test_fewer_terms_than_were_on_the_screen(lab):
    app = lab(lab_terms="4")
    builds(app, PRESETS["full"], 4)
    app.get_by_key("matrix_rank1").click().run()
    assert not app.exception
    builds(app, PRESETS["rank1"], 1)


def test_the_zero_matrix_has_no_terms_and_says_so(lab):
    app = lab(matrix="0,0/0,0")
    assert "all σ are 0" in notes(app)
    assert not alts(app)
    app.get_by_key("matrix_1_2").set_value(-9).run()
    builds(app, [[0, -9], [0, 0]], 1)


@pytest.mark.parametrize("odd", ["1.5,2/3,4", "ten,2/3,4", "10,2/3,4", "٣,2/3,4", ",2/3,4", "--1,2/3,4", "1e0,2/3,4"])
def test_a_matrix_of_other_entries_is_refused_with_a_sentence(lab, odd):
    app = lab(matrix=odd)
    builds(app, PRESETS["full"], 1)
    assert "no whole number from −9 to 9" in notes(app)
    app.get_by_key("matrix_identity").click().run()
    assert not app.info


@pytest.mark.parametrize("odd", ["", "1", "1,2/3", "1,2,3,4,5/1,2,3,4,5", "1,2/" * 40, "../../etc", "<b>x</b>"])
def test_a_matrix_of_another_shape_is_refused_with_a_sentence(lab, odd):
    app = lab(matrix=odd)
    builds(app, PRESETS["full"], 1)
    assert "does not have 2 to 4 rows" in notes(app)


def test_numbers_that_cannot_be_are_moved_with_a_note(lab):
    app = lab(matrix="1,2/3,4", lab_terms="9", lab_x1="-40")
    builds(app, [[1, 2], [3, 4]], 2)
    assert app.get_by_key("lab_x1").value == -9
    assert "= 9" in notes(app) and "-40" in notes(app)
    assert lab(lab="**bold**", lab_terms="nan").query_params.get("lab") is None


def test_what_is_written_is_read_again():
    for rows in PRESETS.values():
        assert np.array_equal(read(written(rows)), rows)


def test_the_lora_page_and_the_lab_lead_to_one_another(open_page):
    links = [link.proto.label for link in open_page("lora", section="rank_one").get("page_link")]
    assert label("rank_one", "to_lab") in links
    links = [link.proto.label for link in open_page("rank_lab").get("page_link")]
    assert label("rank_lab", "to_lora") in links


# ---------------------------------------------------------------------------------------------------------------------
# Real updates


@pytest.fixture(scope="module")
def some_runs(tmp_path_factory):
    """A folder of runs with LoRA r = 2 and r = 3 and full fine-tuning over a tiny base. Tests have a copy of it."""
    from peft_core.checkpoints.files import save_checkpoint
    from peft_core.t5.backbone import load_backbone
    from tests.cases import make_base
    from tests.conftest import three_rows
    from tests.trained import make_record, trained

    kept = tmp_path_factory.mktemp("rank lab")
    backbone = load_backbone(str(make_base(kept / "tiny")))
    for run, config in zip(RUN, (LoraConfig(r=2), LoraConfig(r=3), FullConfig()), strict=True):
        record = make_record(backbone, config).model_copy(update={"name": f"{config.method} {run[14]}"})
        save_checkpoint(trained(backbone, config, three_rows()), record, backbone, kept / "runs" / run / "checkpoint")
    return kept / "runs"


@pytest.fixture
def with_runs(lab, tmp_path, some_runs):
    """The lab with these runs; names by their number."""
    shutil.copytree(some_runs, tmp_path / "runs")
    return lab


RUN = [f"20260101-00000{number}-abcdef" for number in range(3)]


def tinys():
    return {info.name: info for info in services.checkpoints() if not info.shipped}


@pytest.mark.parametrize("name", ["lora-8", "full"])
def test_the_spectrum_on_the_screen_is_that_of_the_checkpoint(lab, name, checked_charts):
    from peft_core.analysis.spectra.checkpoint_deltas import load_deltas
    from peft_core.t5.backbone import load_backbone

    app = lab(lab="delta", delta_of=name, delta_layer="encoder.1.self_attention.v")
    delta = next(
        delta
        for key, delta in load_deltas(SHIPPED_CHECKPOINTS / name, load_backbone("tiny-t5")).items()
        if key.key == "encoder.1.self_attention.v"
    )
    sigmas = np.linalg.svd(delta.matrix.astype(np.float64), compute_uv=False)[: delta.max_rank]
    share, words = sigmas[0] ** 2 / (sigmas**2).sum(), prose(app)
    assert f"**{percent(share)}** of the energy" in words.replace("\n", " ")
    assert f"norm {delta.norm:.2f}" in words or f"norm is {delta.norm:.2f}" in words
    assert f"**{effective_rank(sigmas, delta.floor):.1f}** (random:" in words
    assert "encoder 2 · self-attention · v" in words
    strip = next(alt for alt in alts(app) if alt.startswith("Effective rank of every"))
    assert f"encoder 2 · self-attention · v {effective_rank(sigmas, delta.floor):.1f}" in strip
    assert any(f"σ1 = {sigmas[0]:.3g}" in alt for alt in alts(app))


def test_a_random_matrix_of_the_same_norm_stands_beside_it(lab, checked_charts):
    lab(lab="delta")
    for name in ("lora-8", "full"):
        layers = data.layers(data.with_update()[name])
        for layer in layers.values():
            assert np.isclose(np.linalg.norm(layer.random), layer.norm)
            assert len(layer.random) == len(layer.sigmas) == layer.max_rank
            if layer.norm:
                assert effective_rank(layer.sigmas) < effective_rank(layer.random)  # training is not noise


def test_an_unchanged_matrix_is_a_sentence_and_not_a_chart(lab):
    app = lab(lab="delta", delta_of="lora-8", delta_layer="decoder.0.self_attention.q")
    assert "exactly 0" in notes(app)
    assert len(alts(app)) == 1  # the strip of all layers


def test_soft_prompts_and_adapters_are_not_offered_and_the_page_says_why(lab):
    app = lab(lab="delta", delta_of="soft-prompt-10")
    assert label("rank_lab", "unknown_checkpoint") in notes(app)
    assert {info.method for info in data.with_update().values()} == {"lora", "full"}
    assert "they have no ΔW" in " ".join(c.value for c in app.caption)


@pytest.mark.parametrize("odd", ["encoder.9.self_attention.q", "**x**", "", "../../etc/passwd"])
def test_a_layer_that_is_not_there_becomes_another_with_a_note(lab, odd):
    app = lab(lab="delta", delta_of="lora-8", delta_layer=odd)
    assert label("rank_lab", "unknown_layer") in notes(app)
    assert "encoder 1 · self-attention · q" in prose(app)
    app.get_by_key("delta_layer").set_value("encoder.1.self_attention.v").run()
    assert not app.info
    assert app.query_params["delta_layer"] == "encoder.1.self_attention.v"


def test_own_runs_are_offered_and_a_damaged_one_is_a_sentence(with_runs):
    app = with_runs(lab="delta", delta_of=RUN[0])
    assert "ΔW" in prose(app) and not app.info
    weights = next((tinys()[RUN[1]].path).glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:100])
    app = with_runs(lab="delta", delta_of=RUN[1])
    assert "damaged" in app.error[0].value
    assert not alts(app)


# ---------------------------------------------------------------------------------------------------------------------
# ΔW in W₀


def test_the_norms_of_w0_in_the_updates_directions_are_numpys(with_runs, backbone):
    """Of one matrix of a LoRA run, from its dense ΔW and projectors."""
    app = with_runs(lab="against", against_of=RUN[0], against_layer="encoder.1.self_attention.v", against_k="1")
    (name,) = (n for n in data.deltas(tinys()[RUN[0]]) if n.key == "encoder.1.self_attention.v")
    dense = data.deltas(tinys()[RUN[0]])[name].matrix
    weight = dict(backbone.model.named_modules())[name.name].weight.detach().numpy().astype(np.float64)
    right = np.linalg.eigh(dense.T @ dense)[1][:, -1]
    left = dense @ right / np.linalg.norm(dense @ right)
    there, own = abs(left @ weight @ right), np.linalg.norm(weight, 2)
    words = prose(app)
    assert f"W₀ has norm **{there:.2f}**" in words and f"**{percent(there / own)}** of what W₀'s own" in words
    assert f"amplification of **{np.linalg.norm(dense @ right) / there:.2g}**" in words
    assert app.query_params["against_k"] == "1"


# ---------------------------------------------------------------------------------------------------------------------
# Figure 3 of the LoRA paper


@pytest.fixture
def one_shipped(monkeypatch, tmp_path):
    """lora-8 is the only checkpoint that is shipped."""
    shutil.copytree(SHIPPED_CHECKPOINTS / "lora-8", tmp_path / "shipped" / "lora-8")
    monkeypatch.setattr("peft_core.checkpoints.listing.SHIPPED_CHECKPOINTS", tmp_path / "shipped")


def test_one_lora_checkpoint_is_not_enough_and_the_link_trains_another(one_shipped, lab):
    app = lab(lab="similarity")
    assert "there is one" in notes(app)
    link = next(link.proto for link in app.get("page_link") if link.proto.label.startswith("Train LoRA"))
    asked = parse_qs(link.query_string)
    config = read_record(SHIPPED_CHECKPOINTS / "lora-8").config
    assert asked["lora_r"] == ["64"] and asked["section"] == ["train"]
    planned = read_record(SHIPPED_CHECKPOINTS / "lora-64")
    assert asked["lora_alpha"] == [f"{planned.config.method.alpha:g}"]
    assert asked["lora_rate"] == [f"{planned.learning_rate:g}"]
    assert asked["train_size"] == [str(config.data.train_size)] and asked["max_length"] == [str(config.data.max_length)]


def test_phi_of_the_strongest_directions_of_all_matrices_stands_beside_the_papers(lab):
    app = lab(lab="similarity", lab_first="lora-8", lab_second="lora-64")
    known = {info.name: info for info in services.checkpoints()}
    both = [data.deltas(known[name]) for name in ("lora-8", "lora-64")]
    ones = []
    for name in both[0]:
        if all(np.abs(deltas[name].b).max() > 0 for deltas in both):
            u, w = (np.linalg.eigh(d[name].a.T.astype(np.float64) @ d[name].a)[1][:, -1] for d in both)
            ones.append(np.dot(u, w) ** 2)
    assert f"Here {sum(one > 0.5 for one in ones)} of {len(ones)} trained" in prose(app)
    assert f"from {min(ones):.2f} to {max(ones):.2f}, median {np.median(ones):.2f}" in prose(app)


def test_every_map_shows_phi_of_both_runs(with_runs):
    app = with_runs(lab="similarity", lab_first=RUN[0], lab_second=RUN[1], lab_place="encoder.1.self_attention")
    assert not app.info
    runs = tinys()
    both = [data.deltas(runs[name]) for name in RUN[:2]]
    for module in ("q", "v"):
        name = next(name for name in both[0] if name.key == f"encoder.1.self_attention.{module}")
        left, right = (np.linalg.svd(deltas[name].a.astype(np.float64))[2] for deltas in both)
        alt = next(alt for alt in alts(app) if f"self-attention · {module};" in alt)
        for k in (1, 2):
            phi = np.linalg.norm(left[:k] @ right[:k].T) ** 2 / k
            assert f"φ({k}, {k}) = {phi:.2f}" in alt
    assert any(alt.startswith("Random subspaces of 16 dimensions") for alt in alts(app))
    for what in ("dW", "start"):
        app.get_by_key("lab_what").set_value(what).run()
        assert not app.exception
        assert app.query_params["lab_what"] == what


def test_the_cells_formula_is_its_value(with_runs):
    with_runs(lab="similarity")
    form = json.loads(similarity_charts._form(("a", "b"), (8, 8), True, False))
    calculate = form["transform"][0]["calculate"] if "transform" in form else str(form)
    assert "datum.phi * min(datum.i, datum.j)" in calculate  # ‖U_iᵀU_j‖² again


@pytest.mark.parametrize("dark", [False, True])
def test_words_on_the_colour_scale_can_be_read_everywhere(monkeypatch, dark):
    monkeypatch.setattr(theme, "is_dark", lambda: dark)
    ramp, (first, last, change) = theme.ramp(), theme.on_ramp()
    for share in np.linspace(0, 1, 201):
        words = luminance(rgb(first if share <= change else last))
        ends = np.linspace(0, 1, len(ramp))
        ground = luminance(np.array([np.interp(share, ends, channel) for channel in np.array([*map(rgb, ramp)]).T]))
        assert (max(words, ground) + 0.05) / (min(words, ground) + 0.05) >= 4.5, share


def rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])


def luminance(colour: np.ndarray) -> float:
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_runs_on_another_base_are_not_compared(one_shipped, with_runs):
    app = with_runs(lab="similarity", lab_first="lora-8", lab_second=RUN[0])
    assert label("rank_lab", "unknown_checkpoint") in notes(app)  # it has no partner on tiny-t5
    assert {app.get_by_key(key).value for key in ("lab_first", "lab_second")} == set(RUN[:2])


# ---------------------------------------------------------------------------------------------------------------------
# Does rank 1 suffice?


def store(name: str) -> Truncation:
    from peft_core.analysis.spectra.truncation import measure_truncation

    truncation = measure_truncation(tinys()[name].path, limit=20)
    write_truncation(truncation, tinys()[name].path)
    return truncation


def test_a_stored_truncation_is_a_curve_a_sentence_and_a_table(checked_charts, with_runs):
    with_runs(lab="enough")
    truncation = store(RUN[1])
    app = with_runs(lab="enough", cut=RUN[1])
    assert not app.error and not app.get("code")
    (alt,) = alts(app)
    for point in truncation.points:
        assert f"k = {point.rank}: {enough_chart.written(point.accuracy)}" in alt
    table = app.dataframe[0].value
    assert list(table[label("rank_lab", "column_rank")]) == ["base model", "0", "1", "2", "3", "nothing cut"]
    found = find(tinys()[RUN[1]], truncation, [info for info in services.checkpoints() if info.method == "lora"])
    assert escaped(found.sentence) in prose(app)


def test_the_tests_in_all_sentences_are_counted_and_corrected_for_their_number(lab):
    """The stored truncations of the shipped checkpoints; Holm's procedure, step by step."""
    app = lab(lab="enough", cut=["lora-8", "lora-64"])
    p = []
    known = {info.name: info for info in services.checkpoints()}
    lora = [info for info in known.values() if info.method == "lora"]
    for name in ("lora-8", "lora-64"):
        found = find(known[name], enough_data.stored(known[name]), lora)
        p += [test.p for test in (found.learnt, found.cut, found.trained)]
    left = next(i for i, value in enumerate([*sorted(p), 1.0]) if value > 0.05 / max(1, len(p) - i))
    alone = sum(value < 0.05 for value in p)
    assert left < alone
    assert label("rank_lab", "so_many", tests=6, alone=alone, left=left) in prose(app)


def test_so_many_matrices_can_be_looked_at_and_some_pass_a_limit_by_chance(lab):
    app = lab(lab="similarity", lab_first="lora-8", lab_second="lora-64")
    assert label("rank_lab", "many_matrices", n=14, chance="0.4") in [c.value for c in app.caption]  # 2.5% of 14


def test_what_is_not_stored_is_measured_now_and_stays(with_runs):
    app = with_runs(lab="enough", cut=RUN[1], cut_reviews="100")
    assert f"python -m peft_core truncate {RUN[1]} --evaluate --store" in app.get("code")[0].value
    assert not alts(app)
    app.get_by_key(f"measure_{RUN[1]}").click().run()
    assert not app.exception and not app.error
    (alt,) = alts(app)
    assert "k = 3:" in alt
    assert set(app.dataframe[0].value[label("rank_lab", "column_n")]) == {"100"}
    assert set(app.dataframe[0].value[label("rank_lab", "column_source")]) == {label("rank_lab", "source_now")}
    app.get_by_key("cut_reviews").set_value(200).run()
    assert alts(app) == [alt]
    assert not enough_data.is_stored(tinys()[RUN[1]])


def test_measuring_is_one_turn_a_model(with_runs, monkeypatch):
    app = with_runs(lab="enough", cut=RUN[0], cut_reviews="100")
    turns, turn = [], services.exclusive_predictor

    def counted(base, long):
        assert long  # short questions of others go before each
        turns.append(base)
        return turn(base, long)

    monkeypatch.setattr(services, "exclusive_predictor", counted)
    app.get_by_key(f"measure_{RUN[0]}").click().run()
    assert len(turns) == 1 + len(["base", 0, 1, 2, "uncut"])  # once to read, then each model


def test_a_damaged_truncation_is_a_sentence(with_runs):
    with_runs(lab="enough")
    store(RUN[0])
    (tinys()[RUN[0]].path / TRUNCATION).write_text("{}")
    app = with_runs(lab="enough", cut=RUN[0])
    assert "is damaged" in app.error[0].value
    assert not alts(app)


@pytest.mark.parametrize("odd", ["../../etc/passwd", "**bold**", "soft-prompt-10"])
def test_checkpoints_that_are_not_here_are_left_out_with_a_note(lab, odd):
    app = lab(lab="enough", cut=odd, cut_reviews="7")
    assert label("playground", "unknown") in notes(app)
    assert odd not in app.query_params.get("cut", [])


def test_answers_that_new_factors_of_the_same_matrix_change_are_counted(lab):
    app = lab(lab="enough", cut=["lora-8", "lora-64"])
    (told,) = [c.value for c in app.caption if c.value.startswith("Cut to its own rank")]
    for name, rank in (("lora-8", 8), ("lora-64", 64)):
        stored = json.loads((SHIPPED_CHECKPOINTS / name / TRUNCATION).read_text())
        (whole,) = [point["right"] for point in stored["points"] if point["rank"] == rank]
        n = sum(a != b for a, b in zip(whole, stored["untruncated"]["right"], strict=True))
        assert n and f"{n} of 3,000 (" in told


@pytest.mark.parametrize("section", ["delta", "enough", "similarity", "against"])
def test_without_checkpoints_there_is_a_sentence(lab, monkeypatch, section):
    monkeypatch.setattr(data, "with_update", dict)
    app = lab(lab=section)
    assert label("rank_lab", "no_update") in notes(app) or "there are none" in notes(app)
    assert not alts(app)


def test_while_the_library_loads_only_the_builder_is_there(lab, monkeypatch):
    app = lab()
    monkeypatch.setattr(services.libraries(), "ready", threading.Event())
    monkeypatch.setattr(services, "rerun_when_ready", lambda examples=False: None)
    assert len(alts(app.run())) == 3
    app = lab(lab="delta")
    assert label("playground", "loading") in notes(app)


def test_a_number_out_of_bounds_becomes_the_nearest_and_a_sentence_says_so(lab):
    """Typed into a cell of the matrix, or into x: a red box without a word would leave the number before it at work."""
    app = lab(matrix="1,2/3,4")
    app.get_by_key("matrix_1_2").set_value(20).run()
    builds(app, [[1, 9], [3, 4]], 1)
    assert "row 1, column 2 = 20 is not possible here; the nearest possible value is 9" in notes(app)
    app.get_by_key("matrix_1_2").set_value(5).run()
    assert "not possible" not in notes(app)
    app.get_by_key("lab_x1").set_value(-33).run()
    assert app.get_by_key("lab_x1").value == -9 and "= -33 is not possible here" in notes(app)
