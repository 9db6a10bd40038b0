"""Runs as Ray tasks on the machines of a cluster; their folders come home to `runs_dir` while they are trained.

A task starts the same worker process that a sweep on one machine starts. Where the machine sees `runs_dir` itself, the
worker writes there; elsewhere it writes into a folder of its own, whose content comes home after every checkpoint and
goes out again with a task that Ray starts anew because its machine died.
"""

import contextlib
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import augexp
from augexp import files
from augexp.config import ownnet
from augexp.config.decide import Registered
from augexp.config.ops import own
from augexp.config.schema import Experiment
from augexp.errors import UserError, first_line
from augexp.runs import folder as run_folder
from augexp.study import processes

POLL_SECONDS = 0.5
RESTARTS = 10  # of one run, after machines that died

Content = Mapping[str, bytes]  # path within the run folder -> what the file holds


def pack(folder: Path) -> Content | None:
    """What a run folder holds; None while it changes, so that checkpoint, history and weights belong together."""
    before = _stamps(folder)
    try:
        content = {name: (folder / name).read_bytes() for name in before}
    except FileNotFoundError:
        return None
    return content if _stamps(folder) == before else None


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """The files of a run that are whole, and when they were last changed."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    found = {}
    for path in files:
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue
        found[str(path.relative_to(folder))] = (stat.st_mtime_ns, stat.st_size)
    return found


def unpack(content: Content, folder: Path) -> None:
    """Writes what `pack` has read; what decides how a run stands comes last."""
    for name in sorted(content, key=lambda name: (name == "result.json", name == "checkpoint/state.npz", name)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(path) as temporary:
            temporary.write_bytes(content[name])


class Home:
    """Where run folders come home to: an actor on the machine of the sweep."""

    def fetch(self, folder: str) -> Content:
        """What is there of a run."""
        return pack(Path(folder)) or {} if Path(folder).is_dir() else {}

    def bring(self, folder: str, content: Content) -> None:
        """Takes in what has been trained so far."""
        unpack(content, Path(folder))


def train(
    experiment: Experiment, command: list[str], home: Any, token: str, study: Registered | None = None,
    own_files: Content | None = None,
) -> str:  # fmt: skip
    """The task: trains one run in a worker process of its own; why it failed, or nothing.

    Args:
        experiment: with an absolute `runs_dir` of the sweep's machine.
        command: of the sweep.
        home: handle of the `Home` actor.
        token: a file of the sweep's machine, seen where `runs_dir` is shared.
        study: that the run belongs to.
        own_files: of own ops and an own network, by their paths within `ops_dir`; they travel along.
    """
    import ray

    folder = experiment.run_dir
    if Path(token).exists():
        _wait_for_orphan(folder)
        with _own_ops(experiment, own_files or {}) as here:
            return _wait(processes.Process(here, command, study=study))
    with tempfile.TemporaryDirectory() as scratch, _own_ops(experiment, own_files or {}) as found:
        here = found.model_copy(update={"runs_dir": scratch})
        unpack(ray.get(home.fetch.remote(str(folder))), here.run_dir)

        def bring(content: Content) -> None:
            ray.get(home.bring.remote(str(folder), {**content, "config.yaml": experiment.to_yaml().encode()}))

        try:
            return _wait(processes.Process(here, command, study=study), here.run_dir, bring)
        finally:  # where the task was cancelled, this says that the run was interrupted
            if (last := pack(here.run_dir)) is not None:
                bring(last)


@contextlib.contextmanager
def _own_ops(experiment: Experiment, own_files: Content) -> Iterator[Experiment]:
    """The experiment, with a folder of this machine that holds the files of its own ops."""
    there = Path(experiment.ops_dir or "")
    if all((there / name).is_file() and (there / name).read_bytes() == own_files[name] for name in own_files):
        yield experiment
        return
    with tempfile.TemporaryDirectory() as ops_dir:
        unpack(own_files, Path(ops_dir))
        yield experiment.model_copy(update={"ops_dir": ops_dir})


def _own_files(experiment: Experiment) -> dict[str, bytes]:
    """What own ops and an own network need, by the paths within `ops_dir`."""
    folder = Path(experiment.ops_dir or "")
    network = ownnet.files_of(experiment.model.backbone, experiment.model.backbone_digest, folder)
    return own.files_of(experiment.strategy, folder) | network


def _wait_for_orphan(folder: Path) -> None:
    """Where Ray starts a run anew on a shared file system, the worker of the task that died may just be ending."""
    deadline = time.monotonic() + processes.PATIENCE
    while run_folder.is_locked(folder) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _wait(process: processes.Process, folder: Path | None = None, bring: Any = None) -> str:
    """Waits for the worker and meanwhile brings home what has changed."""
    brought: dict[str, tuple[int, int]] = {}
    try:
        while (reason := process.poll()) is None:
            time.sleep(POLL_SECONDS)
            if folder is not None and (stamps := _stamps(folder)) != brought:
                content = pack(folder)
                if content:
                    bring(content)
                    brought = stamps
    except BaseException:  # Ray cancels a task by an exception
        process.stop()
        raise
    return reason


class Task:
    """A run that Ray trains somewhere."""

    def __init__(self, reference: Any) -> None:
        self._reference = reference

    def poll(self) -> str | None:
        """None while it runs; then why it failed, or nothing."""
        import ray

        ready, _ = ray.wait([self._reference], timeout=0)
        if not ready:
            return None
        try:
            return str(ray.get(self._reference))
        except ray.exceptions.RayError as error:
            return f"killed: {first_line(error)}"

    def end(self) -> None:
        """Cancels the task; its worker says in the run folder that it was interrupted."""
        import ray

        ray.cancel(self._reference)

    def stop(self) -> None:
        """Waits until the task has ended."""
        import ray

        ray.wait([self._reference], timeout=processes.PATIENCE)


class Cluster:
    """As many runs at once as the cluster has room for; Ray places them."""

    def __init__(
        self, address: str, runs_dir: Path, *,
        gpus: float | None = None, cpus: float = 1.0, study: Registered | None = None,
    ) -> None:  # fmt: skip
        """Joins the cluster; each run asks for so many GPUs (None: one, where the cluster has any) and CPUs.

        Raises:
            UserError: if Ray isn't installed, no cluster answers, or it has no room for a single run.
        """
        self._ray, self._study = _ray(), study
        try:
            # Ray puts the working folder before its workers' own modules: a `random.py` there would be run.
            with contextlib.chdir(Path(augexp.__file__).parents[1]):
                self._ray.init(address=address, log_to_driver=False, logging_level="error")
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise UserError(
                f"--ray {address}: no cluster answers ({error}); start one with `ray start --head`"
            ) from None
        room = self._ray.cluster_resources()
        gpus = float("GPU" in room) if gpus is None else gpus
        self.places = int(min(room.get(kind, 0) // each for kind, each in (("CPU", cpus), ("GPU", gpus)) if each))
        if not self.places:
            raise UserError(f"--ray {address}: no room for a run with {cpus:g} CPUs and {gpus:g} GPUs in {room}")
        runs_dir.mkdir(parents=True, exist_ok=True)
        self._token = runs_dir.absolute() / f".sweep-{uuid.uuid4().hex}"
        self._token.touch()
        self._home = self._ray.remote(Home).options(num_cpus=0, scheduling_strategy=self._here()).remote()
        # A worker or a machine that dies is no answer: Ray starts the task again.
        remote = self._ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=RESTARTS, max_calls=1)
        self._train = remote(train)

    def _here(self) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(self._ray.get_runtime_context().get_node_id(), soft=False)

    def start(self, experiment: Experiment) -> Task:
        """Hands a run to Ray."""
        absolute = {"runs_dir": str(Path(experiment.runs_dir).expanduser().absolute())}
        # Read anew, so that what travels holds nothing of the modules of own ops.
        plain = Experiment.model_validate(experiment.model_dump(mode="json") | absolute)
        own_files = _own_files(experiment)
        return Task(self._train.remote(plain, sys.argv, self._home, str(self._token), self._study, own_files))

    def release(self, ended: Task) -> None:
        """Ray has taken its place back by itself."""

    def close(self) -> None:
        """Leaves the cluster, which goes on without this sweep."""
        self._token.unlink(missing_ok=True)
        self._ray.shutdown()


def _ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError:
        raise UserError("--ray: Ray is not installed; pip install 'augexp[ray]'") from None
    return ray
