"""Parameter counts worked out by hand, line by line, from shapes alone. No torch, no model.

    linear layer without bias    in · out
    LoRA on it                   r · (in + out)                    A (r, in) and B (out, r)
    bottleneck adapter           (d + 1) · m  +  (m + 1) · d       two linear layers with bias
    soft prompt                  n · d                             n rows of the embedding's width

`by_numel.py` counts the same things by `numel()` over a real model. The two share no code: that is what makes the tick
on the screen mean something.
"""

from dataclasses import dataclass

from peft_core.errors import UnknownMethodError
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.t5.architecture import Architecture


@dataclass(frozen=True)
class CountLine:
    """One line of a hand calculation: `text` holds the product with its numbers, `value` its result."""

    text: str
    value: int


@dataclass(frozen=True)
class Count:
    """A hand calculation: its lines add up to `trainable_parameters`."""

    lines: tuple[CountLine, ...]
    trainable_parameters: int
    total_parameters: int

    @property
    def trainable_fraction(self) -> float:
        """trainable / total, the added parameters included in the total, as in Hugging Face peft."""
        return self.trainable_parameters / self.total_parameters


def count(architecture: Architecture, config: MethodConfig) -> Count:
    """Trainable and total parameters of `config` on a T5 of these shapes."""
    base = sum(line.value for line in base_lines(architecture))
    if isinstance(config, FullConfig):
        return Count(tuple(base_lines(architecture)), base, base)
    if isinstance(config, SoftPromptConfig):
        lines = soft_prompt_lines(architecture, config)
    elif isinstance(config, AdapterConfig):
        lines = adapter_lines(architecture, config)
    elif isinstance(config, LoraConfig):
        lines = lora_lines(architecture, config)
    else:
        raise UnknownMethodError(config, "count")
    added = sum(line.value for line in lines)
    return Count(tuple(lines), added, base + added)


def base_lines(architecture: Architecture) -> list[CountLine]:
    """Every weight of a T5 (Raffel et al. 2020, section 2.1; gated feed-forward: Shazeer 2020). No layer has a bias."""
    a = architecture
    attention = 4 * a.d_model * a.inner_dim
    matrices = 3 if a.gated else 2
    feed_forward = matrices * a.d_model * a.d_ff
    attention_text = f"4 (q, k, v, o) × {a.d_model:,}·{a.inner_dim:,}"
    names = "wi_0, wi_1, wo" if a.gated else "wi, wo"
    feed_forward_text = f"{matrices} ({names}) × {a.d_model:,}·{a.d_ff:,}"
    buckets = a.relative_attention_num_buckets
    lines = [
        CountLine(
            f"token embedding, shared with the output layer: {a.vocab_size:,} tokens × {a.d_model:,}",
            a.vocab_size * a.d_model,
        )
    ]
    for stack, blocks, attentions, norms in (
        ("encoder", a.encoder_layers, ("self-attention",), 2),
        ("decoder", a.decoder_layers, ("self-attention", "cross-attention"), 3),
    ):
        for kind in attentions:
            lines.append(CountLine(f"{stack} {kind}: {_blocks(blocks)} × {attention_text}", blocks * attention))
        lines += [
            CountLine(f"{stack} feed-forward: {_blocks(blocks)} × {feed_forward_text}", blocks * feed_forward),
            CountLine(
                f"{stack} layer norms: ({_blocks(blocks)} × {norms} + 1 final) × {a.d_model:,}",
                (blocks * norms + 1) * a.d_model,
            ),
            CountLine(
                f"{stack} relative position bias: {buckets} buckets × {a.num_heads} heads", buckets * a.num_heads
            ),
        ]
    return lines


def soft_prompt_lines(architecture: Architecture, config: SoftPromptConfig) -> list[CountLine]:
    """n · d: one trainable row a virtual token, before the encoder's input only (Lester et al. 2021, section 2)."""
    n, d = config.num_virtual_tokens, architecture.d_model
    return [CountLine(f"prompt: {n} virtual tokens × {d:,}", n * d)]


def adapter_lines(architecture: Architecture, config: AdapterConfig) -> list[CountLine]:
    """(d + 1)·m + (m + 1)·d for each adapter (Houlsby et al. 2019, section 2.1)."""
    m, d = config.bottleneck_dim, architecture.d_model
    one = (d + 1) * m + (m + 1) * d
    places = ("self-attention", "feed-forward") if config.placement == "houlsby" else ("feed-forward",)
    return [
        CountLine(f"{stack}, after {place}: {_blocks(blocks)} × (({d:,}+1)·{m} + ({m}+1)·{d:,})", blocks * one)
        for stack, blocks in (("encoder", architecture.encoder_layers), ("decoder", architecture.decoder_layers))
        for place in places
    ]


def lora_lines(architecture: Architecture, config: LoraConfig) -> list[CountLine]:
    """r · (in + out) for each wrapped linear layer (Hu et al. 2021, section 4.1)."""
    a, r = architecture, config.r
    attention = [name for name in config.target_modules if name in ("q", "k", "v", "o")]
    feed_forward = []
    if "wi" in config.target_modules:
        feed_forward += ["wi_0", "wi_1"] if a.gated else ["wi"]
    if "wo" in config.target_modules:
        feed_forward += ["wo"]
    lines = []
    for place, blocks, names, sizes in (
        ("encoder self-attention", a.encoder_layers, attention, (a.d_model, a.inner_dim)),
        ("encoder feed-forward", a.encoder_layers, feed_forward, (a.d_model, a.d_ff)),
        ("decoder self-attention", a.decoder_layers, attention, (a.d_model, a.inner_dim)),
        ("decoder cross-attention", a.decoder_layers, attention, (a.d_model, a.inner_dim)),
        ("decoder feed-forward", a.decoder_layers, feed_forward, (a.d_model, a.d_ff)),
    ):
        if names:
            text = f"{place}: {_blocks(blocks)} × {len(names)} ({', '.join(names)}) × {r}·({sizes[0]:,}+{sizes[1]:,})"
            lines.append(CountLine(text, blocks * len(names) * r * sum(sizes)))
    return lines


def _blocks(number: int) -> str:
    return f"{number} block" if number == 1 else f"{number} blocks"
