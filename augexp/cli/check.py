"""`augexp check`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from augexp.errors import UserError, counted, did_you_mean

Subject = Literal["mixing", "cache", "op"]
RIVALS = ("keras", "keras_cv", "timm", "torchvision", "all")


def check(
    what: Annotated[
        Subject | None,
        typer.Argument(
            help="mixing: prove cutmix and mixup. cache: every pixel of the decoded images. op: any op, yours too. "
            "Nothing: this machine."
        ),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="[FOLDER|OP]",
            help="With cache: its folder.  [default: the user's]  With op: my_ops:fog, or any other.",
            show_default=False,
        ),
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
    """Is this machine fit to train, is the mixing right, are decoded images what they were? Exit status 1 if not.

    Example: augexp check mixing --against keras

    With op: shape, type and range of its images, its labels, the same bytes for the same seed on 1 and 8 threads, no
    draw twice, and its speed.
    """
    from augexp.network import device

    for library in against or []:
        if library not in RIVALS:
            known = f"one of {', '.join(RIVALS)} is needed{did_you_mean(library, RIVALS)}"
            raise UserError(f"--against {library}: {known}")
    if against and what != "mixing":
        raise UserError("--against compares the mixing; use augexp check mixing --against keras")
    if subject is not None and what not in ("cache", "op"):
        raise UserError(f"{subject}: a folder is that of a cache; use augexp check cache {subject}")
    if what == "cache":
        _check_cache(None if subject is None else Path(subject))
    if what == "op":
        _check_op(subject)
    device.load_tensorflow()
    _check_machine() if what is None else _check_mixing(against or [])


def _check_cache(folder: Path | None) -> None:
    """Every entry; what is wrong is decoded again by the next run that needs it."""
    from augexp import console
    from augexp.config.schema import Data
    from augexp.data import cache, entries

    folder = folder or cache.cache_folder(Data())
    if not folder.is_dir():
        reason = "not a folder" if folder.exists() else "no such folder"
        raise UserError(f"{folder}: {reason}; a cache is made by the first run")
    found = entries.entries(folder)
    wrong = 0
    for entry in found:
        damage = cache.damage(entry)
        wrong += damage is not None
        told = damage or ("whole" if cache.tells(entry) else "of an earlier version, which kept no digests")
        console.answer(f"{entry}: {told}")
    for place, reason in entries.lost(folder):
        wrong += 1
        console.answer(f"{place}: {reason}")
    rest = f"; {wrong} damaged, which the next run that needs them decodes again" if wrong else ""
    console.answer(f"{counted(len(found), 'data set')}{rest}")
    raise typer.Exit(1 if wrong else 0)


def _check_op(text: str | None) -> None:
    from augexp import console
    from augexp.config import load
    from augexp.network import device

    if text is None:
        raise UserError("an op is needed: augexp check op my_ops:fog, or any that augexp ops lists")
    ops = load.strategy(text)
    device.load_tensorflow()
    from augexp.conformance import single

    failed = 0
    for spec in ops:
        console.answer(spec.name)
        for proof in single.prove(spec):
            console.answer(f"  {proof.what:<10}{'ok' if proof.ok else 'FAILS':<6}{proof.text}")
            failed += not proof.ok
    raise typer.Exit(1 if failed else 0)


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
