"""What several commands have in common: options, completion, writing what was asked for."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from augexp.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Split = Literal["test", "val"]


def complete_config(incomplete: str) -> list[str]:
    """Names of configurations, here and shipped, for the shell's completion."""
    from augexp.config.load import shipped_configs

    names = {path.name for folder in (Path("configs"), shipped_configs()) for path in folder.glob("*.yaml")}
    return sorted(name for name in names if name.startswith(incomplete))


def complete_strategy(incomplete: str) -> list[str]:
    """Names of strategies and ops, for the shell's completion."""
    from augexp.config.ops import OPS, STRATEGY_NAMES

    return [name for name in dict.fromkeys((*STRATEGY_NAMES, *OPS)) if name.startswith(incomplete)]


Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Settings that replace those of the file, such as train.epochs=5."),
]

# Of commands that train studies.
DecideBy = Annotated[
    list[str] | None,
    typer.Option(
        "--decide", metavar="KEY=VALUE", help="Stop when it is clear which to use: margin=0.5 looks=[3,5,8,12]."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="List the runs, hours and disk, and stop.")]
Retry = Annotated[bool, typer.Option("--retry", help="Try failed runs again.")]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Runs at once; default: one a GPU.")]
Gpus = Annotated[str | None, typer.Option("--gpus", help="GPUs to place runs on, such as 0,1.")]
FreshProcesses = Annotated[
    bool, typer.Option("--fresh-processes", help="Start Python anew for each run, as is done where there is a GPU.")
]
Ray = Annotated[str | None, typer.Option("--ray", metavar="ADDRESS", help="Ray cluster to train on, or auto.")]
RunCpus = Annotated[float, typer.Option("--run-cpus", min=0, help="With --ray: CPUs of a run.")]
RunGpus = Annotated[
    float | None, typer.Option("--run-gpus", min=0, help="With --ray: GPUs of a run; default: 1, if there are any.")
]


def write_text(path: Path, text: str) -> None:
    """Writes text as UTF-8; what can't be text becomes an escape. Raises UserError as `write` does."""
    write(path, lambda temporary: temporary.write_text(text, "utf-8", "backslashreplace"))


def write_picture(path: Path, figure: "Figure") -> None:
    """Writes a figure in the format of the file's ending. Raises UserError as `write` does."""
    from augexp.draw import style

    write(path, partial(style.save, figure))


def write(path: Path, write: Callable[[Path], object]) -> None:
    """Writes an output file, making its folder, and says where it is."""
    from augexp import console, files

    if path.exists() and not path.is_file():  # a device would be replaced by a file
        raise UserError(f"{path}: can't be written (it is no file); choose another place")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Where it is a link, what it leads to was meant.
        with files.delivering(Path(os.path.realpath(path))) as temporary:
            write(temporary)
    except OSError as error:
        raise UserError(f"{path}: can't be written ({error.strerror}); choose another place") from None
    console.answer(f"wrote {path}")


def check_picture(path: Path) -> None:
    """Refuses before any work what matplotlib would refuse, or rename, after it."""
    if path.suffix.lower() not in (".png", ".jpg", ".pdf", ".svg"):
        raise UserError(f"--out {path}: a name that ends in .png, .jpg, .pdf or .svg is needed")
