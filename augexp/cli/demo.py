"""`augexp demo`."""

import os
from pathlib import Path
from typing import Annotated

import typer

STUDY = "which-digits.yaml"
RUNS = Path("runs/which-digits")  # as the study says


def demo(
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Runs at once; default: 2 on two cores.")
    ] = None,
) -> None:
    """Which augmentation to use on 1,797 embedded digits: a study from its first run to its verdict, in minutes.

    It types `augexp sweep`, `preview` and `compare`, says so, and goes on where it was stopped.
    """
    from augexp import console
    from augexp.cli.compare import compare
    from augexp.cli.preview import preview
    from augexp.cli.sweep import sweep

    at_once = jobs or min(2, os.cpu_count() or 1)
    console.quote(f"$ augexp sweep --study {STUDY} --jobs {at_once}")
    sweep(study=STUDY, jobs=at_once)
    picture = RUNS / "preview.png"
    console.quote(f"$ augexp preview --strategy cutmix --out {picture}")
    preview(strategy="cutmix", out=picture)
    console.quote(f"$ augexp compare {RUNS}/*-seed* --out {RUNS}")
    compare(sorted(RUNS.glob("*-seed*")), out=RUNS)
