"""One run from its configuration to its finished folder."""

import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from augexp import console, files, tables
from augexp.config.decide import Registered
from augexp.config.schema import Experiment, Score
from augexp.data.splits import Part, Splits
from augexp.draw import history as draw_history
from augexp.draw import style
from augexp.errors import UserError, counted
from augexp.metrics import recall
from augexp.metrics.scores import metrics
from augexp.network import model, scoring
from augexp.runs import checkpoint, limit, predictions, read, seal
from augexp.runs import folder as run_folder
from augexp.runs.checkpoint import Checkpoint, Progress
from augexp.runs.records import BrokenRun, Split
from augexp.train import preview, trackers
from augexp.train.announce import announcement
from augexp.train.environment import environment
from augexp.train.fit import fit
from augexp.train.prepare import prepare
from augexp.train.task import Task, eval_batches, origin, recipe


def train(
    experiment: Experiment, *, overwrite: bool = False, resume: bool = False, command: Sequence[str] = (),
    study: Registered | None = None,
) -> Path:  # fmt: skip
    """Runs an experiment and returns its run folder.

    Args:
        experiment: the run.
        overwrite: replaces a finished one.
        resume: an unfinished run goes on from its last checkpoint, where it has one; a finished one is left as it is.
        command: the words that started it, for `environment.json`; those of this process unless given.
        study: that the run was registered for.

    Raises:
        UserError: if data, weights or settings don't allow it, the run exists or is another one, or the loss is no
            longer finite.
    """
    if resume:
        checkpoint.refuse_other_config(experiment.run_dir, experiment)
        if run_folder.is_finished(experiment.run_dir):
            return experiment.run_dir
    run_folder.refuse_finished(experiment, overwrite=overwrite)
    task = prepare(experiment)
    if study is not None:
        _refuse_few_images(task, study)
    if resume:
        _find_checkpoint(task, experiment.run_dir)
    for line in announcement(task):
        console.say(line)
    with run_folder.create(experiment, overwrite=overwrite, resume=resume) as folder:
        resumed = _find_checkpoint(task, folder) if resume else None
        _begin(task, folder, resumed, command or sys.argv, study)
        with trackers.following(experiment, folder) as told:
            reached = fit(task, folder, resumed, told)
            told.finish(_finish(task, folder, reached))
    return folder


def _refuse_few_images(task: Task, study: Registered) -> None:
    """Before anything is trained for a verdict that no interval can bear."""
    test = task.splits.test
    few = [task.splits.class_names[number] for number in recall.too_few(test.labels)]
    if few and study.decide.metric == "macro_recall":
        raise UserError(
            f"decide.metric macro_recall needs {recall.FEWEST} or more test images of every class, which "
            f"{tables.names(few)} of {task.experiment.data.source} {'has' if len(few) == 1 else 'have'} not; choose "
            "decide.metric=accuracy, or add test images"
        )


def _find_checkpoint(task: Task, folder: Path) -> Checkpoint | None:
    if not run_folder.checkpoint_path(folder).exists():
        return None
    found = checkpoint.load(folder, origin(task))
    try:
        read.environment(folder)  # of the start, which only the start can tell
    except BrokenRun as error:
        raise UserError(f"{folder}: {error}; start the run over without --resume") from None
    return found


def _begin(
    task: Task, folder: Path, resumed: Checkpoint | None, command: Sequence[str], study: Registered | None
) -> None:
    """Writes what a run holds before its first step, or says where it goes on."""
    if resumed is None:
        told = {} if study is None else {"study": study.model_dump(mode="json")}
        files.write_json(folder / "environment.json", environment(task, command) | told)
        decided_by = recipe(task.experiment, task.splits)
        _save(preview.first_batch(task.splits, decided_by), folder / "batch.png")
        return
    epoch, step = divmod(resumed.step, task.steps)
    run_folder.keep_history(folder, epoch)
    line = f"going on after epoch {epoch}" + (f" and {counted(step, 'step')}" if step else "")
    console.say(line)
    run_folder.log(folder, f"{line}; {platform.platform()}, {environment(task, command)['versions']}")


def _finish(task: Task, folder: Path, reached: Progress) -> dict[str, Any]:
    """Scores the weights of the last and of the best epoch on val and, once, on test; the result comes last."""
    train = task.experiment.train
    epochs = len(read.history(folder)["epoch"])  # fewer than train.epochs where it stopped early
    other: Score = "best" if train.score == "last" else "last"
    said = _said(task, folder, train.score)
    others = said if reached.best_epoch == epochs else _said(task, folder, other)
    scores = _scores(task, folder, said)
    scores_of_other = _scores(task, folder, others, other)
    _save(_curves(task, folder, reached), folder / "curves.png")
    found = limit.of_epochs(read.history(folder))
    result = {
        "epochs": epochs,
        "best_epoch": reached.best_epoch,
        "validation": task.splits.validation,
        "score": train.score,
        **scores,
        "other": {"score": other, **scores_of_other},
        "seconds": round(reached.seconds, 3),
        "images_per_second": round(float(np.median(reached.rates)), 1),
        **({} if found is None else found.row),
    }
    files.write_json(folder / seal.RESULT, seal.close(folder, result))
    return result


def _held_out(splits: Splits) -> dict[Split, Part]:
    return {"val": splits.val, "test": splits.test}


def _said(task: Task, folder: Path, kind: Score) -> dict[Split, NDArray[np.float32]]:
    """The probabilities (N, K) that the last or best weights give for each split."""
    model.load_weights(task.network, run_folder.weights_path(folder, kind))
    held_out = _held_out(task.splits)
    return {name: scoring.predict(task.network.model, eval_batches(task, part)) for name, part in held_out.items()}


def _scores(
    task: Task, folder: Path, said: Mapping[Split, NDArray[np.float32]], kind: Score | None = None
) -> dict[str, dict[str, float | int]]:
    """Writes predictions, those of the other weights under the name of their kind; what they reach on each split."""
    for name, part in _held_out(task.splits).items():
        predictions.write(predictions.path_of(folder, name, kind), part.ids, part.labels, said[name])
    return {name: metrics(said[name], part.labels) for name, part in _held_out(task.splits).items()}


def _save(figure: Figure, path: Path) -> None:
    with files.replacing(path) as temporary:
        style.save(figure, temporary)


def _curves(task: Task, folder: Path, reached: Progress) -> Figure:
    settings = task.experiment
    on_test = " (val = the test set)" if settings.data.validation == "test" else ""
    return draw_history.curves(
        read.history(folder),
        best_epoch=reached.best_epoch,
        title=f"{settings.run_dir.name} on {settings.data.source}{on_test}",
        head_epochs=settings.train.head_epochs if settings.model.freeze == "none" else 0,
        plain_epochs=settings.train.plain_epochs,
        loss=settings.train.loss,
    )


def summary(folder: Path) -> str:
    """The last line of a training: accuracies of the weights that are scored, best epoch, place.

    Raises:
        UserError: if the folder holds no finished run, or a damaged one.
    """
    try:
        result = read.load(folder).result
    except BrokenRun as error:
        raise UserError(f"{folder}: {error}") from None
    on = "val = test" if result.validation == "test" else "val"
    best = f"best of {counted(result.epochs, 'epoch')}: {result.best_epoch}"
    if result.score == "last" and result.other is not None:
        best = f"{best}, with {result.other.val.accuracy:.4f}"
    return (
        f"{folder}: {on} accuracy {result.val.accuracy:.4f} ({best}), test accuracy {result.test.accuracy:.4f}, "
        f"{result.images_per_second:,.0f} images/s, {result.seconds:.0f} s"
    )
