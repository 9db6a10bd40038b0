"""`augexp ablate`."""

from typing import Annotated

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
from augexp.cli.sweep import Places, carry_out


def ablate(
    config: Annotated[
        str,
        typer.Option("--config", "-c", help="Its strategy is taken apart.", autocompletion=complete_config),
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", help="Settings of all runs, or doses: strategy.cutmix.prob=0.25,0.5,1."
        ),
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
    """Take a strategy apart: what each op gains, alone and beside the others, or each dose of one op.

    Round by round, with a look at the seeds of each round, until it is clear which to use; type it again to go on.

    Example: augexp ablate --config mine.yaml strategy.cutmix.prob=0.25,0.5,1
    """
    from augexp.study import ablation
    from augexp.study.grid import decided, read_axes

    told = decided(ablation.study(config, read_axes(settings or [])), decide or [])
    carry_out(told, Places(jobs, gpus, fresh_processes, ray, run_cpus, run_gpus), retry=retry, dry_run=dry_run)
