"""How a study decides: what is registered before its first run, and lies in every run folder of it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from augexp.config.ops import Float
from augexp.config.schema import Count, Experiment, Score, Section
from augexp.config.settings import FREE_KEYS, UNSAID, UNSET, flatten

JudgedBy = Literal["accuracy", "macro_recall"]  # the test score that verdicts are about
LOOKS = (3, 5, 8, 12)
ERROR = 0.05  # the constants of `compare.critical` are for no other


def check_metric(value: object) -> object:
    """Refuses by its name a score that no interval is known for.

    Raises:
        PydanticCustomError: saying why.
    """
    if value == "worst_class_recall":
        raise PydanticCustomError(
            "expected",
            "the lowest of several recalls has no interval that is right in 95 %: chance decides which class is "
            "lowest; choose macro_recall, which weighs every class alike",
        )
    return value


class Decide(Section):
    """The section `decide` of a study.

    Attributes:
        baseline: the strategy that the winner must beat, by its name.
        looks: seeds of each strategy at each look, rising, from 2 on.
        margin: in points of the metric; smaller differences don't matter.
        error: chance that any interval of the study is wrong; 0.05 is all there is.
        score: `train.score` of every run; None: whatever the configuration says. A study that is registered has the
            one that all its runs have.
        metric: of the test set, that every interval and word is about.
    """

    baseline: Annotated[str, Field(strict=True)] = "none"
    looks: tuple[Count, ...] = LOOKS
    margin: Annotated[Float, Field(gt=0, le=100)] = 0.5
    error: Float = ERROR
    score: Score | None = None
    metric: JudgedBy = "accuracy"

    @field_validator("looks")
    @classmethod
    def _rise(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or value[0] < 2 or any(later <= earlier for earlier, later in pairwise(value)):
            raise PydanticCustomError("expected", "seeds that rise from 2 or more are needed, such as [3, 5, 8, 12]")
        return value

    @field_validator("metric", mode="before")
    @classmethod
    def _has_an_interval(cls, value: object) -> object:
        return check_metric(value)

    @field_validator("error")
    @classmethod
    def _is_the_one(cls, value: float) -> float:
        if value != ERROR:
            raise PydanticCustomError("expected", "{error} is needed, the only error there is", {"error": ERROR})
        return value


class Registered(Section):
    """A study as it was decided beforehand.

    Attributes:
        decide: its section.
        strategies: names of the candidates, the baseline among them; runs of the study bear them.
        seeds: in the order in which they are trained.
        varied: settings beside strategy and seed in which candidates differ because the study says so.
        hash: of all that decides its runs; another plan is another study.
    """

    decide: Decide
    strategies: tuple[str, ...]
    seeds: tuple[int, ...]
    varied: tuple[str, ...] = ()
    hash: str


def register(
    decide: Decide, candidates: Mapping[str, Experiment], seeds: Sequence[int], varied: Sequence[str]
) -> Registered:
    """The study of some candidates by name, each at any seed; `varied`: the settings of its grid."""
    # Left out where it is what studies were about before they could say so: their hashes stay what they were.
    unsaid = {"metric"} if decide.metric == "accuracy" else set()
    content = [
        decide.model_dump(mode="json", exclude=unsaid),
        list(seeds),
        {name: _deciding(experiment) for name, experiment in candidates.items()},
    ]
    text = json.dumps(content, sort_keys=True)
    return Registered(
        decide=decide,
        strategies=tuple(candidates),
        seeds=tuple(seeds),
        varied=tuple(varied),
        hash=hashlib.sha256(text.encode()).hexdigest()[:16],
    )


def _deciding(experiment: Experiment) -> dict[str, Any]:
    flat = flatten(experiment.model_dump(mode="json"))
    return {key: value for key, value in flat.items() if key not in FREE_KEYS and UNSAID.get(key, UNSET) != value}
