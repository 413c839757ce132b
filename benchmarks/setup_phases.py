"""What a fresh worker does before it trains, part by part: `python -m benchmarks.setup_phases` prints JSON, in seconds.

A program of its own, because the first import of a library can be timed once in the life of a process.
"""

import json
import time
from importlib import import_module

import psutil

IMPORTS = ("torch", "transformers", "transformers.models.t5.modeling_t5", "datasets", "peft_core.training.experiment")


def main() -> None:
    phases: dict[str, float] = {"python": time.time() - psutil.Process().create_time()}

    def until_now(name: str, since: float) -> float:
        now = time.perf_counter()
        phases[name] = now - since
        return now

    clock = time.perf_counter()
    for name in IMPORTS:
        import_module(name)
        clock = until_now(name.split(".")[-1], clock)

    from peft_core.config import PRESETS
    from peft_core.methods.lora.method import LoraConfig
    from peft_core.reviews.config import DataConfig
    from peft_core.reviews.draws import SHARED_SEED
    from peft_core.reviews.splits import load_splits
    from peft_core.t5.backbone import load_backbone
    from peft_core.training.measuring import load_rows

    preset = PRESETS["minute"]
    backbone = load_backbone("tiny-t5")
    clock = until_now("base model", clock)
    load_splits()
    clock = until_now("splits", clock)
    data = DataConfig(train_size=preset.train_size(LoraConfig().method), max_length=preset.max_length)
    for split, size in (("train", data.train_size), ("validation", data.validation_size)):
        _ = load_rows(backbone, data, split, size, SHARED_SEED).encoded
        clock = until_now(f"{split} reviews", clock)
    print(json.dumps(phases))


if __name__ == "__main__":
    main()
