"""A run folder opened for use: the network with the weights that were scored, and the data it was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from augexp import console
from augexp.config import ownnet
from augexp.config.load import read_network
from augexp.config.schema import Experiment
from augexp.data import decode, sources
from augexp.data.grey import Ranges
from augexp.data.splits import Part, Splits, load_splits
from augexp.errors import UserError, first_line
from augexp.network import device, model
from augexp.network.build import build_network
from augexp.network.model import Network
from augexp.runs import contents, read
from augexp.runs import folder as run_folder
from augexp.runs.records import BrokenRun, Environment


@dataclass(frozen=True)
class Trained:
    """A network that was trained, and what its run folder says of it."""

    folder: Path
    experiment: Experiment
    network: Network  # with the weights of `train.score`
    class_names: tuple[str, ...]
    fingerprint: str | None  # of the data; None in a run that doesn't say
    weights: str  # SHA-256 of their file
    finished: bool
    precision: str  # Keras's policy, that of the training unless another was asked for
    decoder: int | None = None  # version of what read its images; None in a run of an earlier augexp
    grey: Ranges = field(default_factory=dict)  # of deep grey: which values were taken for black and white


def load(folder: Path, precision: str | None = None) -> Trained:
    """Builds the network of a run with the weights that were scored; an unfinished one is taken at its best so far.

    Args:
        folder: of the run.
        precision: Keras's policy; None: that of the training.

    Raises:
        UserError: if the folder holds no run, no weights, others than the run left, or weights of another network.
    """
    settings = _settings(folder)
    finished = run_folder.is_finished(folder)
    path = run_folder.weights_path(folder, settings.train.score if finished else "best")
    if not path.is_file():
        raise UserError(f"{folder}: it holds no weights ({path.name}); train the run first, at least one epoch")
    _read_network(folder, settings)
    environment = _environment(folder)
    class_names = environment.class_names or sources.open_source(settings.data).class_names
    # What was trained in bfloat16 is scored in it on any machine: compared numbers differ in nothing else.
    precision = precision or environment.precision or device.resolve_precision(settings.train.precision, device.find())
    network = build_network(settings, precision, len(class_names), pretrained=False)
    try:
        model.load_weights(network, path)
    except Exception as error:  # Keras and h5py raise many kinds for another network's file, or for no HDF5 at all.
        raise UserError(
            f"{path}: these weights don't fit {settings.model.backbone} with {len(class_names)} classes, which "
            f"config.yaml asks for ({first_line(error)[:200]}); one of the two files is of another run"
        ) from error
    digest = _digest(folder, path, finished=finished)
    if not finished:
        console.say(f"{folder}: unfinished; taken at its best so far")
    return Trained(
        folder, settings, network, tuple(class_names), environment.data_fingerprint, digest, finished, precision,
        environment.decoder, environment.grey,
    )  # fmt: skip


def _digest(folder: Path, weights: Path, *, finished: bool) -> str:
    """SHA-256 of the weights, which are those that the run left, where it says which they were."""
    try:
        return contents.refuse_changed(weights, read.result(folder).digests if finished else {})
    except BrokenRun as error:
        raise UserError(f"{folder}: {error}; bring back the file, or train the run again") from None


def _settings(folder: Path) -> Experiment:
    """The configuration of a run, for one device, whatever it was trained on."""
    read.refuse_foreign(folder)
    try:
        settings = Experiment.model_validate(read.config(folder))
    except contents.Changed as error:
        raise UserError(f"{folder}: {error}; bring back the file, or train the run again") from None
    except BrokenRun as error:
        raise UserError(f"{folder}: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{folder}: config.yaml is not of this augexp ({place}: {first['msg']})") from None
    return settings.model_copy(update={"train": settings.train.model_copy(update={"devices": "one"})})


def _read_network(folder: Path, settings: Experiment) -> None:
    try:
        read_network(settings)
    except UserError as error:
        where = " (ops_dir in config.yaml says where it is)" if ownnet.is_own(settings.model.backbone) else ""
        raise UserError(f"{folder}: {error}; the network can't be built without it{where}") from None


def _environment(folder: Path) -> Environment:
    try:
        return read.environment(folder)
    except contents.Changed as error:
        raise UserError(f"{folder}: {error}; bring back the file, or train the run again") from None
    except BrokenRun as error:
        console.say(f"{folder}: {error}: classes are taken from the data, which may have changed since")
        return Environment()


def splits(run: Trained) -> Splits:
    """The data that a run was trained on, decoded if they aren't; all at the size at which it is evaluated.

    Raises:
        UserError: if it isn't what it was then, or can't be had.
    """
    found = load_splits(run.experiment, train_too=True)
    if found.class_names != run.class_names:
        raise UserError(
            f"{run.folder}: it was trained on the classes {_brief(run.class_names)}, and "
            f"{run.experiment.data.source} now holds {_brief(found.class_names)}; bring back the data it was trained on"
        )
    if run.fingerprint not in (None, found.fingerprint) and run.decoder != decode.VERSION:
        raise UserError(
            f"{run.folder}: its images were read by an augexp with another decoder, and come out otherwise now (data "
            f"fingerprint {run.fingerprint[:12]} then, {found.fingerprint[:12]} now); train it again, or use the "
            "augexp that trained it"
        )
    if run.fingerprint not in (None, found.fingerprint):
        raise UserError(
            f"{run.folder}: {run.experiment.data.source} has changed since the run was trained (data fingerprint "
            f"{run.fingerprint[:12]} then, {found.fingerprint[:12]} now): test may hold what was trained on; bring "
            "back the data it was trained on"
        )  # fmt: skip
    return found


def log_test_use(run: Trained, splits: Splits, part: Part, what: str) -> None:
    """Leaves a line in the run folder if `part` is the test set: whoever chooses by it has made it another val."""
    if part.ids == splits.test.ids:
        run_folder.log(run.folder, f"{read.LOOK} {what}")


def _brief(names: Sequence[str]) -> str:
    shown = ", ".join(names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown
