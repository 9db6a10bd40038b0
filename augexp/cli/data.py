"""`augexp data`."""

from pathlib import Path
from typing import Annotated

import typer

from augexp.cli.shared import Overrides, complete_config, write_text
from augexp.errors import UserError


def data(
    config: Annotated[
        str,
        typer.Option("--config", "-c", help="YAML file, or the name of a shipped one.", autocompletion=complete_config),
    ],
    overrides: Overrides = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write a page with pictures, such as data.html.")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write everything, every image named, as JSON.")] = None,
    doubts: Annotated[
        int | None,
        typer.Option(
            "--doubts", min=0, help="Ask about so many labels of a class, in train and test; default: 200, or fewer of "
            "many classes; 0: none.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Look at the data before training: classes, files, copies, near-copies, labels that may be wrong.

    Example: augexp data --config cutmix.yaml data.source=folder:photos --out data.html
    """
    from augexp import console
    from augexp.config import load
    from augexp.network import device

    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--out {out}: a name that ends in .html is needed")
    experiment = load.experiment(config, overrides or [])
    device.load_tensorflow()
    from augexp.audit.look import look
    from augexp.report import audit, audit_page

    found = look(experiment, doubts)
    console.answer(audit.title(found))
    console.out.print(audit.table(found))
    for line in audit.lines(found):
        console.tell(line)
    if json is not None:
        write_text(json, audit.json_text(found))
    if out is not None:
        write_text(out, audit_page.html(found))
