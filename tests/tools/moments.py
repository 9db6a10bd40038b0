"""Commands that are killed, twinned, hung up, disowned and watched at random moments, and must end in the same bytes.

    python -m tests.tools.moments [KILLS] [SEED]

A command is typed in a process of its own, killed with SIGKILL somewhere in its life, and typed again. What the kill
has left must be whole or not there, and in the end all is as the unbroken command leaves it, times apart.
"""

import json
import math
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from augexp import files
from augexp.config import load
from augexp.report import wording
from augexp.runs import evaluation as run_evaluation
from augexp.runs import folder as run_folder
from augexp.runs import read, status
from augexp.runs.records import BrokenRun
from augexp.study import ablation, grid, rounds
from augexp.study import plan as study_plan
from tests.factories import make_evaluation, make_run
from tests.forked import CONTEXT
from tests.places import ROOT
from tests.snapshot import everything
from tests.tools import kills

STRATEGIES = ("none", "cutmix", "mixup")
SMALL = ("train.epochs=2", "data.train_per_class=20")
DECIDE = ("--decide", "looks=[2,3]", "--decide", "margin=1")
PATIENCE = 600.0  # seconds for a command
PROGRAM = (sys.executable, "-m", "augexp")
SHELL = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
ORPHANED = 60.0  # seconds for a run to end after its sweep
Left = Mapping[str, object]


# --- a command in a process of its own -----------------------------------------------------------------------------


def _typed(folder: Path, words: Sequence[str], stream: str) -> None:
    from augexp.cli.main import main

    if stream:  # a terminal
        os.setsid()
        taken = os.open(stream, os.O_RDWR)
        if words[0] == "nohup":
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            words = words[1:]
    else:
        taken = os.open(folder / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(taken, 1)
    os.dup2(taken, 2)
    sys.argv = ["augexp", *words]
    main()


def start(folder: Path, words: Sequence[str], stream: str = "") -> ForkServerProcess:
    """Types a command; what it says goes to a terminal, or else to `output.txt` in a folder."""
    process = CONTEXT.Process(target=_typed, args=(folder, list(words), stream))
    process.start()
    return process


def ended(process: ForkServerProcess) -> int:
    """The exit status of a command, once it has ended. Raises TimeoutError if it doesn't."""
    process.join(PATIENCE)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"still running after {PATIENCE:g} s")
    return process.exitcode


