"""What is deleted is ours by its name and its kind, whatever lies beside it."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp import removal
from augexp.removal import Own
from tests.snapshot import everything

OWN = Own(re.compile(r"ours\d"), {"inner": Own(re.compile(r"ours\d"))}, proof="ours0")
NAMES = st.sampled_from(["ours0", "ours1", "ours10", "Ours1", "ours1\n", "theirs", "inner", ".ours1"])
KINDS = st.sampled_from(["file", "folder", "link to file", "link to folder", "link to nothing"])


def put(path: Path, kind: str) -> None:
    outside = path.parents[len(path.parts) - path.parts.index("given") - 1].parent / "outside"
    match kind:
        case "file":
            path.write_text("content")
        case "folder":
            path.mkdir()
            (path / "ours1").write_text("content")
        case "link to file":
            path.symlink_to(outside / "ours1")
        case "link to folder":
            path.symlink_to(outside)
        case _:
            path.symlink_to(outside / "nothing")


@pytest.mark.parametrize("by_descriptors", [True, False])
@given(tree=st.dictionaries(NAMES, KINDS), within=st.dictionaries(NAMES, KINDS))
def test_only_regular_files_of_our_names_go(
    tmp_path_factory: pytest.TempPathFactory, by_descriptors: bool, tree: dict[str, str], within: dict[str, str]
) -> None:
    root = tmp_path_factory.mktemp("root")
    (root / "given").mkdir()
    (root / "outside").mkdir()
    (root / "outside" / "ours1").write_text("years")
    for name, kind in tree.items():
        put(root / "given" / name, kind)
    if tree.get("inner") == "folder":
        for name, kind in within.items():
            if name != "ours1":
                put(root / "given" / "inner" / name, kind)
    before = everything(root)
    with pytest.MonkeyPatch.context() as patch:
        if not by_descriptors:
            patch.setattr(removal, "HAS_DESCRIPTORS", False)
        foreign = removal.foreign(root / "given", OWN)
        left = removal.remove(root / "given", OWN)
    after = everything(root)
    gone = {path: content for path, content in before.items() if path not in after}
    assert sorted(left) == sorted(foreign)
    assert all(f"given/{name}" in after for name in left)
    assert after == {path: content for path, content in before.items() if path in after}
    for path, content in gone.items():
        assert re.fullmatch(r"given(/inner)?/ours\d|given|given/inner", path)
        assert isinstance(content, bytes) or path in ("given", "given/inner")
    assert (root / "given").exists() == bool(left)


def test_the_proof_goes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "given").mkdir()
    for name in ("ours0", "ours1", "ours2"):
        (tmp_path / "given" / name).write_text("content")
    unlinked: list[str] = []
    monkeypatch.setattr("os.unlink", lambda name, **_: unlinked.append(name))
    with pytest.raises(OSError, match="not empty"):
        removal.remove(tmp_path / "given", OWN)
    assert unlinked == ["ours1", "ours2", "ours0"]


def test_a_path_behind_a_link_says_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "real" / "run").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    assert removal.behind_link(tmp_path / "real" / "run") is None
    assert removal.behind_link(tmp_path / "real" / ".." / "real" / "gone") is None
    assert removal.behind_link(tmp_path / "link") == tmp_path / "real"
    assert removal.behind_link(tmp_path / "link" / "run") == tmp_path / "real" / "run"
