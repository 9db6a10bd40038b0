"""Every file of a run folder, damaged in every way, through the commands that read run folders.

    python -m tests.tools.fuzz.folders [CASES] [SEED]

Four runs of a study stand in a folder, with evaluations, checkpoints and locks; one file of one run is damaged, and a
command is typed in this process. It must end with 0, 1, 2 or 3 within `PATIENCE`, without a traceback, change nothing
but what it is for, name the run unless all it tells is what it told of the undamaged ones, and let the other runs be.
"""

import io
import json
import os
import random
import shutil
import signal
import stat
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console

from augexp import console
from augexp.runs import folder as run_folder
from tests.factories import make_evaluation, make_run
from tests.snapshot import everything

PATIENCE = 300  # seconds; a busy machine has few to spare
RUNS = ("none-seed0", "none-seed1", "cutmix-seed0", "cutmix-seed1")
FILES = (
    *("config.yaml", "environment.json", "status.json", "history.csv", "result.json", "evaluation.json", "log.txt"),
    *(
        "predictions-test.npz",
        "predictions-val.npz",
        "evaluation-test.npz",
        "checkpoint/state.npz",
        "checkpoint",
        "lock",
    ),
)
BINARY = (".png", ".h5")
COMMANDS = ("status", "compare", "clean")


# --- damage --------------------------------------------------------------------------------------------------------


def _flip(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def _cut(path: Path, rng: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content) + 1)])


def _noise(path: Path, rng: random.Random) -> None:
    path.write_bytes(rng.randbytes(rng.choice([0, 1, 100, 10_000])))


def _value(path: Path, rng: random.Random) -> None:
    """Another kind of value in the place of one, in JSON, YAML, CSV or an array."""
    odd = [
        "null",
        "-1",
        "1e999",
        "NaN",
        '"text"',
        "[]",
        "{}",
        "[[[]]]",
        "true",
        "1" * 400,
        '"\\u001b[31m"',
        "-0.0",
        "0",
    ]
    if path.suffix in BINARY:
        _noise(path, rng)
        return
    if path.suffix == ".npz":
        with np.load(path) as stored:
            arrays = dict(stored)
        name = rng.choice(list(arrays))
        arrays[name] = rng.choice(
            [np.zeros(3), np.array("text"), np.full(arrays[name].shape, np.nan), np.empty((0, 0))]
        )
        np.savez_compressed(path, **arrays)
        return
    text = path.read_text()
    marks = [at for at, character in enumerate(text) if character in (":" if path.suffix != ".csv" else ",")]
    if not marks:
        return
    at = rng.choice(marks) + 1
    end = next((place for place in range(at, len(text)) if text[place] in ",\n}"), len(text))
    path.write_text(f"{text[:at]} {rng.choice(odd)}{text[end:]}")


def _version(path: Path, rng: random.Random) -> None:
    """What a version to come might write."""
    text = "" if path.suffix in (".npz", *BINARY) else path.read_text()
    if path.suffix == ".json" and text.lstrip().startswith("{"):
        path.write_text(json.dumps(json.loads(text) | {"format": 99, "splits": {"new": {}}, "new": [1]}))
    elif path.suffix == ".yaml":
        path.write_text(f"{text}new_section:\n  key: {rng.random()}\n")
    else:
        path.write_bytes(path.read_bytes() + b"new,columns,1\n")


def _text(text: str | bytes) -> Callable[[Path, random.Random], None]:
    content = text.encode() if isinstance(text, str) else text

    def damage(path: Path, _: random.Random) -> None:
        path.write_bytes(content)

    return damage


def _instead(put: Callable[[Path], object]) -> Callable[[Path, random.Random], None]:
    """Something else in the place of a file."""

    def damage(path: Path, _: random.Random) -> None:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        put(path)

    return damage


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "notes.txt").write_text("mine")


def _huge(path: Path, _: random.Random) -> None:
    with path.open("r+b") as file:
        file.truncate(2**38)


