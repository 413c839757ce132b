"""From settings to the runs that a table needs, each with everything its result depends on. No torch here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, TypeAdapter, field_validator

from peft_core.config import RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.files import make_writable, write_atomic, writing
from peft_core.methods.registry import method_of
from peft_core.paths import cache_dir
from peft_core.report.reproduction.planned_rows import ROWS, YARDSTICK_ROWS, check_rows
from peft_core.report.reproduction.yardstick import YardstickConfig
from peft_core.reviews.config import DataConfig
from peft_core.reviews.draws import SHARED_SEED, draw, rows_fingerprint
from peft_core.t5.architecture import catalogue
from peft_core.validated import Frozen, read_json, validated

if TYPE_CHECKING:
    from datasets import Dataset

PLAN = "plan.json"


def _said(kind: type[Frozen], field: str) -> str | None:
    """What a field of the same name says of itself elsewhere."""
    return kind.model_fields[field].description


class Settings(Frozen):
    """What the rows of one table have in common."""

    base: str = Field("tiny-t5", min_length=1, max_length=200)
    source: Literal["bundled", "hub"] = Field("bundled", description=_said(DataConfig, "source"))
    train_size: int = Field(20_000, ge=2, le=25_000, multiple_of=2, description=_said(DataConfig, "train_size"))
    validation_size: int = Field(2_000, ge=2, le=2_000, multiple_of=2, description=_said(DataConfig, "validation_size"))
    test_size: int | None = Field(None, ge=2, le=25_000, multiple_of=2, description=_said(DataConfig, "test_size"))
    max_length: int = Field(320, ge=16, le=512, multiple_of=16, description=_said(DataConfig, "max_length"))
    epochs: int = Field(1, ge=1, le=50, description=_said(TrainConfig, "epochs"))
    evaluations: int = Field(4, ge=1, le=100, description="points of each curve after its start, evenly spaced")
    seeds: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(
        None, min_length=1, description="of every row, as 0,1,2; not given: each row's own"
    )

    @field_validator("seeds")
    @classmethod
    def _each_once(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        return value and tuple(dict.fromkeys(value))

    @property
    def data(self) -> DataConfig:
        names = ("source", "train_size", "validation_size", "test_size", "max_length")
        return DataConfig(**{name: getattr(self, name) for name in names})


def make_settings(values: Mapping[str, Any]) -> Settings:
    """Settings from plain data.

    Raises:
        PeftClassroomError: for a value out of bounds; says which.
    """
    return validated(lambda: Settings.model_validate(values))


class PlannedRun(Frozen):
    """A training run is the same as another one if all of this is."""

    kind: Literal["run"] = "run"
    config: RunConfig
    base_fingerprint: str
    data_fingerprint: str


class PlannedYardstick(Frozen):
    """The same for the yardstick, which has no base model."""

    kind: Literal["yardstick"] = "yardstick"
    config: YardstickConfig
    data_fingerprint: str


Planned = PlannedRun | PlannedYardstick
_PLANNED: TypeAdapter[Planned] = TypeAdapter(Annotated[Planned, Field(discriminator="kind")])


@dataclass(frozen=True)
class Table:
    """`rows`: row name → names of its runs; two rows may share runs. `planned`: run name → run, in order.

    `test_labels`: 0 or 1 for every test review. `shipped`: names of the runs whose checkpoints are published.
    """

    settings: Settings
    base_fingerprint: str
    rows: dict[str, tuple[str, ...]]
    planned: dict[str, Planned]
    shipped: tuple[str, ...]
    test_labels: tuple[int, ...]

    def runs_of(self, rows: Sequence[str] | None) -> list[str]:
        """The runs that these rows need, each once, in the order of the table; None: all of them.

        Raises:
            PeftClassroomError: for a row that does not exist.
        """
        check_rows(rows or ())
        wanted = {run for row, runs in self.rows.items() if rows is None or row in rows for run in runs}
        return [name for name in self.planned if name in wanted]


def make_table(settings: Settings, base_fingerprint: str, splits: Mapping[str, "Dataset"]) -> Table:
    """Every row with its runs. A configuration and seed that an earlier row has is that row's run, not another one.

    Args:
        splits: of `peft_core.reviews.splits.load_splits(settings.source)`.
    """
    fingerprints: dict[tuple[int, int], str] = {}

    def reviews(data: DataConfig, seed: int) -> str:
        key = (data.train_size, seed)
        if key not in fingerprints:
            fingerprints[key] = rows_fingerprint(draw(data, seed, splits))
        return fingerprints[key]

    names: dict[Planned, str] = {}
    rows: dict[str, tuple[str, ...]] = {}
    shipped: list[str] = []
    for row in ROWS:
        runs = []
        for seed in settings.seeds or row.seeds:
            train = TrainConfig(
                epochs=settings.epochs,
                evaluations=settings.evaluations,
                # written down: a later default is another run
                learning_rate=row.learning_rate or method_of(row.method).learning_rate,
                test_curve=True,
                seed=seed,
            )
            config = RunConfig(base=settings.base, method=row.method, data=settings.data, train=train)
            planned = PlannedRun(
                config=config, base_fingerprint=base_fingerprint, data_fingerprint=reviews(config.data, seed)
            )
            name = names.setdefault(planned, row.run_name(seed))
            runs.append(name)
            if seed in row.shipped_seeds and name == row.run_name(seed):
                shipped.append(name)
        rows[row.name] = tuple(runs)
    common = {name: getattr(settings, name) for name in ("source", "validation_size", "test_size")}
    for row in YARDSTICK_ROWS:
        config = YardstickConfig(train_size=row.train_size, **common)
        names[PlannedYardstick(config=config, data_fingerprint=reviews(config.data, config.seed))] = row.name
        rows[row.name] = (row.name,)
    test = draw(settings.data, SHARED_SEED, splits)["test"]["label"][:]
    by_name = {name: planned for planned, name in names.items()}
    return Table(settings, base_fingerprint, rows, by_name, tuple(shipped), tuple(test))


# ---------------------------------------------------------------------------------------------------------------------
# Folders


def default_work(base: str) -> Path:
    """Where the runs on a base model are kept unless another folder is named."""
    return cache_dir() / "reproduce" / (base if base in catalogue() else Path(base).resolve().name)


def read_plan(folder: Path) -> Planned:
    """What is, or is to be, in a folder of a run.

    Raises:
        PeftClassroomError: if it has no readable plan.
    """
    return read_json(folder / PLAN, _PLANNED, "Its folder is no run of a table: remove it.")


def find_folders(work: Path) -> dict[Planned, Path]:
    """Every run that was ever begun in `work`, on whatever base and with whatever settings."""
    found = {}
    for path in sorted(work.glob(f"*/{PLAN}")):
        try:
            found[read_plan(path.parent)] = path.parent
        except PeftClassroomError:  # damaged, or of a version with other settings: never taken up, never overwritten
            continue
    return found


def make_folder(work: Path, name: str, planned: Planned) -> Path:
    """A new folder for a run: called like it, with a number where another run has that name already."""
    make_writable(work)
    number = 1
    while True:
        folder = work / (name if number == 1 else f"{name}.{number}")
        with writing(work):
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
                continue
        write_atomic(folder / PLAN, planned.model_dump_json(indent=1) + "\n")
        return folder
