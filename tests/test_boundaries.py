"""Who may import whom, and what importing costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from peft_core.paths import ROOT

CORE = sorted((ROOT / "peft_core").rglob("*.py"))
METHOD_FILES = [p for p in CORE if p.parent.name == "methods" and p.stem not in ("__init__", "common")]
TORCH_FREE = ["", ".architecture", ".configs", ".counting", ".records", ".data", ".batches", ".cli", ".runs", ".errors"]
TORCH_FREE += [
    ".calibration",
    ".batch_file",
    ".comparison",
    ".counterfactual",
    ".equivalent",
    ".export",
    ".growth",
    ".html_report",
    ".intervals",
    ".delta",
    ".measured",
    ".cli_spectrum",
    ".optimism",
    ".quoted_differences",
    ".report_rows",
    ".reproduction",
    ".reproduction.table",
    ".similarity",
    ".spectrum",
    ".sweep",
    ".truncation_file",
    ".truncation_finding",
    ".yardstick",
]


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else ast.walk(tree)
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_library_knows_nothing_of_the_app(path):
    assert not {n for n in imports(path) if n.split(".")[0] in ("streamlit", "app")}


@pytest.mark.parametrize("path", METHOD_FILES, ids=lambda p: p.stem)
def test_methods_import_neither_each_other_nor_training(path):
    others = {f"peft_core.methods.{p.stem}" for p in METHOD_FILES}
    assert not imports(path) & (others | {"peft_core.training", "peft_core.counting"})


def test_counting_and_audit_share_no_code():
    counting, audit = (imports(ROOT / "peft_core" / f"{name}.py") for name in ("counting", "audit"))
    assert "peft_core.audit" not in counting
    assert "peft_core.counting" not in audit
    shared = {n for n in counting & audit if n.startswith("peft_core")}
    assert {n.split(".")[1] for n in shared} <= {"architecture", "configs"}


def test_importing_these_modules_loads_neither_torch_nor_streamlit():
    names = ", ".join(f"peft_core{name}" for name in TORCH_FREE)
    heavy = ("torch", "transformers", "streamlit", "datasets", "sklearn")
    code = f"import {names}, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_is_unpickled_evaluated_or_run_through_a_shell(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("eval", "exec", "torch.load", "pickle.load", "pickle.loads", "os.system"), called
            for keyword in node.keywords:
                assert keyword.arg not in ("trust_remote_code", "shell") or keyword.value.value is False


def test_every_requirement_is_pinned_exactly():
    for name in ("requirements.txt", "requirements-pretrain.txt"):
        for line in (ROOT / name).read_text().splitlines():
            requirement = line.split("#")[0].strip()
            assert not requirement or "==" in requirement, requirement
