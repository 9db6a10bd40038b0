"""`augexp evaluate`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augexp.cli.shared import Split
from augexp.errors import UserError, printable

if TYPE_CHECKING:
    from augexp.evaluate.run import Request


def evaluate(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.", show_default=False)],
    split: Annotated[Split, typer.Option("--split", help="What to evaluate on; each use of test is logged.")] = "test",
    tta: Annotated[
        list[str] | None, typer.Option("--tta", help="Test-time augmentation: flip, crops, or ops; again for more.")
    ] = None,
    draws: Annotated[int, typer.Option("--draws", min=1, max=100, help="With --tta OPS: how often.")] = 8,
    robustness: Annotated[bool, typer.Option("--robustness", help="Occlusion and common corruptions, too.")] = False,
    localisation: Annotated[
        bool, typer.Option("--localisation", help="Does it look where the object is? Needs data with boxes.")
    ] = False,
    floor: Annotated[
        bool, typer.Option("--floor", help="What the backbone knew before: zero-shot, and a linear probe.")
    ] = False,
) -> None:
    """What the strategy changed beside accuracy: calibration, mistakes, robustness. Adds evaluation.json to runs.

    Example: augexp evaluate runs/cutmix-seed0 --robustness --tta flip
    """
    from augexp.evaluate.tta import read_tta
    from augexp.network import device
    from augexp.runs.read import refuse_foreign

    wanted = tuple(read_tta(text, draws) for text in dict.fromkeys(tta or []))
    sound = [folder for folder in folders if _succeeds(refuse_foreign, folder)]
    if sound:
        device.load_tensorflow()
        from augexp.evaluate.run import Request

        request = Request(split, wanted, robustness, localisation, floor)
        sound = [folder for folder in sound if _succeeds(_evaluate, folder, request)]
    if len(sound) < len(folders):
        raise typer.Exit(2)


def _succeeds(work: Callable[..., object], *arguments: object) -> bool:
    """Does one of many things; a mistake in it is said, and leaves the others alone."""
    try:
        work(*arguments)
    except UserError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return False
    return True


def _evaluate(folder: Path, request: "Request") -> None:
    from augexp import console
    from augexp.evaluate.run import evaluate
    from augexp.report import evaluation as evaluation_report

    content = evaluate(folder, request)
    console.answer(f"{folder}: " + "\n".join(evaluation_report.lines(content, request.split)))
