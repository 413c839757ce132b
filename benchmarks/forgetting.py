"""What did training on reviews do to what the base model could do before?

    python -m benchmarks.forgetting              writes benchmarks/results/forgetting.json; two minutes on one core

Pretraining taught the base model two things: to answer labelled snippets with a label word, and to give tokens the
states of a sentence encoder. Each shipped checkpoint, and the base model before and after all of them, reads snippets
that neither pretraining nor fine-tuning has read. What is noted: `peft_core/report/forgetting.py`. In fp32.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.processes import provenance
from peft_core.checkpoints.files import load_checkpoint
from peft_core.methods.method import MethodConfig
from peft_core.paths import SHIPPED_CHECKPOINTS
from peft_core.report.costs.measured import write_report
from peft_core.report.forgetting import FORGETTING, Abilities, ForgettingReport, ForgettingRow
from peft_core.reviews.batches import collate, encode
from peft_core.statistics.paired_test import paired_test
from peft_core.t5.backbone import Backbone, load_backbone
from peft_core.t5.identity import fingerprint
from peft_core.training.pretraining.teacher import SNIPPETS_HELD_OUT, snippets

BASE = "tiny-t5"
CHECKPOINTS = ("full", "lora-64", "lora-8", "lora-1", "adapter-8", "soft-prompt-10", "ia3")
SNIPPET_TOKENS = 64  # as in pretraining
BATCH = 32


@dataclass(frozen=True)
class Texts:
    """Token ids of snippets in order of length, and token ids of their label words (snippets,)."""

    ids: list[list[int]]
    words: torch.Tensor


@dataclass(frozen=True)
class Answers:
    """What one model makes of every snippet."""

    right: np.ndarray  # (snippets,) bool
    losses: np.ndarray  # (snippets,) cross-entropy of the label word over the whole vocabulary, nats
    states: torch.Tensor  # (tokens, d) the encoder's last states of all tokens read

    def abilities(self) -> Abilities:
        """Added up."""
        return Abilities(right=int(self.right.sum()), loss=float(self.losses.mean()))


def read_texts(backbone: Backbone) -> Texts:
    """The snippets that pretraining held out."""
    texts, labels = snippets()
    ids = encode(backbone.tokenizer, texts[-SNIPPETS_HELD_OUT:], backbone.base.prefix, SNIPPET_TOKENS)
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    words = torch.tensor(backbone.label_ids)[torch.from_numpy(labels[-SNIPPETS_HELD_OUT:])]
    return Texts([ids[i] for i in order], words[order])


@torch.inference_mode()
def ask(model: nn.Module, texts: Texts, label_ids: tuple[int, int]) -> Answers:
    """One decoder step for every snippet."""
    model.eval()
    words = torch.tensor(label_ids)
    right, losses, states = [], [], []
    for ids, mask, wanted in _batches(texts):
        start = ids.new_full((len(ids), 1), model.config.decoder_start_token_id)
        out = model(input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False)
        logits = out.logits[:, 0]
        losses.append(F.cross_entropy(logits, wanted, reduction="none"))
        right.append(words[logits[:, words].argmax(-1)] == wanted)
        of_text = out.encoder_last_hidden_state[:, -ids.shape[1] :]  # a prompt's rows stand in front
        states.append(of_text[mask.bool()])
    return Answers(torch.cat(right).numpy(), torch.cat(losses).double().numpy(), torch.cat(states))


def _batches(texts: Texts) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Token ids, mask and label words; a batch is as wide as its longest row."""
    for start in range(0, len(texts.ids), BATCH):
        numbers = np.arange(start, min(start + BATCH, len(texts.ids)))
        batch = collate(texts.ids, numbers, max(len(texts.ids[i]) for i in numbers), pad_id=0)
        yield torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask), texts.words[numbers]


def row_of(name: str, method: MethodConfig, before: Answers, after: Answers) -> ForgettingRow:
    """A checkpoint beside the base model that it started from."""
    pair = paired_test(before.right, after.right)
    distance = 1 - F.cosine_similarity(before.states, after.states, dim=-1)
    return ForgettingRow(
        checkpoint=name,
        method=method,
        after=after.abilities(),
        lost=pair.only_first,
        won=pair.only_second,
        p=pair.p,
        moved=float(distance.double().mean()),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a line each, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forgetting", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=FORGETTING, help="where the results go")
    options = parser.parse_args(arguments)
    backbone = load_backbone(BASE)
    texts = read_texts(backbone)
    before = ask(backbone.model, texts, backbone.label_ids)
    print(f"base: {before.abilities()!r}", flush=True)
    rows = []
    for name in CHECKPOINTS:
        model, record = load_checkpoint(SHIPPED_CHECKPOINTS / name, backbone)
        rows.append(row_of(name, record.config.method, before, ask(model, texts, backbone.label_ids)))
        print(f"{rows[-1]!r}", flush=True)
    # Every model above but full fine-tuning's was built around these very tensors.
    assert fingerprint(backbone.model) == backbone.fingerprint, "a checkpoint has changed the shared weights"
    again = ask(backbone.model, texts, backbone.label_ids)
    source = provenance("python -m benchmarks.forgetting", torch.get_num_threads())
    report = ForgettingReport(
        provenance=source.model_copy(update={"precision": "float32"}),
        base=backbone.base.name,
        base_fingerprint=backbone.fingerprint,
        n=len(texts.ids),
        before=before.abilities(),
        again=again.abilities(),
        rows=tuple(rows),
    )
    write_report(report, options.json)


if __name__ == "__main__":
    main()
