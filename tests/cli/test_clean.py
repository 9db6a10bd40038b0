"""`augexp clean` as it is typed."""

from pathlib import Path

from tests.cli.program import Augexp
from tests.runs.test_cleanup import foreign_without_config, with_checkpoint
from tests.snapshot import everything


def test_clean_lists_and_with_yes_removes(typed: Augexp, tmp_path: Path) -> None:
    folder = with_checkpoint(tmp_path / "run")
    before = everything(tmp_path)
    listed = [f"{folder / 'checkpoint'}: checkpoint of a finished run, 2.0 MB", "0.00 GB"]
    answer = typed("clean", folder)
    assert (answer.status, answer.out.splitlines(), answer.err) == (
        0,
        [*listed, "nothing is removed yet; give --yes"],
        "",
    )
    assert everything(tmp_path) == before
    answer = typed("clean", folder, "--yes")
    assert (answer.status, answer.out.splitlines(), answer.err) == (0, listed, "")
    assert not (folder / "checkpoint").exists()


def test_whatever_is_left_is_named_and_ends_no_other(typed: Augexp, tmp_path: Path) -> None:
    folder, foreign = with_checkpoint(tmp_path / "run"), foreign_without_config(tmp_path / "foreign")
    (tmp_path / "link").symlink_to(foreign)
    answer = typed("clean", tmp_path / "gone", foreign, tmp_path / "link", folder, "--yes")
    assert answer.status == 0
    assert answer.err.splitlines() == [
        f"{tmp_path / 'gone'}: no such folder",
        f"{foreign}: not a run folder (no config.yaml)",
        f"{tmp_path / 'link'}: a link, or behind one, through which nothing is deleted; "
        f"give the folder it leads to, {foreign}",
    ]
    assert not (folder / "checkpoint").exists()
    assert (foreign / "checkpoint" / "state.npz").read_text() == "mine"


def test_a_folder_that_is_not_there_is_a_slip(typed: Augexp, tmp_path: Path) -> None:
    answer = typed("clean", tmp_path / "gone", "--yes")
    assert (answer.status, answer.err.splitlines()) == (
        2,
        [
            f"{tmp_path / 'gone'}: no such folder",
            "error: there is no run folder among these; give some, such as runs/*",
        ],
    )


def test_nothing_to_look_at_and_no_cache_are_mistakes(typed: Augexp, tmp_path: Path) -> None:
    assert typed("clean").status == 2
    answer = typed("clean", "--cache-dir", tmp_path / "gone", "--yes")
    assert answer.status == 2
    assert "decoded images can't be looked for (No such file or directory)" in answer.err


def test_a_neighbour_of_decoded_images_stays(typed: Augexp, tmp_path: Path) -> None:
    thesis = tmp_path / "cache" / "thesis"
    thesis.mkdir(parents=True)
    (thesis / "meta.json").write_text('{"fingerprint": "", "class_names": [], "splits": {}}')
    (thesis / "chapter.tex").write_text("years")
    before = everything(tmp_path)
    answer = typed("clean", "--cache-dir", tmp_path / "cache", "--yes")
    assert (answer.status, answer.err) == (0, f"{thesis}: stays, no decoded images (not named as an entry is)\n")
    assert everything(tmp_path) == before
