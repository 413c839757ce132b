"""Who may import whom, and what importing costs."""

import ast
import subprocess
import sys
from pathlib import Path

from peft_core.paths import ROOT

CORE = sorted((ROOT / "peft_core").rglob("*.py"))
OF_METHODS = sorted((ROOT / "peft_core" / "methods").glob("*/[a-z]*.py"))  # a method's files, without __init__
LAYERS = [path for path in OF_METHODS if path.name == "layer.py"]
LOADS_TORCH = {  # every other module of the library is imported without torch
    "analysis.explain.attribution", "analysis.inside.asked_later", "analysis.inside.reel",
    "analysis.nearest_words.checkpoint_rows",
    "analysis.spectra.checkpoint_deltas", "analysis.spectra.truncation", "analysis.walkthrough.decoder_step",
    "analysis.walkthrough.ends", "analysis.walkthrough.forward", "analysis.walkthrough.tokens",
    "checkpoints.agreement", "checkpoints.asking.memory", "checkpoints.asking.packed_pass",
    "checkpoints.asking.packed_places", "checkpoints.asking.passes", "checkpoints.asking.predictor",
    "checkpoints.asking.swaps",
    "checkpoints.dials.blend", "checkpoints.dials.dialled", "checkpoints.exchange.exporting",
    "checkpoints.exchange.importing",
    "checkpoints.exchange.inspecting", "checkpoints.exchange.merging",
    "checkpoints.files", "checkpoints.own", "checkpoints.weights_file", "cli.progress", "counting.by_numel",
    "counting.real_model",
    "methods.common", "methods.fast", "methods.passed", "methods.recorder",
    "report.reread.prompt_mask", "t5.backbone", "t5.fused", "t5.identity", "t5.linear_form", "t5.precision",
    "training.device", "training.evaluate", "training.experiment", "training.loop.compiling",
    "training.loop.gradients", "training.loop.masters", "training.loop.room", "training.loop.step",
    "training.loop.trainer", "training.measuring", "training.own_texts",
    "training.pretraining.plan", "training.pretraining.run", "training.pretraining.student",
    "training.pretraining.teacher", "training.run_record",
    "training.snapshots.camera", "training.snapshots.pictures", "training.snapshots.reading",
}  # fmt: skip


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT / "peft_core").with_suffix("").parts).removesuffix("__init__").rstrip(".")


def test_counting_by_hand_and_by_numel_share_no_code():
    """They share a base model's name and a configuration: else a tick compares a thing to itself."""
    by_hand, by_numel, model, tree = (
        imports(ROOT / "peft_core" / "counting" / f"{name}.py")
        for name in ("by_hand", "by_numel", "real_model", "module_tree")
    )
    assert not {n for n in by_hand if n.startswith("peft_core.counting")}
    assert not {n for n in by_numel | model | tree if "by_hand" in n}
    assert not {
        n for n in by_numel | model if n.endswith(("read_architecture", "t5.stored", "base_model"))
    }  # its reader
    shared = {n for n in by_hand & by_numel if n.startswith("peft_core.")}
    assert {n.split(".")[1] for n in shared} <= {"t5", "methods", "config"}
    assert not {n for n in shared if "layer" in n}
    assert not {n for n in by_numel if n.endswith(("CountLine", "method_of", "METHODS"))}  # who asks a method for lines
    for layer in LAYERS:
        assert not {n for n in imports(layer) if "counting" in n or n.endswith("CountLine")}


def test_the_library_knows_nothing_of_the_app():
    """`make lint` holds it as well; a run of the tests alone should tell it, too."""
    known = {path: {name.split(".")[0] for name in imports(path)} & {"streamlit", "app"} for path in CORE}
    assert not {path: names for path, names in known.items() if names}


def test_methods_do_not_know_each_other():
    methods = {layer.parent.name for layer in LAYERS}
    assert len(methods) > 4 and len(OF_METHODS) > 2 * len(methods)
    for path in OF_METHODS:
        others = methods - {path.parent.name}
        assert not {name for name in imports(path) if name.split(".")[2:3] and name.split(".")[2] in others}, path


def test_importing_these_modules_loads_neither_torch_nor_streamlit():
    names = [name_of(path) for path in CORE if path.name != "__main__.py"]
    assert set(names) > LOADS_TORCH, "a name in LOADS_TORCH is no module any more"
    may = LOADS_TORCH | {name_of(path) for path in OF_METHODS if path.name != "method.py"}
    free = ", ".join(f"peft_core.{name}".rstrip(".") for name in names if name not in may)
    heavy = ("torch", "transformers", "streamlit", "datasets", "sklearn", "nbformat")
    code = f"import {free}, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_what_pages_import_at_once_loads_no_scipy_either():
    names = (
        "report.costs.measured",
        "reviews.draws",
        "reviews.spreadsheet",
        "report.optimism",
        "report.seeds",
        "statistics.calibration",
        "statistics.many_tests",
        "statistics.paired_test",
        "statistics.power",
        "statistics.temperature",
    )
    code = f"import {', '.join(f'peft_core.{name}' for name in names)}, sys; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "False"


FORBIDDEN = ("eval", "exec", "torch.load", "pickle.load", "pickle.loads", "os.system")


def unsafe(source: str) -> list[str]:
    """Calls that unpickle, evaluate, or run what they are given through a shell."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            named = [keyword for keyword in node.keywords if keyword.arg in ("trust_remote_code", "shell")]
            loud = [keyword.arg for keyword in named if getattr(keyword.value, "value", None) is not False]
            found += [called] * (called in FORBIDDEN) + [f"{called}({name})" for name in loud]
    return found


def test_nothing_is_unpickled_evaluated_or_run_through_a_shell():
    assert unsafe("torch.load(x); f(shell=True); g(shell=False)") == ["torch.load", "f(shell)"]
    every = {path: unsafe(path.read_text(encoding="utf-8")) for path in CORE}
    assert not {path: calls for path, calls in every.items() if calls}


def test_every_requirement_is_pinned_exactly():
    lists = sorted(ROOT.glob("requirements*.txt"))
    assert len(lists) >= 4
    for path in lists:
        for line in path.read_text().splitlines():
            requirement = line.split("#")[0].strip()
            assert not requirement or "==" in requirement, requirement
