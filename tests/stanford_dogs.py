"""The three archives of Stanford Dogs in the original layout, small, of drawn images, for TFDS's real builder."""

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from numpy.typing import NDArray
from PIL import Image

CLASSES = 120  # the builder insists
KNOWN = ("Chihuahua", "Japanese_spaniel", "Maltese_dog", "Pekinese", "Shih-Tzu")


@dataclass(frozen=True)
class Photo:
    """A drawn photo under its path below `Images/`."""

    path: str  # n02085620-Chihuahua/n02085620_10074.jpg
    content: bytes


def class_folders() -> list[str]:
    names = [*KNOWN, *(f"breed_{i:03d}" for i in range(len(KNOWN), CLASSES))]
    return [f"n{2085620 + 10 * i:08d}-{name}" for i, name in enumerate(names)]


def install(data_dir: Path, monkeypatch: pytest.MonkeyPatch, *, train: int = 3, test: int = 1, side: int = 40) -> None:
    """Puts the archives where TFDS looks for hand-made downloads of `data_dir`, and makes it expect their checksums.

    Args:
        data_dir: what goes into `data.data_dir`.
        monkeypatch: of the test; only the builder's table of sizes and checksums is replaced.
        train: images a class in the train split.
        test: images a class in the test split.
        side: about the size of an image in pixels.
    """
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download import checksums

    manual = data_dir / "downloads" / "manual"
    write_archives(manual, train=train, test=test, side=side)
    builder = tfds.builder_cls("stanford_dogs")
    urls = {url: checksums.compute_url_info(manual / info.filename) for url, info in builder.url_infos.items()}
    monkeypatch.setattr(builder, "url_infos", urls)


def prepare(data_dir: Path, *, train: int = 3, test: int = 1, side: int = 40) -> None:
    """Runs the builder's own download-and-prepare on the archives; any process can read `data_dir` afterwards."""
    import tensorflow_datasets as tfds

    with pytest.MonkeyPatch.context() as monkeypatch:
        install(data_dir, monkeypatch, train=train, test=test, side=side)
        tfds.disable_progress_bar()
        tfds.builder("stanford_dogs", data_dir=data_dir).download_and_prepare()


def write_archives(folder: Path, *, train: int = 3, test: int = 1, side: int = 40) -> None:
    """Writes `images.tar`, `annotation.tar` and `lists.tar` with `train + test` images in each of the 120 classes."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    photos = [[_photo(rng, name, k, side) for k in range(train + test)] for name in class_folders()]
    everything = [photo for of_class in photos for photo in of_class]
    _tar(folder / "images.tar", {f"Images/{photo.path}": photo.content for photo in everything})
    annotations = {f"Annotation/{photo.path.removesuffix('.jpg')}": _annotation(side) for photo in everything}
    _tar(folder / "annotation.tar", annotations)
    _tar(
        folder / "lists.tar",
        {
            "file_list.mat": _mat(everything),
            "train_list.mat": _mat([photo for of_class in photos for photo in of_class[:train]]),
            "test_list.mat": _mat([photo for of_class in photos for photo in of_class[train:]]),
        },
    )


def _photo(rng: np.random.Generator, name: str, number: int, side: int) -> Photo:
    height, width = rng.integers(side * 3 // 4, side + 1, 2)
    hue = _color(name)
    pixels = np.clip(hue + rng.normal(0, 20, (height, width, 3)), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "jpeg", quality=90)
    return Photo(f"{name}/{name.partition('-')[0]}_{10074 + number}.jpg", file.getvalue())


def _color(name: str) -> NDArray[np.float64]:
    """A color of its own for each class, so that something can be learnt."""
    return np.random.default_rng(list(name.encode())).uniform(30, 225, 3)


def _annotation(side: int) -> bytes:
    return (
        f"<annotation><size><width>{side}</width><height>{side}</height><depth>3</depth></size>"
        "<object><name>dog</name><bndbox><xmin>2</xmin><ymin>3</ymin><xmax>20</xmax><ymax>25</ymax></bndbox></object>"
        "</annotation>"
    ).encode()


def _mat(photos: list[Photo]) -> bytes:
    paths: Any = np.empty((len(photos), 1), object)
    paths[:, 0] = [photo.path for photo in photos]
    file = io.BytesIO()
    scipy.io.savemat(file, {"file_list": paths})  # type: ignore[arg-type]
    return file.getvalue()


def _tar(path: Path, contents: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
