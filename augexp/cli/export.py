"""`augexp export`."""

import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augexp.errors import UserError, printable
from augexp.export.formats import FORMATS, Format

if TYPE_CHECKING:
    from augexp.config.decide import Registered
    from augexp.export.request import Request
    from augexp.runs.read import Run


def _with_an_option_a_format(command: Callable[..., None]) -> Callable[..., None]:
    """Typer reads options off a signature; the formats' are known from their list alone."""
    own = [one for one in inspect.signature(command).parameters.values() if one.kind is not one.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            chosen.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[bool, typer.Option(f"--{chosen.name}", help=chosen.help)],
        )
        for chosen in FORMATS
    ]
    command.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    return command


@_with_an_option_a_format
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write, or folder of a SavedModel; default: named after the run."),
    ] = None,
    temperature: Annotated[
        bool, typer.Option("--temperature", help="Calibrate: divide logits by a temperature fitted on val.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")] = False,
    **asked: bool,
) -> None:
    """Take a trained network home: RGB in, probabilities out, class names inside, a model card beside it.

    Example: augexp export runs/cutmix-seed0 --onnx --temperature
    """
    from augexp import console
    from augexp.export.request import Request, finished, refuse_taken
    from augexp.runs import read

    read.refuse_foreign(run)
    chosen = _chosen([one for one in FORMATS if asked[one.name]], out)
    chosen.refuse_missing()
    path = out or Path(f"{run.resolve().name}{chosen.ending}")
    opened = finished(run)
    request = Request(opened, chosen, path, temperature, overwrite, _verdict(opened))
    refuse_taken(request)
    for line in _interruptible(request):
        console.answer(line)


def _interruptible(request: "Request") -> list[str]:
    from augexp.errors import Terminated, stop_on_sigterm
    from augexp.network import device

    stop_on_sigterm()
    try:
        os.environ["KERAS_BACKEND"] = "tensorflow"  # converts what was trained on either
        device.load_for_cpu()
        from augexp.export.run import export, lines

        return list(lines(export(request)))
    except KeyboardInterrupt as error:
        print(f"interrupted: nothing is written as {printable(str(request.path))}", file=sys.stderr)
        raise typer.Exit(143 if isinstance(error, Terminated) else 130) from None


def _verdict(run: "Run") -> str:
    """What the study that a run was registered for says, with its runs that lie beside it; empty where it has none."""
    from augexp.compare.groups import load_groups
    from augexp.compare.judge import judge
    from augexp.report import wording

    study = run.environment.study
    if study is None:
        return ""
    about = f"A registered study of {', '.join(study.strategies)} (this run: {run.name})"
    beside = sorted(run.path.resolve().parent.iterdir())
    judgement = judge(load_groups([path for path in beside if _is_of(path, study)]))
    if judgement.choice is None or judgement.race is None:
        return f"{about}: its runs that lie beside this one say nothing yet."
    return f"{about}: {wording.choice_sentence(judgement.choice)} ({wording.race_sentence(judgement.race)})"


def _is_of(path: Path, study: "Registered") -> bool:
    """Whether a folder holds a run of the study."""
    from augexp.runs import read
    from augexp.runs.records import BrokenRun

    try:
        return read.environment(path).study == study
    except BrokenRun:
        return False


def _chosen(asked: list[Format], out: Path | None) -> Format:
    """The format that is asked for by its option, or by the ending of `--out`; the first where nothing says."""
    if len(asked) > 1:
        options = " and ".join(f"--{one.name}" for one in asked)
        raise UserError(f"{options}: one format at a time; run the command once for each")
    meant = [one for one in FORMATS if out is not None and out.name.endswith(one.ending)]
    if not asked:
        if out is not None and not meant:
            endings = ", ".join(one.ending for one in FORMATS)
            raise UserError(f"--out {out}: a name that ends in {endings} is needed, or an option that says the format")
        return (meant or list(FORMATS))[0]
    (chosen,) = asked
    if out is not None and meant != [chosen] and not (chosen.is_folder and not meant):
        raise UserError(f"--out {out}: with --{chosen.name} a name that ends in {chosen.ending} is needed")
    return chosen
