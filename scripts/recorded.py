"""Train one short run of each method, as a class would press it, and keep its snapshots: `checkpoints/recorded`.

    python -m scripts.recorded               all of them; about five minutes on two cores
    python -m scripts.recorded lora ia3      these

They are what the section Inside shows before anybody has trained. So that all of them together stay below 1.5 MB a run
keeps eight moments, each of them validated, matrices in bf16, and LoRA ΔW of three places as pictures.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save

from peft_core.config import PRESETS, RunConfig, TrainConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_config, method_of
from peft_core.reviews.config import DataConfig
from peft_core.t5.backbone import Backbone, load_backbone
from peft_core.training.experiment import Experiment
from peft_core.training.snapshots import moments
from peft_core.training.snapshots.camera import Camera, narrowed, pictures_of
from peft_core.training.snapshots.moments import RECORDED, SAYS, Moment

RUNS: dict[str, MethodConfig] = {
    "full": method_config("full"),
    "soft-prompt": method_config("soft_prompt", num_virtual_tokens=10),
    "adapter": method_config("adapter", bottleneck_dim=4),
    "lora": method_config("lora", r=8),
    "ia3": method_config("ia3"),
    "layer-norm": method_config("layer_norm"),
    "prefix": method_config("prefix", num_virtual_tokens=4),
}
PICTURES = ("lora",)  # smaller so than as tensors
MOMENTS, MOST_BYTES = 8, 1_500_000


def record(name: str, backbone: Backbone) -> int:
    """Train, keep, and say how many bytes were kept."""
    method, preset = RUNS[name], PRESETS["short"]
    data = DataConfig(train_size=preset.train_size(method.method), max_length=preset.max_length)
    config = RunConfig(method=method, data=data, train=TrainConfig(epochs=preset.epochs, evaluations=MOMENTS - 1))
    folder = RECORDED / name
    with tempfile.TemporaryDirectory() as work:
        experiment = Experiment(config)
        camera = Camera(Path(work), experiment)
        for log in experiment.trainer.run():
            camera.see(log)
            if log.event == "validation":
                print(f"{name}  step {log.step}: {log.accuracy:.1%}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        _keep(Path(work), folder, backbone, as_pictures=name in PICTURES)
    return sum(file.stat().st_size for file in folder.iterdir())


def _keep(whole: Path, folder: Path, backbone: Backbone, as_pictures: bool) -> None:
    for step in moments.steps_in(whole):
        path = moments.file_of(whole, step)
        with safe_open(path, "numpy") as file:
            moment = Moment.model_validate_json(file.metadata()[SAYS])
        if moment.measured_at < step:
            continue
        tensors = load_file(path)
        if as_pictures:
            base = dict(backbone.model.named_parameters())
            tensors = pictures_of(moment.config.method, backbone.base.architecture, tensors, base)
            moment = moment.model_copy(update={"form": "pictures"})
        kept = {name: narrowed(tensor) for name, tensor in tensors.items()}
        moments.write(folder, step, save(kept, {SAYS: moment.model_dump_json()}))


def main(names: list[str]) -> None:
    """Record the named runs, or all; then weigh everything that is there."""
    backbone = load_backbone("tiny-t5")
    for name in names or RUNS:
        print(f"{name} ({method_of(RUNS[name]).label(RUNS[name])}): {record(name, backbone):,} bytes kept")
    whole = sum(path.stat().st_size for path in RECORDED.rglob("*.safetensors"))
    print(f"{whole:,} bytes in all")
    if whole > MOST_BYTES:
        raise SystemExit(f"That is more than {MOST_BYTES:,}: keep fewer moments.")


if __name__ == "__main__":
    main(sys.argv[1:])
