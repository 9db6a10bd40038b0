"""Small sets in TFDS's own format, as `store_as_tfds_dataset` writes them: they name no image and no label."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from augexp.config.schema import Data
from augexp.data import sources
from augexp.data.examples import Source

NAME = "stored"
Rows = Sequence[Mapping[str, Any]]


def store(folder: Path, features: Mapping[str, Any], **splits: Rows) -> None:
    """Writes a set called `stored`; each row is an example."""
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    tfds.dataset_builders.store_as_tfds_dataset(
        name=NAME,
        version="1.0.0",
        features=tfds.features.FeaturesDict(dict(features)),
        split_datasets={name: list(enumerate(rows)) for name, rows in splits.items()},
        data_dir=folder,
        disable_shuffling=True,
    )


def data(folder: Path, **settings: Any) -> Data:
    """The section `data` for it."""
    return Data.model_validate({"source": NAME, "data_dir": str(folder), "image_size": 8, **settings})


def open_stored(folder: Path, **settings: Any) -> Source:
    """The set."""
    return sources.open_source(data(folder, **settings))


def image(level: int, shape: tuple[int, ...] = (8, 8, 3)) -> np.ndarray:
    """An image of one grey level."""
    return np.full(shape, level, np.uint8)
