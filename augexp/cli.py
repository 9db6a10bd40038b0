"""The command line: parse, call, print. TensorFlow is imported inside the commands that need it."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

import augexp
from augexp.errors import UserError, did_you_mean, printable

if TYPE_CHECKING:
    from augexp.config.schema import Experiment
    from augexp.evaluate.run import Request
    from augexp.study.grid import Study
    from augexp.study.sweep import Pool

Axis = Literal["epochs", "examples", "seconds"]
Split = Literal["test", "val"]

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
    from augexp.config.load import shipped_configs

    names = {path.name for folder in (Path("configs"), shipped_configs()) for path in folder.glob("*.yaml")}
    return sorted(name for name in names if name.startswith(incomplete))


def _complete_strategy(incomplete: str) -> list[str]:
    from augexp.config.ops import OP_NAMES, STRATEGY_NAMES

    return [name for name in dict.fromkeys((*STRATEGY_NAMES, *OP_NAMES)) if name.startswith(incomplete)]


Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Settings that replace those of the file, such as train.epochs=5."),
]

Subject = Literal["mixing"]
RIVALS = ("keras", "keras_cv", "timm", "torchvision", "all")


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
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint, if there is one.")] = False,
) -> None:
    """Train one experiment into one run folder.

    Example: augexp train --config cutmix.yaml seed=1 train.epochs=5
    """
    from augexp import console
    from augexp.config import load
    from augexp.network import device
    from augexp.runs import folder as run_folder

    if resume and overwrite:
        raise UserError("--resume goes on with a run and --overwrite replaces it; give one of the two")
    experiment = load.experiment(config, overrides or [])
    if not (dry_run or resume):
        run_folder.refuse_finished(experiment, overwrite=overwrite)
    device.load_tensorflow(deterministic=experiment.train.deterministic)
    from augexp.train.prepare import plan
    from augexp.train.run import summary, train

    if dry_run:
        console.answer(experiment.to_yaml())
        for line in plan(experiment):
            console.answer(line)
        return
    work = partial(train, experiment, overwrite=overwrite, resume=resume)
    folder = _interruptible(work, experiment.run_dir)
    console.answer(summary(folder))


def _interruptible(work: Callable[[], Path], folder: Path) -> Path:
    from augexp.errors import Terminated, stop_on_sigterm

    stop_on_sigterm()
    try:
        return work()
    except KeyboardInterrupt as error:
        print(f"interrupted: {printable(_left_behind(folder))}", file=sys.stderr)
        raise typer.Exit(143 if isinstance(error, Terminated) else 130) from None


def _left_behind(folder: Path) -> str:
    from augexp.runs import folder as run_folder

    if not (folder / "status.json").exists() or run_folder.is_finished(folder):
        return f"{folder} is as it was before"
    again = "--resume goes on from its last checkpoint, " if run_folder.checkpoint_path(folder).exists() else ""
    return f"{folder} is unfinished; {again}the same command starts it over"


@app.command()
def sweep(
    grid: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE,VALUE]...", help="Settings to vary: seed=0..4 strategy=none,cutmix."),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option("--config", "-c", help="What all runs have in common.", autocompletion=_complete_config),
    ] = None,
    study: Annotated[str | None, typer.Option("--study", help="YAML file with `config` and `grid`.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the runs, hours and disk, and stop.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try failed runs again.")] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Runs at once; default: one a GPU.")] = None,
    gpus: Annotated[str | None, typer.Option("--gpus", help="GPUs to place runs on, such as 0,1.")] = None,
    ray: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="Ray cluster to train on, or auto.")
    ] = None,
    run_cpus: Annotated[float, typer.Option("--run-cpus", min=0, help="With --ray: CPUs of a run.")] = 1.0,
    run_gpus: Annotated[
        float | None, typer.Option("--run-gpus", min=0, help="With --ray: GPUs of a run; default: 1, if there are any.")
    ] = None,
) -> None:
    """Train every combination of some settings, each as a run of its own; type it again to go on.

    Example: augexp sweep --config none.yaml strategy=none,basic,cutmix,mixup seed=0..4
    """
    from augexp.study import sweep
    from augexp.study.grid import experiments as combine
    from augexp.study.processes import Processes

    experiments = combine(_study(config, study, grid or []))
    todo = sweep.due(experiments, retry=retry)
    if dry_run:
        _forecast(experiments, todo)
        return
    places = _gpus(gpus)
    if ray is not None and todo:
        if jobs or places:
            raise UserError("--jobs and --gpus place runs on this machine; with --ray, give --run-cpus and --run-gpus")
        from augexp.study.cluster import Cluster

        cluster = Cluster(ray, experiments[0].run_dir.parent, gpus=run_gpus, cpus=run_cpus)
        with closing(cluster):
            _sweep(experiments, todo, cluster)
    else:
        _sweep(experiments, todo, Processes(jobs or max(1, len(places)), places))


def _study(config: str | None, study: str | None, grid: list[str]) -> "Study":
    from augexp.study.grid import Study, read_axes, read_study

    if (config is None) == (study is None):
        raise UserError("--config FILE or --study FILE is needed, one of the two")
    told = read_study(study) if study is not None else Study(str(config))
    return Study(told.config, told.axes | read_axes(grid))


def _gpus(text: str | None) -> list[str]:
    gpus = [] if text is None else [part.strip() for part in text.split(",")]
    if not all(gpus) or len(set(gpus)) < len(gpus):
        raise UserError(f"--gpus {text}: different numbers with commas are needed, such as 0,1")
    return gpus


def _sweep(experiments: "Sequence[Experiment]", todo: "Sequence[Experiment]", pool: "Pool") -> None:
    from augexp import console
    from augexp.errors import Terminated, stop_on_sigterm
    from augexp.study import sweep

    console.say(f"{len(experiments)} runs, {len(todo)} to do, {pool.places} at once")
    stop_on_sigterm()
    try:
        standings = sweep.run(experiments, todo, pool)
    except KeyboardInterrupt as error:
        print("interrupted: the same command goes on", file=sys.stderr)
        raise typer.Exit(143 if isinstance(error, Terminated) else 130) from None
    for line in sweep.closing_lines(standings):
        console.answer(line)
    if any(now.state != "finished" for now in standings):
        raise typer.Exit(1)


def _forecast(experiments: "Sequence[Experiment]", todo: "Sequence[Experiment]") -> None:
    from augexp import console
    from augexp.network import device
    from augexp.study import sweep

    for experiment in experiments:
        console.answer(f"{experiment.run_dir}: {sweep.stand(experiment).state}")
    console.answer(f"{len(experiments)} runs, {len(todo)} to do")
    if todo:
        device.load_tensorflow()
        from augexp.study import cost

        for line in cost.lines(todo):
            console.answer(line)


@app.command()
def status(
    folders: Annotated[list[Path], typer.Argument(help="Run folders, such as runs/*.", show_default=False)],
) -> None:
    """How runs stand, whoever is training them: epoch, val accuracy, images/s, time left."""
    from augexp import console
    from augexp.runs import read, status
    from augexp.study import watch

    standings = []
    for folder in folders:
        try:
            if not folder.is_dir():
                raise read.BrokenRun("no such folder" if not folder.exists() else "not a folder")  # noqa: TRY301
            standings.append(status.of(folder))
        except read.BrokenRun as error:
            console.say(f"{folder}: {error}")
    if not standings:
        raise UserError("there is no run folder among these; give some, such as runs/*")
    console.tabulate(watch.table(standings))
    for line in watch.reasons(standings):
        console.answer(line)
    at_once = max(1, sum(now.state == "running" for now in standings))
    console.answer(watch.summary(standings, at_once))


@app.command()
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
    from augexp import console
    from augexp.compare import profiles, verdicts
    from augexp.compare.groups import load_groups
    from augexp.report import export, profile_figures, terminal
    from augexp.report import profiles as profile_report
    from augexp.report.curves import comparison
    from augexp.report.notes import notes

    _check_compare(ylim, margin)
    options = verdicts.Options(baseline, all_pairs, margin, tuple(allow or ()))
    judgement = verdicts.judge(load_groups(runs), options)
    measured = profiles.judge(judgement)
    picture = comparison(judgement.comparison.groups, ylim, x)
    console.out.print(terminal.table(judgement))
    console.answer(terminal.caption(judgement))
    contrasts = terminal.contrast_table(judgement)
    if contrasts is not None:
        console.out.print("", contrasts, sep="\n")
    for line in terminal.sentences(judgement):
        console.answer(line)
    for grid in profile_report.grids(measured):
        console.out.print("", grid, sep="\n")
    for line in [*profile_report.sentences(measured), *notes(judgement, measured)]:
        console.answer(line)
    texts = {
        csv: partial(export.csv_text, judgement),
        _beside(csv, "contrasts"): partial(export.contrasts_csv_text, judgement),
        _beside(csv, "profiles") if measured.axes else None: partial(profile_report.csv_text, measured),
        json: partial(export.json_text, judgement, measured),
        markdown: partial(export.markdown, judgement, measured),
    }
    for path, text in texts.items():
        if path is not None:
            _write_text(path, text())
    if page is not None:
        from augexp.report.page import html

        _write_text(page, html(judgement, x, measured))
    _write(out / "comparison.png", picture.savefig)
    if measured.axes:
        _write(out / "profiles.png", profile_figures.summary(measured).savefig)
    if judgement.refused:
        raise typer.Exit(3)


def _check_compare(ylim: tuple[float, float] | None, margin: float | None) -> None:
    if ylim is not None and not 0 <= ylim[0] < ylim[1] <= 100:
        raise UserError(f"--ylim {ylim[0]:g} {ylim[1]:g}: two percentages are needed, the lower first, such as 80 95")
    if margin is not None and not 0 < margin <= 100:
        raise UserError(f"--margin {margin:g}: points above 0 are needed, such as 0.5")


def _beside(csv: Path | None, what: str) -> Path | None:
    return csv and csv.with_name(f"{csv.stem}-{what}{csv.suffix}")


def _write_text(path: Path, text: str) -> None:
    _write(path, lambda temporary: temporary.write_text(text, "utf-8", "backslashreplace"))


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """Writes an output file, making its folder, and says where it is."""
    from augexp import console, files

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(path) as temporary:
            write(temporary)
    except OSError as error:
        raise UserError(f"{path}: can't be written ({error.strerror}); choose another place") from None
    console.answer(f"wrote {path}")


@app.command()
def evaluate(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.", show_default=False)],
    split: Annotated[Split, typer.Option("--split", help="What to evaluate on; each use of test is logged.")] = "test",
    tta: Annotated[
        list[str] | None, typer.Option("--tta", help="Test-time augmentation: flip, crops, or ops; again for more.")
    ] = None,
    draws: Annotated[int, typer.Option("--draws", min=1, max=100, help="With --tta OPS: how often.")] = 8,
    robustness: Annotated[bool, typer.Option("--robustness", help="Occlusion and common corruptions, too.")] = False,
    localisation: Annotated[
        bool, typer.Option("--localisation", help="Does it look where the object is? Needs data with boxes.")
    ] = False,
    floor: Annotated[
        bool, typer.Option("--floor", help="What the backbone knew before: zero-shot, and a linear probe.")
    ] = False,
) -> None:
    """What the strategy changed beside accuracy: calibration, mistakes, robustness. Adds evaluation.json to runs.

    Example: augexp evaluate runs/cutmix-seed0 --robustness --tta flip
    """
    from augexp.evaluate.tta import read_tta
    from augexp.network import device
    from augexp.runs.read import refuse_foreign

    wanted = tuple(read_tta(text, draws) for text in dict.fromkeys(tta or []))
    sound = [folder for folder in folders if _succeeds(refuse_foreign, folder)]
    if sound:
        device.load_tensorflow()
        from augexp.evaluate.run import Request

        request = Request(split, wanted, robustness, localisation, floor)
        sound = [folder for folder in sound if _succeeds(_evaluate, folder, request)]
    if len(sound) < len(folders):
        raise typer.Exit(2)


def _succeeds(work: Callable[..., object], *arguments: object) -> bool:
    """Does one of many things; a mistake in it is said, and leaves the others alone."""
    try:
        work(*arguments)
    except UserError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return False
    return True


def _evaluate(folder: Path, request: "Request") -> None:
    from augexp import console
    from augexp.evaluate.run import evaluate
    from augexp.report import evaluation as evaluation_report

    content = evaluate(folder, request)
    console.answer(f"{folder}: " + "\n".join(evaluation_report.lines(content, request.split)))


@app.command()
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

    _check_picture(out)
    for folder in folders:
        read.refuse_foreign(folder)
    device.load_tensorflow()
    from augexp.evaluate import explain as explain_runs

    _write(out, explain_runs.picture(folders, split, examples, ids or []).savefig)


@app.command()
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
        _write_text(out, text)
    unread = [answer for answer in answers if answer.error]
    for answer in unread:
        console.say(f"{answer.file}: can't be read ({answer.error})")
    if unread:
        raise typer.Exit(1)


@app.command()
def ops() -> None:
    """List every op: what it does, its parameters with their defaults, its paper."""
    from augexp import catalogue, console

    console.out.print(catalogue.table())


@app.command()
def preview(
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy", "-s", help="none, basic, any op, joined with +, or a list of ops.",
            autocompletion=_complete_strategy,
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config", "-c", help="Where data and sizes come from.  [default: digits.yaml]", show_default=False,
            autocompletion=_complete_config,
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
    """
    from augexp.config import load
    from augexp.network import device

    _check_picture(out)
    if every and strategy is not None:
        raise UserError("--all draws every op; leave out --strategy, or leave out --all")
    chosen = [f"strategy={strategy}"] if strategy is not None else []
    given = config or overrides
    experiment = load.experiment(config or "digits.yaml", [*(overrides or []), *chosen])
    device.load_tensorflow()
    from augexp.train import gallery, preview

    figure = gallery.of(experiment if given else None) if every else preview.of(experiment, examples)
    _write(out, figure.savefig)


