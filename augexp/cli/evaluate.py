"""`augexp evaluate`."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from augexp import console
from augexp.cli.shared import Split
from augexp.errors import UserError
from augexp.evaluate.probes import PROBES

if TYPE_CHECKING:
    from augexp.evaluate.run import Request


def _with_an_option_a_probe(command: Callable[..., None]) -> Callable[..., None]:
    """Typer reads options off a signature; the probes' are known from their list alone."""
    own = [one for one in inspect.signature(command).parameters.values() if one.kind is not one.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            probe.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[bool, typer.Option(f"--{probe.name}", help=probe.help)],
        )
        for probe in PROBES
    ]
    command.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    return command


@_with_an_option_a_probe
def evaluate(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.", show_default=False)],
    split: Annotated[Split, typer.Option("--split", help="What to evaluate on; each use of test is logged.")] = "test",
    tta: Annotated[
        list[str] | None, typer.Option("--tta", help="Test-time augmentation: flip, crops, or ops; again for more.")
    ] = None,
    draws: Annotated[int, typer.Option("--draws", min=1, max=100, help="With --tta OPS: how often.")] = 8,
    **asked: bool,
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
        from augexp.evaluate.queue import Queue
        from augexp.evaluate.run import Request

        probes = tuple(probe for probe in PROBES if asked[probe.name])
        request = Request(split, wanted, probes, queue=Queue(sound))
        sound = [folder for folder in sound if _succeeds(_evaluate, folder, request)]
    if len(sound) < len(folders):
        raise typer.Exit(2)


def _succeeds(work: Callable[..., object], *arguments: Any) -> bool:
    """Does one of many things; a mistake in it is said, and leaves the others alone."""
    try:
        work(*arguments)
    except UserError as error:
        console.mistake(error)
        return False
    return True


def _evaluate(folder: Path, request: "Request") -> None:
    from augexp.evaluate import run

    content = run.evaluate(folder, request)
    first, *rest = run.lines(content, request.split)
    for line in (f"{folder}: {first}", *rest):
        console.answer(line)
