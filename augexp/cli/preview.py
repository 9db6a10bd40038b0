"""`augexp preview`."""

from pathlib import Path
from typing import Annotated

import typer

from augexp.cli.shared import Overrides, check_picture, complete_config, complete_strategy, write_picture
from augexp.errors import UserError


def preview(
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy", "-s", help="none, basic, any op, joined with +, or a list of ops.",
            autocompletion=complete_strategy,
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config", "-c", help="Where data and sizes come from.  [default: digits.yaml]",
            show_default=False, autocompletion=complete_config,
        ),
    ] = None,
    overrides: Overrides = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every op side by side; without --config on two photographs.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture.")] = Path("preview.png"),
    examples: Annotated[int, typer.Option("--examples", "-n", min=1, max=64, help="At most a batch.")] = 6,
) -> None:  # fmt: skip
    """Draw what the network will see: the very batches of training, and the law of lam.

    Example: augexp preview --strategy cutmix

    Without --config, a data.source of yours is drawn as none.yaml says.
    """
    from augexp.config import load
    from augexp.network import device

    check_picture(out)
    if every and strategy is not None:
        raise UserError("--all draws every op; leave out --strategy, or leave out --all")
    chosen = [f"strategy={strategy}"] if strategy is not None else []
    given = config or overrides
    experiment = load.experiment(config or _usual(overrides or []), [*(overrides or []), *chosen])
    device.load_tensorflow()
    from augexp.train import gallery, preview

    figure = gallery.of(experiment if given else None) if every else preview.of(experiment, examples)
    write_picture(out, figure)


def _usual(overrides: list[str]) -> str:
    """The embedded digits; for another source the configuration of photos, as 16 px would show nothing of them."""
    sources = [text.partition("=")[2] for text in overrides if text.startswith("data.source=")]
    return "none.yaml" if sources and sources[-1] != "digits" else "digits.yaml"