# --- commands ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """A command, what it works on, and what it leaves.

    Attributes:
        name: in the table.
        share: of a hundred kills.
        words: what is typed, given the folder that `prepare` fills.
        prepare: makes what the command works on.
        left: what must be the same in the end, by name.
        broken: what is wrong right after a kill, given what the unbroken command leaves; nothing where all is well.
    """

    name: str
    share: int
    words: Callable[[Path], list[str]]
    prepare: Callable[[Path], None]
    left: Callable[[Path], Left]
    broken: Callable[[Path, Left], str] = field(default=lambda _folder, _expected: "")


def _made_runs(folder: Path) -> None:
    for number, strategy in enumerate(STRATEGIES[:2]):
        for seed in (0, 1):
            accuracy = 0.8 + 0.02 * number + 0.01 * seed
            run = make_run(folder / "runs" / f"{strategy}-seed{seed}", strategy=strategy, seed=seed, accuracy=accuracy)
            make_evaluation(run, {"ece": 0.1}, rows={"brier": [0.1 + 0.01 * seed] * 100})
            (run / "checkpoint").mkdir()
            (run / "checkpoint" / "state.npz").write_bytes(b"0" * 1000)


def _runs(folder: Path) -> list[str]:
    return [str(folder / "runs" / f"{strategy}-seed{seed}") for strategy in STRATEGIES[:2] for seed in (0, 1)]


def _compare(folder: Path) -> list[str]:
    out = folder / "out"
    texts = [word for name in ("json", "csv", "markdown") for word in (f"--{name}", str(out / f"numbers.{name}"))]
    return ["compare", *_runs(folder), "--out", str(out), *texts, "--report", str(out / "page.html")]


def _written(folder: Path) -> Left:
    """What a comparison has written, left-overs too."""
    return {**everything(folder / "out"), **everything(folder / "runs")}


def _no_half(folder: Path, expected: Left) -> str:
    """What begins with a dot is half a file, by its name; none other may be."""
    return ", ".join(name for name, content in _written(folder).items() if name[0] != "." and content != expected[name])


def _without_checkpoints(folder: Path) -> Left:
    return {name: content for name, content in everything(folder / "runs").items() if "/checkpoint" not in name}


def _clean(folder: Path) -> list[str]:
    return ["clean", "--yes", *_runs(folder)]


def _cleaned(folder: Path) -> Left:
    return everything(folder / "runs")


def _numbers_kept(folder: Path, expected: Left) -> str:
    return "" if _without_checkpoints(folder) == dict(expected) else "more than checkpoints is gone"


def _study(folder: Path, *, ablate: bool) -> list[str]:
    """The line of a study of which every run is finished, so that it decides."""
    settings = [f"runs_dir={folder / 'runs'}", "data.source=digits", "train.epochs=5"]
    if ablate:
        return ["ablate", "--config", str(folder / "mine.yaml"), *settings, *DECIDE]
    return ["sweep", "--config", "none.yaml", "strategy=none,cutmix", *settings, *DECIDE]


def _decided(folder: Path, *, ablate: bool) -> None:
    (folder / "mine.yaml").write_text("strategy: [rotate, cutmix]\n")
    line = _study(folder, ablate=ablate)
    axes = [word for word in line[3:] if "=" in word and word not in DECIDE]
    told = ablation.study(line[2], grid.read_axes(axes)) if ablate else grid.Study(line[2], grid.read_axes(axes))
    plan = study_plan.plan(grid.decided(told, DECIDE[1::2]))
    for number, one in enumerate(plan.runs.values()):
        accuracy = (0.6 if one.name == "none" else 0.8) + 0.001 * number
        kept = {"study": plan.study.model_dump(mode="json")}
        make_run(one.run_dir, seed=one.seed, test_accuracy=accuracy, environment=kept)
        files.write_text(one.run_dir / "config.yaml", one.to_yaml())


def _said(folder: Path) -> Left:
    """What a study has said, where it could, and its runs."""
    said = folder / "output.txt"
    return {"said": said.read_text() if said.exists() else "", **everything(folder / "runs")}


def _runs_kept(folder: Path, expected: Left) -> str:
    now = everything(folder / "runs")
    return ", ".join(name for name in now if now[name] != expected.get(name))


def _small(folder: Path) -> list[str]:
    return [*SMALL, f"runs_dir={folder / 'runs'}", f"data.cache_dir={folder / 'cache'}"]


def _trained(folder: Path) -> None:
    if ended(start(folder, ["train", "--config", "digits.yaml", *_small(folder)])):
        raise RuntimeError((folder / "output.txt").read_text())


def _evaluate(folder: Path) -> list[str]:
    return ["evaluate", str(folder / "runs" / "none-seed0"), "--tta", "flip"]


TIMES = ("images_per_second", "seconds", "seal")


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(one) for key, one in value.items() if key not in TIMES}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def _evaluated(folder: Path) -> Left:
    run = folder / "runs" / "none-seed0"
    left = {name: content for name, content in everything(run).items() if name not in (".evaluation.lock", "log.txt")}
    return left | {"evaluation.json": _timeless(json.loads((run / "evaluation.json").read_text()))}


def _is_told(folder: Path, expected: Left) -> str:
    """The run is as it was, and its evaluation is none, whole, or refused."""
    run = folder / "runs" / "none-seed0"
    now = everything(run)
    changed = [name for name, content in now.items() if name[0] != "." and expected.get(name, content) != content]
    if wrong := [name for name in changed if name not in ("evaluation.json", "log.txt") and "png" not in name]:
        return f"changed {wrong}"
    try:
        found = run_evaluation.read(run)
        if found is not None:
            run_evaluation.read_columns(run, "test", found.digests)
    except run_evaluation.Unreadable:
        pass
    return ""


def _nothing(folder: Path) -> None:
    pass


def _train(folder: Path) -> list[str]:
    places = (f"runs_dir={folder}", f"data.cache_dir={folder / 'cache'}")
    return ["train", "--config", "digits.yaml", *kills.SETTINGS, *places, "--resume"]


def _sweep(folder: Path) -> list[str]:
    decide = ["--decide", "looks=[2,3]", "--decide", "margin=1"]
    return ["sweep", "--config", "digits.yaml", "strategy=none,cutmix", *_small(folder), *decide, "--jobs", "2"]


def _swept(folder: Path) -> Left:
    """The numbers of a sweep's runs, and what they decide; none of them is in a process any more."""
    runs = sorted((folder / "runs").glob("[!.]*-seed*"))
    decided = [wording.race_sentence(race) for race, _ in rounds.found_in(runs)]
    in_use = [run.name for run in runs if run_folder.is_locked(run)]
    return {run.name: kills.of_run(run) for run in runs} | {"in use": in_use, "decided": decided}


