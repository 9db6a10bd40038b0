"""Event files, read back as TensorBoard reads them."""

from pathlib import Path

import tensorflow as tf

from augexp.train.tensorboard import Events


def read(folder: Path) -> list[tuple[int, str, float]]:
    (path,) = folder.glob("events.out.tfevents.*")
    found = []
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        event = tf.compat.v1.Event.FromString(record)
        for value in event.summary.value:
            assert value.metadata.plugin_data.plugin_name == "scalars"
            found.append((event.step, value.tag, float(tf.make_ndarray(value.tensor))))
    return found


def test_every_number_of_an_epoch_is_an_event(tmp_path: Path) -> None:
    events = Events(tmp_path)
    events.add({"epoch": 1, "phase": "full", "loss": 0.5, "val_accuracy": 0.25})
    events.add({"epoch": 2, "phase": "full", "loss": 0.25, "val_accuracy": 0.5})
    assert read(tmp_path) == [(1, "loss", 0.5), (1, "val_accuracy", 0.25), (2, "loss", 0.25), (2, "val_accuracy", 0.5)]


def test_a_new_file_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    Events(tmp_path).add({"epoch": 1, "loss": 0.5})
    Events(tmp_path).add({"epoch": 1, "loss": 0.75})
    assert read(tmp_path) == [(1, "loss", 0.75)]
