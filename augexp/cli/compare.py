"""`augexp compare`."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from augexp.cli.shared import write, write_text
from augexp.errors import UserError

XAxis = Literal["epochs", "examples", "seconds"]


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
    x: Annotated[XAxis, typer.Option("--x", help="What the curves are drawn against.")] = "epochs",
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write the table as CSV, the contrasts and evaluations beside it.")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write all numbers as JSON.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write the table for a README.")] = None,
    page: Annotated[Path | None, typer.Option("--report", help="Write everything as one HTML page.")] = None,
    ylim: Annotated[
        tuple[float, float] | None, typer.Option("--ylim", metavar="LOW HIGH", help="Limits of the zoomed panel, in %.")
    ] = None,
) -> None:
    """Compare finished runs: is the difference real?

    A table, a verdict for every strategy against the baseline, and val-accuracy curves; of runs with evaluations, what
    each strategy gained and lost. Exit status 3: a verdict was refused, because runs differ in more than the strategy
    or were scored on different test sets.
    """
    from augexp import console, tables
    from augexp.compare.groups import load_groups
    from augexp.compare.judge import judge
    from augexp.compare.verdicts import Options
    from augexp.report import effect_figures, export, figures, profile_figures, terminal
    from augexp.report import profiles as profile_report
    from augexp.report.curves import comparison
    from augexp.report.notes import notes

    _check_compare(ylim, margin)
    options = Options(baseline, all_pairs, margin, tuple(allow or ()))
    judgement = judge(load_groups(runs), options)
    measured = judgement.profiles
    picture = comparison(judgement.comparison.groups, ylim, x)
    if judgement.choice is not None:
        console.out.print(terminal.box(judgement), "", sep="\n")
    console.out.print(terminal.table(judgement))
    for line in terminal.caption(judgement).splitlines():
        console.answer(tables.folded(line))
    contrasts = terminal.contrast_table(judgement)
    if contrasts is not None:
        console.out.print("", contrasts, sep="\n")
    for line in terminal.sentences(judgement):
        console.answer(line)
    for grid in profile_report.grids(measured):
        console.out.print("", grid, sep="\n")
    for line in [*profile_report.sentences(measured), *notes(judgement)]:
        console.answer(line)
    texts = {
        csv: partial(export.csv_text, judgement),
        _beside(csv, "contrasts"): partial(export.contrasts_csv_text, judgement),
        _beside(csv, "profiles") if measured.families else None: partial(profile_report.csv_text, measured),
        json: partial(export.json_text, judgement),
        markdown: partial(export.markdown, judgement),
    }
    for path, text in texts.items():
        if path is not None:
            write_text(path, text())
    if page is not None:
        from augexp.report.page import html

        write_text(page, html(judgement, x))
    write(out / "comparison.png", picture.savefig)
    if figures.has_pairs(judgement):
        write(out / "pairs.png", figures.pairs(judgement.comparison.groups, judgement.every).savefig)
    with effect_figures.file_style():
        drawn = effect_figures.drawn(judgement.effects)
    for name, figure in drawn.items():
        write(out / f"{name}.png", figure.savefig)
    if measured.families:
        write(out / "profiles.png", profile_figures.summary(measured).savefig)
    if judgement.refused:
        raise typer.Exit(3)


def _check_compare(ylim: tuple[float, float] | None, margin: float | None) -> None:
    if ylim is not None and not 0 <= ylim[0] < ylim[1] <= 100:
        raise UserError(f"--ylim {ylim[0]:g} {ylim[1]:g}: two percentages are needed, the lower first, such as 80 95")
    if margin is not None and not 0 < margin <= 100:
        raise UserError(f"--margin {margin:g}: points above 0 are needed, such as 0.5")


def _beside(csv: Path | None, what: str) -> Path | None:
    return csv and csv.with_name(f"{csv.stem}-{what}{csv.suffix}")
