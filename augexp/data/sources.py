"""Where examples come from: a TFDS name, an image folder or the embedded digits, each as the bytes of image files.

Every source ends in the same shape, so that decoding, splitting and caching are written once.
"""

import contextlib
import hashlib
import io
import logging
import os
import re
import socket
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlparse

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from augexp import console
from augexp.config import Data
from augexp.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import tensorflow as tf

SplitName = Literal["train", "test", "all"]
Labels = NDArray[np.int32]

FOLDER = "folder:"
DIGITS = "digits"
IMAGE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})

FILE_NAME_FEATURES = ("image/filename", "file_name", "filename")  # as TFDS's builders call it


@dataclass(frozen=True)
class Listing:
    """Who the examples of a split are, in their fixed order."""

    ids: list[str]  # stable and unique
    labels: Labels  # (N,) int32, an index into the class names


@dataclass(frozen=True)
class Examples:
    """One split before decoding."""

    count: int
    listing: Callable[[], Listing]  # may read through the whole split
    encoded: Callable[[], "tf.data.Dataset"]  # (index int64, bytes of an image file), in the order of the listing
    # Where the set has boxes, likewise: (boxes (n, 4) as top, left, bottom, right in shares of the side, bytes).
    boxed: Callable[[], "tf.data.Dataset"] | None = None


@dataclass(frozen=True)
class Source:
    """A data set before decoding: `train` with or without `test`, or `all` where nothing is held out."""

    name: str
    version: str  # changes when the raw content does; cheap
    class_names: tuple[str, ...]
    splits: Mapping[SplitName, Examples]


def open_source(data: Data) -> Source:
    """The data set that `data.source` names; a TFDS set is downloaded and prepared first where it has to be.

    Raises:
        UserError: if there is no such data set, it can't be had, or it is not image classification.
    """
    if data.source == DIGITS:
        return _digits()
    if data.source.startswith(FOLDER):
        return _folder(data.source)
    return _tfds(data)


def is_prepared(data: Data) -> bool:
    """Whether `open_source` has nothing to download.

    Raises:
        UserError: if TFDS knows no such data set.
    """
    if data.source == DIGITS or data.source.startswith(FOLDER):
        return True
    return bool(_builder(data).data_path.exists())


def count_classes(data: Data) -> int:
    """Number of classes of a set that may not be downloaded yet.

    Raises:
        UserError: if TFDS knows no such data set, or it is not image classification.
    """
    if is_prepared(data):
        return len(open_source(data).class_names)
    info = _builder(data).info
    _, label = _keys(data.source, info)
    return int(info.features[label].num_classes)


def check_classes(source: str, class_names: tuple[str, ...], train: Labels, test: Labels | None) -> None:
    """Refuses examples that no classifier can be trained on; labels are (N,) int32.

    Raises:
        UserError: for no images, fewer than two classes, or a class without train images.
    """
    for purpose, labels in (("train", train), ("test", test)):
        if labels is not None and not len(labels):
            raise UserError(f"{source}: there are no images to {purpose} on")
    if len(class_names) < 2:
        raise UserError(f"{source}: at least two classes are needed, found only {class_names[0]}")
    empty = set(range(len(class_names))) - set(train.tolist())
    unknown = sorted(empty & set(test.tolist())) if test is not None else []
    if unknown:
        raise UserError(f"{source}: the test split has classes that train hasn't: {_named(class_names, unknown)}")
    if empty:
        raise UserError(f"{source}: no train images in {_named(class_names, sorted(empty))}")


