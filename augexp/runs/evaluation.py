"""What `augexp evaluate` leaves in a run folder: `evaluation.json`, and `evaluation-SPLIT.npz` with a row an example.

    evaluation.json   {"format": 1, "weights": "<sha256>", "splits": {"test": {"examples": N, "metrics": {...}, ...}},
                       "digests": {"evaluation-test.npz": "<sha256>"}, "seal": "<sha256>"}

`metrics` holds every number by its name (`brier`, `occlusion_centre`); where it is a mean over examples, the `.npz`
holds under the same name the (N,) values whose mean it is, beside `id`. Later evaluations of the same weights add to
what is there; those of other weights replace it. No TensorFlow here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, ValidationError

from augexp import console, files, removal
from augexp.runs import contents, seal
from augexp.runs import folder as run_folder
from augexp.runs.records import BrokenRun, Number, Optional, Record

LARGEST = 1e9
FORMAT = 1  # a change of what is computed: evaluations of two formats aren't compared
_AGAIN = "; augexp evaluate renews it"
SplitName = Literal["test", "val"]
Columns = Mapping[str, NDArray[Any]]  # `id` (N,) str; every other (N,) float32


class Unreadable(Exception):  # noqa: N818 - it names what was found
    """An evaluation that is cut off, foreign or of another format; the message says which."""


# --- evaluation.json -----------------------------------------------------------------------------------------------


def _no_measurement(value: object) -> object:
    """Beyond `LARGEST` a foreign file's number is none."""
    return value if isinstance(value, int | float) and abs(value) < LARGEST else None


Finite = Annotated[Optional, BeforeValidator(_no_measurement)]


class Occlusion(Record):
    """Accuracy with a box over the image, by its share of the area."""

    areas: tuple[Number, ...]
    centre: tuple[Number, ...] = ()
    random: tuple[Number, ...] = ()


class Corruptions(Record):
    """Accuracy under each corruption, by its severity."""

    severities: tuple[Number, ...]
    accuracy: dict[str, tuple[Number, ...]]


class Floor(Record):
    """What the backbone reached before any fine-tuning."""

    accuracy: Finite = None


class Tta(Record):
    """What averaging over views reaches."""

    views: int
    scores: dict[str, Finite]
    images_per_second: Number


class Section(Record):
    """What was found on a split.

    Attributes:
        examples: N.
        metrics: by name; None where the value is no finite number.
        temperature_fitted_on: `val`, or the split itself.
        made: with what: precision, backend, device.
        occlusion: where `--robustness` was asked for; `corruptions` too.
        floors: by name.
        tta: by the label of the views.
    """

    examples: Annotated[int, Field(strict=True)]
    metrics: dict[str, Finite]
    temperature_fitted_on: str = "val"
    made: dict[str, Any] = Field(default_factory=dict)
    occlusion: Occlusion | None = None
    corruptions: Corruptions | None = None
    floors: dict[str, Floor] = Field(default_factory=dict)
    tta: dict[str, Tta] = Field(default_factory=dict)

    @property
    def numbers(self) -> dict[str, float]:
        """The metrics that have a value."""
        return {name: value for name, value in self.metrics.items() if value is not None}


class Evaluation(Record):
    """The content of `evaluation.json`: sections by split, and the SHA-256 of the weights that they are of.

    Attributes:
        digests: SHA-256 of the files of columns; those of earlier versions have none.
    """

    splits: dict[str, Section]
    digests: dict[str, str] = Field(default_factory=dict)
    weights: str | None = None
    finished: bool | None = None


def read(folder: Path) -> Evaluation | None:
    """The content of `evaluation.json`; None where there is none.

    Raises:
        Unreadable: if it can't be read, or is of another format.
    """
    content = _content(folder)
    return None if content is None else _checked(content)


def _content(folder: Path) -> dict[str, Any] | None:
    try:
        found = seal.read(folder / "evaluation.json")
    except contents.Missing:
        return None
    except contents.Changed as error:
        raise Unreadable(f"{error}{_AGAIN}") from None
    except BrokenRun as error:
        raise Unreadable(str(error)) from None
    if "splits" not in found:
        raise Unreadable("evaluation.json holds no evaluation")
    if found.get("format") != FORMAT:
        raise Unreadable(f"evaluation.json has format {found.get('format')}, not {FORMAT}{_AGAIN}")
    return found


