"""A worker whose experiment only pretends to train: `python stand_in.py FOLDER`, or as a module of the tests.

It makes `STEPS` steps and waits at the last one until `go` lies beside the run's folder. Every result is a function of
the steps made, so that an interrupted run that goes on elsewhere has to end in the same bytes.
"""

import hashlib
import json
import os
import sys
import time

from peft_core.training.loop.step_log import StepLog
from peft_core.training.runs import worker

STEPS = 5


def log(event, step, **rest):
    return StepLog(event, step, STEPS + 1, 0.0, 0.5, **rest)


def experiment(config, folder, should_stop, should_keep):
    """Step, save, and wait; publish a digest of all steps."""
    print("training with pid", os.getpid(), flush=True)
    saved = folder / "state.safetensors"
    state = json.loads(saved.read_text()) if saved.exists() else {"step": 0, "digest": ""}
    step, digest = state["step"], state["digest"]
    yield log("start", step, device=f"stand-in {os.environ.get('OMP_NUM_THREADS')}")
    while not (step == STEPS and (folder.parent / "go").exists()) and not should_keep():
        if should_stop():
            saved.write_text(json.dumps({"step": step, "digest": digest}))
            return None
        if step < STEPS:
            step += 1
            digest = hashlib.sha256(f"{digest}{step}".encode()).hexdigest()
            yield log("step", step, train_loss=1 / step)
            new = folder / ".state"
            new.write_text(json.dumps({"step": step, "digest": digest}))
            new.replace(saved)
        time.sleep(float(os.environ.get("STAND_IN_SECONDS", "0.01")))
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "digest").write_text(digest)
    (folder / "checkpoint" / "run.json").write_text("{}")
    yield log("test", STEPS + 1, accuracy=0.9, low=0.8, high=0.95, n=100)
    return {"checkpoint": folder / "checkpoint", "test_accuracy": 0.9}


if __name__ == "__main__":
    sys.exit(worker.main(sys.argv[1:], experiment=experiment))
