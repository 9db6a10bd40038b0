"""What is refused before anything is loaded."""

from pathlib import Path

import pytest

from augexp.errors import UserError
from augexp.export.request import card_path, finished, refuse_taken
from tests.export.conftest import ask
from tests.factories import make_run


def test_neither_a_file_nor_its_card_is_replaced_unasked(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    request = ask(run, "keras", tmp_path)
    refuse_taken(request)
    for path in (request.path, card_path(request.path)):
        path.write_text("mine")
        with pytest.raises(UserError, match=f"{path.name}: it is there already, and is not overwritten"):
            refuse_taken(request)
        refuse_taken(ask(run, "keras", tmp_path, overwrite=True))
        path.unlink()


def test_what_is_no_finished_run(tmp_path: Path) -> None:
    (make_run(tmp_path / "run") / "result.json").unlink()
    with pytest.raises(UserError, match="run: unfinished: finished; only a finished run can be exported"):
        finished(tmp_path / "run")
    with pytest.raises(UserError, match="gone: no such folder; only a finished run can be exported"):
        finished(tmp_path / "gone")
