"""The evaluation of one run in words and numbers, for the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from augexp.runs.evaluation import SplitName

ROWS = (  # metric, title, scale, digits
    ("accuracy", "accuracy %", 100, 2),
    ("top5_accuracy", "top-5 %", 100, 2),
    ("cross_entropy", "cross-entropy", 1, 4),
    ("brier", "Brier", 1, 4),
    ("ece", "calibration error %", 100, 2),
)
MOST_PAIRS = 3


def lines(content: Mapping[str, Any], split: SplitName) -> Iterator[str]:
    """What `augexp evaluate` prints of a run; `content` is that of its `evaluation.json`."""
    section = content["splits"][split]
    found = section["metrics"]
    yield f"{split}, {section['examples']:,} images, {section['images_per_second']:,.0f} images/s"
    yield from _scores(section)
    yield (
        f"  clean train accuracy {100 * found['train_accuracy']:.2f} % ({section['train_examples']:,} images): "
        f"{100 * found['generalisation_gap']:+.2f} points above {split}"
    )
    yield from _mistakes(section["most_confused"])
    for label, one in section.get("tta", {}).items():
        yield (
            f"  tta {label}: accuracy {100 * one['scores']['accuracy']:.2f} % ({100 * found[f'tta_{label}_gain']:+.2f} "
            f"points), {one['views']} views, {one['images_per_second']:,.0f} images/s"
        )
    yield from _robustness(section, found)
    if "localisation" in section:
        yield (
            f"  localisation at IoU {section['localisation']['overlap']}: {100 * found['localisation_known']:.2f} % "
            f"with the class known, {100 * found['localisation_top1']:.2f} % with the class that is said"
        )
    for name, floor in section.get("floors", {}).items():
        yield f"  floor, {name.replace('_', ' ')}: accuracy {100 * floor['accuracy']:.2f} %"


def _scores(section: Mapping[str, Any]) -> Iterator[str]:
    found = section["metrics"]
    yield f"  {'':20}{'as trained':>12}{'temperature ' + format(section['temperature'], '.2f'):>18}"
    for name, title, scale, digits in ROWS:
        cooled = found.get(f"calibrated_{name}")
        after = "" if cooled is None else f"{scale * cooled:>18.{digits}f}"
        yield f"  {title:20}{scale * found[name]:>12.{digits}f}{after}"
    if section["temperature_fitted_on"] != "val":
        yield f"  the temperature was fitted on {section['temperature_fitted_on']}: what it gains is optimistic"


def _mistakes(pairs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if pairs:
        told = [f"{pair['true']} taken for {pair['said']} {pair['examples']} x" for pair in pairs[:MOST_PAIRS]]
        yield f"  most confused: {'; '.join(told)}"


def _robustness(section: Mapping[str, Any], found: Mapping[str, float]) -> Iterator[str]:
    if "occlusion" in section:
        areas = section["occlusion"]["areas"]
        yield f"  {'accuracy %, covered:':24}{''.join(f'{area:>7.0%}' for area in areas)}{'mean':>8}"
        for kind in (kind for kind in section["occlusion"] if kind != "areas"):
            yield _row(f"{kind} box", section["occlusion"][kind], found[f"occlusion_{kind}"])
    if "corruptions" in section:
        severities = section["corruptions"]["severities"]
        yield f"  {'accuracy %, severity:':24}{''.join(f'{severity:>7}' for severity in severities)}{'':7}{'mean':>8}"
        for name, accuracies in section["corruptions"]["accuracy"].items():
            yield _row(name.replace("_", " "), accuracies, found[f"corruption_{name}"])
        yield _row("mean corruption accuracy", (), found["corruptions"])


def _row(title: str, accuracies: Sequence[float], mean: float) -> str:
    cells = "".join(f"{100 * accuracy:>7.1f}" for accuracy in accuracies)
    return f"  {title:24}{cells:<42}{100 * mean:>8.2f}"
