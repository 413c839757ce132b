"""The names that scripts, notebooks and README import are there, all of them, and cost nothing until they are used."""

import subprocess
import sys

import peft_core
from peft_core.methods.registry import CONFIGS
from peft_core.paths import ROOT

FACE = """DataConfig PeftClassroomError Predictor RunConfig TrainConfig apply_method base_model count count_by_numel
deltas_of fine_tune list_checkpoints load_backbone load_checkpoint prompt_ids run_experiment save_model
trainable_tensors""".split()
FACE = sorted([*FACE, *(kind.__name__ for kind in CONFIGS)])  # and the configuration of every method


def test_the_face_is_these_names_and_each_is_what_it_says():
    assert list(peft_core.__all__) == FACE
    assert set(FACE) <= set(dir(peft_core))
    for name in FACE:
        assert getattr(peft_core, name).__name__ == name


def test_importing_it_and_counting_by_hand_loads_no_torch():
    counted = "peft_core.count(peft_core.base_model('t5-small').architecture, peft_core.LoraConfig(r=8))"
    code = f"import peft_core, sys; print({counted}.trainable_parameters, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == ["294912", "False"]
