"""The command line as a user types it: exit statuses, whole messages, what is imported, pictures that come out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import augexp
from augexp.cli.main import main
from augexp.cli.shared import complete_config, complete_strategy
from tests.factories import make_run
from tests.places import ROOT
from tests.studies import full_study


class Answer:
    """What a command printed, and its exit status."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


class Augexp:
    """Types `augexp ...` in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *arguments: object) -> Answer:
        self.monkeypatch.setattr(sys, "argv", ["augexp", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        printed = self.capsys.readouterr()
        status = exit_.value.code
        assert isinstance(status, int)
        return Answer(status, printed.out, printed.err)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Augexp:
    # Rich looks the width up when a table is printed.
    monkeypatch.setenv("COLUMNS", "80")
    return Augexp(monkeypatch, capsys)


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    for strategy, accuracy in (("none", 0.80), ("cutmix", 0.83)):
        for seed in (0, 1):
            make_run(tmp_path / f"{strategy}-seed{seed}", strategy=strategy, seed=seed, accuracy=accuracy + 0.01 * seed)
    return tmp_path


def test_version(typed: Augexp) -> None:
    answer = typed("--version")
    assert (answer.status, answer.out) == (0, f"augexp {augexp.__version__}\n")


def test_help_names_the_commands(typed: Augexp) -> None:
    answer = typed("--help")
    assert answer.status == 0
    for command in ("train", "sweep", "status", "compare", "preview"):
        assert f"│ {command} " in answer.out


def test_python_dash_m_is_the_same_program() -> None:
    answer = subprocess.run([sys.executable, "-m", "augexp", "--version"], capture_output=True, text=True, check=True)
    assert answer.stdout == f"augexp {augexp.__version__}\n"


def test_importing_the_command_line_loads_neither_tensorflow_nor_keras() -> None:
    code = "import sys, augexp.cli.main; print([m for m in ('tensorflow', 'keras', 'matplotlib') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


def test_every_mistake_is_printed_at_once_without_a_traceback(typed: Augexp) -> None:
    answer = typed("train", "--config", "cutmix.yaml", "train.epoch=3", "train.batch_size=0", "strategy=cutmx")
    assert answer.status == 2
    assert answer.out == ""
    assert sorted(answer.err.splitlines()) == [
        "error: override 'strategy=cutmx': strategy: none, basic, cutmix, mixup, joined with +, or a list of ops is "
        "needed, not 'cutmx'; did you mean cutmix?",
        "error: override 'train.batch_size=0': train.batch_size: greater than or equal to 1 is needed, not 0",
        "error: override 'train.epoch=3': train.epoch: unknown key; did you mean epochs?",
    ]


def test_a_mistake_is_refused_before_tensorflow_is_loaded() -> None:
    code = (
        "import sys, augexp.cli.main as c\n"
        "sys.argv = ['augexp', 'train', '-c', 'cutmix.yaml', 'train.epoch=3']\n"
        "try: c.main()\n"
        "except SystemExit as e: print(e.code, 'tensorflow' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "2 False\n"


def test_a_finished_run_is_refused_before_tensorflow_is_loaded(typed: Augexp, runs_dir: Path) -> None:
    answer = typed("train", "--config", "cutmix.yaml", f"runs_dir={runs_dir}")
    assert answer.status == 2
    assert answer.err == (
        f"error: {runs_dir / 'cutmix-seed0'}: this run is finished and is not overwritten; "
        "choose another name= or seed=, or give --overwrite\n"
    )


def test_compare_prints_the_table_and_draws_the_curves(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    answer = typed("compare", *sorted(runs_dir.glob("*-seed*")), "--out", out, "--csv", out / "table.csv",
                   "--json", out / "table.json")  # fmt: skip
    assert answer.status == 0
    assert max(map(len, answer.out.split("wrote")[0].splitlines())) <= 80
    assert "cutmix" in answer.out
    assert f"wrote {out / 'comparison.png'}\n" in answer.out
    with Image.open(out / "comparison.png") as picture:
        assert picture.width > 600
    assert (out / "table.csv").read_text().count("\n") == 3
    assert json.loads((out / "table.json").read_text())


def test_compare_writes_every_form_of_its_answer(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    answer = typed("compare", *sorted(runs_dir.glob("*-seed*")), "--out", out, "--csv", out / "table.csv",
                   "--markdown", out / "table.md", "--report", out / "report.html", "--margin", 5)  # fmt: skip
    assert answer.status == 0
    sentence = "o evidence at this size that cutmix differs from none: +3.00 points ("
    assert sentence in " ".join(answer.out.split())
    assert sentence in (out / "table.md").read_text()
    assert sentence in (out / "report.html").read_text()
    assert (out / "table-contrasts.csv").read_text().count("\n") == 2


def test_compare_says_what_evaluated_runs_gained_and_lost(typed: Augexp, tmp_path: Path) -> None:
    paths, out = full_study(tmp_path / "runs"), tmp_path / "report"
    answer = typed("compare", *paths, "--out", out, "--csv", out / "table.csv", "--json", out / "table.json",
                   "--markdown", out / "table.md", "--report", out / "report.html")  # fmt: skip
    assert answer.status == 0
    assert max(map(len, answer.out.split("wrote")[0].splitlines())) <= 80
    (line,) = json.loads((out / "table.json").read_text())["profiles"]["summaries"]
    for text in (answer.out, (out / "table.md").read_text(), (out / "report.html").read_text()):
        assert line.partition(" (")[0] in " ".join(text.split())
    assert (out / "table-profiles.csv").read_text().startswith("axis,measure,")
    with Image.open(out / "profiles.png") as picture:
        assert picture.width > 600


def test_compare_of_runs_without_evaluations_writes_no_profiles(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    typed("compare", *sorted(runs_dir.glob("*-seed*")), "--out", tmp_path / "out", "--csv", tmp_path / "out" / "t.csv")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["comparison.png", "t-contrasts.csv", "t.csv"]


def test_compare_refuses_a_verdict_with_3(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        make_run(tmp_path / f"late-seed{seed}", strategy="mixup", seed=seed, overrides=["train.learning_rate=0.5"])
    paths = sorted(tmp_path.glob("*-seed*"))
    answer = typed("compare", *paths, "--out", tmp_path)
    assert answer.status == 3
    assert "mixup     " in answer.out
    assert "confounded" in answer.out
    assert "no evidence at this size that cutmix differs from none" in answer.out
    assert f"wrote {tmp_path / 'comparison.png'}" in answer.out
    assert typed("compare", *paths, "--out", tmp_path, "--allow", "train.learning_rate").status == 0


def test_compare_holds_against_what_it_is_told_to(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    paths = sorted(runs_dir.glob("*-seed*"))
    assert "against cutmix" in typed("compare", *paths, "--out", tmp_path, "--baseline", "cutmix").out
    assert "cutmix - none" in typed("compare", *paths, "--out", tmp_path, "--all-pairs").out
    answer = typed("compare", *paths, "--baseline", "cutmx")
    assert (answer.status, answer.err) == (
        2, "error: --baseline cutmx: no group has this name; did you mean cutmix?\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--margin", "0"), "--margin 0: points above 0 are needed, such as 0.5"),
        (("--margin", "nan"), "--margin nan: points above 0 are needed, such as 0.5"),
        (("--allow", "train.epoch"), "--allow train.epoch: no run has such a key; did you mean train.epochs?"),
    ],
)
def test_options_of_compare_that_make_no_sense_are_refused(
    typed: Augexp, runs_dir: Path, options: tuple[str, str], message: str
) -> None:
    answer = typed("compare", *runs_dir.glob("*-seed*"), *options)
    assert (answer.status, answer.err) == (2, f"error: {message}\n")


def test_curves_against_examples_need_them_recorded(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    paths = sorted(runs_dir.glob("*-seed*"))
    answer = typed("compare", *paths, "--x", "examples", "--out", tmp_path)
    assert answer.status == 2
    assert "doesn't record how many examples it trained on" in answer.err
    assert typed("compare", *paths, "--x", "seconds", "--out", tmp_path, "--report", tmp_path / "r.html").status == 0
    assert "seconds of training, mean over seeds" in (tmp_path / "r.html").read_text()


def test_a_name_with_escapes_reaches_no_terminal(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    config = runs_dir / "cutmix-seed0" / "config.yaml"
    config.write_text(config.read_text().replace("name: cutmix", 'name: "\\e[31mred"', 1))
    answer = typed("compare", *sorted(runs_dir.glob("*-seed*")), "--out", tmp_path)
    assert "\x1b" not in answer.out
    assert "\\x1b[31mred" in answer.out


def test_compare_skips_what_is_no_run_and_says_so(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    (runs_dir / "notes").mkdir()
    answer = typed("compare", *sorted(runs_dir.iterdir()), "--out", tmp_path)
    assert answer.status == 0
    assert "notes" in answer.out
    assert "not a run folder (no config.yaml)" in answer.out


def test_compare_with_nothing_left_exits_with_2(typed: Augexp, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    answer = typed("compare", tmp_path / "empty", tmp_path / "gone")
    assert answer.status == 2
    assert "not a run folder (no config.yaml)" in answer.err
    assert "no such folder" in answer.err


def test_compare_given_the_parent_folder_says_what_to_give(typed: Augexp, runs_dir: Path) -> None:
    answer = typed("compare", runs_dir)
    assert answer.status == 2
    assert f"not a run folder; it holds some: give {runs_dir}/*" in answer.err


def test_limits_the_wrong_way_round_are_refused(typed: Augexp, runs_dir: Path) -> None:
    for low, high in (("90", "80"), ("nan", "5"), ("1", "inf")):
        answer = typed("compare", *runs_dir.glob("*-seed*"), "--ylim", low, high)
        assert (answer.status, answer.err) == (
            2, f"error: --ylim {low} {high}: two percentages are needed, the lower first, such as 80 95\n",
        )  # fmt: skip


def test_an_output_that_cannot_be_written_is_named(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = typed("compare", *runs_dir.glob("*-seed*"), "--out", tmp_path / "file" / "folder")
    assert answer.status == 2
    assert answer.err.startswith(f"error: {tmp_path / 'file' / 'folder' / 'comparison.png'}: can't be written (")


def test_a_runs_dir_that_cannot_be_written_is_named(typed: Augexp, tmp_path: Path, cache_dir: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = typed(
        *("train", "--config", "digits.yaml", f"runs_dir={tmp_path / 'file'}", f"data.cache_dir={cache_dir}")
    )
    assert answer.status == 2
    assert answer.err.splitlines()[-1] == (
        f"error: {tmp_path / 'file' / 'none-seed0'}: the run folder can't be written (File exists); "
        "set runs_dir= to another folder"
    )


@pytest.mark.parametrize("strategy", ["none", "basic", "cutmix", "basic+mixup", "[{name: cutmix, per: batch}]"])
def test_preview_draws_every_strategy(typed: Augexp, tmp_path: Path, cache_dir: Path, strategy: str) -> None:
    out = tmp_path / "preview.png"
    answer = typed("preview", "--strategy", strategy, "--out", out, "-n", 2, f"data.cache_dir={cache_dir}")
    assert (answer.status, answer.out) == (0, f"wrote {out}\n")
    with Image.open(out) as picture:
        assert picture.width > 400


def test_a_picture_of_no_known_kind_is_refused_before_any_work(typed: Augexp, tmp_path: Path) -> None:
    answer = typed("preview", "--out", tmp_path / "preview.xyz")
    assert (answer.status, answer.err) == (
        2, f"error: --out {tmp_path / 'preview.xyz'}: a name that ends in .png, .jpg, .pdf or .svg is needed\n",
    )  # fmt: skip


def test_dry_run_prints_the_resolved_configuration(typed: Augexp, tmp_path: Path, cache_dir: Path) -> None:
    answer = typed(
        *("train", "-c", "digits", "--dry-run", "seed=3", f"runs_dir={tmp_path}", f"data.cache_dir={cache_dir}")
    )
    assert answer.status == 0
    assert "\nseed: 3\n" in answer.out
    assert "steps: 12 epochs (12 full) x 17 steps of 64" in answer.out
    assert list(tmp_path.iterdir()) == []


def test_completion_offers_configs_and_strategies() -> None:
    assert complete_config("t") == ["tutorial.yaml"]
    assert complete_strategy("cut") == ["cutmix", "cutout"]


@pytest.mark.slow
def test_an_installed_package_finds_its_configs_from_any_folder(tmp_path: Path) -> None:
    """Builds the wheel, unpacks it, and asks it for cutmix.yaml from an empty folder."""
    project = ROOT
    wheels = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(project)]
    subprocess.run(wheels, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("augexp-*.whl")
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    code = "import augexp, augexp.config.load as c; print(augexp.__file__); print(c.experiment('cutmix.yaml').name)"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == f"{site / 'augexp' / '__init__.py'}\ncutmix\n"


# --- sweep, status -------------------------------------------------------------------------------------------------


def test_status_shows_runs_in_every_state_and_needs_no_tensorflow(typed: Augexp, runs_dir: Path) -> None:
    (runs_dir / "cutmix-seed1" / "result.json").unlink()
    (runs_dir / "notes").mkdir()
    code = (
        "import sys; from augexp.cli import main\n"
        "try: main()\n"
        "finally: print([m for m in ('tensorflow', 'keras', 'matplotlib') if m in sys.modules])"
    )
    arguments = [*map(str, sorted(runs_dir.glob("*-seed*"))), str(runs_dir / "notes")]
    answer = subprocess.run(
        [sys.executable, "-c", code, "status", *arguments], capture_output=True, text=True, check=True,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert answer.stdout.splitlines()[-1] == "[]"
    assert "4 runs: 3 finished, 1 killed" in answer.stdout
    assert answer.stderr == f"{runs_dir / 'notes'}: not a run folder (no config.yaml)\n"


def test_status_of_nothing_exits_with_2(typed: Augexp, tmp_path: Path) -> None:
    answer = typed("status", tmp_path / "gone")
    assert (answer.status, answer.err.splitlines()) == (
        2,
        [
            f"{tmp_path / 'gone'}: no such folder",
            "error: there is no run folder among these; give some, such as runs/*",
        ],
    )


def test_a_sweep_of_finished_runs_starts_nothing_and_says_what_to_compare(typed: Augexp, runs_dir: Path) -> None:
    swept = ("sweep", "strategy=none,cutmix", "seed=0,1", f"runs_dir={runs_dir}", "data.source=digits")
    (runs_dir / "base.yaml").write_text("train: {epochs: 5}\n")
    answer = typed(*swept, "--config", runs_dir / "base.yaml")
    assert (answer.status, answer.err) == (0, "4 runs, 0 to do, 1 at once\n")
    assert answer.out == f"4 runs: 4 finished\ncompare: augexp compare {runs_dir}/*-seed*\n"
    dry = typed(*swept, "--config", runs_dir / "base.yaml", "--dry-run")
    assert dry.out.splitlines()[-2:] == [f"{runs_dir}/cutmix-seed1: finished", "4 runs, 0 to do"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("seed=0..1",), "--config FILE or --study FILE is needed, one of the two"),
        (("--config", "digits", "--study", "study"), "--config FILE or --study FILE is needed, one of the two"),
        (("--config", "digits", "--gpus", "0,0"), "--gpus 0,0: different numbers with commas are needed, such as 0,1"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(typed: Augexp, arguments: tuple[str, ...], message: str) -> None:
    answer = typed("sweep", *arguments)
    assert (answer.status, answer.err) == (2, f"error: {message}\n")


def test_resume_and_overwrite_exclude_each_other(typed: Augexp) -> None:
    answer = typed("train", "--config", "digits", "--resume", "--overwrite")
    assert answer.status == 2
    assert answer.err == "error: --resume goes on with a run and --overwrite replaces it; give one of the two\n"


# --- check ---------------------------------------------------------------------------------------------------------


def test_check_prints_a_line_a_finding_and_ends_with_1_if_one_fails(
    typed: Augexp, monkeypatch: pytest.MonkeyPatch
) -> None:
    from augexp.train import machine
    from augexp.train.machine import Finding

    looks = {
        "GPU": lambda: Finding("GPU", "note", "[1] unused; unset it"),
        "training": lambda: Finding("training", "ok", "yes"),
    }
    monkeypatch.setattr(machine, "LOOKS", looks)
    answer = typed("check")
    assert answer.status == 0
    assert answer.out == (
        "GPU          note  [1] unused; unset it\ntraining     ok    yes\n"
        "fit to train; augexp check mixing proves the mixing\n"
    )
    looks["training"] = lambda: Finding("training", "FAILS", "no")
    answer = typed("check")
    assert answer.status == 1
    assert answer.out.splitlines()[-1] == "not fit to train: training; augexp check mixing proves the mixing"


@pytest.mark.parametrize(("ours", "status"), [(True, 0), (False, 1)])
def test_check_mixing_ends_with_1_only_if_one_of_ours_fails(
    typed: Augexp, monkeypatch: pytest.MonkeyPatch, ours: bool, status: int
) -> None:
    from augexp.conformance import check
    from augexp.conformance.libraries import Implementation, checked_ops
    from augexp.conformance.property import Effort, Finding, Property

    def measure(one: Implementation, _effort: Effort) -> Finding | None:
        return Finding(ours if one.library == "augexp" else False, "p 0.5")

    asked = [Property("lam ~ Beta(0.1, 0.1) per example", "p 1e-04", measure), Property("x", "0", lambda *_: None)]
    monkeypatch.setattr(check, "properties", lambda _op: asked)
    answer = typed("check", "mixing", "--against", "keras")
    assert answer.status == status
    lines, ops = answer.out.splitlines(), len(checked_ops())
    assert max(map(len, lines)) <= 80
    word = "ok" if ours else "FAILS"
    expected = f"lam ~ Beta(0.1, 0.1) per example p 1e-04 {word} p 0.5 FAILS p 0.5"
    assert sum(" ".join(line.split()) == expected for line in lines) == ops
    assert sum(line.split() == ["x", "0", "-", "-"] for line in lines) == ops
    assert lines[-1] == f"augexp: {ops if ours else 0} of {ops} hold; keras: 0 of {ops} hold"


def test_check_refuses_what_it_can_not_compare(typed: Augexp) -> None:
    answer = typed("check", "mixing", "--against", "kears")
    assert answer.status == 2
    assert (
        "--against kears: one of keras, keras_cv, timm, torchvision, all is needed; did you mean keras?" in answer.err
    )
    answer = typed("check", "--against", "keras")
    assert answer.status == 2
    assert "use augexp check mixing --against keras" in answer.err


def test_check_names_a_library_that_is_not_installed(typed: Augexp, monkeypatch: pytest.MonkeyPatch) -> None:
    from augexp.conformance import libraries

    monkeypatch.setattr(libraries, "find_spec", lambda name: name == "augexp" or None)
    answer = typed("check", "mixing", "--against", "keras_cv")
    assert answer.status == 2
    assert "--against keras_cv: keras_cv is not installed; pip install keras-cv" in answer.err


# --- evaluate, explain, predict ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Path:
    from augexp.config import load
    from augexp.train.run import train

    overrides = ["train.epochs=1", "data.train_per_class=30", f"runs_dir={tmp_path_factory.mktemp('runs')}"]
    return train(load.experiment("digits.yaml", [*overrides, f"data.cache_dir={cache_dir}"]))


def test_evaluate_goes_on_after_a_folder_that_is_no_run(typed: Augexp, trained_run: Path, tmp_path: Path) -> None:
    answer = typed("evaluate", tmp_path / "gone", trained_run, tmp_path)
    assert answer.status == 2
    assert answer.err.splitlines()[:2] == [
        f"error: {tmp_path / 'gone'}: no such folder; give a run folder",
        f"error: {tmp_path}: not a run folder (no config.yaml)",
    ]
    assert answer.out.startswith(f"{trained_run}: test, 359 images, ")
    assert (trained_run / "evaluation.json").exists()


def test_evaluate_refuses_before_tensorflow_is_loaded(tmp_path: Path) -> None:
    code = (
        "import sys; from augexp.cli.main import main\n"
        f"sys.argv = ['augexp', 'evaluate', {str(tmp_path)!r}, '--tta', TTA]\n"
        "try:\n    main()\nfinally:\n    assert 'tensorflow' not in sys.modules"
    )
    for view, message in (("rotat", "did you mean rotate?"), ("flip", "not a run folder")):
        answer = subprocess.run(
            [sys.executable, "-c", code.replace("TTA", repr(view))], capture_output=True, text=True, check=False
        )
        assert answer.returncode == 2
        assert message in answer.stderr
        assert "Assertion" not in answer.stderr


def test_explain_draws(typed: Augexp, trained_run: Path, tmp_path: Path) -> None:
    answer = typed("explain", trained_run, "--examples", 2, "--out", tmp_path / "where.png")
    assert (answer.status, answer.out) == (0, f"wrote {tmp_path / 'where.png'}\n")
    with Image.open(tmp_path / "where.png") as picture:
        assert picture.width > 300


def test_predict_answers_in_csv_and_names_what_it_cannot_read(typed: Augexp, trained_run: Path, tmp_path: Path) -> None:
    Image.new("RGB", (20, 30), "white").save(tmp_path / "white.png")
    (tmp_path / "bad.png").write_text("no image")
    answer = typed("predict", trained_run, tmp_path)
    assert answer.status == 1
    assert answer.out.splitlines()[0] == "file,class,probability"
    assert answer.out.splitlines()[1] == f"{tmp_path / 'bad.png'},,"
    assert answer.out.splitlines()[2].startswith(f"{tmp_path / 'white.png'},")
    assert f"{tmp_path / 'bad.png'}: can't be read (not an image)" in answer.err
    written = typed(
        "predict", trained_run, tmp_path / "white.png", "--json", "--top", 3, "--out", tmp_path / "said.json"
    )
    assert written.status == 0
    assert len(json.loads((tmp_path / "said.json").read_text())[0]["classes"]) == 3
