"""`augexp export` as it is typed."""

import shutil
from pathlib import Path

import pytest

from augexp.cli.export import _verdict
from augexp.config.decide import Decide, Registered
from augexp.export.request import finished
from tests.cli.program import Augexp
from tests.factories import make_run


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--keras", "--onnx"], "--keras and --onnx: one format at a time"),
        (["--out", "a.onnx", "--keras"], "--out a.onnx: with --keras a name that ends in .keras is needed"),
        (["--out", "a.keras", "--savedmodel"], "with --savedmodel a name that ends in .savedmodel is needed"),
        (["--out", "a.h5"], "--out a.h5: a name that ends in .keras, .savedmodel, .onnx, .tflite is needed"),
        (
            ["--out", "file/a.keras"],
            "file/a.keras: can't be written (File exists); move away what stands there and is no folder",
        ),
        (["--out", "folder.keras"], "folder.keras: can't be written (what stands there is no file)"),
    ],
)
def test_what_can_not_be_is_refused_at_once(
    typed: Augexp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "run")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder.keras").mkdir()
    answer = typed("export", "run", *words)
    assert answer.status == 2
    assert message in answer.err


def test_what_is_no_finished_run(typed: Augexp, runs_dir: Path, tmp_path: Path) -> None:
    assert "no such folder; give a run folder" in typed("export", tmp_path / "gone").err
    assert "it holds some: give" in typed("export", runs_dir).err
    shutil.copytree(runs_dir / "none-seed0", tmp_path / "killed")
    (tmp_path / "killed" / "result.json").unlink()
    answer = typed("export", tmp_path / "killed")
    assert answer.status == 2
    assert "unfinished: finished; only a finished run can be exported" in answer.err


def test_what_the_study_of_a_run_says_is_for_its_card(tmp_path: Path) -> None:
    study = Registered(decide=Decide(looks=(2,)), strategies=("none", "cutmix"), seeds=(0, 1), hash="0" * 16)
    told = {"study": study.model_dump(mode="json")}
    for strategy, accuracy in (("none", 0.60), ("cutmix", 0.90)):
        for seed in (0, 1):
            folder = tmp_path / "runs" / f"{strategy}-seed{seed}"
            make_run(folder, strategy=strategy, seed=seed, accuracy=accuracy + seed / 100, environment=told)
    make_run(tmp_path / "runs" / "of-no-study", strategy="mixup", seed=7)
    of_study = finished(tmp_path / "runs" / "cutmix-seed0")
    beginning = "A registered study of none, cutmix (this run: cutmix): "
    assert _verdict(of_study).startswith(f"{beginning}Use cutmix. With 95 % confidence every other strategy is")
    assert "(look 1 of 1, 2 seeds: " in _verdict(of_study)
    assert _verdict(finished(tmp_path / "runs" / "of-no-study")) == ""
    alone = shutil.copytree(of_study.path, tmp_path / "alone" / "cutmix-seed0")
    assert _verdict(finished(Path(alone))) == f"{beginning}its runs that lie beside this one say nothing yet."
