"""`augexp clean`."""

from pathlib import Path
from typing import Annotated

import typer


def clean(
    folders: Annotated[list[Path] | None, typer.Argument(help="Run folders, such as runs/*.")] = None,
    cache: Annotated[bool, typer.Option("--cache", help="The decoded images, too.")] = False,
    cache_dir: Annotated[Path | None, typer.Option("--cache-dir", help="Where they are, if elsewhere.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove what is listed.")] = False,
) -> None:
    """List, or with --yes remove, what costs disk and decides no number: old checkpoints, decoded images."""
    from augexp import console
    from augexp.config.schema import Data
    from augexp.data.cache import cache_folder
    from augexp.runs import cleanup

    found = cleanup.checkpoints(folders or [])
    if cache or cache_dir is not None:
        found += cleanup.decoded(cache_folder(Data(cache_dir=None if cache_dir is None else str(cache_dir))))
    for line in cleanup.lines(found):
        console.answer(line)
    if yes:
        cleanup.remove(found)
    elif found:
        console.out.print("nothing is removed yet; give --yes")
