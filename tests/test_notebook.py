"""The notebook is stored without outputs, and its cells do, in a small setting, what they say."""

import json
import re

import nbformat
import pytest

import peft_core
from peft_core.checkpoints.run_json import read_run
from peft_core.paths import ROOT

FILE = ROOT / "notebooks" / "peft_classroom.ipynb"
NOTEBOOK = json.loads(FILE.read_text(encoding="utf-8"))
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
SHORT = {"REVIEWS": 64, "VALIDATION": 32, "TEST": 32, "TOKENS": 16}


def test_it_is_a_notebook_without_outputs():
    nbformat.validate(NOTEBOOK)
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in CODE)
    assert not any("widgets" in cell["metadata"] for cell in NOTEBOOK["cells"])
    assert 8 <= len(NOTEBOOK["cells"]) <= 14
    assert [cell["metadata"].get("tags") for cell in CODE].count(["parameters"]) == 1


def test_it_uses_the_face_of_the_library_alone():
    source = "\n".join("".join(cell["source"]) for cell in CODE)
    assert not re.findall(r"(?:from|import) peft_core\.\S+", source)
    used = set(re.findall(r"peft_core\.(\w+)", source))
    assert used <= set(peft_core.__all__)
    assert {"count", "run_experiment", "Predictor", "deltas_of"} <= used


@pytest.mark.slow
def test_its_cells_count_train_ask_and_look(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "notebook"}
    for number, cell in enumerate(CODE):
        exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
        if cell["metadata"].get("tags") == ["parameters"]:
            assert names.keys() >= SHORT.keys()
            names |= SHORT
    said = capsys.readouterr().out
    assert len(re.findall(r"^\w+ +[\d,]+ of [\d,]+  ✓$", said, re.MULTILINE)) == 5
    assert re.search(r"^test: [\d.]+% right \(95%: ", said, re.MULTILINE)
    record = read_run(names["RUN"] / "checkpoint")
    assert (record.base, record.config.data.train_size, record.test.n) == ("tiny-t5", 64, 32)
    assert names["RUN"].resolve().parent == tmp_path
    assert len(re.findall(r"^ *[\d.]+% → +[\d.]+% (?:negative|positive)  ?", said, re.MULTILINE)) == 3
    assert re.search(r"the first piece holds \d+% in the median of 12 matrices", said)
