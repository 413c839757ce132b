"""The kinds of folder that AdapterHub's library is asked to save: name → (configuration, how it is saved).

The tiny T5 has d_model = 16, two blocks in the encoder (0 and 1 for `leave_out`) and two in the decoder (2 and 3).
"""

from adapters import (
    CompacterConfig,
    DoubleSeqBnConfig,
    IA3Config,
    LoRAConfig,
    MAMConfig,
    ParBnConfig,
    PrefixTuningConfig,
    SeqBnConfig,
    SeqBnInvConfig,
    UniPELTConfig,
)
from adapters.configuration import AdapterPlusConfig, DoRAConfig, VeraConfig

SMALL_PREFIX = {"prefix_length": 3, "bottleneck_size": 8}


def seq(**settings):
    """Pfeiffer's placement with a bottleneck of 8, unless the settings say another."""
    return SeqBnConfig(**{"reduction_factor": 2, **settings})


# `bin`: with torch.save, as the library does when it is not told otherwise. Some kinds it cannot save as safetensors,
# whose tensors share memory. `head`: with the prediction head, also as it does when not told otherwise. `auto`: of an
# AutoAdapterModel, which writes "transformer." in front of every name. `adapter`: its name, "classroom" otherwise.
KINDS = {
    "pfeiffer_alias": ("seq_bn", {}),
    "houlsby_alias": ("double_seq_bn", {}),
    "seq_rf1": (seq(reduction_factor=1), {}),
    "seq_rf2": (seq(), {}),
    "seq_rf8": (seq(reduction_factor=8), {}),
    "seq_rf16": (seq(reduction_factor=16), {}),
    "seq_rf48": (seq(reduction_factor=48), {}),  # int(16 // 48) is 0: the library takes 1
    "seq_rf_float": (seq(reduction_factor=16 / 5), {}),
    "seq_rf_half": (seq(reduction_factor=0.5), {}),
    "rf_map": (seq(reduction_factor={"1": 4, "default": 2}), {}),
    "rf_map_equal": (seq(reduction_factor={"1": 2, "default": 2}), {}),
    "seq_bin": (seq(), {"bin": True}),
    "seq_head": (seq(), {"head": True}),
    "seq_auto": (seq(), {"auto": True}),
    "seq_name": (seq(), {"adapter": "sentiment"}),
    "seq_mh": (seq(mh_adapter=True), {}),
    "seq_cross": (seq(cross_adapter=True), {}),
    "seq_no_output": (seq(mh_adapter=True, output_adapter=False), {}),
    "seq_gelu": (seq(non_linearity="gelu"), {}),
    "seq_gelu_new": (seq(non_linearity="gelu_new"), {}),
    "seq_gelu_fast": (seq(non_linearity="gelu_fast"), {}),
    "seq_quick_gelu": (seq(non_linearity="quick_gelu"), {}),
    "seq_swish": (seq(non_linearity="swish"), {}),
    "seq_tanh": (seq(non_linearity="tanh"), {}),
    "seq_leakyrelu": (seq(non_linearity="leakyrelu"), {}),
    "seq_relu6": (seq(non_linearity="relu6"), {}),
    "seq_sigmoid": (seq(non_linearity="sigmoid"), {}),
    "seq_mish": (seq(non_linearity="mish"), {}),
    "seq_linear": (seq(non_linearity="linear"), {}),
    "seq_prelu": (seq(non_linearity="prelu"), {}),
    "seq_upper": (seq(non_linearity="ReLU"), {}),
    "seq_dropout": (seq(dropout=0.1), {}),
    "seq_scaling2": (seq(scaling=2.0), {}),
    "seq_scaling_learned": (seq(scaling="learned"), {}),
    "seq_scaling_channel": (seq(scaling="channel"), {}),
    "seq_gating": (seq(use_gating=True), {}),
    "seq_leave_out": (seq(leave_out=[0, 3]), {}),
    "seq_ln_before": (seq(ln_before=True), {"bin": True}),
    "seq_ln_after": (seq(ln_after=True), {}),
    "seq_original_ln_before_false": (seq(original_ln_before=False), {}),
    "seq_original_ln_after_false": (seq(original_ln_after=False), {}),
    "seq_residual_before_ln_false": (seq(residual_before_ln=False), {}),
    "seq_residual_and_after_false": (seq(residual_before_ln=False, original_ln_after=False), {}),
    "seq_adapter_residual_before_ln": (seq(adapter_residual_before_ln=True), {}),
    "seq_houlsby_start": (seq(init_weights="houlsby"), {}),
    "seq_seeded": (seq(init_weights_seed=3), {}),
    "seq_inv": (SeqBnInvConfig(reduction_factor=2), {}),
    "adapter_plus": (AdapterPlusConfig(reduction_factor=2, stochastic_depth=0.0), {}),
    "double_rf2": (DoubleSeqBnConfig(reduction_factor=2), {}),
    "double_rf8": (DoubleSeqBnConfig(reduction_factor=8), {}),
    "double_relu": (DoubleSeqBnConfig(reduction_factor=2, non_linearity="relu"), {}),
    "double_cross": (DoubleSeqBnConfig(reduction_factor=2, cross_adapter=True), {}),
    "double_leave_out": (DoubleSeqBnConfig(reduction_factor=2, leave_out=[1, 2]), {}),
    "par": (ParBnConfig(), {}),
    "par_all": (ParBnConfig(reduction_factor=4, mh_adapter=True, cross_adapter=True, scaling=1.0), {}),
    "par_scaling_learned": (ParBnConfig(scaling="learned"), {}),
    "compacter": (CompacterConfig(reduction_factor=2), {}),
    "lora": (LoRAConfig(), {}),
    "lora_all": (LoRAConfig(r=2, alpha=5, attn_matrices=["q", "k", "v"], intermediate_lora=True, output_lora=True), {}),
    "lora_self_only": (LoRAConfig(r=2, alpha=4, leave_out=[3]), {}),
    "lora_gating": (LoRAConfig(use_gating=True), {}),
    "dora": (DoRAConfig(), {}),
    "vera": (VeraConfig(), {}),
    "ia3": (IA3Config(), {}),
    "prefix": (PrefixTuningConfig(**SMALL_PREFIX), {"bin": True}),
    "prefix_flat": (PrefixTuningConfig(flat=True, prefix_length=3), {"bin": True}),
    "mam": (MAMConfig(PrefixTuningConfig(**SMALL_PREFIX), ParBnConfig()), {"bin": True}),
    "unipelt": (
        UniPELTConfig(
            PrefixTuningConfig(use_gating=True, **SMALL_PREFIX), seq(use_gating=True), LoRAConfig(use_gating=True)
        ),
        {"bin": True},
    ),
}  # fmt: skip
