"""`augexp sweep`."""

import sys
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from augexp.cli.shared import (
    DecideBy,
    DryRun,
    FreshProcesses,
    Gpus,
    Jobs,
    Ray,
    Retry,
    RunCpus,
    RunGpus,
    complete_config,
)
from augexp.errors import UserError, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from augexp.compare.race import Race
    from augexp.config.decide import Registered
    from augexp.config.schema import Experiment
    from augexp.runs.status import Standing
    from augexp.study.grid import Study
    from augexp.study.plan import Plan
    from augexp.study.sweep import Pool

Result = TypeVar("Result")


def sweep(
    grid: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE,VALUE]...", help="Settings to vary: seed=0..4 strategy=none,cutmix."),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option("--config", "-c", help="What all runs have in common.", autocompletion=complete_config),
    ] = None,
    study: Annotated[
        str | None, typer.Option("--study", help="YAML file with `config`, `grid` or `candidates`, `decide`.")
    ] = None,
    decide: DecideBy = None,
    dry_run: DryRun = False,
    retry: Retry = False,
    jobs: Jobs = None,
    gpus: Gpus = None,
    fresh_processes: FreshProcesses = False,
    ray: Ray = None,
    run_cpus: RunCpus = 1.0,
    run_gpus: RunGpus = None,
) -> None:
    """Train every combination of some settings, each as a run of its own; type it again to go on.

    With `decide`, round by round, with a look at the seeds of each round, until it is clear which strategy to use.

    Example: augexp sweep --config none.yaml strategy=none,basic,cutmix,mixup seed=0..4

    With data.folds=5, fold=0..4 tests on each fifth of the images once.
    """
    from augexp.study.grid import decided

    told = decided(_study(config, study, grid or []), decide or [])
    carry_out(told, Places(jobs, gpus, fresh_processes, ray, run_cpus, run_gpus), retry=retry, dry_run=dry_run)


@dataclass(frozen=True)
class Places:
    """Where runs are trained, as it was typed."""

    jobs: int | None
    gpus: str | None
    fresh_processes: bool
    ray: str | None
    run_cpus: float
    run_gpus: float | None

    def check(self) -> None:
        """Raises UserError where the options don't go together."""
        placed = _gpus(self.gpus) or self.jobs
        if placed and self.ray is not None:
            raise UserError("--jobs and --gpus place runs on this machine; with --ray, give --run-cpus and --run-gpus")

    def look(self, todo: "Sequence[Experiment]") -> None:
        """Looks at the data before any run is started, where it is on this machine."""
        if self.ray is None:
            from augexp.study.look import look

            look(todo)

    def pool(self, runs_dir: "Path", registered: "Registered | None" = None) -> "AbstractContextManager[Pool]":
        """The places, for runs of a folder, and of a registered study where they are of one."""
        if self.ray is not None:
            from augexp.study.cluster import Cluster

            return closing(Cluster(self.ray, runs_dir, gpus=self.run_gpus, cpus=self.run_cpus, study=registered))
        from augexp.study.processes import Processes

        gpus = _gpus(self.gpus)
        return closing(Processes(self.jobs or max(1, len(gpus)), gpus, registered, fresh=self.fresh_processes))


def carry_out(told: "Study", places: Places, *, retry: bool, dry_run: bool) -> None:
    """Trains what a study needs, says how it ended, and what to type next; with `dry_run`, what it would take.

    Raises:
        UserError: if the study or the places make no sense, or a run folder holds another run.
        typer.Exit: if it was interrupted, or not every run finished.
    """
    from augexp.study.folds import as_seeds

    places.check()
    told = as_seeds(told)
    if told.decide is None:
        _all(told, places, retry=retry, dry_run=dry_run)
    else:
        _rounds(told, places, retry=retry, dry_run=dry_run)


def _all(told: "Study", places: Places, *, retry: bool, dry_run: bool) -> None:
    """Every run of a grid."""
    from augexp import console
    from augexp.study import sweep
    from augexp.study.grid import experiments as combine

    experiments = combine(told)
    todo = sweep.due(experiments, retry=retry)
    if dry_run:
        _forecast(experiments, todo)
    elif todo:
        _sweep(experiments, todo, places)
    else:
        console.say(f"{counted(len(experiments), 'run')}, 0 to do")
        _close([sweep.stand(experiment) for experiment in experiments])


