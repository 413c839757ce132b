"""The Train section: what it says before a run, while one is under way, and afterwards; and whose runs are listed."""

import shutil

import pytest
import streamlit as st

from app import services
from app.content import label
from app.kit.formats import rough
from app.kit.plain import escaped
from app.method.train import result, your_runs
from peft_core.checkpoints.listing import find_checkpoint
from peft_core.config import PRESETS, RunConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.training.pace import find_pace
from tests.trained import make_record, pretend

MACHINE = ("CPU", "float32")


@pytest.fixture
def made_here(monkeypatch, tmp_path, backbone):
    """A LoRA run of this computer, whose pace is then known: 20 training reviews a second, 40 measured."""
    config = RunConfig(base="tiny-t5", method=LoraConfig(r=3))
    pace = {"examples_per_second": 20.0, "measured_per_second": 40.0}
    record = make_record(backbone, config.method).model_copy(
        update={"device": MACHINE[0], "precision": MACHINE[1], "config": config} | pace
    )
    pretend(record, tmp_path / "runs" / "20260101-000000-abcdef" / "checkpoint")
    monkeypatch.setattr(services, "machine", lambda: MACHINE)
    return record


def told(app) -> str:
    return " ".join(caption.value for caption in app.caption)


# ---------------------------------------------------------------------------------------------------------------------
# Before a run


@pytest.mark.parametrize("same", [True, False], ids=["the same precision", "another"])
def test_before_a_run_here_presets_are_called_by_size_and_the_time_is_the_shipped_runs(open_page, monkeypatch, same):
    record = find_checkpoint("lora-8").record
    monkeypatch.setattr(services, "machine", lambda: (record.device, record.precision if same else "another"))
    app = open_page("lora", section="train", train_size="1000", max_length="160", epochs="1")
    short, report = (app.button(key=f"preset_{name}").label for name in ("short", "report"))
    assert short == label(
        "presets", "size", reviews=f"{PRESETS['short'].reviews:,}", tokens=PRESETS["short"].max_length
    )
    assert report == label("presets", "passes", epochs=10, reviews="20,000")
    steps = 1000 / record.examples_per_second * 160 / record.config.data.max_length
    assert rough(steps) in told(app)
    assert record.device in told(app)
    assert (label("train", "estimate_other", there=record.precision, here="another") in told(app)) is not same


def test_after_a_run_here_presets_are_called_by_their_time_and_a_limit_that_cuts_is_said(open_page, made_here):
    query = {"section": "train", "train_size": "1000", "max_length": "160", "epochs": "2", "max_seconds": "100"}
    app = open_page("lora", **query)
    preset = PRESETS["short"]  # four validations, then the test of the two reviews that the run here had
    seconds = ((preset.reviews / 20 + 4 * 500 / 40) + 2 / 40) * preset.max_length / 192
    short, report = (app.button(key=f"preset_{name}").label for name in ("short", "report"))
    assert short == label("presets", "size_timed", reviews=f"{preset.reviews:,}", time=rough(seconds))
    assert report == label("presets", "passes_cut", epochs=10, reviews="20,000", limit=rough(900))
    assert "on this computer" in told(app)
    # two readings of 1,000 reviews at 20 a second, shorter by 160/192: 83 s; four validations of 500 at 40 a second
    assert rough(2000 / 20 * 160 / 192) in told(app)
    assert rough(4 * 500 / 40 * 160 / 192) in told(app)
    share = (100 - 4 * 500 / 40 * 160 / 192) / (2000 / 20 * 160 / 192)
    assert label("train", "cut", steps=int(share * 64), full=64) in told(app)
    other = open_page("adapter", **query)  # another method: nothing was measured
    assert "about" not in other.button(key="preset_short").label


def test_every_setting_has_a_line_of_help_and_a_seed_that_is_none_is_a_sentence(open_page, line):
    app = open_page("lora", section="train")
    for key in ("train_size", "epochs", "max_length", "max_seconds", "lora_rate", "seed"):
        assert app.get_by_key(key).help
    app.get_by_key("seed").set_value(-5).run()
    assert label("count", "clamped", name="seed", asked="-5", used="0") in [note.value for note in app.info]
    assert app.get_by_key("seed").value == 0
    app.get_by_key("train").click().run()
    assert line[0].config.train.seed == 0


# ---------------------------------------------------------------------------------------------------------------------
# While it is under way


def test_a_run_stands_at_the_top_with_its_phase_its_time_and_what_a_person_can_do(
    checked_charts, open_page, line, made_here
):
    app = open_page("lora", section="train")
    app.get_by_key("train").click().run()
    assert not app.exception
    folder = services.backend().store.folder(line[0].id)

    def shown(**status):
        folder.write_status(folder.status().changed(state="running", **status))
        app.run()
        assert not app.exception
        return str(app.get("progress")[0].proto.text)

    said = shown(phase="validating", batch=3, batches=16)
    assert "**Validating**, batch 3 of 16" in said
    assert (
        rough(
            services.checkpoints()
            and find_pace(line[0].config, services.checkpoints(), MACHINE).seconds(line[0].config)
        )
        in said
    )
    assert app.get_by_key("keep").disabled, "nothing is trained yet"
    said = shown(phase="training", batches=0, step=37, total_steps=53, full_steps=125, seconds=20.0, remaining=50.4)
    assert "step 37 of 53" in said
    assert "about 50" in said
    assert label("train", "cut", steps=53, full=125) in said
    assert not app.get_by_key("keep").disabled
    expander = app.get("expander")[0]
    assert not expander.proto.expanded
    assert "4,000 reviews × 160 tokens" in expander.label
    assert "seed 0" in expander.label
    folder.request_cancel()
    assert label("train", "cancelling") in shown(phase="validating", batch=1, batches=16)
    assert app.get_by_key("cancel").disabled


