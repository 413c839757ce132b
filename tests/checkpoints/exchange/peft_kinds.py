"""Every kind of folder that peft saves of a T5, built live: what is to come of each here.

`refused`: a word that the sentence of the refusal has to contain; none: it has to be read and compute the same.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import T5ForSequenceClassification

NOISE = 0.2  # on every trained number: what is not read would be seen


@dataclass(frozen=True)
class Kind:
    """A folder of peft's: how it is configured, and how it is saved."""

    method: str
    option: str
    settings: dict[str, Any] = field(default_factory=dict)
    config: str = "LoraConfig"
    refused: str = ""
    dtype: torch.dtype | None = None
    save: dict[str, Any] = field(default_factory=dict)
    task: str | None = "SEQ_2_SEQ_LM"
    same_count: bool = True  # peft trains as many numbers as it stores
    second: bool = False  # another adapter beside it
    difference: bool = False  # saved as the difference to its start, a plain LoRA of twice the rank
    classifier: bool = False  # on a T5 that sorts texts into classes

    @property
    def name(self) -> str:
        return f"{self.method}, {self.option}"


def lora(option: str, refused: str = "", **rest: Any) -> Kind:
    """A LoRA of rank 4 on q and v, except for what is said."""
    others = {name: rest.pop(name) for name in list(rest) if name in Kind.__dataclass_fields__}
    return Kind(
        "LoRA", option, {"r": 4, "lora_alpha": 6, "target_modules": ["q", "v"], **rest}, "LoraConfig", refused, **others
    )


def prompt(option: str, refused: str = "", **rest: Any) -> Kind:
    return Kind("Soft prompt", option, rest, "PromptTuningConfig", refused)


def other(config: str, option: str, refused: str, **rest: Any) -> Kind:
    return Kind(config.removesuffix("Config"), option, rest, config, refused)


HEADS = {"token_dim": 12, "num_attention_heads": 3}  # peft takes d_model, and the heads of this T5 have 12 numbers
QV = {"target_modules": ["q", "v"]}
ENCODER = r"encoder\..*\.(q|v)"
SELF = r".*SelfAttention\.(q|v)"
KINDS = (
    *(lora(f"r = {r}", r=r) for r in (1, 2, 4, 8, 12)),
    lora("alpha 7.5", lora_alpha=7.5),
    lora("target_modules not given", target_modules=None),
    lora("target_modules: all six", target_modules=["q", "k", "v", "o", "wi", "wo"]),
    lora("target_modules: a regular expression for q and v", target_modules=r".*\.(q|v)"),
    lora("target_modules: the encoder's alone", target_modules=ENCODER),
    lora("target_modules: self-attention alone", target_modules=SELF),
    lora("target_modules = all-linear", target_modules="all-linear"),
    lora("target_modules with lm_head", "lm_head", target_modules=["q", "v", "lm_head"]),
    lora("exclude_modules", exclude_modules=r"decoder\..*"),
    lora("rank_pattern", rank_pattern={"encoder.block.0.layer.0.SelfAttention.q": 2}),
    lora("alpha_pattern", alpha_pattern={"encoder.block.0.layer.0.SelfAttention.q": 24}),
    lora("use_rslora", use_rslora=True),
    lora("use_dora", use_dora=True),
    lora("bias = lora_only", bias="lora_only"),
    lora("bias = all", bias="all"),
    lora("lora_bias", "lora_bias", lora_bias=True),
    lora("modules_to_save: lm_head", "modules_to_save", modules_to_save=["lm_head"]),
    lora("modules_to_save: final_layer_norm", "modules_to_save", modules_to_save=["final_layer_norm"]),
    lora("init gaussian", init_lora_weights="gaussian"),
    lora("init pissa", "init_lora_weights", init_lora_weights="pissa"),
    lora("init pissa_niter_4", "init_lora_weights", init_lora_weights="pissa_niter_4"),
    lora("init olora", "init_lora_weights", init_lora_weights="olora"),
    lora("init pissa, saved as a difference", init_lora_weights="pissa", difference=True),
    lora("init olora, saved as a difference", init_lora_weights="olora", difference=True),
    lora("init orthogonal", init_lora_weights="orthogonal"),
    lora("init mica", init_lora_weights="mica", same_count=False),
    lora("layers_to_transform", layers_to_transform=[0], layers_pattern="block"),
    lora("fan_in_fan_out", fan_in_fan_out=True),
    lora("dropout 0.1", lora_dropout=0.1),
    lora("trainable_token_indices", "trainable_token_indices", trainable_token_indices={"shared": [7, 8]}),
    lora("task_type not given", task=None),
    lora("task_type = FEATURE_EXTRACTION", task="FEATURE_EXTRACTION"),
    lora("task_type = CAUSAL_LM", task="CAUSAL_LM"),
    lora("task_type = SEQ_CLS", "modules_to_save", task="SEQ_CLS", classifier=True),
    lora("in bfloat16", dtype=torch.bfloat16),
    lora("in float16", dtype=torch.float16),
    lora("a second adapter beside it", second=True),
    lora("save_embedding_layers", save={"save_embedding_layers": True}),
    lora("saved as a pickle", "pickle", save={"safe_serialization": False}),
    prompt("n = 1", num_virtual_tokens=1, num_transformer_submodules=1),
    prompt("n = 10", num_virtual_tokens=10, num_transformer_submodules=1),
    prompt("n = 1, two submodules", num_virtual_tokens=1, num_transformer_submodules=2),
    prompt("n = 10, two submodules", num_virtual_tokens=10, num_transformer_submodules=2),
    prompt("num_transformer_submodules not given", num_virtual_tokens=5),
    prompt(
        "from the vocabulary", num_virtual_tokens=4, num_transformer_submodules=1, prompt_tuning_init="SAMPLE_VOCAB"
    ),
    other("PrefixTuningConfig", "as it comes", "", num_virtual_tokens=3, **HEADS),
    other(
        "PrefixTuningConfig",
        "prefix_projection",
        "",
        num_virtual_tokens=3,
        prefix_projection=True,
        encoder_hidden_size=8,
        **HEADS,
    ),
    other("PromptEncoderConfig", "as it comes", "P_TUNING", num_virtual_tokens=3, encoder_hidden_size=8),
    other("IA3Config", "as it comes", ""),
    other(
        "IA3Config",
        "feedforward_modules empty",
        "target_modules",
        target_modules=["k", "v"],
        feedforward_modules=[],
    ),
    other("LNTuningConfig", "as it comes", ""),
    other("LoHaConfig", "as it comes", "LOHA", r=2, **QV),
    other("LoKrConfig", "as it comes", "LOKR", r=2, **QV),
    other("AdaLoraConfig", "as it comes", "ADALORA", init_r=4, target_r=2, total_step=10, **QV),
    other("VeraConfig", "as it comes", "VERA", r=4, target_modules=["q"]),
    other("OFTConfig", "as it comes", "OFT", r=0, oft_block_size=4, **QV),
    other("FourierFTConfig", "as it comes", "FOURIERFT", n_frequency=10, **QV),
    other("RandLoraConfig", "as it comes", "RANDLORA", r=2, target_modules=["q"]),
    other("TrainableTokensConfig", "as it comes", "TRAINABLE_TOKENS", token_indices=[7, 8], target_modules=["shared"]),
)


