"""The table that is reproduced, as data: the report's ten rows, what the lesson adds to them, and the yardstick.

"Own" and "library" rows of the report are the same configuration here: peft_core writes each method itself, saves it in
the library's format, and tests hold that both give the same logits. Training the same seed twice would only show that
runs repeat themselves, so such a row either shares the runs of the other one (and says so), or has a seed of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from peft_core.config import RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.ia3.method import Ia3Config
from peft_core.methods.layer_norm.method import LayerNormConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.prefix.method import PrefixConfig
from peft_core.methods.registry import MethodConfig, MethodField, what_costs
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.report.quoted import quoted_rows
from peft_core.validated import Frozen, one_of

ReportKey = Annotated[str, AfterValidator(one_of([row.key for row in quoted_rows()]))]  # `quoted.Quoted.key`


class Row(Frozen):
    """A configuration and the seeds it is trained with.

    A run is named after its row, and after its seed where that is not the first of `seeds`: lora-8, lora-8-seed1.
    """

    name: str
    method: MethodField
    learning_rate: float | None = Field(None, gt=0, description="None: the method's default")
    seeds: tuple[int, ...] = (0,)
    shipped_seeds: tuple[int, ...] = ()
    report: ReportKey | None = None
    note: str = ""

    def run_name(self, seed: int) -> str:
        return self.name if seed == self.seeds[0] else f"{self.name}-seed{seed}"


@dataclass(frozen=True)
class YardstickRow:
    """Word counts and logistic regression on `train_size` reviews: those that the other rows draw with seed 0."""

    train_size: int

    @property
    def name(self) -> str:
        return f"bag-of-words-{self.train_size}"


TWO_SEEDS = (0, 1)  # what all others are measured against
THREE_SEEDS = (0, 1, 2)  # where the lesson is about small differences
SHARED = "The same configuration as {}, whose checkpoint {} opens with equal logits: the same runs, not further ones."


def _lora(r: int) -> LoraConfig:
    """alpha / r is 2 at every rank."""
    return LoraConfig(r=r, alpha=2 * r)


def _prompt(n: int) -> Row:
    """A length of Lester et al. 2021, figure 3a, which the report lacks."""
    return Row(
        name=f"soft-prompt-{n}",
        method=SoftPromptConfig(num_virtual_tokens=n),
        note="Not in the report: accuracy against prompt length, beside its 1 and 10 (Lester et al. 2021, figure 3a). "
        "The machine had other work meanwhile: its time says nothing.",
    )


ROWS = (
    Row(
        name="full",
        method=FullConfig(),
        seeds=TWO_SEEDS,
        shipped_seeds=(0,),
        report="full-own",
    ),
    Row(
        name="soft-prompt-10",
        method=SoftPromptConfig(num_virtual_tokens=10),
        shipped_seeds=(0,),
        report="soft_prompt-10-own",
    ),
    Row(
        name="soft-prompt-10-library",
        method=SoftPromptConfig(num_virtual_tokens=10),
        report="soft_prompt-10-opendelta",
        note=SHARED.format("soft-prompt-10", "Hugging Face peft"),
    ),
    Row(
        name="soft-prompt-1",
        method=SoftPromptConfig(num_virtual_tokens=1),
        shipped_seeds=(0,),
        report="soft_prompt-1-opendelta",
    ),
    Row(
        name="adapter-8",
        method=AdapterConfig(bottleneck_dim=8),
        seeds=THREE_SEEDS,
        shipped_seeds=(0,),
        report="adapter-8-own",
    ),
    Row(
        name="adapterhub-8",
        method=AdapterConfig(bottleneck_dim=8),
        seeds=(3,),
        shipped_seeds=(3,),
        report="adapter-8-adapterhub",
        note="The same configuration as adapter-8, trained once more with a seed of its own (reduction factor = "
        "d_model / 8): what lies between the two rows is chance.",
    ),
    Row(
        name="adapterhub-1",
        method=AdapterConfig(bottleneck_dim=1),
        shipped_seeds=(0,),
        report="adapter-1-adapterhub",
        note="Reduction factor = d_model / 1.",
    ),
    Row(
        name="lora-8",
        method=_lora(8),
        seeds=THREE_SEEDS,
        shipped_seeds=(0, 1),
        report="lora-8-own",
        note="Its second seed is shipped for the rank analysis: which directions do two runs agree on?",
    ),
    Row(
        name="lora-8-library",
        method=_lora(8),
        seeds=THREE_SEEDS,
        report="lora-8-library",
        note=SHARED.format("lora-8", "Hugging Face peft"),
    ),
    Row(
        name="lora-1",
        method=_lora(1),
        seeds=THREE_SEEDS,
        shipped_seeds=(0,),
        report="lora-1-library",
    ),
    Row(
        name="lora-64",
        method=_lora(64),
        learning_rate=1e-3,
        shipped_seeds=(0,),
        note="Not in the report: for the rank analysis, after figure 3 of Hu et al. 2021. At half the learning rate of "
        "the other ranks, the best of five on validation: with alpha / r kept, B·A moves further per step as r grows.",
    ),
    Row(
        name="lora-8-dora",
        method=_lora(8).model_copy(update={"use_dora": True}),
        note="Not in the report: DoRA (Liu et al. 2024) with all else as in lora-8.",
    ),
    Row(
        name="lora-8-rslora",
        method=_lora(8).model_copy(update={"use_rslora": True}),
        note="Not in the report: lora-8 with the switch alone. Its α stays 16, so the factor before B·A is 16 / √8 = "
        "5.66 and no longer 16 / 8 = 2: the same as LoRA with α = 45.3.",
    ),
    Row(
        name="lora-64-rslora",
        method=LoraConfig(r=64, alpha=5.657, use_rslora=True),
        note="Not in the report: what rsLoRA is for. Its α gives lora-8's factor 2 at r = 8; carried to r = 64, with "
        "the learning rate of r = 8, the factor is 0.707. lora-64 keeps α / r = 2 and needed half the learning rate.",
    ),
    *(_prompt(n) for n in (5, 20, 100)),
    *(
        Row(name=name, method=method, shipped_seeds=(0,), note="Not in the report: a further method.")
        for name, method in {"ia3": Ia3Config(), "prefix-10": PrefixConfig(), "layer-norm": LayerNormConfig()}.items()
    ),
)
YARDSTICK_ROWS = tuple(YardstickRow(size) for size in (2_000, 4_000, 8_000, 20_000))
ROW_NAMES = tuple(row.name for row in (*ROWS, *YARDSTICK_ROWS))


def as_planned(base: str, method: MethodConfig, report: str | None = None) -> RunConfig:
    """`method` on `base` with what the table's row of it has besides: LoRA's alpha, and its learning rate.

    Args:
        report: key of the report's row; None: a row that the report lacks.
    """
    same = [row for row in ROWS if row.report == report and what_costs(row.method) == what_costs(method)]
    if not same:
        return RunConfig(base=base, method=method)
    return RunConfig(base=base, method=same[0].method, train=TrainConfig(learning_rate=same[0].learning_rate))


def check_rows(names: Iterable[str]) -> None:
    """
    Raises:
        PeftClassroomError: if there is no row of one of these names.
    """
    unknown = [name for name in names if name not in ROW_NAMES]
    if unknown:
        raise PeftClassroomError(f"There is no row {', '.join(unknown)}. Choose among: {', '.join(ROW_NAMES)}.")