# With the share of each in a hundred kills.
KINDS = (
    Kind("train", 20, _train, _nothing, kills.numbers),
    Kind("evaluate", 20, _evaluate, _trained, _evaluated, _is_told),
    Kind("compare", 25, _compare, _made_runs, _written, _no_half),
    Kind("clean", 10, _clean, _made_runs, _cleaned, _numbers_kept),
    Kind("decide", 10, partial(_study, ablate=False), partial(_decided, ablate=False), _said, _runs_kept),
    Kind("ablate", 10, partial(_study, ablate=True), partial(_decided, ablate=True), _said, _runs_kept),
    Kind("sweep", 5, _sweep, _nothing, _swept),
)


# --- kills ---------------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """A line of the table."""

    name: str
    tried: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.name:<24}{self.tried:>8}{self.tried - len(self.faults):>10}"


class Stage:
    """A folder that is the same for every try, as what is written tells of it."""

    def __init__(self, root: Path, kind: Kind) -> None:
        self.kind, self.place, self.sound = kind, root / "place", root / "sound"
        self.place.mkdir()
        kind.prepare(self.place)
        self.place.rename(self.sound)
        self.set()
        began = time.monotonic()
        self.status = ended(start(self.place, kind.words(self.place)))
        self.length = time.monotonic() - began
        if self.status:
            raise RuntimeError(f"{kind.name}: exit status {self.status}: {(self.place / 'output.txt').read_text()}")
        self.expected = kind.left(self.place)

    def set(self) -> None:
        """Everything as it was before the command."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.sound, self.place)

    def differing(self, *but: str) -> str:
        """What isn't as the unbroken command leaves it, but for some."""
        now = self.kind.left(self.place)
        names = (now.keys() | self.expected.keys()) - {*but}
        return ", ".join(sorted(name for name in names if now.get(name) != self.expected.get(name)))


def killed(stage: Stage, moment: float) -> str:
    """What goes wrong when the command is killed after some seconds and typed again; nothing where all is well."""
    stage.set()
    process = start(stage.place, stage.kind.words(stage.place))
    time.sleep(moment)
    process.kill()
    process.join()
    if orphans := _orphans(stage.place):
        return f"still training: {orphans}"
    if broken := stage.kind.broken(stage.place, stage.expected):
        return f"after the kill: {broken}"
    return _again(stage)


def _again(stage: Stage) -> str:
    status = ended(start(stage.place, stage.kind.words(stage.place)))
    if status != stage.status:
        return f"then exit status {status}: {(stage.place / 'output.txt').read_text()[-500:]}"
    differing = stage.differing()
    return f"then different: {differing}" if differing else ""


def _orphans(folder: Path) -> list[str]:
    """Runs that are still trained a while after whoever started them was killed."""
    deadline = time.monotonic() + ORPHANED
    while True:
        found = [path.parent.name for path in folder.rglob("config.yaml") if run_folder.is_locked(path.parent)]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def kill(kind: Kind, count: int, root: Path, rng: random.Random, until: float = math.inf) -> Row:
    """Kills a command at so many moments, spread over its life and in no order, or at as many as there is time for.

    Args:
        kind: the command.
        count: of kills.
        root: an empty folder.
        rng: chooses the moments.
        until: by `time.monotonic`, when no second kill begins.
    """
    row = Row(f"{kind.name}, killed")
    stage = Stage(root, kind)
    for number in rng.sample(range(count), count):
        if row.tried and time.monotonic() > until:
            break
        row.tried += 1
        moment = stage.length * (number + rng.random()) / count
        if fault := killed(stage, moment):
            row.faults.append(f"{kind.name} killed after {moment:.2f} of {stage.length:.2f} s: {fault}")
    return row


