"""A table instead of folders: a line for each image, with its class, and its split or group if it has one."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from augexp import console
from augexp.config.schema import Data
from augexp.data import classnames, tablefile
from augexp.data.examples import Examples, Source, SplitName, check_splits, listed
from augexp.data.roles import Role, assigned, role
from augexp.data.tablefile import Row, Table
from augexp.errors import UserError, counted, cut

TABLE = "csv:"
MOST_SHOWN = 120  # characters of a path in a message


def takes(source: str) -> bool:
    """Whether `data.source` is `csv:PATH`."""
    return source.startswith(TABLE)


def is_prepared(_data: Data) -> bool:
    """A table is there, or it isn't: nothing is downloaded."""
    return True


def count_classes(data: Data) -> int:
    """How many different labels there are. Raises UserError as `open_source` does."""
    return len(open_source(data).class_names)


def open_source(data: Data) -> Source:
    """The images that a table names by their paths, relative to it.

    Raises:
        UserError: with the line, for a table or an image that isn't there, or that doesn't say what it has to.
    """
    path = Path(data.source.removeprefix(TABLE).strip()).expanduser()
    table = tablefile.read(data.source, path)
    if table.unused:
        console.say_once(f"{data.source}: columns not used: {', '.join(table.unused)}")
    files = _files(data.source, path.parent, table.rows)
    classes = classnames.classes(data.source, _places(table.rows))
    _say_several(data.source, table.rows)
    of_split = _by_split(data, table)
    class_names = tuple(sorted({classes[row.label] for rows in of_split.values() for row in rows}))
    _refuse_divided_groups(data.source, of_split)
    ids = {line: _id(path.parent, file) for line, file in files.items()}
    splits = {split: _examples(rows, files, ids, classes, class_names) for split, rows in of_split.items()}
    check_splits(data.source, class_names, {split: examples.listing().labels for split, examples in splits.items()})
    groups = {ids[row.line]: row.group for row in table.rows if row.group}
    return Source(classnames.readable(path.stem), _version(splits, files, ids), class_names, splits, groups)


def _places(rows: list[Row]) -> dict[str, str]:
    places: dict[str, str] = {}
    for row in rows:
        places.setdefault(row.label, f"line {row.line}")
    return places


def _say_several(source: str, rows: list[Row]) -> None:
    """`cat|dog` beside `cat` and `dog`: several classes of one image, which are taken for one."""
    counts = Counter(row.label for row in rows)
    parts = {label: [part.strip() for part in re.split(r"[|;,+&/]", label)] for label in counts}
    several = [label for label in counts if len(parts[label]) > 1 and all(part in counts for part in parts[label])]
    if several:
        images, first = sum(counts[label] for label in several), several[0]
        console.say_once(
            f"{source}: labels such as {first!r} ({counted(images, 'image')}) are taken for classes of their own, "
            f"though {' and '.join(parts[first])} are classes, too; an image has one class here"
        )


def _files(source: str, root: Path, rows: list[Row]) -> dict[int, Path]:
    """The file of each line; each is named once."""
    files: dict[int, Path] = {}
    lines: dict[str, Row] = {}
    missing = []
    for row in rows:
        file = _file(root, row.image)
        if not _is_there(file):
            missing.append(row)
            continue
        first = lines.setdefault(os.path.normpath(file), row)
        if first is not row:
            labels = "" if first.label == row.label else f", as {first.label} and as {row.label}"
            raise UserError(
                f"{source}: line {row.line}: {row.image} is named in line {first.line} already{labels}; keep one"
            )
        files[row.line] = file
    if missing:
        image = cut(missing[0].image, MOST_SHOWN)
        more = f" ({len(missing):,} of {len(rows):,} images aren't there)" if len(missing) > 1 else ""
        raise UserError(
            f"{source}: line {missing[0].line}: no such file: {image}{more}; paths are relative to the folder of "
            f"the table, {root.absolute()}"
        )
    return files


def _file(root: Path, image: str) -> Path:
    """Where an image lies; backslashes are those of Windows where there is no file of that name."""
    for text in (image, image.strip(), image.strip().replace("\\", "/")):
        file = root / _expanded(text)
        if "\0" not in text and _is_there(file):
            break
    return file


def _expanded(text: str) -> Path:
    """A path with the home folder in place of `~`; `~$1.png` is a name."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # a name that is too long
        return False


def _id(root: Path, file: Path) -> str:
    """The path from the folder of the table to a file."""
    inside = os.path.relpath(os.path.normpath(file.absolute()), os.path.normpath(root.absolute()))
    return Path(inside).as_posix()


def _by_split(data: Data, table: Table) -> dict[SplitName, list[Row]]:
    """The rows of each split that is used."""
    if not table.has_split:
        return {"all": table.rows}
    found: dict[Role, list[Row]] = {}
    for row in table.rows:
        split = role(row.split)
        if split is None:
            raise UserError(f"{data.source}: line {row.line}: split: train, val or test is needed, not {row.split!r}")
        found.setdefault(split, []).append(row)
    if "train" not in found:
        raise UserError(f"{data.source}: split: no line says train, only {', '.join(found)}")
    used = assigned(data, {split: split for split in found})
    by_name: Mapping[str, list[Row]] = {str(split): rows for split, rows in found.items()}
    return {split: by_name[name] for split, name in used.items()}


def _refuse_divided_groups(source: str, of_split: Mapping[SplitName, list[Row]]) -> None:
    first: dict[str, tuple[SplitName, Row]] = {}
    for split, rows in of_split.items():
        for row in rows:
            other, there = first.setdefault(row.group, (split, row)) if row.group else (split, row)
            if other != split:
                raise UserError(
                    f"{source}: line {row.line}: the group {row.group} is in {row.split.strip()} here and in "
                    f"{there.split.strip()} in line {there.line}; a group has to be in one split"
                )


def _examples(
    rows: list[Row],
    files: Mapping[int, Path],
    ids: Mapping[int, str],
    classes: Mapping[str, str],
    class_names: tuple[str, ...],
) -> Examples:
    """In the order of folders: by class, then by path."""
    number = {name: index for index, name in enumerate(class_names)}
    ordered = sorted(rows, key=lambda row: (number[classes[row.label]], ids[row.line]))
    paths = [files[row.line] for row in ordered]
    labels = np.array([number[classes[row.label]] for row in ordered], np.int32)
    return listed([ids[row.line] for row in ordered], labels, paths)


def _version(splits: Mapping[SplitName, Examples], files: Mapping[int, Path], ids: Mapping[int, str]) -> str:
    """Follows what the table says of each image that is used, and the dates and sizes of the files."""
    digest = hashlib.sha256()
    stats = {ids[line]: file.stat() for line, file in files.items()}
    for split, examples in splits.items():
        listing = examples.listing()
        for id_, label in zip(listing.ids, listing.labels.tolist(), strict=True):
            stat = stats[id_]
            digest.update(os.fsencode(f"{split}\0{label}\0{id_}\0{stat.st_size}\0{stat.st_mtime_ns}\n"))
    return digest.hexdigest()
