"""The table of metrics: sound, ordered, and at one with what measures them."""

import pytest

from augexp.augment import corruptions
from augexp.evaluate.probes import PROBES
from augexp.metrics import catalogue


def test_titles_are_different_and_families_told() -> None:
    titles = [metric.title for metric in catalogue.METRICS.values()]
    assert len(set(titles)) == len(titles)
    assert {metric.family for metric in catalogue.known([*catalogue.METRICS, "tta_a_gain"])} == set(catalogue.FAMILIES)


def test_known_metrics_are_ordered_by_family_and_others_named() -> None:
    names = ["tta_b_gain", "unknown", "localisation_known", "tta_a_gain", "brier", "ece", "accuracy", "tta_a_accuracy"]
    assert [metric.name for metric in catalogue.known(names)] == [
        *("accuracy", "ece", "brier", "tta_a_gain", "tta_b_gain", "localisation_known"),
    ]
    assert catalogue.unknown([*names, "unknown"]) == ["tta_a_accuracy", "unknown"]
    catalogue.refuse_unknown(["ece", "tta_flip_gain"])
    with pytest.raises(ValueError, match=r"METRICS lacks tta_a_accuracy, unknown: give each a line there"):
        catalogue.refuse_unknown(names)


def test_every_corruption_has_its_line() -> None:
    assert set(catalogue.CORRUPTIONS) == set(corruptions.CORRUPTIONS)


def test_options_are_those_of_probes() -> None:
    options = {metric.option for metric in catalogue.METRICS.values()} - {""}
    assert options <= {f"--{probe.name}" for probe in PROBES}


@pytest.mark.parametrize(
    ("label", "option"), [("flip", "--tta flip"), ("rotate, hue x8", "--tta 'rotate, hue' --draws 8")]
)
def test_a_gain_says_how_it_is_measured(label: str, option: str) -> None:
    metric = catalogue.gain_by(label)
    assert metric.option == option
    assert catalogue.find(metric.name) == metric
