"""Time and memory of answers, measured in the process that gives them: this project, and the other ways to ask.

"one by one" is how the Playground asked before it asked together: one padded batch a checkpoint through transformers'
own forward pass. "a whole split" is how `evaluate` and every run measure: in bf16, where the others are in fp32.
peft's side is what its documentation shows: PeftModel.from_pretrained, tokens padded, generate.
"""

import gc
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, median

import torch
from peft import PeftModel
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from benchmarks.many_checkpoints import LORAS, OF_EACH_METHOD, save_all
from benchmarks.memory import give_back_at_once, give_back_now, resident_bytes
from benchmarks.playground_report import Memory, Timing
from peft_core.checkpoints.asking.memory import keep_freed_memory
from peft_core.checkpoints.asking.predictor import Predictor
from peft_core.checkpoints.files import load_checkpoint
from peft_core.paths import SHIPPED_CHECKPOINTS
from peft_core.reviews.batches import encode, fixed_widths, make_batches
from peft_core.reviews.config import DataConfig
from peft_core.reviews.splits import LABEL_WORDS, load_splits
from peft_core.t5.backbone import load_backbone
from peft_core.training.device import compute_dtype, place
from peft_core.training.loop.room import evaluation_batch
from peft_core.training.measuring import probabilities

BASE, LENGTH, BATCH = "tiny-t5", DataConfig().max_length, 16
WORDS = "The plot creaks and the dialogue is clumsy yet the two leads are so good together that I left smiling . "
SHORT_WORDS = 25
Labels = list[str]
Side = Callable[[Sequence[str], Sequence[Path]], Labels]


class Sides:
    """Everything that can be asked, loaded and ready. A side: (texts, checkpoints) → labels, text by text."""

    def __init__(self, loras: Sequence[Path]) -> None:
        warnings.simplefilter("ignore")  # peft's remarks about configurations of other versions
        self.backbone = load_backbone(BASE)
        self.predictor = Predictor(self.backbone, max_checkpoints=32)
        self.tokenizer = AutoTokenizer.from_pretrained(self.backbone.base.source)
        base = AutoModelForSeq2SeqLM.from_pretrained(self.backbone.base.source, dtype=torch.float32)
        self.peft = PeftModel.from_pretrained(base, loras[0], adapter_name=loras[0].name)
        for folder in loras[1:]:
            self.peft.load_adapter(folder, adapter_name=folder.name)
        self.peft.eval()

    def together(self, texts: Sequence[str], checkpoints: Sequence[Path]) -> Labels:
        answers = self.predictor.classify_with_each(texts, checkpoints)
        return [of_checkpoint[number].label for number in range(len(texts)) for of_checkpoint in answers]

    def one_by_one(self, texts: Sequence[str], checkpoints: Sequence[Path]) -> Labels:
        columns = []
        for folder in checkpoints:
            model, length = self.predictor.model(folder)
            encoded = encode(self.backbone.tokenizer, texts, self.backbone.base.prefix, length)
            rows, pad = min(BATCH, len(encoded)), self.backbone.tokenizer.pad_token_id
            batches = make_batches(encoded, rows, fixed_widths(length), pad)
            positive = probabilities(model, batches, self.backbone.label_ids, torch.device("cpu"))
            columns.append([LABEL_WORDS[int(p > 0.5)] for p in positive])
        return [column[number] for number in range(len(texts)) for column in columns]

    def as_a_split(self, checkpoint: Path) -> Side:
        """Of this one checkpoint, as a split is measured: in the precision of training, weights cast beforehand."""
        device = torch.device("cpu")
        model, _ = load_checkpoint(checkpoint, self.backbone)
        place(model, device, compute_dtype(device))

        def ask(texts: Sequence[str], checkpoints: Sequence[Path]) -> Labels:
            encoded = encode(self.backbone.tokenizer, texts, self.backbone.base.prefix, LENGTH)
            pad = self.backbone.tokenizer.pad_token_id
            at_a_time = evaluation_batch(model, device, LENGTH)
            batches = make_batches(encoded, at_a_time, fixed_widths(LENGTH), pad)
            positive = probabilities(model, batches, self.backbone.label_ids, device)
            return [LABEL_WORDS[int(p > 0.5)] for p in positive]

        return ask

    def peft_one_by_one(self, padding: str, new_tokens: int, sort: bool = False) -> Side:
        """peft with `set_adapter` for each checkpoint in turn."""

        def ask(texts: Sequence[str], checkpoints: Sequence[Path]) -> Labels:
            columns = []
            for folder in checkpoints:
                self.peft.set_adapter(folder.name)
                columns.append(self._generate(texts, padding, new_tokens, sort))
            return [column[number] for number in range(len(texts)) for column in columns]

        return ask

    def peft_mixed(self, padding: str, new_tokens: int) -> Side:
        """peft's mixed batch of LoRAs: `adapter_names`, one a row."""

        def ask(texts: Sequence[str], checkpoints: Sequence[Path]) -> Labels:
            rows = [(text, folder.name) for text in texts for folder in checkpoints]
            names = [name for _, name in rows]
            return self._generate([text for text, _ in rows], padding, new_tokens, adapter_names=names)

        return ask

    @torch.no_grad()
    def _generate(self, texts: Sequence[str], padding: str, new_tokens: int, sort: bool = False, **arguments) -> Labels:
        prefixed = [self.backbone.base.prefix + text for text in texts]
        order = sorted(range(len(texts)), key=lambda n: len(prefixed[n])) if sort else list(range(len(texts)))
        labels = [""] * len(texts)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            batch = self.tokenizer(
                [prefixed[row] for row in rows],
                max_length=LENGTH,
                padding=padding,
                truncation=True,
                return_tensors="pt",
            )
            out = self.peft.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                max_new_tokens=new_tokens,
                **arguments,
            )
            for row, said in zip(rows, self.tokenizer.batch_decode(out, skip_special_tokens=True), strict=True):
                labels[row] = said.strip()
        return labels


