"""Studies with evaluations, as tests of profiles read them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from augexp.compare.groups import load_groups
from augexp.compare.judge import Judgement, judge
from augexp.compare.profiles import Finding, Profiles
from augexp.compare.verdicts import Options
from tests.factories import EXAMPLES, make_evaluation, make_run

EVIL = "<b>[x]\\e[31m"  # as YAML holds it; the name has an escape character
EVIL_SHOWN = "<b>[x]\\x1b[31m"


def run(folder: Path, strategy: str, seed: int, *overrides: str, test_accuracy: float = 0.78) -> Path:
    """A finished run with a folder and a name of its own."""
    path = folder / f"{strategy}-{seed}-{len(list(folder.glob('*')))}"
    return make_run(path, strategy=strategy, seed=seed, test_accuracy=test_accuracy, overrides=overrides)


def evaluated(folder: Path, values: Mapping[str, Mapping[str, Sequence[float]]]) -> list[Path]:
    """Runs by strategy -> metric -> value a seed."""
    return [
        make_evaluation(run(folder, strategy, seed), {name: of_seeds[seed] for name, of_seeds in metrics.items()})
        for strategy, metrics in values.items()
        for seed in range(len(next(iter(metrics.values()))))
    ]


def full_study(folder: Path, names: Sequence[str] = ("none", "cutmix"), seeds: int = 3) -> list[Path]:
    """Runs with every kind of metric, column, line and floor; the groups after the first are all worse calibrated."""
    return [
        _full(_named(run(folder, "none" if index == 0 else "cutmix", seed, *_rate(index)), name), index, seed)
        for index, name in enumerate(names)
        for seed in range(seeds)
    ]


def _named(folder: Path, name: str) -> Path:
    """Past the check that a name of our own has to pass, but one in a foreign folder has not."""
    lines = (folder / "config.yaml").read_text("utf-8").splitlines()
    told = [f'name: "{name}"' if line.startswith("name: ") else line for line in lines]
    (folder / "config.yaml").write_text("\n".join(told) + "\n", "utf-8")
    return folder


def _rate(index: int) -> list[str]:
    return [f"train.learning_rate={0.01 + index / 1024}"] if index > 1 else []


def _full(folder: Path, index: int, seed: int) -> Path:
    wobble = 0.002 * ((3 * index + 7 * seed) % 5)
    spread = np.linspace(-0.1, 0.1, EXAMPLES)
    metrics = {
        "ece": 0.05 + 0.08 * min(index, 1) + wobble,
        "generalisation_gap": -0.01 + wobble,
        "train_accuracy": 0.9,
        "corruption_jpeg": 0.6,
        "corruption_gaussian_noise": 0.5,
    }
    rows = {
        "accuracy": np.arange(EXAMPLES) < 78,
        "brier": 0.4 + wobble + spread,
        "cross_entropy": 1.1 + wobble + spread,
        "occlusion_centre": 0.5 + 0.05 * index + wobble + spread,
        "corruptions": 0.5 + wobble + spread,
        "tta_flip_gain": -0.05 + wobble + spread,
    }
    split = {
        "occlusion": {"areas": [0.1, 0.6], "centre": [0.7, 0.3 + wobble], "random": [0.8, 0.4]},
        "corruptions": {"severities": [1, 5], "accuracy": {"jpeg": [0.7, 0.5], "gaussian_noise": [0.5, 0.3]}},
    }
    return make_evaluation(folder, metrics, rows=rows, split=split, floors={"linear_probe": 0.7})


def judged(paths: Sequence[Path], **options: Any) -> tuple[Judgement, Profiles]:
    """The verdicts, and the profiles beside them."""
    judgement = judge(load_groups(paths), Options(**options))
    return judgement, judgement.profiles


def finding(measured: Profiles, name: str, group: str = "cutmix") -> Finding:
    """The only finding of a group by this metric."""
    (found,) = (
        one
        for profile in measured.families
        for one in profile.findings
        if one.metric.name == name and one.group.label == group
    )
    return found