@contextlib.contextmanager
def locked(path: Path, waiting: str) -> Iterator[None]:
    """Holds a lock file; says `waiting` where another process has it and waits."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        console.say(f"{waiting}; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _named(class_names: tuple[str, ...], indices: list[int]) -> str:
    return ", ".join(class_names[i] for i in indices)


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


# --- TFDS ----------------------------------------------------------------------------------------------------------


def _tfds(data: Data) -> Source:
    builder = _builder(data)
    image, label = _keys(data.source, builder.info)
    if not builder.data_path.exists():
        _prepare(builder)
        builder = _builder(data)
    info = builder.info
    splits = {
        split: _tfds_examples(builder, name, image, label)
        for split, name in _tfds_splits(data.source, list(info.splits)).items()
    }
    # The sizes tell apart two sets of one version that were prepared from different archives.
    sizes = [f"{name} {split.num_examples} {split.num_bytes}" for name, split in sorted(info.splits.items())]
    name = info.full_name.rsplit("/", 1)[0]
    return Source(name, " ".join([info.full_name, *sizes]), tuple(info.features[label].names), splits)


def _builder(data: Data) -> Any:
    """The builder of a set; reads what is prepared and downloads nothing.

    Raises:
        UserError: if TFDS knows no such set, configuration or version.
    """
    import tensorflow_datasets as tfds
    from absl import logging as absl_logging

    absl_logging.set_verbosity(absl_logging.ERROR)
    # As text: a Path would break a gs:// address.
    folder = None if data.data_dir is None else os.path.expanduser(data.data_dir)  # noqa: PTH111
    try:
        return tfds.builder(data.source, data_dir=folder)
    except tfds.core.DatasetNotFoundError:
        known = tfds.list_builders(with_community_datasets=False)
        hint = did_you_mean(data.source.split("/")[0].split(":")[0], [*known, DIGITS])
        if Path(data.source).exists():
            hint = f"; for a folder of images write data.source=folder:{data.source}"
        raise UserError(f"data.source: TFDS has no data set {data.source!r}{hint}") from None
    except Exception as error:
        raise UserError(f"data.source: TFDS can't open {data.source!r}: {_first_line(error)}") from error


def _prepare(builder: Any) -> None:
    """Downloads a set and writes it in TFDS's own format, with TFDS's own progress bars on a terminal.

    Raises:
        UserError: if that fails, whatever the reason.
    """
    import tensorflow_datasets as tfds

    _check_network(builder)
    console.say(f"{builder.info.full_name}: downloading and preparing into {builder.data_path}")
    if not console.err.is_terminal:
        tfds.disable_progress_bar()
    try:
        root = Path(builder.data_dir_root)
        root.mkdir(parents=True, exist_ok=True)
        with locked(root / f".{builder.name}.augexp.lock", f"another process is preparing {builder.name}"):
            _download_and_prepare(builder)
    except Exception as error:
        raise _no_data(builder, _first_line(error)) from error


def _download_and_prepare(builder: Any) -> None:
    # TFDS prints to stdout, which is for results, and urllib3 warns of every new attempt.
    with contextlib.redirect_stdout(io.StringIO()), _quiet("urllib3"):
        builder.download_and_prepare()


def _check_network(builder: Any) -> None:
    """Fails at once where TFDS would try again for minutes: no name is resolved and nothing was downloaded before."""
    downloads = Path(builder.data_dir_root) / "downloads"
    if any(path.is_file() for path in downloads.rglob("*")) or urllib.request.getproxies():
        return
    for url in list(builder.url_infos or ())[:1]:
        host = urlparse(url).hostname
        try:
            socket.getaddrinfo(host, None)
        except OSError as error:
            raise _no_data(builder, f"{url}: {host} can't be reached ({error.strerror or error})") from error


def _no_data(builder: Any, reason: str) -> UserError:
    archives = [info.filename for info in (builder.url_infos or {}).values() if info.filename]
    by_hand = f"put {', '.join(archives)} into {builder.data_dir_root}/downloads/manual, " if archives else ""
    return UserError(
        f"{builder.name}: TFDS can't download and prepare the data set: {reason}. What helps: {by_hand}"
        "set data.data_dir= to a folder where TFDS has prepared it, or use images of your own with "
        "data.source=folder:PATH"
    )


def _first_line(error: Exception) -> str:
    line = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return re.sub(r'^Failed to construct dataset .*?}": ', "", line)


@contextlib.contextmanager
def _quiet(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _keys(source: str, info: Any) -> tuple[str, str]:
    """The names of the image and the label among a set's features."""
    import tensorflow_datasets as tfds

    keys = info.supervised_keys
    if keys is not None and len(keys) == 2 and all(isinstance(key, str) for key in keys):
        image, label = keys
        is_image = isinstance(info.features[image], tfds.features.Image)
        if is_image and isinstance(info.features[label], tfds.features.ClassLabel):
            return image, label
    raise UserError(f"{source}: no image classification set: an image and a class label are needed, TFDS gives {keys}")