def _checked(content: Mapping[str, Any]) -> Evaluation:
    try:
        return Evaluation.model_validate(content)
    except ValidationError as error:
        place = error.errors()[0]["loc"]
    if len(place) <= 2 or place[2] in ("examples", "metrics"):  # splits, test, metrics
        raise Unreadable("evaluation.json holds no evaluation")
    raise Unreadable(f"evaluation.json: {'.'.join(map(str, place))} is not what it should be")


# --- evaluation-SPLIT.npz ------------------------------------------------------------------------------------------


def _columns_name(split: str) -> str:
    return f"evaluation-{split}.npz"


def read_columns(folder: Path, split: SplitName, digests: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """The columns of `evaluation-SPLIT.npz`, ordered by id.

    Args:
        folder: of the run.
        split: whose columns.
        digests: of `evaluation.json`.

    Raises:
        Unreadable: if it is missing, cut off, not what `evaluation.json` is of, or its columns don't fit each other.
    """
    path = folder / _columns_name(split)
    try:
        contents.refuse_changed(path, digests)
        columns = contents.arrays(path)
    except contents.Missing as error:
        raise Unreadable(f"{error}{_AGAIN}") from None
    except contents.Changed:
        raise Unreadable(f"{path.name} is not what evaluation.json is of{_AGAIN}") from None
    except BrokenRun as error:
        raise Unreadable(str(error)) from None
    if "id" not in columns or any(column.shape != columns["id"].shape for column in columns.values()):
        raise Unreadable(f"{path.name} holds no columns of one length")
    order = np.argsort(columns["id"], kind="stable")
    return {name: column[order] for name, column in columns.items()}


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Held while files are written: of two evaluations at once, the later adds to what the earlier has found.

    What one that was killed has left half written is removed.
    """
    with files.locked(folder / run_folder.EVALUATION_LOCK, f"{folder}: another process is writing its evaluation"):
        with suppress(OSError):  # such as behind a link, through which nothing is removed
            removal.remove(folder, run_folder.HALF_EVALUATIONS)
        yield


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
        found = read(folder)
        if found is None or found.weights != weights:
            return {"splits": {}}, {}
        columns = read_columns(folder, split, found.digests) if split in found.splits else {}
    except Unreadable as reason:
        console.say(f"{folder}: {str(reason).removesuffix(_AGAIN)}; evaluated anew")
        return {"splits": {}}, {}
    content = found.model_dump(mode="json", exclude_unset=True)
    section = found.splits.get(split)
    places = {id_: row for row, id_ in enumerate(columns.pop("id", np.empty(0, np.str_)).tolist())}
    alike = section is not None and all(section.made.get(key) == value for key, value in made.items())
    if section is None or not alike or places.keys() != set(ids) or misfit(columns, section.numbers):
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


def write(folder: Path, content: Mapping[str, Any], columns: Mapping[SplitName, Columns]) -> dict[str, Any]:
    """Replaces what is there; `evaluation.json`, which says what is there, comes last.

    The columns of the other splits of `content` stay as they are.

    Returns:
        What `evaluation.json` holds now.
    """
    for split, of_split in columns.items():
        with files.replacing(folder / _columns_name(split)) as temporary:
            arrays: dict[str, Any] = dict(of_split)
            np.savez_compressed(temporary, **arrays)
    written = seal.sealed({"format": FORMAT, **content, "digests": _digests(folder, content, columns)})
    files.write_json(folder / "evaluation.json", written)
    return written


def _digests(folder: Path, content: Mapping[str, Any], written: Iterable[str]) -> dict[str, str]:
    """Of the columns of every split: of those that were written now, and of an evaluation of an earlier version."""
    earlier = {name: told for name, told in seal.digests(content).items() if name not in map(_columns_name, written)}
    found = {}
    for name in map(_columns_name, content["splits"]):
        with suppress(BrokenRun):  # as whoever needs them will find
            found[name] = earlier.get(name) or contents.digest(folder / name)
    return found
