"""The program: version, help, mistakes, what it loads and what it doesn't."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest
import typer

import augexp
from augexp.cli import main
from augexp.errors import UserError
from tests.cli.program import Augexp
from tests.places import ROOT


def test_version(typed: Augexp) -> None:
    answer = typed("--version")
    assert (answer.status, answer.out) == (0, f"augexp {augexp.__version__}\n")


def test_help_names_the_commands(typed: Augexp) -> None:
    answer = typed("--help")
    assert answer.status == 0
    for command in ("train", "sweep", "ablate", "status", "compare", "preview"):
        assert f"│ {command} " in answer.out


WITHOUT = """
import sys
for name in ("tensorflow", "keras", "tensorflow_datasets", "h5py", "jax"):
    sys.modules[name] = None
from augexp.cli.main import main
main()
"""


def without_tensorflow(*words: object) -> "subprocess.CompletedProcess[str]":
    """The program where `augexp[train]` isn't installed."""
    line = [sys.executable, "-c", WITHOUT, *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_what_is_finished_is_read_without_tensorflow(runs_dir: Path, tmp_path: Path) -> None:
    runs = sorted(runs_dir.glob("*-seed*"))
    for words in (["compare", *runs, "--out", tmp_path, "--report", tmp_path / "page.html"], ["status", *runs]):
        answer = without_tensorflow(*words)
        assert answer.returncode == 0, answer.stderr
        assert "cutmix" in answer.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["train", "--config", "digits.yaml"],
        ["sweep", "--config", "digits.yaml", "seed=0,1"],
        ["preview", "--strategy", "cutmix"],
        ["check", "mixing"],
    ],
)
def test_a_command_that_needs_tensorflow_says_so(words: list[str], tmp_path: Path) -> None:
    answer = without_tensorflow(*words, *([f"runs_dir={tmp_path}"] if "--config" in words else []))
    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert "is not installed" in line
    assert "pip install 'augexp[train]'" in line


def greet(name: str, loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
    """Say hello."""
    if not name.isalpha():
        raise UserError(f"{name}: letters are needed")
    print(f"hello {name.upper() if loud else name}")


def test_a_command_from_outside_is_one_function_and_one_line(monkeypatch: pytest.MonkeyPatch, typed: Augexp) -> None:
    monkeypatch.setattr(main, "COMMANDS", (*main.COMMANDS, greet))
    assert "│ greet     Say hello. " in typed("--help").out
    assert typed("greet", "dog", "--loud").out == "hello DOG\n"
    refused = typed("greet", "d0g")
    assert (refused.status, refused.err) == (2, "error: d0g: letters are needed\n")


def test_python_dash_m_is_the_same_program() -> None:
    answer = subprocess.run([sys.executable, "-m", "augexp", "--version"], capture_output=True, text=True, check=True)
    assert answer.stdout == f"augexp {augexp.__version__}\n"


def test_a_name_that_the_terminal_can_t_show_is_shown_as_escapes() -> None:
    code = (
        "import sys, augexp.cli.main as m\n"
        "def hello(): print('Gr\\u00f6\\u00dfe \\udcff')\n"
        "m.COMMANDS = (*m.COMMANDS, hello)\n"
        "sys.argv = ['augexp', 'hello']\n"
        "m.main()"
    )
    plain = {**os.environ, "PYTHONIOENCODING": "ascii"}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=plain)
    assert answer.stdout == "Gr\\xf6\\xdfe \\udcff\n"


@pytest.mark.parametrize("pipe", [False, True])
def test_a_matplotlibrc_that_matplotlib_can_not_read_is_a_mistake(
    typed: Augexp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pipe: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("matplotlibrc") if pipe else Path("matplotlibrc").write_bytes(b"font.family: caf\xe9\n")
    answer = typed("ops")
    assert answer.status == 2
    assert answer.err.startswith(f"error: matplotlibrc: {'not a regular file' if pipe else 'it is no text in UTF-8'}")


def test_importing_the_command_line_loads_nothing_that_takes_long() -> None:
    heavy = ("tensorflow", "keras", "matplotlib", "numpy", "pydantic", "yaml")
    code = f"import sys, augexp.cli.main; print([name for name in {heavy} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "sweep", "ablate"])
def test_the_file_of_an_own_op_finds_tensorflow_as_every_training_has_it(command: str, tmp_path: Path) -> None:
    (tmp_path / "my_ops.py").write_text("# keras\nraise ValueError('TensorFlow would be as it comes')\n")
    (tmp_path / "mine.yaml").write_text("strategy: ['my_ops:f']\ntrain: {deterministic: true}\ndata: {folds: 2}\n")
    code = (
        "import os, sys, augexp.cli.main\n"
        "from augexp.network import device\n"
        "device.preload = lambda: sys.exit(os.environ['XLA_FLAGS'])\n"
        "augexp.cli.main.main()\n"
    )
    line = [sys.executable, "-c", code, command, "--config", "mine.yaml"]
    answer = subprocess.run(line, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert answer.stderr == "--xla_gpu_deterministic_ops=true\n"


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


@pytest.mark.slow
def test_a_mistake_is_refused_before_tensorflow_is_loaded() -> None:
    code = (
        "import sys, augexp.cli.main as c\n"
        "sys.argv = ['augexp', 'train', '-c', 'cutmix.yaml', 'train.epoch=3']\n"
        "try: c.main()\n"
        "except SystemExit as e: print(e.code, 'tensorflow' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "2 False\n"


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
