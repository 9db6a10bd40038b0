"""Kills a run of the digits with SIGKILL at random moments, resumes it, and compares bytes with the unbroken run.

    python -m tests.tools.kills 50

Moments are spread evenly over the life of the process after its imports: decoding, checkpoints, history rows,
predictions. tests/train/test_run.py does the same a few times.
"""

import csv
import os
import random
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from augexp.runs import limit
from tests.forked import CONTEXT

SETTINGS = (
    *("strategy=cutmix", "train.epochs=6", "train.head_epochs=1", "train.plain_epochs=1", "train.checkpoint_steps=5"),
    *("model.dropout=0.2", "train.ema=0.9"),
)
TIMES = ("seconds", "images_per_second", *limit.COLUMNS)


def train(folder: Path) -> None:
    """Trains or resumes the run in a folder of its own, with a cache of its own."""
    from augexp.config import load
    from augexp.train.run import train

    os.dup2(os.open(folder / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    overrides = [*SETTINGS, f"runs_dir={folder}", f"data.cache_dir={folder / 'cache'}"]
    train(load.experiment("digits.yaml", overrides), resume=True)


def start(folder: Path) -> ForkServerProcess:
    """Starts a process that trains."""
    folder.mkdir(exist_ok=True)
    process = CONTEXT.Process(target=train, args=(folder,))
    process.start()
    return process


def finish(folder: Path) -> None:
    """Trains to the end."""
    process = start(folder)
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{folder}: exit status {process.exitcode}: {(folder / 'output.txt').read_text()}")


def numbers(folder: Path) -> dict[str, object]:
    """What must be equal to the byte."""
    return of_run(folder / "cutmix-seed0")


def of_run(run: Path) -> dict[str, object]:
    """The same of a run by its folder."""
    with (run / "history.csv").open() as file:
        rows = [{name: cell for name, cell in row.items() if name not in TIMES} for row in csv.DictReader(file)]
    predictions = [f"predictions-{split}{kind}.npz" for split in ("val", "test") for kind in ("", "-best")]
    files = ("best.weights.h5", "last.weights.h5", *predictions)
    return {"history.csv": rows, **{name: (run / name).read_bytes() for name in files}}


def reached(folder: Path) -> str:
    """Where a kill has hit."""
    run = folder / "cutmix-seed0"
    if not run.exists():
        return "before the run folder"
    if (run / "result.json").exists():
        return "after the result"
    if (run / "predictions-val.npz").exists():
        return "while scoring"
    return "while training" if (run / "checkpoint" / "state.npz").exists() else "before the first checkpoint"


def kill_and_resume(folder: Path, moment: float) -> str:
    """Kills a run after some seconds, and finishes it; says where it was."""
    process = start(folder)
    time.sleep(moment)
    process.kill()
    process.join()
    where = reached(folder)
    finish(folder)
    return where


def main(kills: int) -> int:
    """Returns how many of the resumed runs differ from the unbroken one."""
    places: Counter[str] = Counter()
    different = 0
    with tempfile.TemporaryDirectory() as scratch:
        CONTEXT.Process(target=int).start()  # so that the server they are forked from has imported TensorFlow
        began = time.monotonic()
        finish(Path(scratch, "unbroken"))
        length = time.monotonic() - began
        expected = numbers(Path(scratch, "unbroken"))
        for kill in range(kills):
            folder = Path(scratch, f"kill{kill}")
            places[kill_and_resume(folder, length * (kill + random.random()) / kills)] += 1
            differing = [name for name, value in numbers(folder).items() if value != expected[name]]
            different += bool(differing)
            print(f"kill {kill + 1}: {dict(places)} {differing or 'identical'}", flush=True)
    print(f"{kills - different} of {kills} identical to the byte; killed {dict(places)}")
    return different


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
