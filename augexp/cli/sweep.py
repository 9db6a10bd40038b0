"""`augexp sweep`."""

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from augexp.cli.shared import complete_config
from augexp.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augexp.config.schema import Experiment
    from augexp.study.grid import Study
    from augexp.study.sweep import Pool


def sweep(
    grid: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE,VALUE]...", help="Settings to vary: seed=0..4 strategy=none,cutmix."),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option("--config", "-c", help="What all runs have in common.", autocompletion=complete_config),
    ] = None,
    study: Annotated[str | None, typer.Option("--study", help="YAML file with `config` and `grid`.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the runs, hours and disk, and stop.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try failed runs again.")] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Runs at once; default: one a GPU.")] = None,
    gpus: Annotated[str | None, typer.Option("--gpus", help="GPUs to place runs on, such as 0,1.")] = None,
    ray: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="Ray cluster to train on, or auto.")
    ] = None,
    run_cpus: Annotated[float, typer.Option("--run-cpus", min=0, help="With --ray: CPUs of a run.")] = 1.0,
    run_gpus: Annotated[
        float | None, typer.Option("--run-gpus", min=0, help="With --ray: GPUs of a run; default: 1, if there are any.")
    ] = None,
) -> None:
    """Train every combination of some settings, each as a run of its own; type it again to go on.

    Example: augexp sweep --config none.yaml strategy=none,basic,cutmix,mixup seed=0..4
    """
    from augexp.study import sweep
    from augexp.study.grid import experiments as combine
    from augexp.study.processes import Processes

    experiments = combine(_study(config, study, grid or []))
    todo = sweep.due(experiments, retry=retry)
    if dry_run:
        _forecast(experiments, todo)
        return
    places = _gpus(gpus)
    if ray is not None and todo:
        if jobs or places:
            raise UserError("--jobs and --gpus place runs on this machine; with --ray, give --run-cpus and --run-gpus")
        from augexp.study.cluster import Cluster

        cluster = Cluster(ray, experiments[0].run_dir.parent, gpus=run_gpus, cpus=run_cpus)
        with closing(cluster):
            _sweep(experiments, todo, cluster)
    else:
        _sweep(experiments, todo, Processes(jobs or max(1, len(places)), places))


def _study(config: str | None, study: str | None, grid: list[str]) -> "Study":
    from augexp.study.grid import Study, read_axes, read_study

    if (config is None) == (study is None):
        raise UserError("--config FILE or --study FILE is needed, one of the two")
    told = read_study(study) if study is not None else Study(str(config))
    return Study(told.config, told.axes | read_axes(grid))


def _gpus(text: str | None) -> list[str]:
    gpus = [] if text is None else [part.strip() for part in text.split(",")]
    if not all(gpus) or len(set(gpus)) < len(gpus):
        raise UserError(f"--gpus {text}: different numbers with commas are needed, such as 0,1")
    return gpus


def _sweep(experiments: "Sequence[Experiment]", todo: "Sequence[Experiment]", pool: "Pool") -> None:
    from augexp import console
    from augexp.errors import Terminated, stop_on_sigterm
    from augexp.study import sweep

    console.say(f"{len(experiments)} runs, {len(todo)} to do, {pool.places} at once")
    stop_on_sigterm()
    try:
        standings = sweep.run(experiments, todo, pool)
    except KeyboardInterrupt as error:
        print("interrupted: the same command goes on", file=sys.stderr)
        raise typer.Exit(143 if isinstance(error, Terminated) else 130) from None
    for line in sweep.closing_lines(standings):
        console.answer(line)
    if any(now.state != "finished" for now in standings):
        raise typer.Exit(1)


def _forecast(experiments: "Sequence[Experiment]", todo: "Sequence[Experiment]") -> None:
    from augexp import console
    from augexp.network import device
    from augexp.study import sweep

    for experiment in experiments:
        console.answer(f"{experiment.run_dir}: {sweep.stand(experiment).state}")
    console.answer(f"{len(experiments)} runs, {len(todo)} to do")
    if todo:
        device.load_tensorflow()
        from augexp.study import cost

        for line in cost.lines(todo):
            console.answer(line)
