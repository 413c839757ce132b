"""How each library prints T5-small with a method in it: benchmarks/results/library-trees.json, which the app quotes.

Run once in each environment; every run replaces what it knows: this project's own (peft), that of
requirements-adapterhub.txt and that of requirements-opendelta.txt. The weights are drawn, not loaded: a tree shows
modules and shapes alone.
"""

import json
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from io import StringIO
from pathlib import Path

from transformers import T5Config, T5ForConditionalGeneration

RESULT = Path(__file__).resolve().parents[3] / "benchmarks" / "results" / "library-trees.json"
SHAPES = "t5-small"  # what T5Config has when nothing is said, with a start token for the decoder


def new_model() -> T5ForConditionalGeneration:
    return T5ForConditionalGeneration(T5Config(decoder_start_token_id=0))


def peft_trees() -> dict[str, dict[str, str]]:
    """`print_trainable_parameters()` and `print(model)`."""
    import peft

    task = {"task_type": "SEQ_2_SEQ_LM"}
    made = {
        "lora": ('LoraConfig(r=8, target_modules=["q", "v"])', peft.LoraConfig(r=8, target_modules=["q", "v"], **task)),
        "soft_prompt": (
            "PromptTuningConfig(num_virtual_tokens=10, num_transformer_submodules=1)",
            peft.PromptTuningConfig(num_virtual_tokens=10, num_transformer_submodules=1, **task),
        ),
        "ia3": ("IA3Config()", peft.IA3Config(**task)),
        "prefix": ("PrefixTuningConfig(num_virtual_tokens=10)", peft.PrefixTuningConfig(num_virtual_tokens=10, **task)),
        "layer_norm": (
            'LNTuningConfig(target_modules=["layer_norm", "final_layer_norm"])',
            peft.LNTuningConfig(target_modules=["layer_norm", "final_layer_norm"], **task),
        ),
    }
    found = {}
    for method, (written, config) in made.items():
        model = peft.get_peft_model(new_model(), config)
        with redirect_stdout(StringIO()) as printed:
            model.print_trainable_parameters()
        found[method] = {"made": written, "summary": printed.getvalue().strip(), "tree": str(model)}
    return found


def adapters_trees() -> dict[str, dict[str, str]]:
    """`adapter_summary()` and `print(model)`."""
    import adapters

    made = {
        "adapter": ("SeqBnConfig(reduction_factor=64)", adapters.SeqBnConfig(reduction_factor=64)),
        "lora": ("LoRAConfig(r=8, alpha=16)", adapters.LoRAConfig(r=8, alpha=16)),
        "ia3": ("IA3Config()", adapters.IA3Config()),
        "prefix": (
            "PrefixTuningConfig(flat=True, prefix_length=10)", adapters.PrefixTuningConfig(flat=True, prefix_length=10),
        ),
    }  # fmt: skip
    found = {}
    for method, (written, config) in made.items():
        model = new_model()
        adapters.init(model)
        model.add_adapter("classroom", config=config)
        model.train_adapter("classroom")
        found[method] = {"made": written, "summary": model.adapter_summary(), "tree": str(model)}
    return found


def opendelta_trees() -> dict[str, dict[str, str]]:
    """`Visualization(model).structure_graph()`, and the share that trains as `log()` says it."""
    import shims

    shims.put_in_place()
    from opendelta import AdapterModel, LoraModel, SoftPromptModel, Visualization
    from rich.console import Console

    made = {
        "lora": ("LoraModel(backbone_model=model)", LoraModel, {}),
        "soft_prompt": (
            "SoftPromptModel(backbone_model=model, soft_token_num=10)", SoftPromptModel, {"soft_token_num": 10},
        ),
        "adapter": ("AdapterModel(backbone_model=model, bottleneck_dim=8)", AdapterModel, {"bottleneck_dim": 8}),
    }  # fmt: skip
    found = {}
    for method, (written, kind, settings) in made.items():
        model = new_model()
        delta = kind(backbone_model=model, **settings)
        delta.freeze_module(exclude=["deltas"])
        console = Console(file=StringIO(), width=200, color_system=None)
        console.print(Visualization(model).structure_graph(printTree=False))
        tree = "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())
        delta.log(visualization=False)
        stat = delta.stat
        ratio = 100 * stat["trainable_ratio"]
        summary = f"Trainable Ratio: {stat['trainable_parameters']}/{stat['total_parameters']}={ratio:.6f}%"
        found[method] = {"made": written, "summary": summary, "tree": tree}
    return found


if __name__ == "__main__":
    known = json.loads(RESULT.read_text()) if RESULT.is_file() else {"base": SHAPES, "libraries": {}}
    for library, build in (("peft", peft_trees), ("adapters", adapters_trees), ("opendelta", opendelta_trees)):
        try:
            versions = {name: version(name) for name in (library, "transformers")}
        except PackageNotFoundError:
            continue
        known["libraries"][library] = {"versions": versions, "methods": build()}
        print(library, {method: one["summary"] for method, one in known["libraries"][library]["methods"].items()})
    RESULT.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")
