"""A seeded sample of mutants of the core modules, made by cosmic-ray: what tests let live, they do not hold.

    make mutants                      the sample that docs/log.md quotes
    .cache/mutants/bin/python -m tests.mutants --python .venv/bin/python --only training/loop/trainer.py --places 20

Of each module some places are drawn, then one mutation of each place, so that an operator with eleven replacements does
not count eleven times. A mutant lives in a copy of the tree, where the tests beside it below must fail.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import SequenceMatcher
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from queue import Queue
from typing import Any

from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec

ROOT = Path(__file__).parents[1]
METHODS = ("adapter", "ia3", "lora", "soft_prompt")  # full fine-tuning adds nothing
CONTRACT = "tests/methods/test_contract.py"
DESCRIBED = (  # what a method says of itself, without torch
    "tests/counting", "tests/methods", "tests/checkpoints/test_files.py", "tests/training/as_script/test_script.py",
    "tests/analysis/walkthrough/test_forward.py",
)  # fmt: skip
TESTS = {  # module of peft_core → the tests that hold it, the quickest first
    "training/loop/trainer.py": (
        "tests/training/loop/test_trainer.py",
        "tests/training/test_experiment.py::test_a_stopped_run_goes_on_to_the_very_same_weights",
        "tests/training/test_experiment.py::test_the_clock_stands_still_while_the_test_split_is_measured",
    ),
    "training/loop/step.py": ("tests/training/loop/test_trainer.py", "tests/training/loop/test_gradients.py"),
    "training/loop/clock.py": ("tests/training/loop/test_clock.py", "tests/training/loop/test_trainer.py"),
    "training/loop/masters.py": (
        "tests/training/loop/test_masters.py",
        "tests/training/loop/test_gradients.py",
        "tests/training/test_experiment.py::test_a_stopped_run_goes_on_to_the_very_same_weights",
        "tests/training/pretraining/test_run.py",
    ),
    "training/loop/gradients.py": ("tests/training/loop/test_gradients.py", "tests/t5/test_fused.py"),
    "checkpoints/files.py": ("tests/checkpoints/test_files.py", CONTRACT),
    "checkpoints/asking/packed_pass.py": ("tests/checkpoints/asking/test_packed_pass.py", CONTRACT),
    "counting/by_hand.py": ("tests/counting/test_by_hand.py",),
    "methods/common.py": ("tests/methods",),
    **{f"methods/{name}/layer.py": ("tests/methods",) for name in METHODS},
    **{f"methods/{name}/method.py": DESCRIBED for name in METHODS},
    "analysis/spectra/spectrum.py": ("tests/analysis/spectra/test_spectrum.py",),
    "statistics/calibration.py": ("tests/statistics",),
    "statistics/formats.py": ("tests/statistics",),
    "statistics/intervals.py": ("tests/statistics",),
    "statistics/many_tests.py": ("tests/statistics",),
    "statistics/means.py": ("tests/statistics",),
    "statistics/paired_test.py": ("tests/statistics",),
    "statistics/pareto.py": ("tests/statistics",),
    "statistics/power.py": ("tests/statistics",),
    "statistics/temperature.py": ("tests/statistics",),
    "reviews/batches.py": ("tests/reviews",),
    "t5/fused.py": (CONTRACT, "tests/t5/test_fused.py", "tests/test_guards.py"),
    "t5/linear_form.py": ("tests/t5", CONTRACT),
}
EQUIVALENT = (  # module, a pattern of what changes, why no test can tell the two apart
    ("methods/*/method.py", r'→ "\w*": \w+Config\(', "an example for tests to run on: another number is as good"),
    ("*", r"→ @lru_cache\(maxsize=", "how many results are kept changes none"),
    ("methods/common.py", r"→ def rows\(", "every subclass has a property of its own"),
)
SECONDS = 300  # a mutant that takes longer has been noticed
ANNOTATION = "BitOr"  # `int | None` cannot be told from an operation, and such a mutant ends the import


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    module: str
    spec: MutationSpec

    def code(self) -> str:
        """The module with the change in it."""
        operator = get_operator(self.spec.operator_name)(**self.spec.operator_args)
        return mutate_code((ROOT / "peft_core" / self.module).read_text(), operator, self.spec.occurrence)

    @cached_property
    def told(self) -> str:
        """Where it is, and the lines that change."""
        before, after = (ROOT / "peft_core" / self.module).read_text().splitlines(), self.code().splitlines()
        changes = SequenceMatcher(None, before, after, False).get_opcodes()
        a, b, c, d = next(where for kind, *where in changes if kind != "equal")
        more = c == d  # a decorator went: what it stood on tells which
        lines = (" ".join(map(str.strip, part)) for part in (before[a : b + more], after[c : d + more]))
        return f"{self.spec.definition_name}: {' → '.join(lines)}"


def places(module: str) -> dict[tuple, list[Mutant]]:
    """Where the module can be changed, and what each place can become."""
    found: dict[tuple, list[Mutant]] = {}
    with tempfile.TemporaryDirectory() as folder, use_db(str(Path(folder) / "work"), WorkDB.Mode.create) as work:
        init([ROOT / "peft_core" / module], work, {})
        for item in work.work_items:
            (spec,) = item.mutations
            if ANNOTATION not in spec.operator_name:
                found.setdefault((spec.start_pos, spec.end_pos), []).append(Mutant(module, spec))
    return found


def sample(module: str, number: int, seed: int) -> list[Mutant]:
    """`number` mutants of the module, no two at one place."""
    draw = random.Random(f"{seed} {module}")
    at = places(module)
    order = draw.sample(sorted(at), len(at))
    return [draw.choice(at[place]) for place in order[:number]]


def copy_tree(folder: Path) -> Path:
    """The files that git tracks, as they are now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def passes(tree: Path, python: str, tests: tuple[str, ...]) -> bool:
    """Whether the tests pass in this copy of the tree."""
    quick = "-x -q -p no:cacheprovider --hypothesis-seed=0 --timeout=60".split()
    single = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [python, "-m", "pytest", *quick, *tests],
            cwd=tree, env=os.environ | single, capture_output=True, timeout=SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def with_tree(trees: Queue, work: Callable, *arguments) -> Any:
    """What `work` gives with a copy that nobody else uses meanwhile."""
    tree = trees.get()
    try:
        return work(tree, *arguments)
    finally:
        trees.put(tree)