def build(kind: Kind, base: Any, folder: Path, batch: Any) -> tuple[Path, torch.Tensor | None, int]:
    """Save what `kind` says with peft; (folder, peft's own logits where it is not to be refused, its own count)."""
    import peft

    config = getattr(peft, kind.config)(**kind.settings, task_type=kind.task)
    torch.manual_seed(1)
    model = T5ForSequenceClassification(base.model.config) if kind.classifier else base.own_copy()
    model = peft.get_peft_model(model.to(kind.dtype or torch.float32), config)
    save = dict(kind.save)
    if kind.difference:
        start = folder.with_name(f"{folder.name} at its start")
        model.peft_config["default"].init_lora_weights = True  # else peft would start it again, from other weights
        model.save_pretrained(start)
        model.peft_config["default"].init_lora_weights = kind.settings["init_lora_weights"]
        save["path_initial_model_for_weight_conversion"] = str(start)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(NOISE * torch.randn_like(parameter))
                parameter.data = parameter.data.to(kind.dtype or torch.float32)
    if kind.second:
        model.add_adapter("second", config)
    count = model.get_nb_trainable_parameters()[0]
    theirs = None if kind.refused else first_logits(model.eval(), batch)
    model.save_pretrained(folder, **save)
    if kind.difference or kind.dtype:  # where peft computes in another way before it has saved and loaded
        theirs = first_logits(peft.PeftModel.from_pretrained(base.own_copy(), folder).eval(), batch)
    return folder, theirs, count


@torch.inference_mode()
def first_logits(model: Any, batch: Any) -> torch.Tensor:
    """Logits of the first decoder step over the whole vocabulary, (rows, vocabulary), fp32."""
    ids, mask = batch
    start = ids.new_zeros(len(ids), 1)
    out = model(input_ids=ids, attention_mask=mask, decoder_input_ids=start)
    logits = out.logits if hasattr(out, "logits") else out[0]
    return logits[:, 0].float()
