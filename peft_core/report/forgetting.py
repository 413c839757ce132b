"""What training on reviews did to what the base model could do before, as plain data: `forgetting.json`. No torch.

The base model was pretrained to answer labelled snippets of film criticism with a label word, and to give every token
the state that a sentence encoder gives it. On snippets that it has not read, before and after fine-tuning on reviews:

    right, loss    the label word: how often, and its mean cross-entropy over the whole vocabulary, in nats
    moved          1 − cosine of the encoder's last state of a token to that of the base model, mean over all tokens:
                   the distance that pretraining made small, here to the base model instead of its teacher
"""

from pathlib import Path
from typing import Literal

from pydantic import Field

from peft_core.methods.registry import MethodField
from peft_core.paths import RESULTS
from peft_core.report.costs.measured import Provenance, load_report
from peft_core.validated import Frozen

FORGETTING = RESULTS / "forgetting.json"


class Abilities(Frozen):
    """What a model makes of the snippets."""

    right: int = Field(ge=0)
    loss: float = Field(ge=0)


class ForgettingRow(Frozen):
    """A checkpoint on the snippets, beside the base model that it started from."""

    checkpoint: str
    method: MethodField
    after: Abilities
    lost: int = Field(ge=0, description="snippets that the base model has right and this one does not")
    won: int = Field(ge=0, description="the other way round")
    p: float = Field(ge=0, le=1, description="exact McNemar test of the two")
    moved: float = Field(ge=-1e-6, le=2)


class ForgettingReport(Frozen):
    """The content of `forgetting.json`."""

    format: Literal[1] = 1
    provenance: Provenance
    base: str
    base_fingerprint: str
    n: int = Field(ge=1, description="snippets, held out from pretraining")
    before: Abilities = Field(description="of the base model")
    again: Abilities = Field(description="of the base model, after every method was put on and taken off again")
    rows: tuple[ForgettingRow, ...]


def load_forgetting(path: Path = FORGETTING) -> ForgettingReport:
    """What each kind of training did to the base model's abilities.

    Raises:
        PeftClassroomError: if the file is missing or damaged.
    """
    return load_report(path, ForgettingReport, "python -m benchmarks.forgetting")
