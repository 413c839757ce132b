"""The Rank lab: every section's numbers are those of numpy, every link brings its screen back, odd links get a note."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.components.matrix_editor import PRESETS, read, written
from app.components.rank_builder import nonzero_terms
from app.components.svd_parts import number, percent
from app.content import label
from peft_core.spectrum import energy, partial_sum, residual_norm


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
def test_a_preset_is_built_term_by_term_until_nothing_is_missing(lab, name):
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
