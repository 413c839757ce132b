"""The shape, data and schedule of a base model's pretraining. No torch here: the command line reads it."""

from pydantic import Field

from peft_core.validated import Frozen


class PretrainConfig(Frozen):
    """Shape, data and schedule of a base model."""

    d_model: int = Field(256, ge=16)
    d_ff: int = Field(1024, ge=16)
    num_heads: int = Field(8, ge=1)
    encoder_layers: int = Field(4, ge=1)
    decoder_layers: int = Field(2, ge=1)
    from_layers: bool = Field(False, description="start from the teacher's layers, not from its words alone")
    from_base: str | None = Field(None, description="start from some blocks and the decoder of this bundled base model")
    kept_blocks: tuple[int, ...] = Field((), description="encoder blocks of `from_base` to start from, counted from 0")
    taught: dict[int, int] = Field(
        {2: 3, 4: 6}, min_length=1, description="after this many encoder blocks: what the teacher has after that many"
    )
    window: int = Field(192, ge=8, description="tokens of a training row, prefix and end included")
    batch_size: int = Field(64, ge=1)
    sentiment_weight: float = Field(0.2, ge=0, description="λ")
    snippet_batch_size: int = Field(64, ge=1)
    snippet_width: int = Field(64, ge=8)
    snippet_every: int = Field(10, ge=2, description="every n-th step is a batch of labelled snippets")
    steps: int = Field(6000, ge=1, description="steps of the run; a larger number continues the same run")
    warmup_steps: int = Field(100, ge=0)
    decay_fraction: float = Field(0.4, gt=0, le=1, description="last part of the run, rate falls linearly to zero")
    learning_rate: float = Field(2e-2, gt=0, description="times each tensor's root mean square")
    max_grad_norm: float = Field(1.0, gt=0)
    max_reviews: int | None = Field(None, ge=2, description="fewer training reviews, for a trial")
    seed: int = Field(0, description="of the order of reviews, and of new weights")


PRESETS = {
    "tiny-t5": PretrainConfig(
        d_model=384, d_ff=1536, num_heads=12, encoder_layers=3, from_base="mini-t5", kept_blocks=(0, 2, 5),
        taught={3: 6}, batch_size=32, steps=2000, decay_fraction=0.6, learning_rate=1e-2,
    ),
    "mini-t5": PretrainConfig(
        d_model=384, d_ff=1536, num_heads=12, encoder_layers=6, from_layers=True, taught={3: 3, 6: 6},
        batch_size=32, steps=2200, decay_fraction=0.5, learning_rate=1e-2,
    ),
}  # fmt: skip
