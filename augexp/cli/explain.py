"""`augexp explain`."""

from pathlib import Path
from typing import Annotated

import typer

from augexp.cli.shared import Split, check_picture, write_picture


def explain(
    folders: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run folders of one data set.", show_default=False)
    ],
    examples: Annotated[int, typer.Option("--examples", "-n", min=1, max=16, help="How many images.")] = 6,
    ids: Annotated[list[str] | None, typer.Option("--id", help="This example; again for more.")] = None,
    split: Annotated[Split, typer.Option("--split", help="Where the images are from.")] = "val",
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture.")] = Path("explain.png"),
) -> None:
    """Draw where each run looks: class-activation maps of the same images, first those that the runs disagree on.

    Example: augexp explain runs/none-seed0 runs/cutmix-seed0 --examples 6
    """
    from augexp.network import device
    from augexp.runs import read

    check_picture(out)
    for folder in folders:
        read.refuse_foreign(folder)
    device.load_tensorflow()
    from augexp.evaluate import explain as explain_runs

    write_picture(out, explain_runs.picture(folders, split, examples, ids or []))
