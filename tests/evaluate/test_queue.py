"""Which runs are opened before their turn."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from augexp.errors import UserError
from augexp.evaluate import queue
from augexp.evaluate.queue import Queue
from augexp.network import trained


@pytest.fixture
def folders(trained_run: Path, tmp_path: Path) -> list[Path]:
    """Three runs of the same images."""
    return [Path(shutil.copytree(trained_run, tmp_path / name)) for name in "abc"]


@pytest.mark.slow
def test_later_runs_of_the_same_images_go_with_the_first_and_are_opened_once(
    folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = trained.load(folders[0])
    later = Queue([*folders, folders[0]])
    monkeypatch.setattr(trained, "load", lambda folder: replace(first, folder=folder))
    assert later.open(folders[0]).folder == folders[0]
    opened = list(later.alike(first))
    assert [run.folder for run in opened] == folders[1:]
    anew = replace(first, weights="anew")
    monkeypatch.setattr(trained, "load", lambda _: anew)
    assert [later.open(folder) for folder in folders[1:]] == opened
    assert later.open(folders[0]) is anew


@pytest.mark.slow
def test_runs_of_other_images_and_broken_ones_are_left_to_their_turn(folders: list[Path]) -> None:
    config = folders[1] / "config.yaml"
    settings = yaml.safe_load(config.read_text())
    (folders[1] / "result.json").unlink()
    config.write_text(yaml.safe_dump(settings | {"data": settings["data"] | {"train_per_class": 50}}))
    (folders[2] / "last.weights.h5").write_bytes(b"none")
    later = Queue(folders)
    assert not list(later.alike(later.open(folders[0])))
    assert later.open(folders[1]).experiment.data.train_per_class == 50
    with pytest.raises(UserError, match=r"last\.weights\.h5"):
        later.open(folders[2])


@pytest.mark.slow
def test_only_so_many_are_open_as_their_weights_have_room(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    first = trained.load(folders[0])
    weights = queue._weights(first)
    monkeypatch.setattr(trained, "load", lambda folder: replace(first, folder=folder))
    for room, others in ((3 * weights, 2), (3 * weights - 1, 1), (weights - 1, 0)):
        monkeypatch.setattr(queue, "MOST_WEIGHTS", room)
        assert len(list(Queue(folders[1:]).alike(first))) == others
