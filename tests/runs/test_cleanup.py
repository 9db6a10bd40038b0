"""What may be deleted, and what stays."""

from pathlib import Path

from augexp.runs import cleanup
from tests.factories import make_run


def with_checkpoint(folder: Path) -> Path:
    make_run(folder)
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "state.npz").write_bytes(b"x" * 2_000_000)
    return folder


def test_checkpoints_of_finished_runs_go_and_all_else_stays(tmp_path: Path) -> None:
    finished, unfinished = with_checkpoint(tmp_path / "a"), with_checkpoint(tmp_path / "b")
    (unfinished / "result.json").unlink()
    found = cleanup.checkpoints([finished, unfinished, tmp_path / "gone"])
    assert cleanup.lines(found) == [f"{finished / 'checkpoint'}: checkpoint of a finished run, 2.0 MB", "0.00 GB"]
    cleanup.remove(found)
    assert not (finished / "checkpoint").exists()
    assert (finished / "best.weights.h5").exists() or (finished / "history.csv").exists()
    assert (unfinished / "checkpoint" / "state.npz").exists()


def test_only_cache_entries_are_taken_from_the_cache_folder(tmp_path: Path) -> None:
    (tmp_path / "digits-16").mkdir()
    (tmp_path / "digits-16" / "meta.json").write_text('{"fingerprint": "", "class_names": [], "splits": {}}')
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "meta.json").write_text('{"name": "of another program"}')
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").write_text("")
    assert [item.path.name for item in cleanup.decoded(tmp_path)] == ["digits-16"]
