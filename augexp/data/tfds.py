"""Data sets of tensorflow-datasets, by name: downloaded and prepared where they have to be, read as image files."""

import contextlib
import io
import os
import re
import socket
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from augexp import console
from augexp.config.schema import Data
from augexp.data import digits
from augexp.data.examples import Source, SplitName
from augexp.data.roles import Role, assigned, role
from augexp.data.tfds_features import Keys, described, keys, label_kind
from augexp.data.tfds_reading import Labels, Reading, has_labels, quiet
from augexp.errors import UserError, closest, did_you_mean, first_line
from augexp.files import locked

NAMESPACES = "AUGEXP_TFDS_NAMESPACES"  # environment variable: those whose code may be run, with commas
PLAIN: Mapping[Role, str] = {"train": "train", "test": "test", "val": "validation"}  # as TFDS calls them


def takes(_source: str) -> bool:
    """TFDS is asked for every name: it knows best which it has."""
    return True


def is_prepared(data: Data) -> bool:
    """Whether `open_source` has nothing to download. Raises UserError if TFDS knows no such set."""
    return bool(_builder(data).data_path.exists())


def count_classes(data: Data) -> int:
    """Number of classes of a set that may not be downloaded yet. Raises UserError as `open_source` does."""
    info = _builder(data).info
    label = info.features[_keys(data, info).label]
    if label_kind(label) != "class":
        raise UserError(
            f"{data.source}: its labels are {described(label)}, so that its classes are known once it is downloaded: "
            "train, without --dry-run"
        )
    return int(label.num_classes)


def open_source(data: Data) -> Source:
    """The set that `data.source` names, downloaded and prepared first where it has to be.

    Raises:
        UserError: if there is no such set, it can't be had, or it is not image classification.
    """
    builder = _builder(data)
    keys = _keys(data, builder.info)
    if not builder.data_path.exists():
        _prepare(builder)
        builder = _builder(data)
    info = builder.info
    names = _splits(data, _labelled(builder, list(info.splits), keys.label))
    labels = Labels(builder, list(names.values()), keys.label)
    reading = Reading(builder, keys, list(names.values()))
    splits = {split: reading.examples(name, labels) for split, name in names.items()}
    # The sizes tell apart two sets of one version that were prepared from different archives.
    sizes = [f"{name} {split.num_examples} {split.num_bytes}" for name, split in sorted(info.splits.items())]
    # As earlier versions had it, unless there is a split that they didn't use, or other features are read.
    others = [name for name in names.values() if name not in PLAIN.values() and len(names) > 1]
    added = [*(["with val"] if "val" in names else []), *others, *([] if keys == info.supervised_keys else keys)]
    version = " ".join([info.full_name, *sizes, *added])
    name = info.full_name.rsplit("/", 1)[0]
    return Source(name, version, labels.class_names, splits)


def _keys(data: Data, info: Any) -> Keys:
    return keys(data, info.features, info.supervised_keys)


def _builder(data: Data) -> Any:
    """The builder of a set; reads what is prepared and downloads nothing.

    Raises:
        UserError: if TFDS knows no such set, configuration or version, or would fetch foreign code for it.
    """
    _refuse_namespace(data.source)
    import tensorflow_datasets as tfds
    from absl import logging as absl_logging

    absl_logging.set_verbosity(absl_logging.ERROR)
    # As text: a Path would break a gs:// address.
    folder = None if data.data_dir is None else os.path.expanduser(data.data_dir)  # noqa: PTH111
    try:
        return tfds.builder(data.source, data_dir=folder)
    except tfds.core.DatasetNotFoundError:
        known = tfds.list_builders(with_community_datasets=False)
        hint = _if_a_path(data.source) or _if_like(data.source.split("/")[0].split(":")[0], [*known, digits.NAME])
        raise UserError(f"data.source: TFDS has no data set {data.source!r}{hint}") from None
    except Exception as error:
        hint = _if_a_path(data.source)
        raise UserError(f"data.source: TFDS can't open {data.source!r}: {_reason(error)}{hint}") from error


def _refuse_namespace(source: str) -> None:
    """Raises UserError if TFDS would fetch code from elsewhere and run it, and nobody has asked for that.

    A configuration, which may be somebody else's, can't ask: the environment of the process does.
    """
    found = re.match(r"([^:/]+):(?!\d|\*)", source)  # what follows a name and begins with a digit is its version
    if found is None or found[1] in os.environ.get(NAMESPACES, "").split(","):
        return
    raise UserError(
        f"data.source: {source!r} is of the namespace {found[1]}: TFDS fetches code for it and runs it; if you trust "
        f"whoever keeps it, set {NAMESPACES}={found[1]} in the environment, or download the images and use "
        "data.source=folder:PATH"
    )


def _if_a_path(source: str) -> str:
    """What to write where the name is that of a folder or file."""
    if not Path(source).exists():
        return ""
    what, kind = ("folder", "folder") if Path(source).is_dir() else ("table", "csv")
    return f"; for a {what} of images write data.source={kind}:{source}"


def _if_like(name: str, known: list[str]) -> str:
    """What may have been meant: a set, or a folder here."""
    folders = []
    with contextlib.suppress(OSError):
        folders = [path.name for path in Path().iterdir() if path.is_dir() and not path.name.startswith(".")]
    close = closest(name, [*known, *folders])
    return f"; did you mean the folder here, folder:{close}?" if close in folders else did_you_mean(name, known)


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
    with contextlib.redirect_stdout(io.StringIO()), quiet("urllib3"):
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


def _splits(data: Data, names: list[str]) -> dict[SplitName, str]:
    found = _roles(names)
    if "train" not in found:
        if len(names) != 1:
            raise UserError(f"{data.source}: no split called train among {', '.join(names) or 'none at all'}")
        return {"all": names[0]}
    if ignored := [name for name in names if name not in found.values()]:
        console.say_once(f"{data.source}: split {', '.join(ignored)} not used")
    return assigned(data, found)


def _roles(names: list[str]) -> dict[Role, str]:
    """What each split is, as TFDS calls it; else in one of the usual forms, where only one has it: `val`, `dev`."""
    by_form = [role(name) for name in names]
    found = {split: name for name, split in zip(names, by_form, strict=True) if split and by_form.count(split) == 1}
    return found | {split: plain for split, plain in PLAIN.items() if plain in names}


def _labelled(builder: Any, names: list[str], label: str) -> list[str]:
    """The splits whose images have labels, which a contest keeps for itself."""
    found = _roles(names)
    used = list(found.values()) if len(names) > 1 else names
    without = [name for name in used if not has_labels(builder, name, label)]
    if without and (found.get("train") in without or len(names) == 1):
        raise UserError(f"{builder.info.name}: the images of its split {without[0]} have no labels ({label})")
    if without:
        console.say_once(f"{builder.info.name}: {', '.join(without)} not used, as its images have no labels")
    return [name for name in names if name not in without]
