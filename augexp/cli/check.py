"""`augexp check`."""

from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from augexp.errors import UserError, did_you_mean

Subject = Literal["mixing"]
RIVALS = ("keras", "keras_cv", "timm", "torchvision", "all")


def check(
    what: Annotated[
        Subject | None, typer.Argument(help="mixing: prove cutmix and mixup. Nothing: this machine.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            "-a",
            help=f"Ask another library the same: {', '.join(RIVALS)} that are installed.",
            autocompletion=lambda: list(RIVALS),
        ),
    ] = None,
) -> None:
    """Is this machine fit to train, and is the mixing right? Exit status 1 if not.

    Example: augexp check mixing --against keras
    """
    from augexp.network import device

    for library in against or []:
        if library not in RIVALS:
            known = f"one of {', '.join(RIVALS)} is needed{did_you_mean(library, RIVALS)}"
            raise UserError(f"--against {library}: {known}")
    if against and what is None:
        raise UserError("--against compares the mixing; use augexp check mixing --against keras")
    device.load_tensorflow()
    _check_machine() if what is None else _check_mixing(against or [])


def _check_machine() -> None:
    from augexp import console
    from augexp.train import machine

    failed = []
    for finding in machine.check():
        console.answer(f"{finding.what:<13}{finding.state:<6}{finding.text}")
        failed += [finding.what] if finding.state == "FAILS" else []
    verdict = f"not fit to train: {', '.join(failed)}" if failed else "fit to train"
    console.answer(f"{verdict}; augexp check mixing proves the mixing")
    raise typer.Exit(1 if failed else 0)


def _check_mixing(against: Sequence[str]) -> None:
    from augexp import console
    from augexp.conformance import check, libraries, table

    asked = libraries.libraries(against)
    rows = []
    with console.progress("proving", total=check.count()) as advance:
        for row in check.check(asked):
            rows.append(row)
            advance(note=f"{row.op}: {row.name.strip()}")
    for grid in table.tables(rows):
        console.out.print(grid)
    console.answer(table.summary(rows))
    raise typer.Exit(1 if table.ours_fail(rows) else 0)