def test_in_another_browser_a_run_that_was_cancelled_says_whose_it_is(open_page, line, monkeypatch):
    app = open_page("lora", section="train")
    app.get_by_key("train").click().run()
    folder = services.backend().store.folder(line[0].id)
    folder.write_status(
        folder.status().changed(state="cancelled", message="The run was cancelled; resume it to go on.")
    )
    monkeypatch.setattr(services, "owner", lambda: "somebody else")
    other = open_page("lora", section="train", run=line[0].id)
    assert any(label("train", "not_yours_to_resume") in warning.value for warning in other.warning)
    assert "resume" not in {button.key for button in other.button}


def test_ones_own_runs_are_listed_on_every_page_newest_first_and_deleted_only_when_asked_twice(
    open_page, line, monkeypatch
):
    app = open_page("lora", section="train")
    for seed in (1, 2):
        app.get_by_key("seed").set_value(seed).run()
        app.get_by_key("train").click().run()
    first, second = (spec.id for spec in line)
    keys = [button.key for button in app.button if button.key.startswith("show_")]
    assert keys == [f"show_{second}", f"show_{first}"]
    looking, fragment = [], st.fragment
    monkeypatch.setattr(st, "fragment", lambda *of, **how: looking.append(how.get("run_every")) or fragment(*of, **how))
    app.get_by_key(f"show_{first}").click().run()
    assert app.query_params["run"] == first
    assert looking.count(your_runs.LOOK_SECONDS) == 2  # the state of each is drawn again by itself
    elsewhere = open_page("soft_prompt", section="train", run=second)  # another session, and another method
    assert elsewhere.query_params["run"] == second
    assert not any(spec.name in markdown.value for spec in line for markdown in elsewhere.markdown)
    assert any(line[1].name in link.proto.label for link in elsewhere.get("page_link"))
    for run_id in (first, second):
        folder = services.backend().store.folder(run_id)
        folder.write_status(folder.status().changed(state="cancelled"))
    app.run()
    app.get_by_key(f"delete_{first}").click().run()
    assert services.backend().store.read(first)
    app.get_by_key(f"delete_now_{first}").click().run()
    assert not app.exception
    assert [run.id for run in services.backend().store.list()] == [second]
    assert "run" not in app.query_params


# ---------------------------------------------------------------------------------------------------------------------
# Afterwards


def test_a_run_that_was_made_worse_says_so_and_hints_at_its_rate(backbone):
    record = make_record(backbone, LoraConfig())
    ruined = record.model_copy(
        update={"best_step": 0, "steps": 125, "validations": ((0, 0.868), (125, 0.48)), "learning_rate": 1.0}
    )
    assert ruined.made_worse
    said = result.made_worse(ruined)
    for part in ("Training made it worse", "86.8%", "48.0%", "step 125", "learning rate was 1,"):
        assert part in said


# ---------------------------------------------------------------------------------------------------------------------
# What lies in the folders of runs is a stranger's


def test_a_damaged_run_is_listed_and_deleted_and_one_that_is_gone_is_a_sentence(open_page, line, monkeypatch):
    app = open_page("lora", section="train")
    for seed in (1, 2):
        app.get_by_key("seed").set_value(seed).run()
        app.get_by_key("train").click().run()
    bad, watched = (spec.id for spec in line)
    assert label("train", "state_queued", place=2) in told(app)
    store = services.backend().store
    (store.root / bad / "status.json").write_text('{"state": "<b>finished</b>"}')
    folder = store.folder(watched)
    folder.write_status(folder.status().changed(state="running", step=1, total_steps=9))
    folder.metrics_file.write_text('{"event": "step"}\nrubbish\n')
    app.run()
    assert not app.exception
    assert escaped(f"status.json of run {bad} is damaged: state: input should be") in told(app)
    assert "<b>" not in told(app)
    assert label("train", "metrics_damaged", n=2) in told(app)
    app.get_by_key(f"delete_{bad}").click().run()
    assert label("train", "delete_what_damaged", size="").removesuffix(" ().") in told(app)
    app.get_by_key(f"delete_now_{bad}").click().run()
    assert not app.exception
    assert not (store.root / bad).exists()
    shutil.rmtree(store.root / watched)
    app.run()
    assert not app.exception
    assert any("There is no run" in warning.value for warning in app.warning)


def test_where_old_runs_are_collected_the_page_says_so_and_a_run_can_be_kept(open_page, line, monkeypatch):
    monkeypatch.setenv("PEFT_KEEP_DAYS", "30")
    app = open_page("lora", section="train")
    app.get_by_key("train").click().run()
    (run,) = line
    folder = services.backend().store.folder(run.id)
    folder.write_status(folder.status().changed(state="cancelled"))
    folder.leaving_file.touch()
    app.run()
    assert not app.exception
    assert label("train", "collected_days", days="30") in told(app)
    assert label("train", "leaving", time=rough(86_400)) in told(app)
    app.get_by_key(f"keep_run_{run.id}").click().run()
    assert folder.kept
    assert label("train", "leaving", time=rough(86_400)) not in told(app)
    app.get_by_key(f"run_kept_{run.id}").click().run()
    assert not folder.kept
