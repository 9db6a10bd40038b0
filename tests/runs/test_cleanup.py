"""What may be deleted, and what stays: an adversary's folders."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from augexp import files, removal
from augexp.runs import cleanup
from augexp.runs import folder as run_folder
from augexp.runs.cleanup import Kept
from tests.factories import make_run
from tests.snapshot import everything


def with_checkpoint(folder: Path, content: bytes = b"x" * 2_000_000) -> Path:
    make_run(folder)
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "state.npz").write_bytes(content)
    return folder


@pytest.fixture(params=["descriptors", "paths"])
def means(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to hold a folder."""
    if request.param == "paths":
        monkeypatch.setattr(removal, "HAS_DESCRIPTORS", False)


@pytest.mark.usefixtures("means")
def test_the_checkpoint_of_a_finished_run_goes_and_all_else_stays(tmp_path: Path) -> None:
    folder = with_checkpoint(tmp_path / "a")
    (folder / "checkpoint" / ".4711-state.npz").write_bytes(b"half")
    before = everything(tmp_path)
    item = cleanup.checkpoint(folder)
    assert cleanup.line(item) == f"{folder / 'checkpoint'}: checkpoint of a finished run, 2.0 MB"
    assert cleanup.remove(item) == ""
    gone = {path for path in before if "checkpoint" in path}
    assert everything(tmp_path) == {path: content for path, content in before.items() if path not in gone}


@pytest.mark.usefixtures("means")
def test_what_is_not_ours_stays_in_the_folder_and_is_named(tmp_path: Path) -> None:
    checkpoint = with_checkpoint(tmp_path / "run") / "checkpoint"
    (tmp_path / "thesis").write_text("years")
    (checkpoint / "notes.txt").write_text("mine")
    (checkpoint / "state.npz.bak").write_text("mine")
    (checkpoint / ".1-state.npz").symlink_to(tmp_path / "thesis")
    (checkpoint / "deeper").mkdir()
    (checkpoint / "deeper" / "state.npz").write_text("mine")
    item = cleanup.checkpoint(tmp_path / "run")
    assert item.foreign == (".1-state.npz", "deeper", "notes.txt", "state.npz.bak")
    assert "augexp didn't write it: .1-state.npz, deeper, notes.txt, state.npz.bak" in cleanup.line(item)
    assert cleanup.remove(item) == ""
    assert sorted(path.name for path in checkpoint.rglob("*")) == sorted([*item.foreign, "state.npz"])
    assert (checkpoint / "deeper" / "state.npz").read_text() == "mine"
    assert (tmp_path / "thesis").read_text() == "years"


def foreign_without_config(folder: Path) -> Path:
    (folder / "checkpoint").mkdir(parents=True)
    (folder / "checkpoint" / "state.npz").write_text("mine")
    (folder / "result.json").write_text("{}")
    return folder


def foreign_with_config(folder: Path) -> Path:
    (foreign_without_config(folder) / "config.yaml").write_text("lr: 0.1\n")
    return folder


def linked(folder: Path) -> Path:
    with_checkpoint(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))
    return folder


def behind_a_link(folder: Path) -> Path:
    with_checkpoint(folder.with_name("elsewhere") / "run")
    folder.symlink_to(folder.with_name("elsewhere"))
    return folder / "run"


def linked_checkpoint(folder: Path) -> Path:
    make_run(folder)
    foreign_without_config(folder.with_name("elsewhere"))
    (folder / "checkpoint").symlink_to(folder.with_name("elsewhere") / "checkpoint")
    return folder


def unfinished(folder: Path) -> Path:
    (with_checkpoint(folder) / "result.json").unlink()
    return folder


def without_history(folder: Path) -> Path:
    (with_checkpoint(folder) / "history.csv").unlink()
    return folder


def file_for_checkpoint(folder: Path) -> Path:
    (make_run(folder) / "checkpoint").write_text("mine")
    return folder