# --- beside kills --------------------------------------------------------------------------------------------------


def twins(kind: Kind, count: int, root: Path) -> Row:
    """Two of a command at once, each in a terminal of its own, on one folder.

    One may be refused; when the command is typed again, all is as after one of them.
    """
    row = Row(f"{kind.name}, two at once")
    stage = Stage(root, kind)
    for _ in range(count):
        row.tried += 1
        stage.set()
        terminals = [_Terminal(), _Terminal()]
        both = [start(stage.place, kind.words(stage.place), terminal.name) for terminal in terminals]
        statuses = [ended(one) for one in both]
        for terminal in terminals:
            terminal.close()
        fault = "" if stage.status in statuses and set(statuses) <= {0, 1, 2, 3} else f"exit statuses {statuses}"
        if fault := fault or _again(stage):
            row.faults.append(f"two of {kind.name}: {fault}")
    return row


def _in_shell(terminal: str, line: str, folder: Path) -> None:
    os.setsid()
    taken = os.open(terminal, os.O_RDWR)
    for standard in range(3):
        os.dup2(taken, standard)
    os.chdir(folder)
    os.execvpe("sh", ["sh", "-c", line], SHELL)


class _Terminal:
    """A terminal whose window shows what comes until it is closed, which hangs up on those who use it."""

    def __init__(self) -> None:
        self._window, self._line = os.openpty()
        self.name = os.ttyname(self._line)
        self._is_closing = threading.Event()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        os.set_blocking(self._window, False)
        while not self._is_closing.is_set():
            try:
                os.read(self._window, 4096)
            except BlockingIOError:
                time.sleep(0.02)

    def type(self, line: str, folder: Path) -> ForkServerProcess:
        """Types a line in a shell of this terminal."""
        process = CONTEXT.Process(target=_in_shell, args=(self.name, line, folder))
        process.start()
        return process

    def close(self) -> None:
        self._is_closing.set()
        self._reading.join()
        os.close(self._line)
        os.close(self._window)


def _wait_for_epoch(process: ForkServerProcess, run: Path, epoch: int) -> None:
    """Until a run has so many epochs, or is over."""
    while process.is_alive():
        with suppress(BrokenRun):
            if len(read.history(run)["epoch"]) >= epoch:
                return
        time.sleep(0.05)


def hung_up(kind: Kind, count: int, root: Path, *, nohup: bool) -> Row:
    """The terminal of a training is closed: it says so and can be resumed, or under `nohup` goes on to its end."""
    row = Row(f"{kind.name}, {'disowned' if nohup else 'hung up'}")
    stage = Stage(root, kind)
    run = "cutmix-seed0"
    for number in range(count):
        row.tried += 1
        stage.set()
        terminal = _Terminal()
        words = [*(["nohup"] if nohup else []), *kind.words(stage.place)]
        process = start(stage.place, words, terminal.name)
        _wait_for_epoch(process, stage.place / run, 1 + number % 4)
        terminal.close()
        code = ended(process)
        told = read.state(stage.place / run)
        if nohup:
            fault = f"exit status {code}" if code else stage.differing()
        elif status.of(stage.place / run).state in ("waiting", "finished"):  # before it began, or at its end
            fault = _again(stage)
        else:
            said = (told.state, told.reason) == ("interrupted", "SIGHUP")
            fault = _again(stage) if said else f"status {told}"
        if fault:
            row.faults.append(f"{row.name}: {fault}")
    return row


def under_nohup(kind: Kind, count: int, root: Path) -> Row:
    """`nohup augexp train` in a shell whose terminal is closed goes on to its end."""
    row = Row(f"{kind.name}, under nohup")
    stage = Stage(root, kind)
    run = stage.place / "cutmix-seed0"
    for number in range(count):
        row.tried += 1
        stage.set()
        terminal = _Terminal()
        shell = terminal.type(f"nohup {shlex.join([*PROGRAM, *kind.words(stage.place)])}", stage.place)
        _wait_for_epoch(shell, run, 1 + number % 4)
        terminal.close()
        ended(shell)
        deadline = time.monotonic() + PATIENCE
        while run_folder.is_locked(run) and time.monotonic() < deadline:
            time.sleep(0.1)
        told = read.state(run)
        if fault := f"status {told}" if told.state != "finished" else stage.differing():
            row.faults.append(f"{row.name}: {fault}")
    return row