def _check_picture(path: Path) -> None:
    """Refuses before any work what matplotlib would refuse, or rename, after it."""
    if path.suffix.lower() not in (".png", ".jpg", ".pdf", ".svg"):
        raise UserError(f"--out {path}: a name that ends in .png, .jpg, .pdf or .svg is needed")


@app.command()
def check(
    what: Annotated[
        Subject | None, typer.Argument(help="mixing: prove cutmix and mixup. Nothing: this machine.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            "-a",
            help=f"Ask another library the same: {', '.join(RIVALS)} that are installed.",
            autocompletion=lambda: list(RIVALS),
        ),
    ] = None,
) -> None:
    """Is this machine fit to train, and is the mixing right? Exit status 1 if not.

    Example: augexp check mixing --against keras
    """
    from augexp.network import device

    for library in against or []:
        if library not in RIVALS:
            known = f"one of {', '.join(RIVALS)} is needed{did_you_mean(library, RIVALS)}"
            raise UserError(f"--against {library}: {known}")
    if against and what is None:
        raise UserError("--against compares the mixing; use augexp check mixing --against keras")
    device.load_tensorflow()
    _check_machine() if what is None else _check_mixing(against or [])


def _check_machine() -> None:
    from augexp import console
    from augexp.train import machine

    failed = []
    for finding in machine.check():
        console.answer(f"{finding.what:<13}{finding.state:<6}{finding.text}")
        failed += [finding.what] if finding.state == "FAILS" else []
    verdict = f"not fit to train: {', '.join(failed)}" if failed else "fit to train"
    console.answer(f"{verdict}; augexp check mixing proves the mixing")
    raise typer.Exit(1 if failed else 0)


def _check_mixing(against: Sequence[str]) -> None:
    from augexp import console
    from augexp.conformance import check, libraries, table

    asked = libraries.libraries(against)
    rows = []
    with console.progress("proving", total=check.count()) as advance:
        for row in check.check(asked):
            rows.append(row)
            advance(note=f"{row.op}: {row.name.strip()}")
    for grid in table.tables(rows):
        console.out.print(grid)
    console.answer(table.summary(rows))
    raise typer.Exit(1 if table.ours_fail(rows) else 0)
