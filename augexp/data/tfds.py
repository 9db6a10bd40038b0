"""Data sets of tensorflow-datasets, by name: downloaded and prepared where they have to be, read as image files."""

import contextlib
import io
import logging
import os
import re
import socket
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import numpy as np

from augexp import console
from augexp.config.schema import Data
from augexp.data import digits
from augexp.data.examples import Examples, Listing, Source, SplitName
from augexp.data.roles import Role, assigned
from augexp.errors import UserError, did_you_mean, first_line
from augexp.files import locked

if TYPE_CHECKING:
    import tensorflow as tf


FILE_NAME_FEATURES = ("image/filename", "file_name", "filename")  # as TFDS's builders call it


def takes(_source: str) -> bool:
    """TFDS is asked for every name: it knows best which it has."""
    return True


def is_prepared(data: Data) -> bool:
    """Whether `open_source` has nothing to download. Raises UserError if TFDS knows no such set."""
    return bool(_builder(data).data_path.exists())


def count_classes(data: Data) -> int:
    """Number of classes of a set that may not be downloaded yet. Raises UserError as `open_source` does."""
    info = _builder(data).info
    _, label = _keys(data.source, info)
    return int(info.features[label].num_classes)


def open_source(data: Data) -> Source:
    """The set that `data.source` names, downloaded and prepared first where it has to be.

    Raises:
        UserError: if there is no such set, it can't be had, or it is not image classification.
    """
    builder = _builder(data)
    image, label = _keys(data.source, builder.info)
    if not builder.data_path.exists():
        _prepare(builder)
        builder = _builder(data)
    info = builder.info
    names = _splits(data, list(info.splits))
    splits = {split: _examples(builder, name, image, label) for split, name in names.items()}
    # The sizes tell apart two sets of one version that were prepared from different archives.
    sizes = [f"{name} {split.num_examples} {split.num_bytes}" for name, split in sorted(info.splits.items())]
    # As earlier versions had it, unless there is a split that they didn't use.
    version = " ".join([info.full_name, *sizes, *(["with val"] if "val" in names else [])])
    name = info.full_name.rsplit("/", 1)[0]
    return Source(name, version, tuple(info.features[label].names), splits)


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
        hint = did_you_mean(data.source.split("/")[0].split(":")[0], [*known, digits.NAME])
        hint = _if_a_path(data.source) or hint
        raise UserError(f"data.source: TFDS has no data set {data.source!r}{hint}") from None
    except Exception as error:
        hint = _if_a_path(data.source)
        raise UserError(f"data.source: TFDS can't open {data.source!r}: {_reason(error)}{hint}") from error


def _if_a_path(source: str) -> str:
    """What to write where the name is that of a folder or file."""
    if not Path(source).exists():
        return ""
    what, kind = ("folder", "folder") if Path(source).is_dir() else ("table", "csv")
    return f"; for a {what} of images write data.source={kind}:{source}"


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
        raise _no_data(builder, _reason(error)) from error


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


def _reason(error: Exception) -> str:
    return re.sub(r'^Failed to construct dataset .*?}": ', "", first_line(error).rstrip("."))


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


def _splits(data: Data, names: list[str]) -> dict[SplitName, str]:
    if "train" not in names:
        if len(names) != 1:
            raise UserError(f"{data.source}: no split called train among {', '.join(names) or 'none at all'}")
        return {"all": names[0]}
    found: dict[Role, str] = {"train": "train"}
    if "test" in names:
        found["test"] = "test"
    if "validation" in names:
        found["val"] = "validation"
    if ignored := [name for name in names if name not in found.values()]:
        console.say_once(f"{data.source}: split {', '.join(ignored)} not used")
    return assigned(data, found)


def _examples(builder: Any, split: str, image: str, label: str) -> Examples:
    def read(features: set[str], decoders: dict[str, Any]) -> "tf.data.Dataset":
        import tensorflow_datasets as tfds

        decoding = tfds.decode.PartialDecoding(features, decoders=decoders)
        config = tfds.ReadConfig(add_tfds_id=True, try_autocache=False)
        with _quiet("tensorflow"):  # TFDS calls what TensorFlow has deprecated.
            return builder.as_dataset(split=split, decoders=decoding, read_config=config, shuffle_files=False)

    def listing() -> Listing:
        return _listing(builder.info, split, label, read)

    def encoded() -> "tf.data.Dataset":
        import tensorflow_datasets as tfds

        if builder.info.features[image].dtype == np.float32:  # It keeps their bits in a PNG of four channels.
            return read({image}, {}).map(lambda example: example[image][..., 0]).enumerate()
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


def _listing(
    info: Any, split: str, label: str, read: Callable[[set[str], dict[str, Any]], "tf.data.Dataset"]
) -> Listing:
    import tensorflow as tf

    name = next((key for key in FILE_NAME_FEATURES if key in info.features), "tfds_id")
    try:
        examples = list(read({label, name} - {"tfds_id"}, {}).as_numpy_iterator())
    except tf.errors.OpError as error:
        raise UserError(f"{info.name}: the files of the split {split} are damaged: {_reason(error)}") from error
    ids = [example[name].decode() for example in examples]
    if len(set(ids)) < len(ids):
        ids = [example["tfds_id"].decode() for example in examples]
    labels = np.array([example[label] for example in examples], np.int32)
    if (labels < 0).any():
        raise UserError(f"{info.name}: the split {split} has images without a label")
    return Listing(ids, labels)
