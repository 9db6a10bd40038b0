"""`augexp init` as it is typed."""

import re
from pathlib import Path

import pytest

from tests.cli.program import Augexp
from tests.data.photos import draw


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the user is in, and a cache of its own."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def drawn(folder: Path, *classes: str, images: int = 2) -> Path:
    """Images that are all different."""
    for number, name in enumerate(classes):
        for image in range(images):
            draw(folder / name / f"{image}.png", (10 + image, 20 * number, 100))
    return folder


@pytest.mark.slow
def test_a_study_that_a_sweep_takes_as_it_is(typed: Augexp, here: Path) -> None:
    drawn(here / "my photos", "cat", "dog", images=12)
    answer = typed("init", "my photos", "--hours", "0.5")
    assert answer.status == 0, answer.err
    assert max(map(len, answer.out.splitlines())) <= 80
    told = answer.out.replace("\n  ", " ")
    assert told.startswith("folder:my photos: 2 classes, 24 images\n")
    assert "left out: nothing\n" in told
    assert "trains SmallCNN at 12 px on " in told
    assert re.search(r"\nSmallest difference it is expected to settle: about \d+\.\d points", told)
    assert answer.out.endswith("wrote study.yaml\nnext: augexp sweep --study study.yaml\n")
    text = (here / "study.yaml").read_text("utf-8")
    forecast = typed("sweep", "--study", "study.yaml", "--dry-run")
    assert forecast.status == 0, forecast.err
    least, most = re.findall(r"(\d+) to (\d+) runs", text)[0]
    assert f"runs: at least {least}, at most {most}; 0 are finished" in forecast.out
    again = typed("init", "my photos")
    assert (again.status, again.err) == (
        2, "error: study.yaml: it is there, and nothing is overwritten; give another name: --out other.yaml\n",
    )  # fmt: skip
    assert (here / "study.yaml").read_text("utf-8") == text


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "inf", "1e9"])
def test_hours_that_are_none(typed: Augexp, hours: str) -> None:
    answer = typed("init", "digits", "--hours", hours)
    assert answer.status == 2
    assert "hours above 0 are needed, at most 8760" in answer.err


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("file/study.yaml", "is no folder; give another place"),
        ("folder.yaml", "it is there, and nothing is overwritten"),
        ("study.txt", "a name that ends in .yaml is needed"),
        ("link.yaml", "it is there, and nothing is overwritten"),
    ],
)
def test_places_that_nothing_can_be_written_to(typed: Augexp, here: Path, out: str, message: str) -> None:
    (here / "file").write_text("")
    (here / "folder.yaml").mkdir()
    (here / "link.yaml").symlink_to("nowhere")
    answer = typed("init", "digits", "--out", out)
    assert answer.status == 2
    assert message in answer.err


def test_another_none_yaml_would_change_what_was_timed(typed: Augexp, here: Path) -> None:
    (here / "none.yaml").write_text("train: {optimizer: adamw}")
    answer = typed("init", "digits")
    assert answer.status == 2
    assert "none.yaml: the study is built on the none.yaml that comes with augexp" in answer.err


@pytest.mark.parametrize(
    ("classes", "images", "message"),
    [
        ((), 0, "folder:photos: no images and no class folders"),
        (("cat",), 6, "folder:photos: at least two classes are needed, found only cat"),
        (("cat", "dog"), 2, "there are no images to validate on"),
        (("val/cat", "val/dog", "test/cat", "test/dog"), 6, "but no train/"),
    ],
)
def test_photos_that_nothing_can_be_trained_on(
    typed: Augexp, here: Path, classes: tuple[str, ...], images: int, message: str
) -> None:
    (here / "photos").mkdir()
    drawn(here / "photos", *classes, images=images)
    answer = typed("init", "photos")
    assert answer.status == 2
    assert message in answer.err
    assert not (here / "study.yaml").exists()


@pytest.mark.parametrize(
    ("photos", "message"),
    [
        ("./gone", "./gone: no such folder or table"),
        ("no_such_set", "no_such_set: no such folder or table here; data.source: TFDS has no data set 'no_such_set'"),
        ("", "data.source: a TFDS name, folder:PATH, csv:PATH or digits is needed, not 'folder:'"),
        ("csv:gone.csv", "csv:gone.csv: "),
    ],
)
def test_what_is_not_there(typed: Augexp, photos: str, message: str) -> None:
    answer = typed("init", photos)
    assert answer.status == 2
    assert message in answer.err
    assert "Traceback" not in answer.err