def timing_round(token_counts: Sequence[int], reviews: int, repetitions: int) -> tuple[list[Timing], list[Timing]]:
    """(one review for ten checkpoints, many reviews for one checkpoint), sides taking turns, in this process."""
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        backbone = load_backbone(BASE)
        every = save_all(OF_EACH_METHOD, backbone, Path(folder) / "every")
        loras = save_all(LORAS, backbone, Path(folder) / "loras")
        trained = SHIPPED_CHECKPOINTS / "lora-8"
        sides = Sides([*loras, trained])
        ours = {"together": sides.together, "one by one, as before": sides.one_by_one}
        peers = {
            "peft set_adapter, generate 10": sides.peft_one_by_one("longest", 10),
            "peft adapter_names, generate 10": sides.peft_mixed("longest", 10),
            "peft adapter_names, generate 1": sides.peft_mixed("longest", 1),
        }
        latency = []
        for tokens in token_counts:
            text = [_review(sides, tokens)]
            latency += _in_turn(sides, ours, text, every, "ten of each method", repetitions)
            latency += _in_turn(sides, ours | peers, text, loras, "ten LoRAs", repetitions)
        generating = {
            "peft generate 10, padded to the maximum": sides.peft_one_by_one("max_length", 10),
            "peft generate 10, padded to the longest": sides.peft_one_by_one("longest", 10),
            "peft generate 1, padded to the longest, sorted": sides.peft_one_by_one("longest", 1, sort=True),
        }
        test = load_splits()["test"]["text"][:]
        texts = test[:: len(test) // reviews][:reviews]
        short = [" ".join(text.split()[:SHORT_WORDS]) for text in texts]
        throughput = []
        for of_length in (texts, short):
            ways = ours | {"a whole split, as runs are measured": sides.as_a_split(trained)} | generating
            throughput += _in_turn(sides, ways, of_length, [trained], "one LoRA", max(1, repetitions // 5))
        return latency, throughput


def _review(sides: Sides, tokens: int) -> str:
    """A review that the models read as this many tokens, prefix and end mark included."""
    words = (WORDS * tokens).split()[:tokens]
    while len(encode(sides.tokenizer, [" ".join(words)], sides.backbone.base.prefix, 10 * tokens)[0]) > tokens:
        words.pop()
    return " ".join(words)


def _in_turn(
    sides: Sides,
    ways: dict[str, Side],
    texts: Sequence[str],
    folders: Sequence[Path],
    checkpoints: str,
    repetitions: int,
) -> list[Timing]:
    said = {name: way(texts, folders) for name, way in ways.items()}  # this loads and warms up
    clock: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repetitions):
        for name, way in ways.items():
            started = time.perf_counter()
            way(texts, folders)
            clock[name].append(time.perf_counter() - started)
    first = said[next(iter(ways))]
    encoded = encode(sides.backbone.tokenizer, texts, sides.backbone.base.prefix, LENGTH)
    return [
        Timing(
            side=name,
            checkpoints=checkpoints,
            reviews=len(texts),
            tokens=mean(map(len, encoded)),
            seconds=(median(times),),
            fastest=(min(times),),
            same_verdicts=mean(a == b for a, b in zip(said[name], first, strict=True)),
        )
        for name, times in clock.items()
    ]


def saved_for_memory(folder: Path) -> list[Path]:
    """Ten checkpoints in `folder`, for another process: what made them would leave memory to be used again."""
    return save_all(OF_EACH_METHOD, load_backbone(BASE), folder)


def memory_round(folders: Sequence[Path]) -> Memory:
    """Load the checkpoints over one backbone and look at the process; what libraries set up once is there before."""
    give_back_at_once()
    backbone = load_backbone(BASE)
    one_before = Predictor(backbone).model(folders[0])  # stays in memory
    gc.collect()
    give_back_now()
    before = resident_bytes()
    predictor = Predictor(backbone)
    models = [predictor.model(path)[0] for path in folders]
    gc.collect()
    give_back_now()
    growth = resident_bytes() - before
    del one_before
    base = {t.data_ptr(): t.nbytes for t in (*backbone.model.parameters(), *backbone.model.buffers())}
    tensors = {t.data_ptr(): t.nbytes for model in models for t in (*model.parameters(), *model.buffers())}
    return Memory(
        checkpoints=len(models),
        backbone_bytes=sum(base.values()),
        own_bytes=sum(p.nbytes for model in models for p in model.parameters() if p.requires_grad),
        tensor_bytes=sum((base | tensors).values()),
        growth_bytes=(growth,),
    )