# With the exit status, where it isn't that of all streams open.
CLOSED = {">&-": None, "2>&-": None, "<&- >&- 2>&-": None, "> /dev/full": 2}


def without_streams(kind: Kind, root: Path) -> Row:
    """A command whose stdout, stderr or all three are closed from the start, or on a full disk, does its work."""
    row = Row(f"{kind.name}, closed streams")
    stage = Stage(root, kind)
    for closed, otherwise in CLOSED.items():
        row.tried += 1
        stage.set()
        line = f"{shlex.join([*PROGRAM, *kind.words(stage.place)])} {closed}"
        done = subprocess.run(
            ["sh", "-c", line], cwd=stage.place, env=SHELL, capture_output=True, text=True, check=False
        )
        differing = stage.differing("said")
        if (
            done.returncode != (stage.status if otherwise is None else otherwise)
            or "Traceback" in done.stderr
            or differing
        ):
            row.faults.append(f"{kind.name} {closed}: {done.returncode} {differing} {done.stderr[-300:]}")
    return row


def polled(count: int, root: Path) -> Row:
    """Runs that start while `status` looks at them in tight loops."""
    row = Row("start, polled by status")
    experiment = load.experiment("digits.yaml", [f"runs_dir={root}"])
    lookers = [CONTEXT.Process(target=_poll, args=(experiment.run_dir,), daemon=True) for _ in range(2)]
    for looker in lookers:
        looker.start()
    for _ in range(count):
        row.tried += 1
        try:
            with run_folder.create(experiment):
                pass
        except Exception as error:
            row.faults.append(f"start, polled: {error}")
    for looker in lookers:
        looker.kill()
    return row


def _poll(folder: Path) -> None:
    while True:
        try:
            status.of(folder)
        except BrokenRun:  # it is just being made
            continue


# --- all -----------------------------------------------------------------------------------------------------------

Job = Callable[[Path, random.Random, float], Row]  # an empty folder, random moments, and when to stop


def jobs(count: int) -> dict[str, Job]:
    """What is done for so many kills, by the name of the row."""
    found: dict[str, Job] = {}
    for kind in KINDS:
        found[f"{kind.name}, killed"] = partial(kill, kind, max(1, round(count * kind.share / 100)))
        if kind.name != "ablate":
            found[f"{kind.name}, two at once"] = _all(twins, kind, max(1, count // 50))
        found[f"{kind.name}, closed streams"] = _all(without_streams, kind)
    of_train = KINDS[0]
    found["train, hung up"] = _all(hung_up, of_train, max(1, count // 25), nohup=False)
    found["train, disowned"] = _all(hung_up, of_train, max(1, count // 50), nohup=True)
    found["train, under nohup"] = _all(under_nohup, of_train, max(1, count // 50))
    found["start, polled by status"] = _all(polled, 10 * count)
    return found


def _all(work: Callable[..., Row], *told: Any, **settings: Any) -> Job:
    """Of what takes no random moments, and is done to its end."""
    return lambda root, _rng, _until: work(*told, root, **settings)


def main(count: int, seed: int, only: Sequence[str] = ()) -> int:
    """Prints the table of so many kills, and of what is done beside them; returns how many faults there were."""
    rng, faults = random.Random(seed), list[str]()
    print(f"seed {seed}\n{'':<24}{'tried':>8}{'survived':>10}")
    for name, job in jobs(count).items():
        if not only or any(name.startswith(one) for one in only):
            with tempfile.TemporaryDirectory() as scratch:
                row = job(Path(os.path.realpath(scratch)), rng, math.inf)
            print(row, flush=True)
            faults += row.faults
    print(*faults, sep="\n")
    return len(faults)


if __name__ == "__main__":
    told = sys.argv[1:]
    sys.exit(min(1, main(int(told[0]) if told else 100, int(told[1]) if len(told) > 1 else 0, told[2:])))
