"""The scripts for other libraries, executed: the same counts, and what they save is the same method."""

import csv
import os
import re
import subprocess
import sys

import pytest
import torch
from filelock import FileLock
from transformers import T5ForConditionalGeneration

from peft_core.checkpoints.files import copy_tensors, read_tensors
from peft_core.checkpoints.run_json import read_record
from peft_core.config import RunConfig, TrainConfig
from peft_core.counting.by_hand import count
from peft_core.methods import apply_method
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import method_of
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.paths import BUNDLED_BASES, ROOT
from peft_core.reviews.config import DataConfig
from peft_core.t5.architecture import base_model
from peft_core.t5.backbone import load_backbone
from peft_core.training.as_script.script import script
from tests.cases import GATED, make_base
from tests.own import HEADER, NAMES, as_csv, stored

DATA = DataConfig(train_size=64, validation_size=20, test_size=64, max_length=64)
TRAIN = TrainConfig(epochs=1, max_seconds=60)
METHODS = {
    "lora": (LoraConfig(r=3, alpha=7, target_modules=("q", "v", "wo")), "peft"),
    "soft_prompt": (SoftPromptConfig(num_virtual_tokens=4), "peft"),
    "full": (FullConfig(), "transformers"),
    "ours": (LoraConfig(r=2), "peft_core"),
}
OWN = RunConfig(method=LoraConfig(r=1), data=stored().data(NAMES, ("bad", "good"), 16), train=TRAIN)
HUB = LoraConfig(r=2, target_modules=("q", "k"))
PEFT_WARNS = (
    "FutureWarning: `is_gradient_checkpointing` is deprecated and will be removed in v6. "
    "Use `is_activation_checkpointing` instead."
)
RUN_ALL = """
import os, runpy, sys
for name in sys.argv[1:]:
    print(f"<{name}>", flush=True)
    os.makedirs(f"of {name}")
    runpy.run_path(f"{name}.py")
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """What each script printed, and the folder of all. They run once, whichever workers have tests that look at it."""
    ours = tmp_path_factory.getbasetemp()
    shared = ours.parent if "PYTEST_XDIST_WORKER" in os.environ else ours
    folder, printed = shared / "scripts", shared / "scripts.txt"
    with FileLock(shared / "scripts.lock"):
        if not printed.exists():
            printed.write_text(_execute(folder))
    parts = re.split(r"^<(\w+)>\n", printed.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True)), folder


def _execute(folder):
    """Every script in one process, one after another, in a folder like this project's; what all of them printed."""
    folder.mkdir()
    (folder / "checkpoints").symlink_to(ROOT / "checkpoints")
    for name, (method, library) in METHODS.items():
        run = RunConfig(method=method, data=DATA, train=TRAIN)
        (folder / f"{name}.py").write_text(script(run, library).replace('"my-', f'"of {name}/my-'))
    _stand_in_for_the_hub(folder)
    run = RunConfig(base="flan-t5-small", method=HUB, data=DATA, train=TRAIN)
    (folder / "hub.py").write_text(script(run, "peft"))
    (folder / "FILE.csv").write_text(as_csv().replace(HEADER, "TEXT;LABEL"))
    (folder / "own.py").write_text(script(OWN, "peft_core").replace('"my-', '"of own/my-'))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hf")}
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL, *METHODS, "hub", "own"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r"\w+Warning: .*", done.stderr)) <= {PEFT_WARNS}
    return done.stdout


def _stand_in_for_the_hub(folder):
    """A random T5 v1.1 and a few reviews under the names that the script asks the Hub for: folders come first."""
    make_base(folder / "google" / "flan-t5-small", GATED)
    (folder / "stanfordnlp" / "imdb").mkdir(parents=True)
    for split in ("train", "test"):
        with (folder / "stanfordnlp" / "imdb" / f"{split}.csv").open("w", newline="") as file:
            rows = [(f"a {word} film<br />not {word}", label) for label, word in enumerate(("sad", "funny"))]
            csv.writer(file).writerows([("text", "label"), *rows * 40])


