"""What is to be exported, and what can be refused before anything is loaded. No TensorFlow here."""

from dataclasses import dataclass
from pathlib import Path

from augexp.errors import UserError
from augexp.export import place
from augexp.export.formats import Format
from augexp.runs import read
from augexp.runs.read import Run
from augexp.runs.records import BrokenRun


@dataclass(frozen=True)
class Request:
    """What is to be exported, and where to.

    Attributes:
        run: a finished one.
        format: one of `formats.FORMATS`.
        path: of the file or folder; its card has the same name and `.md`.
        temperature: whether to calibrate.
        overwrite: whether an earlier export is replaced.
        verdict: what the study of the run says, for the card; empty where it belongs to none.
    """

    run: Run
    format: Format
    path: Path
    temperature: bool = False
    overwrite: bool = False
    verdict: str = ""


def finished(folder: Path) -> Run:
    """A finished run. Raises UserError if it is none, or damaged."""
    try:
        return read.load(folder)
    except BrokenRun as error:
        raise UserError(f"{folder}: {error}; only a finished run can be exported") from None


def refuse_taken(request: Request) -> None:
    """Raises UserError if the file or its card would replace what they shall not, or can't be where they should."""
    place.refuse(request.path, overwrite=request.overwrite, own=request.format.own)
    place.refuse(card_path(request.path), overwrite=request.overwrite)


def card_path(path: Path) -> Path:
    """Where the card of an exported file stands."""
    return path.with_name(f"{path.name}.md")
