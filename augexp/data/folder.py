"""Image files: a folder with one folder a class, or single files that belong to no data set."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from augexp import console
from augexp.config.schema import Data
from augexp.data.examples import Examples, Source, SplitName, check_classes, listed
from augexp.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf


FOLDER = "folder:"
IMAGE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})


def takes(source: str) -> bool:
    """Whether `data.source` is `folder:PATH`."""
    return source.startswith(FOLDER)


def is_prepared(_data: Data) -> bool:
    """A folder is there, or it isn't: nothing is downloaded."""
    return True


def count_classes(data: Data) -> int:
    """How many class folders there are. Raises UserError as `open_source` does."""
    return len(open_source(data).class_names)


def open_source(data: Data) -> Source:
    """The images of a folder with one folder a class, alone or under train/ and test/ (or val/).

    Raises:
        UserError: if there is no such folder, it can't be read, or it holds nothing to train a classifier on.
    """
    source = data.source
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
    return listed(ids, np.array(labels, np.int32), lambda: _contents(paths))


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
    return listed([str(path) for path in paths], np.zeros(len(paths), np.int32), lambda: _contents(paths))


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
