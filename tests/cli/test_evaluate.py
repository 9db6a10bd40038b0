"""`augexp evaluate` as it is typed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import Augexp


@pytest.mark.slow
def test_evaluate_goes_on_after_a_folder_that_is_no_run(typed: Augexp, trained_run: Path, tmp_path: Path) -> None:
    answer = typed("evaluate", tmp_path / "gone", trained_run, tmp_path)
    assert answer.status == 2
    assert answer.err.splitlines()[:2] == [
        f"error: {tmp_path / 'gone'}: no such folder; give a run folder",
        f"error: {tmp_path}: not a run folder (no config.yaml)",
    ]
    assert answer.out.startswith(f"{trained_run}: test, 359 images, ")
    assert (trained_run / "evaluation.json").exists()


@pytest.mark.slow
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
