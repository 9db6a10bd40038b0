"""The table of what an evaluation measures: axis, title, direction, unit, bounds, and what strategies are judged by."""

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


TTA = "tta_"  # then the views, then _gain


PERCENT = Unit("%", "points", 100, 2)


POINTS = Unit("points", "points", 100, 2)


PLAIN = Unit("", "", 1, 4)


NATS = Unit("", "", 1, 3)


@dataclass(frozen=True)
class Metric:
    """One metric of an evaluation.

    Attributes:
        name: in `evaluation.json`.
        axis: the family that it is judged in.
        title: in words, different for every judged measure.
        unit: that it is shown in.
        higher_is_better: else lower is.
        least: it can't be below.
        most: nor above.
        judged: whether a difference counts as gain or loss; else it is shown only.
    """

    name: str
    axis: str
    title: str
    unit: Unit = PERCENT
    higher_is_better: bool = True
    least: float = 0.0
    most: float = 1.0
    judged: bool = True

    @property
    def option(self) -> str:
        """What makes `augexp evaluate` measure it; empty where that needs nothing."""
        if self.name.startswith(TTA):
            ops, _, draws = _label(self.name).rpartition(" x")
            view = f"'{ops}' --draws {draws}" if ops and draws.isdigit() else _label(self.name)
            return f"--tta {view}"
        return _OPTIONS.get(self.axis, "")

    @property
    def direction(self) -> str:
        """In words."""
        return f"{'higher' if self.higher_is_better else 'lower'} is better"


AXES = {
    "accuracy": "of the test set",
    "calibration": "of the test set",
    "occlusion": "accuracy with 10 to 60 % of every image hidden, mean over areas",
    "corruptions": "accuracy, mean over corruptions and severities",
    "generalisation": "accuracy on clean train images against that on test images",
    "test-time augmentation": "gain of accuracy over the plain score",
    "localisation": "share of images whose object is found",
}


_OPTIONS = {"occlusion": "--robustness", "corruptions": "--robustness", "localisation": "--localisation"}


_AFTER = "after temperature scaling"


_TABLE = (
    Metric("accuracy", "accuracy", "accuracy"),
    Metric("top5_accuracy", "accuracy", "top-5 accuracy"),
    Metric("ece", "calibration", "calibration error", higher_is_better=False),
    Metric("brier", "calibration", "Brier score", PLAIN, higher_is_better=False, most=2.0),
    Metric("cross_entropy", "calibration", "cross-entropy", NATS, higher_is_better=False, most=math.inf),
    Metric("calibrated_ece", "calibration", f"calibration error {_AFTER}", higher_is_better=False),
    Metric("calibrated_brier", "calibration", f"Brier score {_AFTER}", PLAIN, higher_is_better=False, most=2.0),
    Metric(
        "calibrated_cross_entropy", "calibration", f"cross-entropy {_AFTER}", NATS,
        higher_is_better=False, most=math.inf,
    ),
    Metric("occlusion_centre", "occlusion", "centre occlusion"),
    Metric("occlusion_random", "occlusion", "random occlusion"),
    Metric("corruptions", "corruptions", "corruptions"),
    *(
        Metric(f"corruption_{name}", "corruptions", name.replace("_", " "), judged=False)
        for name in (
            *("gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "motion_blur"),
            *("contrast", "brightness", "pixelate", "jpeg"),
        )
    ),
    Metric("generalisation_gap", "generalisation", "generalisation gap", POINTS, higher_is_better=False, least=-1.0),
    Metric("train_accuracy", "generalisation", "train accuracy", judged=False),
    Metric("localisation_known", "localisation", "GT-known localisation"),
    Metric("localisation_top1", "localisation", "top-1 localisation"),
)  # fmt: skip


BY_NAME = {measure.name: measure for measure in _TABLE}


def known(names: Iterable[str]) -> list[Metric]:
    """The measures among `names`, each once, ordered by axis; names that the table lacks are passed over."""
    found = [measure for measure in map(_measure, dict.fromkeys(names)) if measure is not None]
    place = {name: index for index, name in enumerate(BY_NAME)}
    axes = list(AXES)
    return sorted(found, key=lambda one: (axes.index(one.axis), place.get(one.name, len(place)), one.name))


def _measure(name: str) -> Metric | None:
    if name.startswith(TTA) and name.endswith("_gain"):
        return Metric(name, "test-time augmentation", f"gain by {_label(name)}", POINTS, least=-1.0)
    return BY_NAME.get(name)


def _label(name: str) -> str:
    """The views of a gain by test-time augmentation."""
    return name.removeprefix(TTA).removesuffix("_gain")
