"""`augexp clean`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augexp.errors import UserError

if TYPE_CHECKING:
    from augexp.runs.cleanup import Removable


def clean(
    folders: Annotated[list[Path] | None, typer.Argument(help="Run folders, such as runs/*.")] = None,
    cache: Annotated[bool, typer.Option("--cache", help="The decoded images, too.")] = False,
    cache_dir: Annotated[Path | None, typer.Option("--cache-dir", help="Where they are, if elsewhere.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove what is listed.")] = False,
) -> None:
    """List, or with --yes remove, what costs disk and decides no number: old checkpoints, decoded images.

    Only files that augexp wrote are removed, by their names, in folders that are shown to be its own, and never through
    a link; what else is there is named and stays. Exit status 1 if something listed could not be removed.
    """
    from augexp import console
    from augexp.config.schema import Data
    from augexp.data.cache import cache_folder
    from augexp.runs import cleanup

    if not folders and not cache and cache_dir is None:
        raise UserError("nothing to look at; give run folders, such as runs/*, or --cache")
    found = _checkpoints(folders or [])
    if cache or cache_dir is not None:
        found += _decoded(cache_folder(Data(cache_dir=None if cache_dir is None else str(cache_dir))))
    for item in found:
        console.answer(cleanup.line(item))
    console.answer(f"{sum(item.size for item in found) / 1e9:,.2f} GB")
    if not yes and found:
        console.answer("nothing is removed yet; give --yes")
    if yes and not _removed(found):
        raise typer.Exit(1)


def _checkpoints(folders: list[Path]) -> "list[Removable]":
    """Those of the finished runs; of every other folder, why there is none."""
    from augexp import console
    from augexp.runs import cleanup

    found = []
    for folder in dict.fromkeys(folders):
        try:
            found.append(cleanup.checkpoint(folder))
        except cleanup.Kept as reason:
            console.say(f"{folder}: {reason}")
    if folders and not any((folder / "config.yaml").is_file() for folder in folders):
        raise UserError("there is no run folder among these; give some, such as runs/*")
    return found


def _decoded(cache: Path) -> "list[Removable]":
    from augexp import console
    from augexp.data import entries
    from augexp.runs import cleanup

    try:
        found, kept = entries.removable(cache)
    except cleanup.Kept as error:
        raise UserError(f"{cache}: decoded images can't be looked for ({error})") from None
    for path, reason in kept:
        console.say(f"{path}: stays, no decoded images ({reason})")
    return found


def _removed(found: "list[Removable]") -> bool:
    """Deletes all; whether nothing was in the way."""
    from augexp import console
    from augexp.runs import cleanup

    reasons = {item.path: cleanup.remove(item) for item in found}
    for path, reason in reasons.items():
        if reason:
            console.say(f"{path}: not removed, or not all of it ({reason})")
    return not any(reasons.values())
