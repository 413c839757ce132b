"""What AdapterHub's `adapters` saves, and what it computes with it once it has read it again.

Run in the environment of requirements-adapterhub.txt: `python tests/golden/build/adapterhub.py`.
"""

import json
import shutil
from importlib.metadata import version

import adapters
import torch
from adapters import AutoAdapterModel
from common import BASE, GOLDEN, logits, randomise, write_index
from kinds import KINDS
from transformers import T5ForConditionalGeneration

FOLDER = GOLDEN / "adapterhub"
TREES = ("seq_rf2", "double_rf2", "par", "lora", "ia3", "seq_inv")  # whose printed tree is kept; each kind's summary is
STARTS = 64  # adapters of one start whose numbers are looked at together


def new_model(auto: bool = False):
    """The tiny T5, made ready for adapters."""
    if auto:
        model = AutoAdapterModel.from_pretrained(BASE, dtype=torch.float32)
        model.add_seq2seq_lm_head("head")
        return model
    model = T5ForConditionalGeneration.from_pretrained(BASE, dtype=torch.float32)
    adapters.init(model)
    return model


def save(
    name: str, config, bin: bool = False, head: bool = False, auto: bool = False, adapter: str = "classroom"
) -> tuple[dict, torch.Tensor]:
    """Save one kind; returns what the index says of it, and the logits of the model that has read the folder."""
    folder, model = FOLDER / "saved" / name, new_model(auto)
    torch.manual_seed(0)
    model.add_adapter(adapter, config=config)
    model.train_adapter(adapter)
    if auto:
        model.active_head = "head"
        for parameter in model.heads["head"].parameters():
            parameter.requires_grad_(False)
    trainable = randomise(model)
    before = logits(model)
    model.save_adapter(folder, adapter, use_safetensors=not bin, with_head=head)
    summary = model.adapter_summary()

    again = new_model(auto)
    again.set_active_adapters(again.load_adapter(str(folder), use_safetensors=not bin, with_head=False))
    if auto:
        again.active_head = "head"
    after = logits(again)
    entry = {
        "library": "adapters",
        "trainable": trainable,
        "adapter_name": adapter,
        "files": sorted(path.name for path in folder.iterdir()),
        "differs_from_base": float((after - BASE_LOGITS).abs().max()),
        "read_again_differs": float((after - before).abs().max()),  # the library's own fault, where it is not 0
        "summary": summary,
    }
    if name in TREES:
        (FOLDER / "trees").mkdir(exist_ok=True)
        (FOLDER / "trees" / f"{name}.txt").write_text(f"{model}\n")
    return entry, after


def starts() -> dict[str, dict[str, float]]:
    """Standard deviation and largest size of what the library draws, of d_model = 16 and a bottleneck of 8."""
    found = {}
    for init in ("bert", "houlsby", "mam_adapter"):
        torch.manual_seed(0)
        drawn: dict[str, list[torch.Tensor]] = {}
        for _ in range(STARTS):
            model = new_model()
            model.add_adapter("a", config=adapters.SeqBnConfig(reduction_factor=2, init_weights=init))
            for parameter, tensor in model.named_parameters():
                if ".adapters.a." in parameter:
                    part = parameter.split(".adapters.a.")[1].replace("_down.0.", "_down.")
                    drawn.setdefault(part, []).append(tensor.detach().flatten())
        found[init] = {
            part: {"std": float(torch.cat(all_).std()), "largest": float(torch.cat(all_).abs().max())}
            for part, all_ in drawn.items()
        }
    return found


if __name__ == "__main__":
    BASE_LOGITS = logits(T5ForConditionalGeneration.from_pretrained(BASE, dtype=torch.float32))
    for old in ("saved", "trees"):
        shutil.rmtree(FOLDER / old, ignore_errors=True)
    (FOLDER / "saved").mkdir()
    entries, computed, failed = {}, {}, {}
    for name, (config, how) in KINDS.items():
        try:
            entries[name], computed[name] = save(name, config, **how)
        except Exception as error:  # said in the index: the library cannot do it
            failed[name] = f"{type(error).__name__}: {error}"[:300]
            shutil.rmtree(FOLDER / "saved" / name, ignore_errors=True)
            print(name, "FAILED", failed[name])
        else:
            entry = entries[name]
            print(name, entry["trainable"], entry["differs_from_base"], entry["read_again_differs"])
    versions = {library: version(library) for library in ("adapters", "transformers", "torch")}
    write_index(FOLDER, versions, entries, computed)
    (FOLDER / "cannot_be_saved.json").write_text(json.dumps(failed, indent=1) + "\n")
    (FOLDER / "starts.json").write_text(json.dumps(starts(), indent=1) + "\n")