def _rounds(told: "Study", places: Places, *, retry: bool, dry_run: bool) -> None:
    """The runs that a decision takes."""
    from augexp import console
    from augexp.report import wording
    from augexp.study import plan as study_plan
    from augexp.study import rounds
    from augexp.study.sweep import compare_line

    plan = study_plan.plan(told)
    study_plan.refuse_others(plan)
    if dry_run:
        _forecast_rounds(plan, retry=retry)
        return
    console.say(
        f"study {plan.study.hash}: {counted(len(plan.study.strategies), 'strategy')}, looks at "
        f"{', '.join(map(str, plan.study.decide.looks))} seeds, margin {plan.study.decide.margin:g} "
        f"{wording.unit_of(plan.study.decide.metric)}, "
        f"{wording.weights(plan.study.decide.score)}"
    )

    def tell(race: "Race") -> None:
        if not race.ended:  # the end is the answer
            console.say(wording.race_sentence(race))

    def train() -> "Race":
        now = rounds.stand(plan, retry=retry)
        if now.ended:
            return now
        runs_dir = next(iter(plan.runs.values())).run_dir.parent
        with places.pool(runs_dir, plan.study) as pool:
            places.look(plan.of(now.needed))
            return rounds.run(plan, pool, tell, retry=retry)

    race = _until_interrupted(train)
    console.tell(wording.race_sentence(race))
    begun = [one.run_dir for one in plan.runs.values() if one.run_dir.exists()]
    console.tell(wording.outcome(race, rounds.decided(begun)))
    finished = [str(one.run_dir) for one in plan.runs.values() if (one.run_dir / "result.json").exists()]
    if finished:
        console.quote(f"compare: {compare_line(finished)}")
    if race.incomplete:
        raise typer.Exit(1)


def _forecast_rounds(plan: "Plan", *, retry: bool) -> None:
    """The runs at least and at most, their hours, and what differences the looks can settle."""
    from augexp import console
    from augexp.network import device
    from augexp.report import wording
    from augexp.study import folds, rounds

    race = rounds.stand(plan, retry=retry)
    console.tell(wording.race_sentence(race))
    looks, strategies = plan.study.decide.looks, plan.study.strategies
    done = sum((one.run_dir / "result.json").exists() for one in plan.runs.values())
    console.answer(
        f"runs: at least {looks[0] * len(strategies)}, at most {looks[-1] * len(strategies)}; {done} are finished"
    )
    overlap = folds.overlap(next(iter(plan.runs.values())).data)
    console.tell(wording.settles(plan.study, overlap))
    if race.needed:
        device.load_tensorflow()
        from augexp.study import cost

        costs: dict[str, cost.Cost] = {}  # measured twice, they would differ
        for text, some in (("the next look", plan.of(race.needed)), ("all looks", list(plan.runs.values()))):
            told = "; ".join(cost.lines([one for one in some if not _is_finished(one)], costs))
            console.tell(f"{text}: {told}")


def _is_finished(experiment: "Experiment") -> bool:
    return (experiment.run_dir / "result.json").exists()


def _study(config: str | None, study: str | None, grid: list[str]) -> "Study":
    from augexp.study.grid import Study, read_axes, read_study

    if (config is None) == (study is None):
        raise UserError("--config FILE or --study FILE is needed, one of the two")
    if study is not None:
        _say_shipped(study)
    told = read_study(study) if study is not None else Study(str(config))
    return replace(told, axes=told.axes | read_axes(grid))


def _say_shipped(study: str) -> None:
    """That a name is the one of a shipped study, where one of the user's own may have been meant."""
    from augexp import console
    from augexp.config import load

    path = load.find_config(study)
    if path.parent.resolve() == load.shipped_configs().resolve() and not Path(study).exists():
        console.say(f"{path.name}: the study of this name that is shipped with augexp, as there is none here")


def _gpus(text: str | None) -> list[str]:
    gpus = [] if text is None else [part.strip() for part in text.split(",")]
    if not all(gpus) or len(set(gpus)) < len(gpus):
        raise UserError(f"--gpus {text}: different numbers with commas are needed, such as 0,1")
    return gpus


def _sweep(experiments: "Sequence[Experiment]", todo: "Sequence[Experiment]", places: Places) -> None:
    from augexp import console
    from augexp.study import sweep

    def train() -> "list[Standing]":
        with places.pool(experiments[0].run_dir.parent) as pool:
            places.look(todo)  # beside the imports of what runs are forked from
            console.say(f"{counted(len(experiments), 'run')}, {len(todo)} to do, {pool.places} at once")
            return sweep.run(experiments, todo, pool)

    _close(_until_interrupted(train))


def _until_interrupted(work: "Callable[[], Result]") -> "Result":
    """Does the work; Ctrl-C and SIGTERM end it with the word that it can go on."""
    from augexp.errors import Terminated, stop_on_sigterm

    stop_on_sigterm()
    try:
        return work()
    except KeyboardInterrupt as error:
        print("interrupted: the same command goes on", file=sys.stderr)
        raise typer.Exit(143 if isinstance(error, Terminated) else 130) from None


def _close(standings: "Sequence[Standing]") -> None:
    """What finished, what failed, and what to type next."""
    from augexp import console
    from augexp.study import sweep

    for line in sweep.closing_lines(standings):
        console.answer(line)
    if compare := sweep.next_line(standings):
        console.quote(compare)
    if any(now.state != "finished" for now in standings):
        raise typer.Exit(1)


def _forecast(experiments: "Sequence[Experiment]", todo: "Sequence[Experiment]") -> None:
    from augexp import console
    from augexp.network import device
    from augexp.study import sweep

    for experiment in experiments:
        console.answer(f"{experiment.run_dir}: {sweep.stand(experiment).state}")
    console.answer(f"{counted(len(experiments), 'run')}, {len(todo)} to do")
    if todo:
        device.load_tensorflow()
        from augexp.study import cost

        for line in cost.lines(todo):
            console.answer(line)