DAMAGE: dict[str, Callable[[Path, random.Random], None]] = {
    "missing": _instead(lambda path: None),
    "cut": _cut,
    "one bit": _flip,
    "noise": _noise,
    "other value": _value,
    "other version": _version,
    "deep": _text("[" * 100_000),
    "deep objects": _text('{"a":' * 100_000),
    "aliases": _text("a0: &a0 [x,x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1},*a{i - 1}]\n" for i in range(1, 64))),
    "Latin-1": _text("name: caf\xe9\n".encode("latin-1")),
    "long number": _text('{"epochs": ' + "9" * 10_000 + "}"),
    "huge": _huge,
    "pipe": _instead(os.mkfifo),
    "folder": _instead(_folder),
    "link to a file": _instead(lambda path: path.symlink_to(_outside(path) / "thesis")),
    "link to a folder": _instead(lambda path: path.symlink_to(_outside(path))),
    "link to itself": _instead(lambda path: path.symlink_to(path.name)),
    "link to a device": _instead(lambda path: path.symlink_to("/dev/zero")),
    "no permission": lambda path, _: path.chmod(0),
}  # fmt: skip
OF_FOLDERS = ("missing", "pipe", "link to a file", "link to a folder", "link to itself", "link to a device")


def _outside(path: Path) -> Path:
    return next(parent for parent in path.parents if (parent / "outside").is_dir()) / "outside"


# --- cases ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One damage to one file of one run."""

    number: int
    command: str
    run: str
    file: str
    damage: str

    def __str__(self) -> str:
        return f"{self.number}: {self.command} with {self.run}/{self.file}: {self.damage}"


# Of cases, with a seed and an empty folder: each case, and what went wrong in it.
Fuzz = Callable[[Iterable[Case], int, Path], Iterator[tuple[Case, list[str]]]]


def cases(count: int, seed: int) -> Iterator[Case]:
    """The first so many: every command, file and damage in turn, in an order of the seed."""
    rng = random.Random(seed)
    every = [
        (command, file, damage)
        for command in COMMANDS
        for file in FILES
        for damage in (OF_FOLDERS if file == "checkpoint" else DAMAGE)
    ]
    for number in range(count):
        if number % len(every) == 0:
            rng.shuffle(every)
        command, file, damage = every[number % len(every)]
        yield Case(number, command, rng.choice(RUNS), file, damage)


def build(root: Path) -> Path:
    """The undamaged runs, and beside them what is nobody's business."""
    runs = root / "runs"
    for name in RUNS:
        strategy, _, seed = name.partition("-seed")
        accuracy = (0.83 if strategy == "cutmix" else 0.8) + 0.01 * int(seed)
        told = {"class_names": list("abcd")}
        folder = make_run(
            runs / name, strategy=strategy, seed=int(seed), accuracy=accuracy, environment=told, sealed=True
        )
        make_evaluation(folder, {"ece": 0.1, "nll": 0.9}, rows={"brier": [0.1 + 0.01 * int(seed)] * 100}, sealed=True)
        (folder / "checkpoint").mkdir()
        np.savez(folder / "checkpoint" / "state.npz", meta=np.array("{}"))
        (folder / "log.txt").write_text("2026-01-02T03:04:05+00:00 epoch 1\n")
        run_folder.beside(folder, "lock").touch()
        Image.new("RGB", (30, 20), "red").save(folder / "batch.png")
    (root / "outside").mkdir()
    (root / "outside" / "thesis").write_text("years")
    (root / "outside" / "state.npz").write_text("years")
    return runs


def place(runs: Path, run: str, file: str) -> Path:
    """Where a file of a run lies."""
    return run_folder.beside(runs / run, "lock") if file == "lock" else runs / run / file


class _Hang(BaseException):
    """The command took longer than `PATIENCE`."""


