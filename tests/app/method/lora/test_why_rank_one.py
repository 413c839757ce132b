"""The section "Why rank 1?": each step moves the numbers, the link reproduces them, and the texts hold."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.content import label
from app.method.lora.why_rank_one import MATRICES, number, percent
from peft_core.analysis.spectra.spectrum import energy, partial_sum, residual_norm, svd_terms


@pytest.fixture
def open_section(open_page):
    return lambda **query: open_page("lora", **{"section": "rank_one"} | query)


def prose(app: AppTest) -> str:
    return " ".join([*(m.value for m in app.markdown), *(m.value for m in app.get("latex")), *alts(app)])


def alts(app: AppTest) -> list[str]:
    return [chart.proto.alt for chart in app.get("vega_lite_chart")]


def shows(app: AppTest, name: str, k: int) -> None:
    """The page says of this matrix and this number of terms what numpy says."""
    matrix = np.array(MATRICES[name])
    terms = svd_terms(matrix)
    words = prose(app)
    assert f"**{k}** of 3 terms, **{number(residual_norm(terms, k))}**" in words
    assert f"**{percent(energy(terms, k))}** of the energy." in words
    assert "; ".join(", ".join(number(v) for v in row) for row in partial_sum(terms, k)) in words
    if k:
        assert "; ".join(", ".join(number(v) for v in row) for row in terms[k - 1].matrix) in words


def test_each_step_adds_a_term_and_back_takes_it_away(open_section):
    app = open_section()
    shows(app, "nearly", 1)
    for key, k in (("terms_next", 2), ("terms_next", 3), ("terms_back", 2), ("terms_back", 1), ("terms_back", 0)):
        assert not app.get_by_key(key).disabled
        app.get_by_key(key).click().run()
        assert not app.exception
        shows(app, "nearly", k)
        assert app.query_params.get("terms", "1") == str(k)
        assert app.get_by_key("terms_next").disabled is (k == 3)
        assert app.get_by_key("terms_back").disabled is (k == 0)
    assert len(alts(app)) == 2  # no latest term yet
    app.get_by_key("terms").set_value(3).run()
    shows(app, "nearly", 3)
    assert "**0.00** of $" in prose(app) and "**100.0%** of the energy" in prose(app)


@pytest.mark.parametrize("name", MATRICES)
def test_a_link_reproduces_the_screen(open_section, name):
    app = open_section(svd_matrix=name, terms="2", svd_x1="-3", svd_x3="4")
    shows(app, name, 2)
    assert not app.info
    product = np.array(MATRICES[name]) @ [-3, 2, 4]
    assert r"A\,x = \begin{pmatrix}" + r"\\".join(str(v) for v in product) in prose(app)
    assert app.get_by_key("svd_matrix").value == name


def test_another_matrix_and_another_x_change_the_numbers_and_the_link(open_section):
    app = open_section()
    app.get_by_key("svd_matrix").set_value("generic").run()
    shows(app, "generic", 1)
    assert app.query_params["svd_matrix"] == "generic"
    before = prose(app)
    app.get_by_key("svd_x2").set_value(-9).run()
    assert prose(app) != before


def test_values_that_cannot_be_are_moved_with_a_note(open_section):
    app = open_section(terms="7", svd_x1="-40")
    shows(app, "nearly", 3)
    assert [app.get_by_key(key).value for key in ("terms", "svd_x1")] == [3, -9]
    notes = " ".join(i.value for i in app.info)
    assert "= 7" in notes and "-40" in notes
    app = open_section(svd_matrix="**bold**")
    shows(app, "nearly", 1)
    assert [i.value for i in app.info] == [label("rank_one", "unknown_matrix")]
    app.get_by_key("svd_matrix").set_value("equal").run()
    assert not app.info
    for odd in ("two", "nan", ""):
        shows(open_section(terms=odd), "nearly", 1)


def test_the_words_about_each_matrix_are_true():
    terms = {name: svd_terms(np.array(matrix)) for name, matrix in MATRICES.items()}
    assert energy(terms["nearly"], 1) > 0.99
    assert all(0.05 < t.sigma**2 / residual_norm(terms["generic"], 0) ** 2 < 0.7 for t in terms["generic"])
    assert np.allclose([t.sigma for t in terms["equal"]], 3)
    for name, matrix in MATRICES.items():
        assert np.array(matrix).dtype.kind == "i"
        assert np.linalg.matrix_rank(matrix) == 3, name  # every term has something to add


def test_numbers_have_a_real_minus_and_no_negative_zero():
    assert [number(v) for v in (-1.5, -0.001, 0.0, 2)] == ["−1.50", "0.00", "0.00", "2.00"]
    assert [percent(share) for share in (1.0, 0.99999, 1 / 3)] == ["100.0%", "99.9%", "33.3%"]
