"""The same training by different hands: this project, and Hugging Face's Seq2SeqTrainer with peft.

A side takes a `RunConfig` and gives a `SideRun`. All sides read the same reviews, cut to the same tokens by the same
function, in batches of the same size, as often, with AdamW, the same learning rate and schedule; each validates before
its first step and then at the same steps, with the same function
(peft_core.training.evaluation). So what differs is how a step is computed, in which order the reviews come, and what
the label is: see `hf.py`.
"""

from benchmarks.peer_reports import SideRun, TrainerSettings
from benchmarks.shapes import source_of
from peft_core.config import RunConfig
from peft_core.errors import PeftClassroomError

PRELOADED = ("benchmarks.sides.ours", "benchmarks.sides.hf")  # by the server that measuring processes are forks of
PEERS = ("peft", "accelerate")  # what a result states the versions of


def run_side(side: str, settings: TrainerSettings | None, config: RunConfig) -> SideRun:
    """Train as `config` says: with the Trainer as `settings` say, or, without any, with this project.

    `config.base` may be a name that `benchmarks.shapes` knows.

    Raises:
        PeftClassroomError: if the reviews do not fill the last batch: this project's loop would complete it with
            filler rows, the Trainer's with nothing, and examples a second would not be comparable.
    """
    reviews, batch = config.data.train_size, config.train.batch_size
    if reviews % batch:
        raise PeftClassroomError(f"{reviews:,} reviews are no whole number of batches of {batch}. Choose a multiple.")
    located = config.model_copy(update={"base": source_of(config.base)})
    from peft_core.training.device import kind, pick_device

    device = pick_device()
    kind(device).begin_peak(device)
    if settings is None:
        from benchmarks.sides import ours

        done = ours.train(located)
    else:
        from benchmarks.sides import hf

        done = hf.train(located, settings)
    peak = kind(device).peak_bytes(device)
    return done.model_copy(update={"side": side, "config": config, "peak_bytes": peak})