def _tfds_splits(source: str, names: list[str]) -> dict[SplitName, str]:
    if "train" not in names:
        if len(names) != 1:
            raise UserError(f"{source}: no split called train among {', '.join(names) or 'none at all'}")
        return {"all": names[0]}
    held_out = next((name for name in ("test", "validation") if name in names), None)
    ignored = [name for name in names if name not in ("train", held_out)]
    if ignored:
        console.say(f"{source}: split {', '.join(ignored)} not used")
    return {"all": "train"} if held_out is None else {"train": "train", "test": held_out}


def _tfds_examples(builder: Any, split: str, image: str, label: str) -> Examples:
    def read(features: set[str], decoders: dict[str, Any]) -> "tf.data.Dataset":
        import tensorflow_datasets as tfds

        decoding = tfds.decode.PartialDecoding(features, decoders=decoders)
        config = tfds.ReadConfig(add_tfds_id=True, try_autocache=False)
        with _quiet("tensorflow"):  # TFDS calls what TensorFlow has deprecated.
            return builder.as_dataset(split=split, decoders=decoding, read_config=config, shuffle_files=False)

    def listing() -> Listing:
        return _tfds_listing(builder.info, split, label, read)

    def encoded() -> "tf.data.Dataset":
        import tensorflow_datasets as tfds

        return read({image}, {image: tfds.decode.SkipDecoding()}).map(lambda example: example[image]).enumerate()

    objects, box = _box_keys(builder.info.features)

    def boxed() -> "tf.data.Dataset":
        import tensorflow_datasets as tfds

        found = read({image, objects}, {image: tfds.decode.SkipDecoding()})
        return found.map(lambda example: (example[objects][box], example[image]))

    return Examples(builder.info.splits[split].num_examples, listing, encoded, boxed if box else None)


def _box_keys(features: Any) -> tuple[str, str]:
    """Where a set keeps boxes around objects: the names of the sequence, and of the box in it; empty if it has none."""
    import tensorflow_datasets as tfds

    for name, feature in features.items():
        inner = getattr(feature, "feature", None) if isinstance(feature, tfds.features.Sequence) else None
        for inner_name, box in (inner or {}).items() if isinstance(inner, tfds.features.FeaturesDict) else ():
            if isinstance(box, tfds.features.BBoxFeature):
                return name, inner_name
    return "", ""


def _tfds_listing(
    info: Any, split: str, label: str, read: Callable[[set[str], dict[str, Any]], "tf.data.Dataset"]
) -> Listing:
    import tensorflow as tf

    name = next((key for key in FILE_NAME_FEATURES if key in info.features), "tfds_id")
    try:
        examples = list(read({label, name} - {"tfds_id"}, {}).as_numpy_iterator())
    except tf.errors.OpError as error:
        raise UserError(f"{info.name}: the files of the split {split} are damaged: {_first_line(error)}") from error
    ids = [example[name].decode() for example in examples]
    if len(set(ids)) < len(ids):
        ids = [example["tfds_id"].decode() for example in examples]
    labels = np.array([example[label] for example in examples], np.int32)
    if (labels < 0).any():
        raise UserError(f"{info.name}: the split {split} has images without a label")
    return Listing(ids, labels)
