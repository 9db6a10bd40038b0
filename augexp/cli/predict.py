"""`augexp predict`."""

from pathlib import Path
from typing import Annotated

import typer

from augexp.cli.shared import write_text


def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)],
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="Image files, or folders of them.", show_default=False)
    ],
    top: Annotated[int, typer.Option("--top", min=1, help="Classes a file, the most probable first.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="JSON in place of CSV.")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write, in place of the screen.")] = None,
) -> None:
    """Say what is on images, as CSV or JSON. Exit status 1 if some can't be read; they are named.

    Example: augexp predict runs/cutmix-seed0 photos/ --top 3
    """
    from augexp import console
    from augexp.data.folder import files_of
    from augexp.network import device
    from augexp.runs import read

    read.refuse_foreign(run)
    files = files_of(images)
    device.load_tensorflow()
    from augexp.evaluate import predict
    from augexp.network import trained

    answers = predict.answers(trained.load(run), files, top)
    text = predict.json_text(answers) if as_json else predict.csv_text(answers)
    if out is None:
        print(text, end="")
    else:
        write_text(out, text)
    unread = [answer for answer in answers if answer.error]
    for answer in unread:
        console.say(f"{answer.file}: can't be read ({answer.error})")
    if unread:
        raise typer.Exit(1)
