"""`augexp compare`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from augexp.cli.shared import write_picture, write_text
from augexp.errors import UserError

if TYPE_CHECKING:
    from augexp.compare.judge import Judgement

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
    metric: Annotated[
        str | None, typer.Option("--metric", metavar="NAME", help="Judge by macro_recall, not accuracy.")
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
    from augexp.compare.groups import load_groups
    from augexp.compare.judge import judge
    from augexp.compare.verdicts import Options
    from augexp.config.decide import checked_margin, checked_metric
    from augexp.report.curves import comparison

    _check_ylim(ylim)
    options = Options(baseline, all_pairs, checked_margin(margin), tuple(allow or ()), checked_metric(metric))
    judgement = judge(load_groups(runs), options)
    curves = comparison(judgement.comparison.groups, ylim, x)
    _say(judgement)
    _write_texts(judgement, csv, json, markdown)
    if page is not None:
        from augexp.report.page import html

        write_text(page, html(judgement, x))
    write_picture(out / "comparison.png", curves)
    _write_pictures(judgement, out)
    if judgement.refused:
        raise typer.Exit(3)


def _say(judgement: "Judgement") -> None:
    """Which to use, the tables, the verdicts and the notes."""
    from augexp import console
    from augexp.report import profiles, recalls, terminal
    from augexp.report.notes import notes

    if judgement.choice is not None:
        console.out.print(terminal.Box(judgement), "", sep="\n")
    console.out.print(terminal.table(judgement))
    for line in terminal.caption(judgement):
        console.tell(line)
    of_classes = recalls.table(judgement)
    if of_classes is not None:
        console.out.print("", of_classes, sep="\n")
        console.tell(recalls.caption(judgement))
    contrasts = terminal.contrast_table(judgement)
    if contrasts is not None:
        console.out.print("", contrasts, sep="\n")
    for line in terminal.sentences(judgement):
        console.tell(line)
    for grid in profiles.grids(judgement.profiles):
        console.out.print("", grid, sep="\n")
    for line in [*profiles.summaries(judgement.profiles), *notes(judgement)]:
        console.tell(line)


def _write_texts(judgement: "Judgement", csv: Path | None, json: Path | None, markdown: Path | None) -> None:
    """Those that were asked for."""
    from augexp.report import export, profiles

    measured = judgement.profiles
    texts = {
        csv: partial(export.csv_text, judgement),
        _beside(csv, "contrasts"): partial(export.contrasts_csv_text, judgement),
        _beside(csv, "profiles") if measured.families else None: partial(profiles.csv_text, measured),
        json: partial(export.json_text, judgement),
        markdown: partial(export.markdown, judgement),
    }
    for path, text in texts.items():
        if path is not None:
            write_text(path, text())


def _write_pictures(judgement: "Judgement", out: Path) -> None:
    """Of all pairs, of what ops and doses do, and of what else was measured, where there is any."""
    from augexp.report import effect_figures, figures, profile_figures, wording

    if figures.has_pairs(judgement):
        write_picture(out / "pairs.png", figures.pairs(judgement))
    with effect_figures.file_style():
        drawn = effect_figures.drawn(judgement.effects, wording.unit_of(judgement.metric))
    for name, figure in drawn.items():
        write_picture(out / f"{name}.png", figure)
    if judgement.profiles.families:
        write_picture(out / "profiles.png", profile_figures.summary(judgement.profiles))


def _check_ylim(ylim: tuple[float, float] | None) -> None:
    if ylim is not None and not 0 <= ylim[0] < ylim[1] <= 100:
        raise UserError(f"--ylim {ylim[0]:g} {ylim[1]:g}: two percentages are needed, the lower first, such as 80 95")


def _beside(csv: Path | None, what: str) -> Path | None:
    return csv and csv.with_name(f"{csv.stem}-{what}{csv.suffix}")
