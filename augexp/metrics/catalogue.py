"""The one table of what an evaluation measures: family, title, direction, unit, bounds, and whether it is judged."""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """How a number is read: times `scale`, with `digits` decimals, in `name`; a difference in `of_difference`."""

    name: str
    of_difference: str
    scale: float
    digits: int

    def value(self, number: float) -> str:
        """Without the unit's name."""
        return f"{self.scale * number:.{self.digits}f}"

    def difference(self, number: float) -> str:
        """Signed, without the unit's name."""
        return f"{self.scale * number:+.{self.digits}f}"


PERCENT = Unit("%", "points", 100, 2)
POINTS = Unit("points", "points", 100, 2)
PLAIN = Unit("", "", 1, 4)
NATS = Unit("", "", 1, 3)


@dataclass(frozen=True)
class Metric:
    """One metric of an evaluation.

    Attributes:
        name: in `evaluation.json`.
        family: one of `FAMILIES`, within which p values are corrected together.
        title: in words, different for every metric.
        unit: that it is shown in.
        higher_is_better: else lower is.
        least: it can't be below.
        most: nor above.
        judged: whether a difference counts as gain or loss; else it is shown only.
        option: with which `augexp evaluate` measures it; empty where it needs none.
    """

    name: str
    family: str
    title: str
    unit: Unit = PERCENT
    higher_is_better: bool = True
    least: float = 0.0
    most: float = 1.0
    judged: bool = True
    option: str = ""

    @property
    def direction(self) -> str:
        """In words."""
        return f"{'higher' if self.higher_is_better else 'lower'} is better"


FAMILIES = {
    "accuracy": "of the test set",
    "calibration": "of the test set",
    "occlusion": "accuracy with 10 to 60 % of every image hidden, mean over areas",
    "corruptions": "accuracy, mean over corruptions and severities",
    "generalisation": "accuracy on clean train images against that on test images",
    "test-time augmentation": "gain of accuracy over the plain score",
    "localisation": "share of images whose object is found",
}
CORRUPTIONS = (
    *("gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "motion_blur"),
    *("contrast", "brightness", "pixelate", "jpeg"),
)

_AFTER = "after temperature scaling"
_ROBUSTNESS, _LOCALISATION = "--robustness", "--localisation"

METRICS = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "accuracy", "accuracy"),
        Metric("top5_accuracy", "accuracy", "top-5 accuracy"),
        # Judged by `decide.metric` and `compare --metric`, with intervals of their own, or not at all.
        Metric("macro_recall", "accuracy", "macro recall", judged=False),
        Metric("worst_class_recall", "accuracy", "worst-class recall", judged=False),
        Metric("ece", "calibration", "calibration error", higher_is_better=False),
        Metric("brier", "calibration", "Brier score", PLAIN, higher_is_better=False, most=2.0),
        Metric("cross_entropy", "calibration", "cross-entropy", NATS, higher_is_better=False, most=math.inf),
        Metric("calibrated_ece", "calibration", f"calibration error {_AFTER}", higher_is_better=False),
        Metric("calibrated_brier", "calibration", f"Brier score {_AFTER}", PLAIN, higher_is_better=False, most=2.0),
        Metric(
            "calibrated_cross_entropy", "calibration", f"cross-entropy {_AFTER}", NATS,
            higher_is_better=False, most=math.inf,
        ),
        Metric("occlusion_centre", "occlusion", "centre occlusion", option=_ROBUSTNESS),
        Metric("occlusion_random", "occlusion", "random occlusion", option=_ROBUSTNESS),
        Metric("corruptions", "corruptions", "corruptions", option=_ROBUSTNESS),
        *(
            Metric(f"corruption_{name}", "corruptions", name.replace("_", " "), judged=False, option=_ROBUSTNESS)
            for name in CORRUPTIONS
        ),
        Metric(
            "generalisation_gap", "generalisation", "generalisation gap", POINTS, higher_is_better=False, least=-1.0
        ),
        Metric("train_accuracy", "generalisation", "train accuracy", judged=False),
        Metric("localisation_known", "localisation", "GT-known localisation", option=_LOCALISATION),
        Metric("localisation_top1", "localisation", "top-1 localisation", option=_LOCALISATION),
    )
}  # fmt: skip

_BEFORE, _GAIN = "tta_", "_gain"


def gain_by(label: str) -> Metric:
    """The gain of accuracy by averaging views: a metric for each `label` that `--tta` and `--draws` give rise to."""
    ops, _, draws = label.rpartition(" x")
    view = f"'{ops}' --draws {draws}" if ops and draws.isdigit() else label
    return Metric(
        f"{_BEFORE}{label}{_GAIN}", "test-time augmentation", f"gain by {label}", POINTS, least=-1.0,
        option=f"--tta {view}",
    )  # fmt: skip


def find(name: str) -> Metric | None:
    """The metric of that name; None where the table lacks it."""
    if name.startswith(_BEFORE) and name.endswith(_GAIN):
        return gain_by(name.removeprefix(_BEFORE).removesuffix(_GAIN))
    return METRICS.get(name)


def known(names: Iterable[str]) -> list[Metric]:
    """The metrics among `names`, each once, ordered by family; what `unknown` gives is passed over."""
    found = [metric for metric in map(find, dict.fromkeys(names)) if metric is not None]
    place = {name: index for index, name in enumerate(METRICS)}
    families = list(FAMILIES)
    return sorted(found, key=lambda one: (families.index(one.family), place.get(one.name, len(place)), one.name))


def unknown(names: Iterable[str]) -> list[str]:
    """The names that the table lacks, each once, in order: of another version of augexp."""
    return sorted({name for name in names if find(name) is None})


def refuse_unknown(names: Iterable[str]) -> None:
    """Nothing is written that no comparison would show.

    Raises:
        ValueError: naming what the table lacks.
    """
    if missing := unknown(names):
        raise ValueError(f"metrics.catalogue.METRICS lacks {', '.join(missing)}: give each a line there")
