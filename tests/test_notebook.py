"""augexp without the command line: what is given, what it shows, and that a notebook of it runs."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import augexp
from augexp import notebook
from augexp.errors import UserError
from tests.factories import make_run
from tests.forked import Forked
from tests.places import ROOT


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    names = {"none": 0.70, "cutmix": 0.90}
    return [
        make_run(tmp_path / f"{name}-seed{seed}", strategy=name, seed=seed, accuracy=accuracy + seed / 100)
        for name, accuracy in names.items()
        for seed in range(3)
    ]


def test_a_finished_run(folders: list[Path]) -> None:
    run = augexp.load_run(folders[0])
    assert (run.name, run.seed, run.test.accuracy) == ("none", 0, pytest.approx(0.68))
    assert "test accuracy 0.6800" in run._repr_html_()
    with pytest.raises(UserError, match="nowhere: no such folder"):
        augexp.load_run(folders[0].parent / "nowhere")


def test_a_comparison_has_its_numbers_and_shows_the_page(folders: list[Path]) -> None:
    found = augexp.compare([*folders[:-1], augexp.load_run(folders[-1])])  # type: ignore[operator]
    assert [(verdict.group.label, verdict.status) for verdict in found.verdicts] == [("cutmix", "better")]
    shown = found._repr_html_()
    assert shown.startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    assert "Which to use" in shown
    with pytest.raises(UserError, match="--baseline nine"):
        notebook.compare(folders, baseline="nine")


def test_a_comparison_of_one_folder_or_run_and_of_options_that_make_no_sense(folders: list[Path]) -> None:
    """A text is no list of letters, and what the command line refuses is refused here."""
    for one in (str(folders[0]), folders[0], augexp.load_run(folders[0])):
        assert [group.label for group in notebook.compare(one).comparison.groups] == ["none"]
    with pytest.raises(UserError, match=r"^--allow nope: "):
        notebook.compare(folders, allow="nope")
    for margin in (-1, 0, float("nan"), 101):
        with pytest.raises(UserError, match=r"--margin .*: points above 0 are needed"):
            notebook.compare(folders, margin=margin)
    with pytest.raises(UserError, match="--metric f1: it should be 'accuracy' or 'macro_recall'"):
        notebook.compare(folders, metric="f1")
    assert notebook.compare(folders, metric="macro_recall").metric == "macro_recall"


@pytest.mark.slow
def test_packages_are_doors_whatever_was_imported_first_and_load_nothing() -> None:
    code = (
        "import sys, augexp.train.__init__, augexp.compare.judge, augexp\n"
        "assert callable(augexp.train) and callable(augexp.compare)\n"
        "assert 'tensorflow' not in sys.modules\n"
        "assert not hasattr(augexp, 'nothing')\n"
        "assert augexp.augment.build('none').ops == ()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.slow
def test_what_the_page_shows_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 2
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for block in blocks:
        process = Forked(exec, block, {})
        out, err = process.communicate(300)
        assert process.returncode == 0, err
    assert "undecided" in out or "models differ" in out


@pytest.mark.slow
def test_a_run_is_trained_and_shown(tmp_path: Path, cache_dir: Path) -> None:
    place = {"data.cache_dir": str(cache_dir), "runs_dir": str(tmp_path)}
    run = augexp.train("digits.yaml", "train.epochs=1", settings=place)  # type: ignore[operator]
    assert run.result.epochs == 1
    assert "data:image/png" in run._repr_html_()
    assert notebook.train("digits.yaml", "train.epochs=1", settings=place, resume=True) == run


def shown_by(cells: list[dict[str, Any]]) -> list[Any]:
    """Runs code cells one after the other; the value of each one's last line, which a notebook shows."""
    names: dict[str, Any] = {}
    shown = []
    for cell in cells:
        *before, last = ast.parse("".join(cell["source"])).body
        assert isinstance(last, ast.Expr)
        exec(compile(ast.Module(before, []), "cell", "exec"), names)
        shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), names))
    return shown


@pytest.mark.slow
def test_the_notebook_of_the_docs_runs_and_shows_curves_and_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = json.loads((ROOT / "docs" / "python.ipynb").read_text("utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    learns, run, (same, accuracy, _), found, verdicts = shown_by(code)
    assert learns
    assert same
    assert accuracy == run.test.accuracy
    assert "data:image/png" in run._repr_html_()
    assert found._repr_html_().startswith("<iframe")
    assert [label for label, _ in verdicts] == ["cutmix"]
