"""What an encoder-decoder costs that reads n more rows: multiplications of a forward pass, from shapes alone. No torch.

The label is one word, so the decoder takes one step. Counted are matrix products; norms, softmax and additions are not.

    n rows in front of T:    scores and mixtures of the encoder's self-attention    ((n + T)/T)² times
                             everything else in the encoder                         (n + T)/T
                             the decoder's cross-attention, where it reads them     (n + T)/T
                             everything else in the decoder                         the same
"""

from dataclasses import astuple, dataclass

from peft_core.t5.architecture import Architecture


@dataclass(frozen=True)
class Work:
    """Multiplications of one review's forward pass, by what makes them grow.

    `pairs`: every row of the encoder with every row. `rows`: what the encoder does with each row by itself. `read`:
    what cross-attention does with each row of the encoder's output. `rest`: what the decoder does with its own row.
    """

    pairs: int
    rows: int
    read: int
    rest: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(astuple(self))


def work(architecture: Architecture, rows: int) -> Work:
    """The multiplications of a forward pass over `rows` rows of input."""
    a = architecture
    square, feed_forward = a.d_model * a.inner_dim, (3 if a.gated else 2) * a.d_model * a.d_ff
    own = a.decoder_layers * (4 * square + 2 * a.inner_dim + 2 * square + feed_forward)
    return Work(
        pairs=a.encoder_layers * 2 * rows**2 * a.inner_dim,
        rows=a.encoder_layers * rows * (4 * square + feed_forward),
        read=a.decoder_layers * rows * (2 * square + 2 * a.inner_dim),
        rest=own + a.d_model * a.vocab_size,
    )
