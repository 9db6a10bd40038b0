"""What the files of a run folder hold, checked when it is read: nobody after that asks again whether a value is there.

What a newer version wrote beside is kept; what is missing or of another type makes the file unusable, by name.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from augexp.config.decide import Registered
from augexp.config.schema import Score

MOST = 1e12  # seconds, or images a second: what is beyond is no measurement

Split = Literal["val", "test"]


class BrokenRun(Exception):  # noqa: N818 - it names what was found, not what went wrong here
    """A folder that is no finished, readable run; the message says why."""


def _number_or_nothing(value: object) -> float | None:
    """JSON has no NaN: what was not finite when it was written is null."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is needed")  # noqa: TRY004 - pydantic reads ValueError only
    return value


Number = Annotated[float, BeforeValidator(_no_bool), Field(strict=True, allow_inf_nan=False)]
Share = Annotated[Number, Field(ge=0, le=1)]
Measured = Annotated[Number, Field(ge=0, le=MOST)]
Optional = Annotated[float | None, BeforeValidator(_number_or_nothing)]
Count = Annotated[int, Field(strict=True, ge=1)]


class Record(BaseModel):
    """The content of a file, or of a part of it."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=(), defer_build=True)


class Scores(Record):
    """What weights reach on a split: shares in [0, 1], `cross_entropy` in nats."""

    accuracy: Share
    top5_accuracy: Optional = None
    macro_recall: Optional = None  # None in runs of earlier versions
    worst_class_recall: Optional = None  # likewise
    cross_entropy: Optional = None
    examples: Annotated[int, Field(strict=True)] | None = None

    @property
    def counted(self) -> int | None:
        """How many examples there are, if the file says so."""
        return self.examples if self.examples and self.examples > 0 else None


class Other(Record):
    """What the weights that are not scored reach: those of the best epoch where the last one is scored, or the last."""

    score: Score
    val: Scores
    test: Scores


class Result(Record):
    """`result.json`, written last: a folder without it holds no finished run."""

    epochs: Count
    best_epoch: Count
    validation: Any = None  # "test" where the best epoch was chosen on test
    score: Score = "best"  # whose weights `val` and `test` are of; earlier versions don't say
    val: Scores
    test: Scores
    other: Other | None = None  # None in runs of earlier versions
    seconds: Measured  # of training
    images_per_second: Measured  # median over epochs
    input_images_per_second: Optional = None  # of the input path alone; earlier versions say none of these three
    network_images_per_second: Optional = None  # without the time in which training waited for input
    waiting: Optional = None  # share of that time
    digests: dict[str, str] = {}  # SHA-256 by file: of weights and predictions; earlier versions have none

    @model_validator(mode="after")
    def _best_is_one_of_them(self) -> Self:
        if self.best_epoch > self.epochs:
            raise ValueError("best_epoch")
        return self

    def of(self, split: Split) -> Scores:
        """The scores on a split."""
        return self.val if split == "val" else self.test


class Copied(Record):
    """Equal images across splits: how many there are, and how many were left out of train and val."""

    across: Annotated[int, Field(strict=True)] = 0
    dropped: dict[str, Annotated[int, Field(strict=True)]] = {}


class Environment(Record):
    """`environment.json`: what a run's numbers depend on beside its configuration; None where it doesn't say."""

    versions: dict[str, Any] = {}  # of packages
    command: str | None = None  # that started the run
    backend: str | None = None
    device: str | None = None
    precision: str | None = None
    data_fingerprint: str | None = None
    git_commit: str | None = None  # of augexp's own code, where it runs from a checkout
    code: str | None = None  # digest of that code
    weights: str | None = None  # digest of the file of initial weights
    class_names: tuple[str, ...] | None = None
    decoder: int | None = None  # version of what read the images
    grey: dict[str, tuple[Number, Number]] = {}  # kind of deep grey -> values taken for black and white
    copies: Copied = Copied()  # earlier versions didn't look for any
    train_examples: Annotated[int, Field(strict=True)] | None = None
    study: Registered | None = None


class Status(Record):
    """`status.json`: how a run stands, and why; a killed run still says running."""

    state: str = ""
    reason: str = ""


class Op(Record):
    """An op of a stored configuration, of any version."""

    name: str


class Training(Record):
    """The `train` section of a stored configuration, as far as others go by it."""

    epochs: Count | None = None
    batch_size: Count | None = None


class Configuration(Record):
    """`config.yaml` as any version wrote it: its name, seed, ops and sections; the rest is compared as it stands."""

    name: Annotated[str, Field(strict=True)]
    seed: Annotated[int, Field(strict=True)]
    strategy: list[Op]
    train: Training = Training()


Kind = TypeVar("Kind", bound=Record)


def checked(kind: type[Kind], content: Mapping[str, Any], file: str) -> Kind:
    """The content of a file as a record.

    Raises:
        BrokenRun: naming the first thing that is missing or not what it should be.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise BrokenRun(_reason(kind, error, file)) from None


def _reason(kind: type[Record], error: ValidationError, file: str) -> str:
    place = next(iter(error.errors()))["loc"]
    if kind is Result:
        split = place[0] if place and place[0] in ("val", "test") else None
        return f"{file} has no {f'{split} accuracy' if split else next(iter(place), 'best_epoch')}"
    if kind is Configuration:
        missing = "no name or seed" if place[:1] in (("name",), ("seed",)) else (
            "strategy is no list of ops" if place[:1] == ("strategy",) else f"{'.'.join(map(str, place))} is none"
        )  # fmt: skip
        return f"{file} is not the configuration of a run ({missing})"
    return f"{file}: {'.'.join(map(str, place))} is not what it should be"
