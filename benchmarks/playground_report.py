"""The content of `results/playground.json`: what answering in the Playground costs, beside other ways to ask."""

from pathlib import Path
from statistics import median
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from peft_core.paths import RESULTS
from peft_core.report.costs.measured import Provenance

PLAYGROUND = RESULTS / "playground.json"
Checkpoints = Literal["ten of each method", "ten LoRAs", "one LoRA"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Timing(_Part):
    """One way of asking the same reviews of the same checkpoints, once a round. Sides take turns within a round."""

    side: str
    checkpoints: Checkpoints
    reviews: int
    tokens: float = Field(description="of a review as the models read it, on average")
    seconds: tuple[float, ...] = Field(min_length=1, description="median of each round's repetitions")
    fastest: tuple[float, ...] = Field(min_length=1, description="the fastest repetition of each round")
    same_verdicts: float = Field(description="share of answers whose label is that of the side named first")

    @property
    def time(self) -> float:
        """Seconds: the median of the rounds."""
        return median(self.seconds)


class Memory(_Part):
    """Ten checkpoints in one process. Tensor bytes are exact; `growth` is resident memory, once a round."""

    checkpoints: int
    backbone_bytes: int
    own_bytes: int = Field(description="tensors that are the checkpoints' own")
    tensor_bytes: int = Field(description="all tensors in memory, one that is shared counted once")
    growth_bytes: tuple[int, ...] = Field(min_length=1, description="resident memory after loading minus before")

    @property
    def ratio(self) -> float:
        """Backbone and what the checkpoints made the process grow by, against backbone and their own tensors."""
        return (self.backbone_bytes + median(self.growth_bytes)) / (self.backbone_bytes + self.own_bytes)


class PlaygroundReport(_Part):
    """The content of `playground.json`."""

    format: Literal[1] = 1
    provenance: Provenance
    peft: str = Field(description="its version")
    base: str
    latency: tuple[Timing, ...] = Field(description="one review, ten checkpoints")
    throughput: tuple[Timing, ...] = Field(description="many reviews, one checkpoint")
    memory: Memory


def write(report: PlaygroundReport, path: Path) -> None:
    """As JSON that a person can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
