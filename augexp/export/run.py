"""A finished run -> one file that other programs can use, and a card of what it is.

The file is written beside its place, opened in its own runtime, asked of images that the run was asked of, and takes
its place if it says the same.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from augexp import console, files
from augexp.errors import UserError, first_line
from augexp.export import calibration, card, check, facts, place, saved_model
from augexp.export.calibration import Fitted
from augexp.export.check import Deviation, Network
from augexp.export.classifier import classifier
from augexp.export.facts import Facts
from augexp.export.formats import Format
from augexp.export.request import Request, card_path, refuse_taken
from augexp.network import device, trained


@dataclass(frozen=True)
class Exported:
    """What was written, and what was found on the way."""

    path: Path
    fitted: Fitted | None
    deviation: Deviation


def export(request: Request) -> Exported:
    """Exports the weights of a run that were scored, in float32.

    Raises:
        UserError: if the run can't be opened, its data is gone or has changed, the file would say something else than
            the run did, or it can't be written.
    """
    refuse_taken(request)
    run = request.run
    opened = trained.load(run.path, precision="float32")
    splits = trained.splits(opened)
    network = Network(run, opened, splits.val)
    on_test = splits.validation == "test"
    fitted = calibration.fit(opened, splits.val, on_test=on_test) if request.temperature else None
    about = facts.of_run(opened, fitted.temperature if fitted else 1.0)
    console.say(f"{run.path}: written as {request.format.title}, and asked of {len(network.part)} validation images")
    path = Path(os.path.realpath(request.path))  # where it is a link, what it leads to was meant
    try:
        with files.replacing(card_path(path)) as beside, place.replacing(path, request.format.own) as temporary:
            with device.quiet():
                deviation = _write(network, about, request.format, temporary)
            told = card.Card(run, opened, about, request.format, path.name, deviation, fitted, request.verdict)
            beside.write_text(card.text(told), "utf-8", "backslashreplace")
    except OSError as error:
        raise place.unwritable(path, error) from None
    return Exported(request.path, fitted, deviation)


def _write(network: Network, about: Facts, chosen: Format, path: Path) -> Deviation:
    """Writes a file that isn't in its place yet; how far it deviates."""
    module = chosen.load()
    try:
        module.write(classifier(network.opened.network, about.temperature), about, path)
        answers = module.opened(path)
    except OSError:
        raise
    except Exception as error:  # converters and runtimes raise many kinds, of a full disk too
        raise UserError(
            f"{network.run.path}: can't be exported as {chosen.title} ({first_line(error)[:200]}); make room, or "
            "choose another format"
        ) from error
    found = check.compare(network, answers, about.temperature)
    if not chosen.is_folder:
        return found
    return replace(found, jpeg=check.compare_jpeg(network, saved_model.opened_for_jpeg(path), about.temperature))


def lines(found: Exported) -> Iterator[str]:
    """What `augexp export` prints."""
    yield f"wrote {found.path} and {card_path(found.path).name}"
    yield from card.checked(found.deviation)
    if found.fitted is not None:
        yield card.calibrated(found.fitted)
