"""Groups of runs -> differences of their test scores, each with its error, in the unit of accuracy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from augexp.compare import inference
from augexp.compare.inference import Estimate
from augexp.metrics.recall import too_few

Method = Literal["paired", "welch", "mcnemar"]
LEVEL = inference.LEVEL


@dataclass(frozen=True)
class Scores:
    """What the seeds of a group scored on the test set.

    Attributes:
        accuracy: seed -> test accuracy in [0, 1], or another score; the macro recall where there are `classes`.
        correct: seed -> (N,) 1 where right, else 0; seeds without usable predictions are missing.
        examples: N; the fewest of a seed where each has a test set of its own.
        classes: (N,) class of each example, where classes count alike; None where examples do.
        overlap: test images for each train image, where each seed has a test set of its own (`divided`); else 0.
    """

    accuracy: Mapping[int, float]
    correct: Mapping[int, NDArray[np.float32]]
    examples: int
    classes: NDArray[np.int32] | None = None
    overlap: float = 0.0

    @property
    def steps(self) -> int:
        """Equal steps from 0 to 1 in which a score comes: N, or those of the smallest class, the longest there are."""
        if self.classes is None:
            return self.examples
        sizes = np.unique(self.classes, return_counts=True)[1]
        return len(sizes) * int(sizes.min())


@dataclass(frozen=True)
class Contrast:
    """A difference of two groups, in the unit of accuracy.

    Attributes:
        method: by seeds (`paired`, `welch`), or by the test examples of one model each (`mcnemar`).
        difference: group minus baseline.
        interval: 95 %, for seeds and examples like these; where `counts_examples` is false, for seeds like these on
            this test set; for `mcnemar`, for these two models on examples like these.
        seed_interval: 95 %, for other seeds on this very test set; None for `mcnemar`, and with an overlap.
        p_value: two-sided, of the same kind as the interval.
        seeds: how many behind each of the two; of `paired`, the common ones.
        seed_estimate: with the error from the seeds alone; None for `mcnemar`.
        estimate: with that from the finite test set added, where predictions allow it; None for `mcnemar`.
        counts_examples: whether they did.
        gained: examples that only the group's model has right, for `mcnemar`.
        lost: examples that only the baseline's has right.
        examples: in the test set.
        overlap: test images for each train image, where each seed has a test set of its own: the interval is then for
            other images, other splits and other seeds at once. Else 0.
    """

    method: Method
    difference: float
    interval: tuple[float, float]
    p_value: float
    seeds: tuple[int, int]
    examples: int
    seed_interval: tuple[float, float] | None = None
    seed_estimate: Estimate | None = None
    estimate: Estimate | None = None
    counts_examples: bool = True
    gained: int = 0
    lost: int = 0
    overlap: float = 0.0

    @property
    def example_variance(self) -> float:
        """The part of the variance that no further seed makes smaller."""
        if self.estimate is None or self.seed_estimate is None:
            return 0.0
        return self.estimate.variance - self.seed_estimate.variance

    def reversed(self) -> "Contrast":
        """The baseline against the group."""
        return replace(
            self,
            difference=-self.difference,
            interval=_turned(self.interval),
            seed_interval=self.seed_interval and _turned(self.seed_interval),
            seeds=(self.seeds[1], self.seeds[0]),
            seed_estimate=self.seed_estimate and self.seed_estimate.reversed(),
            estimate=self.estimate and self.estimate.reversed(),
            gained=self.lost,
            lost=self.gained,
        )


def _turned(interval: tuple[float, float]) -> tuple[float, float]:
    low, high = interval
    return -high, -low


def contrast(scores: Scores, baseline: Scores) -> Contrast | None:
    """Compares two groups: by the seeds that they share, by all where they share none, with one seed by their models.

    Returns:
        None where nothing can be said: one seed and no predictions, or a single common seed among several; no common
        one where each has a test set of its own; macro recalls of one seed, or of a class with fewer than
        `recall.FEWEST` examples.
    """
    if scores.classes is not None and not _bears_recalls(scores, baseline):
        return None
    if min(len(scores.accuracy), len(baseline.accuracy)) < 2:
        return _of_models(scores, baseline)
    overlap = max(scores.overlap, baseline.overlap)
    seeds = sorted(set(scores.accuracy) & set(baseline.accuracy))
    if len(seeds) == 1 or (overlap and not seeds):
        return None
    is_paired = bool(seeds)
    if is_paired:
        ours, theirs = ([side.accuracy[seed] for seed in seeds] for side in (scores, baseline))
        by_seeds = inference.paired(ours, theirs, min(scores.steps, baseline.steps), overlap)
    else:
        by_seeds = inference.welch([*scores.accuracy.values()], [*baseline.accuracy.values()], scores.steps)
    # The spread over seeds already holds that of the examples where each seed is tested on others.
    variance = 0.0 if overlap else _example_variance(scores, baseline, is_paired=is_paired)
    full = by_seeds if variance is None else inference.with_examples(by_seeds, variance)
    return Contrast(
        method="paired" if is_paired else "welch",
        difference=full.difference,
        interval=inference.interval_of_both(by_seeds, full, LEVEL),
        p_value=inference.p_of_both(by_seeds, full),
        seeds=(len(seeds), len(seeds)) if is_paired else (len(scores.accuracy), len(baseline.accuracy)),
        examples=scores.examples,
        seed_interval=None if overlap else by_seeds.interval(LEVEL),
        seed_estimate=by_seeds,
        estimate=full,
        counts_examples=variance is not None,
        overlap=overlap,
    )


def _bears_recalls(scores: Scores, baseline: Scores) -> bool:
    """Whether there is an interval for a difference of macro recalls."""
    several = min(len(scores.accuracy), len(baseline.accuracy)) > 1
    return several and scores.classes is not None and not len(too_few(scores.classes))


def _example_variance(scores: Scores, baseline: Scores, *, is_paired: bool) -> float | None:
    """From the seeds that have predictions; None where they are too few."""
    ours, theirs = sorted(scores.correct), sorted(baseline.correct)
    if is_paired:
        ours = theirs = sorted(set(ours) & set(theirs))
    if min(len(ours), len(theirs)) < 2:
        return None
    rows = np.stack([scores.correct[seed] for seed in ours]), np.stack([baseline.correct[seed] for seed in theirs])
    if scores.classes is not None:
        return inference.class_variance(*rows, scores.classes, by_seed=is_paired)
    return inference.example_variance(*rows, by_seed=is_paired)


def _of_models(scores: Scores, baseline: Scores) -> Contrast | None:
    """The two models of the first seed that both have, else of the first of each."""
    common = sorted(set(scores.correct) & set(baseline.correct))
    if not scores.correct or not baseline.correct:
        return None
    ours = scores.correct[common[0] if common else min(scores.correct)]
    theirs = baseline.correct[common[0] if common else min(baseline.correct)]
    gained, lost = int((ours > theirs).sum()), int((ours < theirs).sum())
    return Contrast(
        method="mcnemar",
        difference=(gained - lost) / len(ours),
        interval=inference.models_interval(gained, lost, len(ours), LEVEL),
        p_value=inference.mcnemar(gained, lost),
        seeds=(1, 1),
        examples=len(ours),
        gained=gained,
        lost=lost,
    )


def adjusted(numbers: Sequence[Contrast | None]) -> list[float | None]:
    """Holm's p value of each contrast, over all that have one."""
    raised = iter(inference.holm([one.p_value for one in numbers if one is not None]))
    return [None if one is None else float(next(raised)) for one in numbers]
