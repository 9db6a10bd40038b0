"""Which folders are taken for entries of the cache, and what of them is deleted: an adversary's cache folder."""

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from augexp.data import entries
from augexp.data.entries import NoEntry
from augexp.errors import UserError
from augexp.runs import cleanup
from tests.data.test_cache import build, entry, plain
from tests.snapshot import everything


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """An entry of a data set, beside which other things may lie."""
    root = plain(tmp_path / "pets")
    build(root)
    return entry(root)


def test_an_entry_goes_and_what_is_not_of_it_stays(built: Path, tmp_path: Path) -> None:
    (built / "notes.txt").write_text("mine")
    (built / "train.npy").symlink_to(tmp_path / "pets" / "cat" / "000.png")
    neighbour = built.with_name("thesis")
    neighbour.mkdir()
    (neighbour / "meta.json").write_text('{"fingerprint": "", "class_names": [], "splits": {}}')
    (neighbour / "all.npy").write_text("mine")
    photos = everything(tmp_path / "pets")
    found, kept = entries.removable(built.parent)
    assert [(item.path, item.foreign) for item in found] == [(built, ("notes.txt", "train.npy"))]
    assert kept == [(neighbour, "not named as an entry is")]
    assert [cleanup.remove(item) for item in found] == [""]
    assert sorted(path.name for path in built.iterdir()) == ["notes.txt", "train.npy"]
    assert everything(neighbour).keys() == {"meta.json", "all.npy"}
    assert everything(tmp_path / "pets") == photos


def test_an_entry_of_an_earlier_version_is_known(tmp_path: Path) -> None:
    told = [1, "pets", "", ["cat", "dog"], 32, "squash"]
    key = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]
    folder = tmp_path / f"pets-32-squash-{key}"
    folder.mkdir()
    meta = {"source": "pets", "version": "", "class_names": ["cat", "dog"], "splits": {}, "fingerprint": "", "bad": []}
    (folder / "meta.json").write_text(json.dumps(meta))
    entries.refuse_foreign(folder)


def other_meta(folder: Path) -> None:
    (folder / "meta.json").write_text('{"fingerprint": "", "class_names": [], "splits": {}}')


def renamed(folder: Path) -> None:
    folder.rename(folder.with_name(re.sub("[0-9a-f]{12}$", "0123456789ab", folder.name)))


def linked(folder: Path) -> None:
    folder.rename(folder.parent.parent / "moved")
    folder.symlink_to(folder.parent.parent / "moved")


FOREIGN: list[tuple[Callable[[Path], object], str]] = [
    (other_meta, "no meta.json of decoded images"),
    (lambda folder: (folder / "meta.json").write_text("[" * 10**5), "no meta.json of decoded images"),
    (lambda folder: (folder / "meta.json").unlink(), "no meta.json of decoded images"),
    (renamed, "its name is not that of what meta.json tells"),
    (linked, "a link"),
]


@pytest.mark.parametrize(("change", "reason"), FOREIGN, ids=[f"{i}: {text}" for i, (_, text) in enumerate(FOREIGN)])
def test_what_is_not_shown_to_be_an_entry_is_left(
    built: Path, tmp_path: Path, change: Callable[[Path], object], reason: str
) -> None:
    change(built)
    before = everything(tmp_path)
    found, kept = entries.removable(built.parent)
    assert found == []
    assert [text for _, text in kept] == [reason]
    with pytest.raises(NoEntry, match=reason):
        entries.refuse_foreign(kept[0][0])
    assert everything(tmp_path) == before


def test_a_cache_folder_behind_a_link_or_missing_is_refused(built: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(built.parent)
    with pytest.raises(cleanup.Kept, match="through which nothing is deleted"):
        entries.removable(tmp_path / "link")
    with pytest.raises(cleanup.Kept, match="No such file"):
        entries.removable(tmp_path / "gone")


def test_building_anew_deletes_nothing_foreign(built: Path, tmp_path: Path) -> None:
    (built / "all.npy").write_bytes(b"")
    (built / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"it holds what is not of decoded images \(notes.txt\)"):
        build(tmp_path / "pets")
    assert (built / "notes.txt").read_text() == "mine"


def test_a_half_built_entry_is_replaced_and_a_users_folder_of_its_name_is_not(built: Path, tmp_path: Path) -> None:
    cleanup.remove(cleanup.removable(built, "", entries.FILES))
    temporary = built.with_name(f".{built.name}.building")
    temporary.mkdir()
    (temporary / "all.npy").write_text("half")
    build(tmp_path / "pets")
    assert not temporary.exists()
    cleanup.remove(cleanup.removable(built, "", entries.FILES))
    temporary.mkdir()
    (temporary / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"notes\.txt"):
        build(tmp_path / "pets")
    assert (temporary / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["meta.json", "all.npy"])
def test_a_pipe_is_not_waited_for(built: Path, tmp_path: Path, name: str) -> None:
    (built / name).unlink()
    os.mkfifo(built / name)
    with pytest.raises(UserError, match=rf"not of decoded images \({name}\)"):
        build(tmp_path / "pets")
