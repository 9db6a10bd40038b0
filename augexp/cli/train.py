"""`augexp train`."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from augexp.cli.shared import Overrides, complete_config
from augexp.errors import UserError, printable


def train(
    config: Annotated[
        str,
        typer.Option("--config", "-c", help="YAML file, or the name of a shipped one.", autocompletion=complete_config),
    ],
    overrides: Overrides = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be trained, and stop.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a finished run of this name and seed.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint, if there is one.")] = False,
) -> None:
    """Train one experiment into one run folder.

    Example: augexp train --config cutmix.yaml seed=1 train.epochs=5
    """
    from augexp.config import load
    from augexp.network import device  # before files of own ops are run, which import TensorFlow

    if resume and overwrite:
        raise UserError("--resume goes on with a run and --overwrite replaces it; give one of the two")
    experiment = load.experiment(config, overrides or [])
    # What a typo need not wait for.
    from augexp import console
    from augexp.runs import folder as run_folder

    if not (dry_run or resume):
        run_folder.refuse_finished(experiment, overwrite=overwrite)
    device.load_tensorflow(deterministic=experiment.train.deterministic)
    from augexp.train.announce import plan
    from augexp.train.run import summary, train

    if dry_run:
        console.quote(experiment.to_yaml())
        for line in plan(experiment):
            console.answer(line)
        return
    work = partial(train, experiment, overwrite=overwrite, resume=resume)
    folder = _interruptible(work, experiment.run_dir)
    console.answer(summary(folder))


def _interruptible(work: Callable[[], Path], folder: Path) -> Path:
    from augexp.errors import Terminated, stop_on_sigterm

    stop_on_sigterm()
    try:
        return work()
    except KeyboardInterrupt as error:
        print(f"interrupted: {printable(_left_behind(folder))}", file=sys.stderr)
        raise typer.Exit(143 if isinstance(error, Terminated) else 130) from None


def _left_behind(folder: Path) -> str:
    from augexp.runs import folder as run_folder

    if not (folder / "status.json").exists() or run_folder.is_finished(folder):
        return f"{folder} is as it was before"
    again = "--resume goes on from its last checkpoint, " if run_folder.checkpoint_path(folder).exists() else ""
    return f"{folder} is unfinished; {again}the same command starts it over"
