"""Image files: a folder with one folder a class, or single files that belong to no data set."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from augexp import console
from augexp.config.schema import Data
from augexp.data import classnames, layout
from augexp.data.examples import Examples, Source, SplitName, check_splits, listed
from augexp.data.imagefiles import ENDINGS, LeftOut, images_under, subfolders
from augexp.errors import UserError, counted

FOLDER = "folder:"
KNOWN = " ".join(sorted(ending[1:] for ending in ENDINGS))


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
    """The images of a folder with one folder a class, alone or under folders for train, test and val.

    Raises:
        UserError: if there is no such folder, it can't be read, it isn't certain which folder is what, or it holds
            nothing to train a classifier on.
    """
    source = data.source
    root = Path(source.removeprefix(FOLDER).strip()).expanduser()
    if not root.is_dir():
        raise UserError(f"{source}: {'not a folder' if root.exists() else 'no such folder'} ({root.absolute()})")
    try:
        return _read_folder(data, root)
    except OSError as error:
        raise UserError(f"{source}: {error.filename or root} can't be read ({error.strerror})") from error


def _read_folder(data: Data, root: Path) -> Source:
    found = layout.find(data, root)
    folders = {split: subfolders(folder, found.left) for split, folder in found.folders.items()}
    classes = classnames.classes(data.source, _places(found.root, found.folders, folders))
    files = {
        split: {name: images_under(found.folders[split] / name, found.left) for name in names}
        for split, names in folders.items()
    }
    if left := found.left.in_words(found.root):
        console.say_once(f"{data.source}: {left}")
    class_names = tuple(sorted(set(classes.values())))
    _check_files(data.source, class_names, files)
    splits = {split: _folder_examples(found.root, files[split], classes, class_names) for split in files}
    check_splits(data.source, class_names, {split: examples.listing().labels for split, examples in splits.items()})
    name, version = classnames.readable(found.root.absolute().name), _stamp(found.root, files)
    return Source(name, version, class_names, splits, left_out=left)


def _places(root: Path, folders: Mapping[SplitName, Path], names: Mapping[SplitName, list[str]]) -> dict[str, str]:
    """Each name of a class folder with the first place where it is found."""
    places: dict[str, str] = {}
    for split, found in names.items():
        for name in found:
            places.setdefault(name, (folders[split] / name).relative_to(root).as_posix())
    return places


def _check_files(source: str, class_names: tuple[str, ...], files: Mapping[SplitName, dict[str, list[Path]]]) -> None:
    if not any(images for classes in files.values() for images in classes.values()):
        where = f"in its {counted(len(class_names), 'class folder')}" if class_names else "and no class folders"
        raise UserError(f"{source}: no images {where}; {layout.NEEDED}, with images ({KNOWN})")


def _folder_examples(
    root: Path, files: dict[str, list[Path]], classes: Mapping[str, str], class_names: tuple[str, ...]
) -> Examples:
    number = {name: index for index, name in enumerate(class_names)}
    paths = [path for images in files.values() for path in images]
    labels = [number[classes[name]] for name, images in files.items() for _ in images]
    ids = [path.relative_to(root).as_posix() for path in paths]
    return listed(ids, np.array(labels, np.int32), paths)


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Files as given, and the images in folders, however deep, by name.

    Raises:
        UserError: if a path is not there, or a folder holds no image.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            left = LeftOut()
            inside = images_under(path, left)
            if said := left.in_words(path):
                console.say(f"{path}: {said}")
            if not inside:
                raise UserError(f"{path}: no images in this folder ({KNOWN})")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise UserError(f"{path}: no such file or folder")
    return list(dict.fromkeys(found))


def of_files(paths: Sequence[Path]) -> Examples:
    """Image files that belong to no data set: the class of each is unknown, and 0 here."""
    return listed([str(path) for path in paths], np.zeros(len(paths), np.int32), paths)


def _stamp(root: Path, files: Mapping[SplitName, dict[str, list[Path]]]) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for classes in files.values() for images in classes.values() for path in images):
        stat = path.stat()
        digest.update(os.fsencode(f"{path.relative_to(root).as_posix()}\0{stat.st_size}\0{stat.st_mtime_ns}\n"))
    return digest.hexdigest()
