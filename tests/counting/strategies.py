"""Random shapes of a T5, and random configurations of every method."""

from hypothesis import strategies as st

from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import TARGET_MODULES, LoraConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.t5.architecture import Architecture

architectures = st.builds(
    Architecture,
    vocab_size=st.integers(8, 300),
    d_model=st.integers(1, 70),
    d_kv=st.integers(1, 20),
    d_ff=st.integers(1, 150),
    num_heads=st.integers(1, 6),
    encoder_layers=st.integers(1, 4),
    decoder_layers=st.integers(1, 4),
    gated=st.booleans(),
    relative_attention_num_buckets=st.sampled_from([8, 32]),
    tied=st.booleans(),
)
configs = st.one_of(
    st.just(FullConfig()),
    st.builds(SoftPromptConfig, num_virtual_tokens=st.integers(1, 40)),
    st.builds(AdapterConfig, bottleneck_dim=st.integers(1, 60), placement=st.sampled_from(["pfeiffer", "houlsby"])),
    st.builds(
        LoraConfig,
        r=st.integers(1, 60),
        target_modules=st.lists(st.sampled_from(TARGET_MODULES), min_size=1, unique=True).map(tuple),
        use_dora=st.booleans(),
    ),
)