def outcome(tree: Path, python: str, mutant: Mutant) -> str:
    """Killed, survived, or why no test could tell."""
    for module, pattern, reason in EQUIVALENT:
        if fnmatch(mutant.module, module) and re.search(pattern, mutant.told):
            return f"equivalent ({reason})"
    path = tree / "peft_core" / mutant.module
    before = path.read_text()
    try:
        path.write_text(mutant.code())
        return "survived" if passes(tree, python, TESTS[mutant.module]) else "killed"
    finally:
        path.write_text(before)


def main() -> None:
    """Draw, change, test, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=TESTS, default=list(TESTS), metavar="MODULE")
    parser.add_argument("--places", type=int, default=2, help="of each module (default: 2)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has what the tests need")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    python = str(Path(options.python).absolute())  # not resolved: a link is how a virtual environment knows itself
    start, trees = time.monotonic(), Queue()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        for number in range(options.jobs):
            trees.put(copy_tree(Path(folder) / str(number)))
        wanted = sorted({TESTS[module] for module in options.only})
        for tests, passed in zip(wanted, pool.map(lambda t: with_tree(trees, passes, python, t), wanted), strict=True):
            if not passed:
                sys.exit(f"Without any mutant, these fail: {' '.join(tests)}")
        mutants = [mutant for module in options.only for mutant in sample(module, options.places, options.seed)]
        told = []
        for mutant, said in zip(
            mutants, pool.map(lambda m: with_tree(trees, outcome, python, m), mutants), strict=True
        ):
            told.append(said)
            print(f"{said:9}  {mutant.module}:{mutant.spec.start_pos[0]}  {mutant.told}", flush=True)
    killed, survived = told.count("killed"), told.count("survived")
    print(
        f"{killed} of {killed + survived} mutants killed ({killed / (killed + survived):.0%}), "
        f"{len(told) - killed - survived} equivalent; {time.monotonic() - start:.0f} s, seed {options.seed}"
    )
    sys.exit(killed < 0.9 * (killed + survived))


if __name__ == "__main__":
    main()
