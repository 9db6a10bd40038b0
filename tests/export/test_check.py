"""How far a file may be from its run, and what is said where it is further."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augexp.errors import UserError
from augexp.export import check
from augexp.export.check import Network
from augexp.export.request import finished
from augexp.metrics.scores import Floats, probabilities
from augexp.network import trained
from augexp.runs import read
from tests.factories import make_run, unseal


@pytest.fixture(scope="module")
def network(trained_run: Path) -> Network:
    opened = trained.load(trained_run, precision="float32")
    return Network(finished(trained_run), opened, trained.splits(opened).val)


@pytest.mark.slow
def test_a_file_that_says_the_same_passes(network: Network) -> None:
    found = check.compare(network, lambda images: probabilities(network.logits(images), 2.0), temperature=2.0)
    assert (found.images, found.converted, found.jpeg) == (256, 0.0, None)
    assert found.stored < 5e-4
    assert found.right == found.was_right == (network.said.argmax(axis=1) == network.part.labels).sum()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda shares: shares + np.float32(0.002),
        lambda shares: shares[:, ::-1],
        lambda shares: shares[:, :5],
        lambda shares: np.full_like(shares, np.nan),
    ],
)
def test_a_file_that_says_something_else_is_refused(network: Network, spoil: Callable[[Floats], Floats]) -> None:
    with pytest.raises(UserError, match=r"not exported: on 256 validation images the probabilities of the file are up"):
        check.compare(network, lambda images: spoil(probabilities(network.logits(images))), temperature=1.0)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda a: a | {"probability": np.roll(a["probability"], 1, axis=1)},
            r"those that it stored .* at most 0\.001 is allowed",
        ),
        (lambda a: a | {"id": np.char.add(a["id"], "x")}, "is of other images than its data holds now"),
        (lambda a: {"id": a["id"]}, "is foreign .*; an export is checked against it: bring back the file"),
    ],
)
def test_predictions_of_something_else_are_found_out(
    network: Network, tmp_path: Path, spoil: Callable[[dict[str, Any]], dict[str, Any]], message: str
) -> None:
    folder = unseal(Path(shutil.copytree(network.run.path, tmp_path / "run")))
    with np.load(folder / "predictions-val.npz") as stored:
        arrays = {name: stored[name] for name in stored}
    np.savez(folder / "predictions-val.npz", **spoil(arrays))

    def compare() -> None:
        other = Network(finished(folder), network.opened, trained.splits(network.opened).val)
        check.compare(other, lambda images: probabilities(network.logits(images)), temperature=1.0)

    with pytest.raises(UserError, match=message):
        compare()


def test_a_temperature_that_is_not_in_the_file_is_found_out(network: Network) -> None:
    with pytest.raises(UserError, match="probabilities of the file"):
        check.compare(network, lambda images: probabilities(network.logits(images)), temperature=2.0)


def test_a_file_that_reads_jpegs_otherwise_is_refused(network: Network) -> None:
    count = len(network.opened.class_names)
    with pytest.raises(UserError, match="of JPEGs that the file reads itself"):
        check.compare_jpeg(network, lambda files: np.full((len(files), count), 1 / count, np.float32), 1.0)


@pytest.mark.parametrize(
    ("device", "precision", "exact"),
    [
        ("CPU, 2 cores", "float32", True),
        ("CPU, 2 cores", "mixed_bfloat16", False),
        ("NVIDIA H100", "float32", False),
        (None, None, False),
    ],
)
def test_more_is_allowed_where_training_was_coarser(
    tmp_path: Path, device: str | None, precision: str | None, exact: bool
) -> None:
    folder = make_run(tmp_path / "run", environment={"device": device, "precision": precision})
    assert check.is_exact(read.load(folder)) is exact
