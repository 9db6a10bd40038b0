"""The command line: parse, call, print. TensorFlow is imported inside the commands that need it."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

import augexp
from augexp.errors import UserError, printable

Axis = Literal["epochs", "examples", "seconds"]

app = typer.Typer(
    name="augexp",
    help="Which augmentation should I use on my images, and is the difference real?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Runs the command line: exit status 2 for a mistake of the user's, 130 for Ctrl-C."""
    if sys.stderr is None:  # a daemon's: what would be printed goes nowhere, and file descriptor 2 must exist
        sys.stderr = open(os.open(os.devnull, os.O_WRONLY), "w")  # noqa: PTH123, SIM115
    try:
        app()
    except (UserError, OSError) as error:
        for line in printable(str(error)).splitlines():
            print(f"error: {line}", file=sys.stderr)
        sys.exit(2)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"augexp {augexp.__version__}")
        raise typer.Exit


def _complete_config(incomplete: str) -> list[str]:
    from augexp.config import shipped_configs

    names = {path.name for folder in (Path("configs"), shipped_configs()) for path in folder.glob("*.yaml")}
    return sorted(name for name in names if name.startswith(incomplete))


def _complete_strategy(incomplete: str) -> list[str]:
    from augexp.augment.specs import STRATEGY_NAMES

    return [name for name in STRATEGY_NAMES if name.startswith(incomplete)]


Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Settings that replace those of the file, such as train.epochs=5."),
]


@app.callback()
def _augexp(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def train(
    config: Annotated[
        str,
        typer.Option(
            "--config", "-c", help="YAML file, or the name of a shipped one.", autocompletion=_complete_config
        ),
    ],
    overrides: Overrides = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be trained, and stop.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a finished run of this name and seed.")
    ] = False,
) -> None:
    """Train one experiment into one run folder.

    Example: augexp train --config cutmix.yaml seed=1 train.epochs=5
    """
    from augexp import config as configuration
    from augexp import console, device, runs

    experiment = configuration.load(config, overrides or [])
    if not dry_run:
        runs.refuse_finished(experiment, overwrite=overwrite)
    device.load_tensorflow()
    from augexp import experiment as experiments

    if dry_run:
        console.answer(experiment.to_yaml())
        for line in experiments.dry_run(experiment):
            console.answer(line)
        return
    folder = _interruptible(lambda: experiments.train(experiment, overwrite=overwrite), experiment.run_dir)
    console.answer(experiments.summary(folder))


def _interruptible(work: Callable[[], Path], folder: Path) -> Path:
    try:
        return work()
    except KeyboardInterrupt:
        started = (folder / "status.json").exists() and not (folder / "result.json").exists()
        state = (
            f"{folder} is unfinished; the same command starts it over" if started else f"{folder} is as it was before"
        )
        print(f"interrupted: {printable(state)}", file=sys.stderr)
        raise typer.Exit(130) from None


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, such as runs/*.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for comparison.png.")] = Path(),
    baseline: Annotated[
        str | None, typer.Option("--baseline", "-b", metavar="NAME", help="Hold all against this one, not none.")
    ] = None,
    all_pairs: Annotated[bool, typer.Option("--all-pairs", help="Hold each against each.")] = False,
    margin: Annotated[
        float | None, typer.Option("--margin", metavar="POINTS", help="Differences smaller than this don't matter.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option("--allow", metavar="KEY", help="Runs may differ in this too; again for more.")
    ] = None,
    x: Annotated[Axis, typer.Option("--x", help="What the curves are drawn against.")] = "epochs",
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write the table as CSV, and the contrasts beside it.")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write all numbers as JSON.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write the table for a README.")] = None,
    page: Annotated[Path | None, typer.Option("--report", help="Write everything as one HTML page.")] = None,
    ylim: Annotated[
        tuple[float, float] | None, typer.Option("--ylim", metavar="LOW HIGH", help="Limits of the zoomed panel, in %.")
    ] = None,
) -> None:
    """Compare finished runs: is the difference real?

    A table, a verdict for every strategy against the baseline, and val-accuracy curves. Exit status 3: a verdict was
    refused, because runs differ in more than the strategy or were scored on different test sets.
    """
    from augexp import console, plots, report, stats, verdicts

    _check_compare(ylim, margin)
    options = verdicts.Options(baseline, all_pairs, margin, tuple(allow or ()))
    judgement = verdicts.judge(stats.compare(runs), options)
    picture = plots.comparison(judgement.comparison.groups, ylim, x)
    console.out.print(report.table(judgement))
    console.answer(report.caption(judgement))
    contrasts = report.contrast_table(judgement)
    if contrasts is not None:
        console.out.print("", contrasts, sep="\n")
    for line in [*report.sentences(judgement), *report.notes(judgement)]:
        console.answer(line)
    texts = {
        csv: report.csv_text,
        csv and csv.with_name(f"{csv.stem}-contrasts{csv.suffix}"): report.contrasts_csv_text,
        json: report.json_text,
        markdown: report.markdown,
    }
    for path, text in texts.items():
        if path is not None:
            _write_text(path, text(judgement))
    if page is not None:
        from augexp.page import html

        _write_text(page, html(judgement, x))
    _write(out / "comparison.png", picture.savefig)
    if judgement.refused:
        raise typer.Exit(3)


def _check_compare(ylim: tuple[float, float] | None, margin: float | None) -> None:
    if ylim is not None and not 0 <= ylim[0] < ylim[1] <= 100:
        raise UserError(f"--ylim {ylim[0]:g} {ylim[1]:g}: two percentages are needed, the lower first, such as 80 95")
    if margin is not None and not 0 < margin <= 100:
        raise UserError(f"--margin {margin:g}: points above 0 are needed, such as 0.5")


def _write_text(path: Path, text: str) -> None:
    _write(path, lambda temporary: temporary.write_text(text, "utf-8", "backslashreplace"))


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """Writes an output file, making its folder, and says where it is."""
    from augexp import console
    from augexp import runs as runs_module

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with runs_module.replacing(path) as temporary:
            write(temporary)
    except OSError as error:
        raise UserError(f"{path}: can't be written ({error.strerror}); choose another place") from None
    console.answer(f"wrote {path}")


@app.command()
def preview(
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy", "-s", help="none, basic, cutmix, mixup, joined with +, or a list of ops.",
            autocompletion=_complete_strategy,
        ),
    ] = None,
    config: Annotated[
        str, typer.Option("--config", "-c", help="Where data and sizes come from.", autocompletion=_complete_config)
    ] = "digits.yaml",
    overrides: Overrides = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture.")] = Path("preview.png"),
    examples: Annotated[int, typer.Option("--examples", "-n", min=1, max=64, help="At most a batch.")] = 6,
) -> None:  # fmt: skip
    """Draw what the network will see: the very batches of training, and the law of lam.

    Example: augexp preview --strategy cutmix
    """
    from augexp import config as configuration
    from augexp import device

    _check_picture(out)
    chosen = [f"strategy={strategy}"] if strategy is not None else []
    experiment = configuration.load(config, [*(overrides or []), *chosen])
    device.load_tensorflow()
    from augexp import experiment as experiments

    figure = experiments.preview_of(experiment, examples)
    _write(out, figure.savefig)


def _check_picture(path: Path) -> None:
    """Refuses before any work what matplotlib would refuse, or rename, after it."""
    if path.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise UserError(f"--out {path}: a name that ends in .png, .pdf or .svg is needed")
