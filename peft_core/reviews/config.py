"""Which reviews a run reads. No torch here."""

from typing import Literal

from pydantic import Field

from peft_core.validated import Frozen


class DataConfig(Frozen):
    """Which reviews, how many, and how long."""

    source: Literal["bundled", "hub"] = Field("bundled", description="where the reviews come from")
    train_size: int = Field(4000, ge=2, le=25_000, multiple_of=2, description="reviews to train on, half of each label")
    validation_size: int = Field(
        500, ge=2, le=2_000, multiple_of=2, description="reviews that the best weights are chosen on"
    )
    test_size: int | None = Field(
        None, ge=2, le=25_000, multiple_of=2, description="reviews of the final test; not given: the whole test split"
    )
    max_length: int = Field(192, ge=16, le=512, multiple_of=16, description="tokens of a review that are read")