def trained(printed: str) -> int:
    return int(re.search(r"^Trainable parameters: ([\d,]+)$", printed, re.MULTILINE)[1].replace(",", ""))


@pytest.mark.parametrize("name", METHODS)
def test_it_trains_what_is_counted_by_hand(executed, name):
    printed, _ = executed
    assert trained(printed[name]) == count(base_model("tiny-t5").architecture, METHODS[name][0]).trainable_parameters
    if name in ("lora", "soft_prompt"):
        assert f"trainable params: {trained(printed[name]):,} || all params:" in printed[name]
    if name != "ours":
        assert re.search(r"^step 0 of 2: loss \d\.\d{3}$", printed[name], re.MULTILINE)
        assert re.search(r"^Accuracy: \d+\.\d% of 64 test reviews$", printed[name], re.MULTILINE)


@pytest.mark.parametrize("name", ["lora", "soft_prompt"])
def test_what_it_saves_loads_in_peft_and_is_our_method(executed, name, batch):
    from peft import PeftModel

    _, folder = executed
    method, saved = METHODS[name][0], folder / f"of {name}" / f"my-{name.replace('_', '-')}"
    backbone = load_backbone("tiny-t5")
    theirs = PeftModel.from_pretrained(backbone.own_copy(), saved).eval()
    ours = apply_method(backbone.own_copy(), method).eval()
    stored = read_tensors(saved / method_of(method).weights_file)
    copy_tensors(stored, method_of(method), ours, name)  # every tensor, by name and shape
    ids, mask = batch
    inputs = {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": torch.zeros(len(ids), 1, dtype=torch.long)}
    with torch.no_grad():
        logits, base = theirs(**inputs).logits, backbone.model(**inputs).logits
        torch.testing.assert_close(ours(**inputs).logits, logits, atol=1e-4, rtol=1e-4)
    assert (logits - base).abs().max() > 1e-3  # it was trained


def test_full_fine_tuning_moved_the_weights(executed):
    saved = executed[1] / "of full" / "my-full"
    model = T5ForConditionalGeneration.from_pretrained(saved, dtype=torch.float32)
    before = T5ForConditionalGeneration.from_pretrained(BUNDLED_BASES / "tiny-t5", dtype=torch.float32)
    moved = [not torch.equal(a, b) for a, b in zip(model.parameters(), before.parameters(), strict=True)]
    assert sum(moved) > 0.9 * len(moved)  # a query that sees one position has no gradient
    assert (saved / "tokenizer.json").is_file()


def test_ours_makes_a_checkpoint_and_asks_it(executed):
    printed, folder = executed
    record = read_record(folder / "of ours" / "my-lora" / "checkpoint")
    assert record.config == RunConfig(method=METHODS["ours"][0], data=DATA, train=TRAIN)
    assert f"test: {record.test.accuracy:.1%}" in printed["ours"]
    assert re.search(r"^(positive|negative) \d+\.\d%$", printed["ours"], re.MULTILINE)
    assert (
        f"encoder.block.0.layer.0.SelfAttention.q.lora_A (2, {base_model('tiny-t5').architecture.d_model})"
        in printed["ours"]
    )


def test_the_form_for_the_hub(executed):
    printed, folder = executed
    assert trained(printed["hub"]) == count(GATED, HUB).trainable_parameters
    assert "of 64 test reviews" in printed["hub"]
    assert (folder / "my-lora" / "adapter_model.safetensors").is_file()


def test_own_texts_are_read_split_and_learned_as_the_app_does(executed):
    """The same table makes the same run: its texts' digest is in the configuration."""
    printed, folder = executed
    record = read_record(folder / "of own" / "my-lora" / "checkpoint")
    assert record.config == OWN and record.test.n == 10
    assert re.search(r"^(dull|lively) \d+\.\d%$", printed["own"], re.MULTILINE)