@contextmanager
def within(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise _Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def typed(*arguments: object) -> tuple[int | str, str]:
    """Exit status, or what is no exit, and all that was printed."""
    from augexp.cli.main import main

    said, argv = io.StringIO(), sys.argv
    sys.argv = ["augexp", *map(str, arguments)]
    plain = [Console(file=said, width=200, highlight=False, emoji=False, soft_wrap=True) for _ in range(2)]
    shown = console.out, console.err
    console.out, console.err = plain  # type: ignore[assignment]
    try:
        with redirect_stdout(said), redirect_stderr(said), within(PATIENCE):
            main()
    except SystemExit as error:
        return (error.code if isinstance(error.code, int) else str(error.code)), said.getvalue()
    except _Hang:
        return "hang", said.getvalue() + traceback.format_exc()
    except BaseException as error:
        return type(error).__name__, said.getvalue() + traceback.format_exc()
    finally:
        sys.argv = argv
        console.out, console.err = shown
    return 0, said.getvalue()


def words(command: str, runs: Path, out: Path) -> list[object]:
    """What is typed."""
    folders = [runs / name for name in RUNS]
    if command == "compare":
        texts = ["--json", out / "numbers.json", "--csv", out / "numbers.csv", "--report", out / "page.html"]
        return ["compare", *folders, "--out", out, *texts]
    return [command, *folders, *(["--yes"] if command == "clean" else [])]


def faults(case: Case, root: Path, sound: Path, seed: int) -> list[str]:
    """What a command does wrong with one damage; nothing where it does well.

    Args:
        case: the damage.
        root: an empty folder.
        sound: where `build` has put the runs.
        seed: of the damage.
    """
    shutil.copytree(sound, root, dirs_exist_ok=True, symlinks=True)
    runs, out = root / "runs", root / "written"
    DAMAGE[case.damage](place(runs, case.run, case.file), random.Random(f"{seed}/{case.number}"))
    before = _seen(root)
    status, said = typed(*words(case.command, runs, out))
    after = {path: content for path, content in _seen(root).items() if path.partition("/")[0] != "written"}
    found = []
    if status not in (0, 1, 2, 3) or "Traceback" in said:
        found.append(f"ended with {status}:\n{said[-2500:]}")
    cleaned = RUNS if case.command == "clean" else ()
    allowed = {f"runs/{run}/checkpoint{file}" for run in cleaned for file in ("", "/state.npz")}
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    if changed - allowed or any(path in after and path.endswith("state.npz") for path in changed):
        found.append(f"changed {sorted(changed - allowed)}")
    found += [f"says nothing of {run}" for run in RUNS if case.command != "clean" and run not in said + _told(out)]
    if case.command == "compare" and status in (0, 3):
        same = _numbers(out / "numbers.json", root) == _numbers(sound / "numbers.json", sound)
        if not same and case.run not in said:
            found.append("numbers differ and nothing is said")
    return found


def _seen(root: Path) -> dict[str, bytes | str]:
    """All that stands there; of a file of gigabytes that holds nothing, its size."""
    regular = [path for path in root.rglob("*") if stat.S_ISREG(path.lstat().st_mode)]
    large = [path for path in regular if path.stat().st_size > 2**30]
    for path in large:
        os.truncate(path, 2**20)
    found = everything(root)
    for path in large:
        os.truncate(path, 2**38)
    return found


def _told(out: Path) -> str:
    path = out / "numbers.json"
    return path.read_text() if path.exists() else ""


def _numbers(path: Path, root: Path) -> str:
    return path.read_text().replace(str(root), "")


def fuzz(tried: Iterable[Case], seed: int, root: Path) -> Iterator[tuple[Case, list[str]]]:
    """Each case, and what went wrong in it; `root` is an empty folder."""
    sound = root / "sound"
    build(sound)
    typed(*words("compare", sound / "runs", sound / "out"))
    (sound / "out" / "numbers.json").rename(sound / "numbers.json")
    shutil.rmtree(sound / "out")
    for case in tried:
        yield case, faults(case, root / "case", sound, seed)
        shutil.rmtree(root / "case")


# --- commands that load a network, or train one --------------------------------------------------------------------

OF_NETWORKS = ("evaluate", "explain", "predict")
LOADED = (
    *("config.yaml", "environment.json", "history.csv", "result.json", "log.txt"),
    *("evaluation.json", "last.weights.h5"),
)
OF_TRAININGS = ("train", "sweep")
RESUMED = (
    *("config.yaml", "environment.json", "history.csv", "status.json", "log.txt"),
    *("checkpoint/state.npz", "best.weights.h5", "last.weights.h5", "lock"),
)


def network_faults(case: Case, root: Path, trained: Path, image: Path, seed: int) -> list[str]:
    """What a command that loads a network, or goes on training one, does wrong with one damage.

    Args:
        case: the damage; its run is the name of the copy.
        root: an empty folder.
        trained: a finished run.
        image: to be predicted.
        seed: of the damage.
    """
    folder = root / "runs" / case.run
    shutil.copytree(trained, folder)
    (root / "outside").mkdir()
    (root / "outside" / "thesis").write_text("years")
    (folder / "log.txt").touch()
    run_folder.beside(folder, "lock").touch()
    if not (folder / "evaluation.json").exists():
        (folder / "evaluation.json").write_text("{}")
    if case.command in OF_TRAININGS:
        (folder / "result.json").unlink()
        run_folder.set_state(folder, "running")
    DAMAGE[case.damage](place(root / "runs", case.run, case.file), random.Random(f"{seed}/{case.number}"))
    same = ["--config", trained / "config.yaml", f"runs_dir={root / 'runs'}", f"name={case.run.partition('-seed')[0]}"]
    given = {
        "evaluate": ["evaluate", folder, "--split", "val"],
        "explain": ["explain", folder, "--examples", 2, "--out", root / "explain.png"],
        "predict": ["predict", folder, image, "--json"],
        "train": ["train", *same, "--resume"],
        "sweep": ["sweep", *same],
    }
    before = everything(root / "outside")
    status, said = typed(*given[case.command])
    found = []
    if status not in (0, 1, 2, 3) or "Traceback" in said:
        found.append(f"ended with {status}:\n{said[-2500:]}")
    if status == 2 and str(folder) not in said:
        found.append(f"the run is not named:\n{said[-500:]}")
    if everything(root / "outside") != before:
        found.append("changed what is outside")
    return found


def network_cases(count: int, seed: int) -> Iterator[Case]:
    """The first so many: every command, file and damage in turn, in an order of the seed."""
    rng = random.Random(seed)
    every = [
        (command, file, damage)
        for command in (*OF_NETWORKS, *OF_TRAININGS)
        for file in (LOADED if command in OF_NETWORKS else RESUMED)
        for damage in DAMAGE
        if damage != "huge"
    ]
    for number in range(count):
        if number % len(every) == 0:
            rng.shuffle(every)
        yield Case(number, every[number % len(every)][0], "run-seed0", *every[number % len(every)][1:])


def fuzz_networks(tried: Iterable[Case], seed: int, root: Path) -> Iterator[tuple[Case, list[str]]]:
    """Each case, and what went wrong in it; `root` is an empty folder."""
    trained, image = small_run(root), root / "seven.png"
    Image.new("L", (16, 16), 128).save(image)
    for case in tried:
        yield case, network_faults(case, root / "case", trained, image, seed)
        shutil.rmtree(root / "case")


def small_run(root: Path) -> Path:
    """A finished run of the digits, trained in a folder."""
    from augexp.config import load
    from augexp.train.run import train

    places = [f"runs_dir={root / 'trained'}", f"data.cache_dir={root / 'decoded'}"]
    return train(load.experiment("digits.yaml", ["train.epochs=1", "data.train_per_class=20", *places]))


def main(fuzz: Fuzz, cases: Callable[[int, int], Iterable[Case]], count: int) -> None:
    """Tells what went wrong, and of how many: so many cases, or as many as are typed, and the seed."""
    count, seed = (int(word) for word in (sys.argv[1:] + [str(count), "0"][len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as folder:
        ended = fuzz(cases(count, seed), seed, Path(os.path.realpath(folder)))
        wrong = {case: found for case, found in ended if found}
    tried = Counter((case.command, case.damage) for case in cases(count, seed))
    failed = Counter((case.command, case.damage) for case in wrong)
    for kind in sorted(tried):
        print(f"{kind[0]:8} {kind[1]:18} {tried[kind]:6} tried {tried[kind] - failed[kind]:6} survived")
    for case, found in wrong.items():
        print(f"\n{case}", *found, sep="\n  ")
    print(f"\nseed {seed}: {count} cases, {len(wrong)} faults")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(fuzz, cases, 741)
