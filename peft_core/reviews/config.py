"""What a run learns, and from which texts. No torch here."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from peft_core.reviews.splits import LABEL_WORDS
from peft_core.validated import Frozen

TaskName = Literal["reviews", "lie", "own"]
MAX_NAME = 40  # characters of a class's name
Word = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]


class OwnTexts(Frozen):
    """Texts that somebody brought along, by their digest, and the two classes they are in. The texts lie elsewhere."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the file that holds the texts and their splits")
    labels: tuple[Word, Word] = Field(description="the classes' names, as the person wrote them: label 0, label 1")
    words: tuple[Word, Word] = Field(description="what the model answers with, one token each")

    @field_validator("labels", "words")
    @classmethod
    def _two(cls, pair: tuple[str, str]) -> tuple[str, str]:
        if pair[0] == pair[1] or not all(word.isprintable() and word == word.strip() for word in pair):
            raise PydanticCustomError("two_words", "Input should be two different names of printable characters")
        return pair


class Learned(Frozen):
    """Which task a model has learned. Runs and checkpoints have these two fields; without them it is the reviews."""

    task: TaskName = Field("reviews", description="what is learned: film reviews, their labels swapped, own texts")
    own: OwnTexts | None = Field(None, description="of the task own: which texts, and their two classes")

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if (self.task == "own") != (self.own is not None):
            raise PydanticCustomError("belong_together", "The task own and the file with its texts belong together")
        return self

    @property
    def labels(self) -> tuple[str, str]:
        """The classes' names, as they are shown; the place is the label."""
        return self.own.labels if self.own else LABEL_WORDS

    @property
    def words(self) -> tuple[str, str]:
        """The two words that T5 answers with."""
        return self.own.words if self.own else LABEL_WORDS

    @property
    def task_key(self) -> str:
        """Tells tasks apart, and own texts from others: "reviews", "lie", "own-1a2b3c4d". Holds no text of a user."""
        return f"own-{self.own.sha256[:8]}" if self.own else self.task


REVIEWS = Learned()


class DataConfig(Learned):
    """Which texts, how many, and how long. Of own texts the sizes are those of their splits."""

    source: Literal["bundled", "hub"] = Field("bundled", description="where the reviews come from")
    train_size: int = Field(4000, ge=2, le=25_000, description="reviews to train on, half of each label")
    validation_size: int = Field(500, ge=2, le=2_000, description="reviews that the best weights are chosen on")
    test_size: int | None = Field(
        None, ge=2, le=25_000, description="reviews of the final test; not given: the whole test split"
    )
    max_length: int = Field(192, ge=16, le=512, multiple_of=16, description="tokens of a review that are read")

    @field_validator("train_size", "validation_size", "test_size")
    @classmethod
    def _half_of_each_label(cls, size: int | None, info: ValidationInfo) -> int | None:
        """A sample of the reviews is balanced; own texts are as they are."""
        if size is not None and size % 2 and info.data.get("task") != "own":
            raise PydanticCustomError("multiple_of", "Input should be a multiple of 2")
        return size