KEPT: list[tuple[Callable[[Path], Path], str]] = [
    (lambda folder: folder, "no such folder"),
    (foreign_without_config, "not a run folder (no config.yaml)"),
    (foreign_with_config, "config.yaml is not the configuration of a run (no name or seed)"),
    (
        linked,
        "a link, or behind one, through which nothing is deleted; give the folder it leads to, {parent}/elsewhere",
    ),
    (
        behind_a_link,
        "a link, or behind one, through which nothing is deleted; give the folder it leads to, {parent}/elsewhere/run",
    ),
    (linked_checkpoint, "checkpoint is left (a link)"),
    (unfinished, "unfinished: finished"),
    (without_history, "history.csv is missing"),
    (file_for_checkpoint, "checkpoint is left (Not a directory)"),
    (make_run, "no checkpoint"),
]


@pytest.mark.parametrize(("prepare", "reason"), KEPT, ids=[reason[:40] for _, reason in KEPT])
@pytest.mark.usefixtures("means")
def test_a_folder_that_is_not_shown_to_be_ours_is_named_and_left(
    tmp_path: Path, prepare: Callable[[Path], Path], reason: str
) -> None:
    folder = prepare(tmp_path / "given")
    before = everything(tmp_path)
    with pytest.raises(Kept) as caught:
        cleanup.checkpoint(folder)
    assert str(caught.value) == reason.format(parent=tmp_path)
    assert everything(tmp_path) == before


def test_a_run_in_progress_is_left(tmp_path: Path) -> None:
    folder = with_checkpoint(tmp_path / "run")
    with files.lock(run_folder.beside(folder, "lock")), pytest.raises(Kept, match="a process is writing this run"):
        cleanup.checkpoint(folder)


# --- between the look and the deletion ------------------------------------------------------------------------------


def swap_run_for_link(folder: Path, other: Path) -> None:
    folder.rename(folder.with_name("moved"))
    folder.symlink_to(other)


def swap_run_for_folder(folder: Path, other: Path) -> None:
    folder.rename(folder.with_name("moved"))
    other.rename(folder)


def swap_checkpoint_for_link(folder: Path, other: Path) -> None:
    shutil.rmtree(folder / "checkpoint")
    (folder / "checkpoint").symlink_to(other / "checkpoint")


def swap_checkpoint_for_folder(folder: Path, other: Path) -> None:
    (folder / "checkpoint").rename(folder / "moved")
    (other / "checkpoint").rename(folder / "checkpoint")


def take_away(folder: Path, other: Path) -> None:
    shutil.rmtree(folder)


SWAPS = [swap_run_for_link, swap_run_for_folder, swap_checkpoint_for_link, swap_checkpoint_for_folder, take_away]


@pytest.mark.parametrize("swap", SWAPS)
@pytest.mark.usefixtures("means")
def test_what_has_changed_since_the_look_is_left(tmp_path: Path, swap: Callable[[Path, Path], None]) -> None:
    folder, other = with_checkpoint(tmp_path / "run"), with_checkpoint(tmp_path / "other", b"another")
    item = cleanup.checkpoint(folder)
    swap(folder, other)
    before = everything(tmp_path)
    assert cleanup.remove(item) != ""
    assert everything(tmp_path) == before


@contextmanager
def swapped_while_listed(folder: Path, other: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts a link in the place of a folder as soon as its entries are listed."""
    listdir = os.listdir

    def list_and_swap(where: int | str) -> list[str]:
        found = listdir(where)
        if folder.is_dir() and not folder.is_symlink() and "state.npz" in found:
            folder.rename(folder.with_name("moved"))
            folder.symlink_to(other)
        return found

    with patch.context() as patched:
        patched.setattr(os, "listdir", list_and_swap)
        yield


def test_a_folder_swapped_in_the_very_moment_keeps_what_the_link_leads_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, other = with_checkpoint(tmp_path / "run"), with_checkpoint(tmp_path / "other", b"another")
    item = cleanup.checkpoint(folder)
    with swapped_while_listed(folder / "checkpoint", other / "checkpoint", monkeypatch):
        cleanup.remove(item)
    assert (other / "checkpoint" / "state.npz").read_bytes() == b"another"
