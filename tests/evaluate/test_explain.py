"""Pictures of where runs look: which examples are chosen, and what is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from augexp import files
from augexp.config import load
from augexp.errors import UserError
from augexp.evaluate import explain as explain_runs
from augexp.network import trained
from augexp.train.run import train
from tests.factories import unseal


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> list[Path]:
    runs_dir = tmp_path_factory.mktemp("runs")
    overrides = ["train.epochs=2", "data.train_per_class=40", f"runs_dir={runs_dir}", f"data.cache_dir={cache_dir}"]
    return [train(load.experiment("digits.yaml", [*overrides, f"strategy={name}"])) for name in ("none", "mixup")]


@pytest.mark.slow
def test_a_row_a_run_and_a_column_an_example(folders: list[Path], tmp_path: Path) -> None:
    figure = explain_runs.picture(folders, "val", 4)
    assert len(figure.axes) == 3 * 4
    assert "used by augexp explain" not in (folders[0] / "log.txt").read_text()
    titles = [axes.get_title() for axes in figure.axes]
    assert all(title in set("0123456789") for title in titles[:4])
    assert [figure.axes[i].get_ylabel() for i in (4, 8)] == ["none-seed0", "mixup-seed0"]
    figure.savefig(tmp_path / "explain.png")


@pytest.mark.slow
def test_examples_come_first_of_which_the_runs_say_different_things(folders: list[Path]) -> None:
    opened = [trained.load(folder) for folder in folders]
    part = trained.splits(opened[0]).val
    said = [run.network.model.predict(part.images[part.rows], verbose=0).argmax(axis=1) for run in opened]
    differ = set(np.flatnonzero(said[0] != said[1]).tolist())
    chosen = set(explain_runs._telling(opened, part, 5).tolist())
    assert len(chosen) == 5
    assert chosen <= differ or differ <= chosen
    assert chosen == set(explain_runs._telling(opened, part, 5).tolist())


@pytest.mark.slow
def test_examples_by_their_ids(folders: list[Path]) -> None:
    part = trained.splits(trained.load(folders[0])).val
    figure = explain_runs.picture(folders, "val", 6, part.ids[3:5])
    assert [axes.get_title() for axes in figure.axes[:2]] == [str(label) for label in part.labels[3:5]]
    with pytest.raises(UserError, match="--id nope: no such example in this split"):
        explain_runs.picture(folders, "val", 6, ["nope"])


@pytest.mark.slow
def test_the_use_of_test_is_logged(folders: list[Path]) -> None:
    explain_runs.picture(folders, "test", 1)
    for folder in folders:
        assert (folder / "log.txt").read_text().splitlines()[-1].endswith("test split used by augexp explain")


@pytest.mark.slow
def test_runs_of_other_splits_are_refused(folders: list[Path], tmp_path: Path) -> None:
    other = unseal(Path(shutil.copytree(folders[1], tmp_path / "other")))
    text = (other / "config.yaml").read_text()
    (other / "config.yaml").write_text(text.replace("validation: 0.2", "validation: 0.1"))
    with pytest.raises(UserError, match="split or sized differently"):
        explain_runs.picture([folders[0], other], "val", 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("class_names", [f"c{i}" for i in range(10)], "know different classes"),
        ("data_fingerprint", "0" * 64, "were trained on different data"),
    ],
)
def test_runs_of_different_data_are_refused(
    folders: list[Path], tmp_path: Path, key: str, value: object, message: str
) -> None:
    other = unseal(Path(shutil.copytree(folders[1], tmp_path / "other")))
    told = json.loads((other / "environment.json").read_text())
    files.write_json(other / "environment.json", told | {key: value})
    with pytest.raises(UserError, match=message):
        explain_runs.picture([folders[0], other], "val", 2)
