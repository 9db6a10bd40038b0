"""One run from its configuration to its finished folder."""

import platform
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from augexp import console, files
from augexp.config.schema import Experiment
from augexp.data.splits import Part, Splits
from augexp.draw import history as draw_history
from augexp.metrics.scores import metrics
from augexp.network import model, scoring
from augexp.runs import checkpoint, predictions, read
from augexp.runs import folder as run_folder
from augexp.runs.checkpoint import Checkpoint, Progress
from augexp.train import preview
from augexp.train.fit import fit
from augexp.train.prepare import Prepared, announcement, environment, prepare, val_is_test
from augexp.train.task import eval_batches, origin, recipe


def train(experiment: Experiment, *, overwrite: bool = False, resume: bool = False) -> Path:
    """Runs an experiment and returns its run folder.

    With `resume` an unfinished run goes on from its last checkpoint, where it has one, and a finished one is left as it
    is.

    Raises:
        UserError: if data, weights or settings don't allow it, the run exists or is another one, or the loss is no
            longer finite.
    """
    if resume:
        checkpoint.refuse_other_config(experiment.run_dir, experiment)
        if run_folder.is_finished(experiment.run_dir):
            return experiment.run_dir
    run_folder.refuse_finished(experiment, overwrite=overwrite)
    prepared = prepare(experiment)
    if resume:
        _find_checkpoint(prepared, experiment.run_dir)
    for line in announcement(prepared):
        console.say(line)
    with run_folder.create(experiment, overwrite=overwrite, resume=resume) as folder:
        resumed = _find_checkpoint(prepared, folder) if resume else None
        _begin(prepared, folder, resumed)
        reached = fit(prepared.task, folder, resumed)
        _finish(prepared, folder, reached)
    return folder


def _find_checkpoint(prepared: Prepared, folder: Path) -> Checkpoint | None:
    if not run_folder.checkpoint_path(folder).exists():
        return None
    return checkpoint.load(folder, origin(prepared.task))


def _begin(prepared: Prepared, folder: Path, resumed: Checkpoint | None) -> None:
    """Writes what a run holds before its first step, or says where it goes on."""
    if resumed is None:
        files.write_json(folder / "environment.json", environment(prepared))
        decided_by = recipe(prepared.experiment, prepared.splits)
        _save(preview.first_batch(prepared.splits, decided_by), folder / "batch.png")
        return
    epoch, step = divmod(resumed.step, prepared.task.steps)
    line = f"going on after epoch {epoch}" + (f" and {step} steps" if step else "")
    console.say(line)
    run_folder.log(folder, f"{line}; {platform.platform()}, {environment(prepared)['versions']}")


def _finish(prepared: Prepared, folder: Path, reached: Progress) -> None:
    """Scores the best weights on val and, once, on test; the result comes last."""
    model.load_weights(prepared.task.network, folder / "best.weights.h5")
    scores = {name: _score(prepared, folder, name, part) for name, part in _held_out(prepared.splits)}
    _save(_curves(prepared, folder, reached), folder / "curves.png")
    files.write_json(
        folder / "result.json",
        {
            "epochs": prepared.experiment.train.epochs,
            "best_epoch": reached.best_epoch,
            "validation": "test" if prepared.experiment.data.validation == "test" else "train",
            **scores,
            "seconds": round(reached.seconds, 3),
            "images_per_second": round(float(np.median(reached.rates)), 1),
        },
    )


def _held_out(splits: Splits) -> tuple[tuple[str, Part], ...]:
    return ("val", splits.val), ("test", splits.test)


def _score(prepared: Prepared, folder: Path, name: str, part: Part) -> dict[str, float | int]:
    probability = scoring.predict(prepared.task.network.model, eval_batches(prepared.task, part))
    predictions.write(folder / f"predictions-{name}.npz", part.ids, part.labels, probability)
    return metrics(probability, part.labels)


def _save(figure: Figure, path: Path) -> None:
    with files.replacing(path) as temporary:
        figure.savefig(temporary)


def _curves(prepared: Prepared, folder: Path, reached: Progress) -> Figure:
    settings = prepared.experiment
    return draw_history.curves(
        read.history(folder),
        best_epoch=reached.best_epoch,
        title=f"{settings.run_dir.name} on {settings.data.source}{val_is_test(settings)}",
        head_epochs=settings.train.head_epochs if settings.model.freeze == "none" else 0,
        plain_epochs=settings.train.plain_epochs,
    )


def summary(folder: Path) -> str:
    """The last line of a training: accuracies, best epoch, place."""
    result = read.load(folder).result
    on = "val = test" if result.validation == "test" else "val"
    return (
        f"{folder}: {on} accuracy {result.val.accuracy:.4f} (best of {result.epochs} epochs: "
        f"{result.best_epoch}), test accuracy {result.test.accuracy:.4f}, "
        f"{result.images_per_second:,.0f} images/s, {result.seconds:.0f} s"
    )
