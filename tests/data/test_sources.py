"""The registry of sources, and its recipe followed from outside: four functions in a module, one line in `SOURCES`."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from augexp.config import load
from augexp.config.schema import Data
from augexp.data import digits, folder, sources, table, tfds
from augexp.data.examples import Source, listed
from augexp.data.splits import load_splits
from augexp.runs.read import history
from augexp.train import preview
from augexp.train.run import train

STRIPES = "stripes"


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("digits", digits),
        ("folder:photos", folder),
        ("csv:a.csv", table),
        ("stanford_dogs", tfds),
        ("digits/1.0", tfds),
        ("folders", tfds),
    ],
)
def test_each_name_has_its_module(source: str, module: object) -> None:
    assert sources._module(Data(source=source)) is module


def stripes() -> Source:
    """Two classes: bright rows above, and bright columns to the left."""
    images = np.zeros((40, 12, 12), np.uint8)
    images[:20, :6], images[20:, :, :6] = 255, 255
    images[:, -1, -1] = np.arange(40)  # no two alike
    labels = np.repeat(np.arange(2, dtype=np.int32), 20)

    def encoded() -> object:
        import tensorflow as tf

        return tf.data.Dataset.from_tensor_slices([digits._png(image) for image in images]).enumerate()

    ids = [f"{index}" for index in range(40)]
    return Source(STRIPES, "1", ("rows", "columns"), {"all": listed(ids, labels, encoded)})


@pytest.fixture
def with_stripes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe: a module with the four functions, and a line in `SOURCES`."""
    module = SimpleNamespace(
        takes=lambda source: source == STRIPES,
        open_source=lambda _data: stripes(),
        is_prepared=lambda _data: True,
        count_classes=lambda _data: 2,
    )
    monkeypatch.setattr(sources, "SOURCES", (module, *sources.SOURCES))


SMALL = ("data.source=stripes", "data.image_size=12", "train.batch_size=8", "train.epochs=2", "data.validation=0.2")


@pytest.mark.slow
@pytest.mark.usefixtures("with_stripes")
def test_a_source_from_outside_is_decoded_split_and_drawn(tmp_path: Path) -> None:
    experiment = load.experiment("digits.yaml", [*SMALL, "strategy=cutmix", f"data.cache_dir={tmp_path}"])
    splits = load_splits(experiment)
    assert splits.class_names == ("rows", "columns")
    assert [len(part) for part in (splits.train, splits.val, splits.test)] == [26, 6, 8]
    assert sources.count_classes(experiment.data) == 2
    assert len(preview.of(experiment, 4).axes) > 8


@pytest.mark.usefixtures("with_stripes")
@pytest.mark.slow
def test_a_source_from_outside_is_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = (f"data.cache_dir={tmp_path / 'cache'}", f"runs_dir={tmp_path}")
    folder = train(load.experiment("digits.yaml", [*SMALL, *where]))
    assert "data: stripes, 2 classes, train 26, val 6, test 8" in capsys.readouterr().err
    assert len(history(folder)["epoch"]) == 2
