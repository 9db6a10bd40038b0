"""What `augexp evaluate` leaves in a run folder: `evaluation.json`, and `evaluation-SPLIT.npz` with a row an example.

    evaluation.json   {"format": 1, "weights": "<sha256>", "splits": {"test": {"examples": N, "metrics": {...}, ...}}}

`metrics` holds every number by its name (`brier`, `occlusion_centre`); where it is a mean over examples, the `.npz`
holds under the same name the (N,) values whose mean it is, beside `id`. Later evaluations of the same weights add to
what is there; those of other weights replace it. No TensorFlow here.
"""

import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from augexp import console, files

FORMAT = 1  # a change of what is computed: evaluations of two formats aren't compared
SplitName = Literal["test", "val"]
Columns = Mapping[str, NDArray[Any]]  # `id` (N,) str; every other (N,) float32


class Unreadable(Exception):  # noqa: N818 - it names what was found
    """An evaluation that is cut off, foreign or of another format; the message says which."""


def read(folder: Path) -> dict[str, Any] | None:
    """The content of `evaluation.json`; None where there is none.

    Raises:
        Unreadable: if it can't be read, or is of another format.
    """
    path = folder / "evaluation.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError, OSError) as error:
        raise Unreadable(f"evaluation.json can't be read ({type(error).__name__})") from None
    splits: Any = found.get("splits") if isinstance(found, dict) else None
    if not isinstance(splits, dict) or not all(_is_split(split) for split in splits.values()):
        raise Unreadable("evaluation.json holds no evaluation")
    if found.get("format") != FORMAT:
        raise Unreadable(f"evaluation.json has format {found.get('format')}, not {FORMAT}; augexp evaluate renews it")
    return found


def _is_split(split: object) -> bool:
    return isinstance(split, dict) and isinstance(split.get("metrics"), dict) and isinstance(split.get("examples"), int)


def read_columns(folder: Path, split: SplitName) -> dict[str, NDArray[Any]]:
    """The columns of `evaluation-SPLIT.npz`, ordered by id; empty where there is none.

    Raises:
        Unreadable: if it is cut off, or its columns don't fit each other.
    """
    path = folder / f"evaluation-{split}.npz"
    try:
        # NumPy leaves a damaged file open that it opened itself.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            columns = {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise Unreadable(f"{path.name} can't be read ({type(error).__name__})") from None
    if "id" not in columns or any(column.shape != columns["id"].shape for column in columns.values()):
        raise Unreadable(f"{path.name} holds no columns of one length")
    order = np.argsort(columns["id"], kind="stable")
    return {name: column[order] for name, column in columns.items()}


def kept(
    folder: Path, split: SplitName, weights: str, ids: Sequence[str], made: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What a new evaluation may add to: content and columns, the latter in the order of `ids`.

    Nothing of other weights is kept, and nothing of a split that was evaluated on other examples or made otherwise, or
    whose columns don't fit its metrics because a process was killed between the two files.

    Args:
        folder: of the run.
        split: that is evaluated anew.
        weights: SHA-256 of those that are evaluated.
        ids: of the examples.
        made: with what, such as precision and backend.
    """
    try:
        content, columns = read(folder), read_columns(folder, split)
    except Unreadable as reason:
        console.say(f"{folder}: {reason}; evaluated anew")
        return {"splits": {}}, {}
    if content is None or content.get("weights") != weights:
        return {"splits": {}}, {}
    section = content["splits"].get(split, {})
    places = {id_: row for row, id_ in enumerate(columns.pop("id", np.empty(0, np.str_)).tolist())}
    alike = all(section.get("made", {}).get(key) == value for key, value in made.items())
    if not alike or places.keys() != set(ids) or misfit(columns, section.get("metrics", {})):
        return content | {"splits": {name: one for name, one in content["splits"].items() if name != split}}, {}
    order = [places[id_] for id_ in ids]
    return content, {name: column[order] for name, column in columns.items()}


def misfit(columns: Mapping[str, NDArray[Any]], metrics: Mapping[str, float]) -> str | None:
    """The first column that is not finite or whose mean isn't the metric of its name, if there is one."""
    for name, column in columns.items():
        is_whole = column.dtype.kind == "f" and bool(np.isfinite(column).all())
        if not is_whole or not np.isclose(column.mean(dtype=np.float64), metrics.get(name, np.nan), 1e-4, 1e-4):
            return name
    return None


def write(folder: Path, content: Mapping[str, Any], columns: Mapping[SplitName, Columns]) -> None:
    """Replaces what is there; `evaluation.json`, which says what is there, comes last."""
    for split, of_split in columns.items():
        with files.replacing(folder / f"evaluation-{split}.npz") as temporary:
            arrays: dict[str, Any] = dict(of_split)
            np.savez_compressed(temporary, **arrays)
    files.write_json(folder / "evaluation.json", {"format": FORMAT, **content})
