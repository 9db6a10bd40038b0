"""The program `augexp`: its commands, and what a mistake or Ctrl-C ends in.

TensorFlow is imported inside the commands that need it.
"""

import gc
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import augexp
from augexp import console, files
from augexp.cli.ablate import ablate
from augexp.cli.check import check
from augexp.cli.clean import clean
from augexp.cli.compare import compare
from augexp.cli.data import data
from augexp.cli.demo import demo
from augexp.cli.evaluate import evaluate
from augexp.cli.explain import explain
from augexp.cli.export import export
from augexp.cli.init import init
from augexp.cli.ops import ops
from augexp.cli.predict import predict
from augexp.cli.preview import preview
from augexp.cli.status import status
from augexp.cli.sweep import sweep
from augexp.cli.train import train
from augexp.errors import HOMELESS, NO_HOME, UserError, of_the_system

TRAINS = frozenset({"tensorflow", "keras", "tensorflow_datasets", "h5py"})  # with `augexp[train]`
MOST_SETTINGS = 2**20  # bytes of a matplotlibrc
OBJECTS = 100_000  # new ones before garbage is looked for: most are modules, which are none, and came 700 at a time

# In the order of `augexp --help`.
COMMANDS = (
    *(demo, init, data, train, sweep, ablate, status, clean),
    *(compare, evaluate, explain, predict, export, ops, preview, check),
)


def main() -> None:
    """Runs the command line: exit status 2 for a mistake of the user's, 130 for Ctrl-C."""
    console.be_patient()
    gc.set_threshold(OBJECTS, 2, 2)
    try:
        _refuse_matplotlibrc()
        program()()
    except SystemExit:
        if lost := console.lost():
            _end(f"stdout can't be written ({lost.strerror}), so what was printed is not whole")
        raise
    except UserError as error:
        _end(error)
    except OSError as error:
        _end(of_the_system(error))
    except RuntimeError as error:
        if str(error) != NO_HOME:
            raise
        _end(HOMELESS)
    except ModuleNotFoundError as error:
        if error.name not in TRAINS:
            raise
        _end(
            f"{error.name} is not installed, and this command works with networks or images; "
            "pip install 'augexp[train]' (status, clean, compare and ops do without)"
        )
    finally:
        # Python looks through everything for garbage as it ends: a tenth of a comparison, 1.5 s of a training.
        gc.freeze()


def _refuse_matplotlibrc() -> None:
    """Matplotlib reads it wherever it is started, waits for a pipe, and ends in a traceback where it is no text."""
    for path in map(Path, filter(None, ("matplotlibrc", os.environ.get("MATPLOTLIBRC")))):
        if not path.exists() or path.is_dir():
            continue
        try:
            files.read_bytes(path, MOST_SETTINGS).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = "it is no text in UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or str(error)
            raise UserError(
                f"{path}: {reason}, and matplotlib, which draws the pictures, would read its settings there; rename it"
            ) from None


def _end(said: Exception | str) -> NoReturn:
    console.mistake(said)
    sys.exit(2)


def program() -> typer.Typer:
    """All commands under one name."""
    app = typer.Typer(
        name="augexp",
        help="Which augmentation should I use on my images, and is the difference real?",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_augexp)
    for command in COMMANDS:
        app.command()(command)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"augexp {augexp.__version__}")
        raise typer.Exit


def _augexp(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
