"""Where examples come from: a TFDS name, an image folder or the embedded digits, each as the bytes of image files.

Every source ends in the same shape, so that decoding, splitting and caching are written once.
"""

import hashlib
import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from augexp import console
from augexp.config.schema import Data
from augexp.data import tfds_sets
from augexp.data.examples import DIGITS, Examples, Labels, Listing, Source, SplitName, check_classes
from augexp.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

FOLDER = "folder:"
IMAGE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})


def open_source(data: Data) -> Source:
    """The data set that `data.source` names; a TFDS set is downloaded and prepared first where it has to be.

    Raises:
        UserError: if there is no such data set, it can't be had, or it is not image classification.
    """
    if data.source == DIGITS:
        return _digits()
    if data.source.startswith(FOLDER):
        return _folder(data.source)
    return tfds_sets.open_set(data)


def is_prepared(data: Data) -> bool:
    """Whether `open_source` has nothing to download.

    Raises:
        UserError: if TFDS knows no such data set.
    """
    if data.source == DIGITS or data.source.startswith(FOLDER):
        return True
    return tfds_sets.is_prepared(data)


def count_classes(data: Data) -> int:
    """Number of classes of a set that may not be downloaded yet.

    Raises:
        UserError: if TFDS knows no such data set, or it is not image classification.
    """
    if is_prepared(data):
        return len(open_source(data).class_names)
    return tfds_sets.count_classes(data)


def _listed(ids: list[str], labels: Labels, encoded: Callable[[], "tf.data.Dataset"]) -> Examples:
    listing = Listing(ids, labels)
    return Examples(len(ids), lambda: listing, encoded)


# --- digits --------------------------------------------------------------------------------------------------------


def _digits() -> Source:
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    ids = [f"{i:04d}" for i in range(len(pixels))]

    def encoded() -> "tf.data.Dataset":
        import tensorflow as tf

        return tf.data.Dataset.from_tensor_slices([_png(image) for image in pixels]).enumerate()

    examples = _listed(ids, digits.target.astype(np.int32), encoded)
    return Source(DIGITS, "8x8", tuple(str(digit) for digit in range(10)), {"all": examples})


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


# --- folder --------------------------------------------------------------------------------------------------------


def _folder(source: str) -> Source:
    root = Path(source.removeprefix(FOLDER).strip()).expanduser()
    if not root.is_dir():
        raise UserError(f"{source}: {'not a folder' if root.exists() else 'no such folder'} ({root.absolute()})")
    try:
        return _read_folder(source, root)
    except OSError as error:
        raise UserError(f"{source}: {error.filename or root} can't be read ({error.strerror})") from error


def _read_folder(source: str, root: Path) -> Source:
    split_folders = _split_folders(source, root)
    class_names = tuple(sorted({name for folder in split_folders.values() for name in _subfolders(folder)}))
    files = {split: _image_files(folder) for split, folder in split_folders.items()}
    _check_files(source, class_names, files)
    splits = {split: _folder_examples(root, files[split], class_names) for split in files}
    _check_folder_classes(source, class_names, splits)
    return Source(root.absolute().name, _stamp(root, files), class_names, splits)


def _subfolders(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _split_folders(source: str, root: Path) -> dict[SplitName, Path]:
    found = _subfolders(root)
    if "train" not in found:
        if found and set(found) <= {"test", "val"}:
            raise UserError(f"{source}: there is {found[0]}/ but no train/")
        if found and {name.lower() for name in found} <= {"train", "test", "val", "valid", "validation"}:
            raise UserError(f"{source}: {', '.join(found)}: call the folders train and test (or val), in lower case")
        return {"all": root}
    held_out = next((name for name in ("test", "val") if name in found), None)
    ignored = [f"{name}/" for name in found if name not in ("train", held_out)]
    if ignored:
        used = f"train/ and {held_out}/ are" if held_out else "train/ is"
        console.say(f"{source}: {', '.join(ignored)} not used; {used}")
    if held_out is None:
        return {"all": root / "train"}
    return {"train": root / "train", "test": root / held_out}


def _image_files(folder: Path) -> dict[str, list[Path]]:
    """Class name -> its images, however deep, sorted; other files are counted and left."""
    images: dict[str, list[Path]] = {}
    ignored = 0
    for name in _subfolders(folder):
        walked = os.walk(folder / name, onerror=_raise)
        files = [Path(place, file) for place, _, files in walked for file in files]
        # A pipe named like an image would be waited for, and a broken link can't be read.
        images[name] = sorted(file for file in files if is_image(file) and file.is_file())
        ignored += len(files) - len(images[name])
    if ignored:
        console.say(f"{folder}: {ignored:,} files that are no images are left out")
    return images


def _raise(error: OSError) -> None:
    raise error


def is_image(file: Path) -> bool:
    """Whether a file is called as images are."""
    return file.suffix.lower() in IMAGE_ENDINGS and not file.name.startswith(".")


def _check_files(source: str, class_names: tuple[str, ...], files: Mapping[SplitName, dict[str, list[Path]]]) -> None:
    if not any(images for classes in files.values() for images in classes.values()):
        endings = " ".join(sorted(ending[1:] for ending in IMAGE_ENDINGS))
        where = f"in its {len(class_names)} class folders" if class_names else "and no class folders"
        raise UserError(
            f"{source}: no images {where}; one folder a class is needed (under train/ and test/, or alone), "
            f"with images ({endings})"
        )


def _check_folder_classes(source: str, class_names: tuple[str, ...], splits: Mapping[SplitName, Examples]) -> None:
    labels = {split: examples.listing().labels for split, examples in splits.items()}
    train = labels["train"] if "train" in labels else labels["all"]
    check_classes(source, class_names, train, labels.get("test"))


def _folder_examples(root: Path, files: dict[str, list[Path]], class_names: tuple[str, ...]) -> Examples:
    paths = [path for images in files.values() for path in images]
    labels = [class_names.index(name) for name, images in files.items() for _ in images]
    ids = [path.relative_to(root).as_posix() for path in paths]
    return _listed(ids, np.array(labels, np.int32), lambda: _contents(paths))


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Files as given, and the images in folders, however deep, by name.

    Raises:
        UserError: if a path is not there, or a folder holds no image.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if is_image(file) and file.is_file())
            if not inside:
                endings = " ".join(sorted(ending[1:] for ending in IMAGE_ENDINGS))
                raise UserError(f"{path}: no images in this folder ({endings})")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise UserError(f"{path}: no such file or folder")
    return list(dict.fromkeys(found))


def of_files(paths: Sequence[Path]) -> Examples:
    """Image files that belong to no data set: the class of each is unknown, and 0 here."""
    return _listed([str(path) for path in paths], np.zeros(len(paths), np.int32), lambda: _contents(paths))


def _contents(paths: Sequence[Path]) -> "tf.data.Dataset":
    import tensorflow as tf

    names = tf.data.Dataset.from_tensor_slices(np.array([os.fsencode(path) for path in paths], object))
    return names.enumerate().map(
        lambda index, name: (index, tf.io.read_file(name)), num_parallel_calls=tf.data.AUTOTUNE
    )


def _stamp(root: Path, files: Mapping[SplitName, dict[str, list[Path]]]) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for classes in files.values() for images in classes.values() for path in images):
        stat = path.stat()
        digest.update(os.fsencode(f"{path.relative_to(root).as_posix()}\0{stat.st_size}\0{stat.st_mtime_ns}\n"))
    return digest.hexdigest()
