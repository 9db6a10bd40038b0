"""What is read from a run folder, and every damage by its name."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp.runs import read
from augexp.runs.records import BrokenRun
from tests.factories import CLASSES, EXAMPLES, forget, make_run


def why_broken(folder: Path) -> str:
    with pytest.raises(BrokenRun) as caught:
        read.load(folder)
    return str(caught.value)


def test_a_finished_run_is_read_whole(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", strategy="mixup", seed=3, val_accuracy=[0.5, 0.75, 0.625])
    run = read.load(folder)
    assert (run.name, run.seed, run.path) == ("mixup", 3, folder)
    assert run.result.best_epoch == 2
    assert run.history["val_accuracy"].tolist() == [0.5, 0.75, 0.625]
    assert run.config["strategy"][0]["name"] == "mixup"


def test_the_factory_tells_one_story(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", accuracy=0.83)
    with np.load(folder / "predictions-val.npz", allow_pickle=False) as stored:
        assert stored["probability"].shape == (EXAMPLES, CLASSES)
        right = np.mean(stored["probability"].argmax(axis=1) == stored["label"])
    assert right == read.load(folder).result.val.accuracy == 0.83


def cut(name: str, characters: int) -> Callable[[Path], None]:
    """Cuts characters off the end of a file."""

    def damage(folder: Path) -> None:
        text = (folder / name).read_text()
        (folder / name).write_text(text[:-characters])

    return damage


def put(name: str, text: str | bytes) -> Callable[[Path], None]:
    """Replaces what a file holds."""
    data = text.encode() if isinstance(text, str) else text

    def damage(folder: Path) -> None:
        (folder / name).write_bytes(data)

    return damage


def drop(name: str) -> Callable[[Path], None]:
    """Deletes a file."""
    return lambda folder: (folder / name).unlink()


def change(**keys: object) -> Callable[[Path], None]:
    """Replaces keys of result.json."""

    def damage(folder: Path) -> None:
        result = json.loads((folder / "result.json").read_text())
        (folder / "result.json").write_text(json.dumps(result | keys))

    return damage


def drop_last_epoch(folder: Path) -> None:
    lines = (folder / "history.csv").read_text().splitlines(keepends=True)
    (folder / "history.csv").write_text("".join(lines[:-1]))


def shuffle_epochs(folder: Path) -> None:
    header, first, second, *others = (folder / "history.csv").read_text().splitlines(keepends=True)
    (folder / "history.csv").write_text("".join([header, second, first, *others]))


DAMAGE = [
    (drop("config.yaml"), "not a run folder (no config.yaml)"),
    (put("config.yaml", "a: [1"), "config.yaml can't be read (ParserError)"),
    (put("config.yaml", b"name: \xff\xfe"), "config.yaml can't be read (not UTF-8 at byte 6)"),
    (put("config.yaml", "!!python/object/apply:os.abort []"), "config.yaml can't be read (ConstructorError)"),
    (put("config.yaml", ""), "config.yaml is not the configuration of a run (no name or seed)"),
    (put("config.yaml", "seed: 1"), "config.yaml is not the configuration of a run (no name or seed)"),
    (
        put("config.yaml", "{name: theirs, seed: 1, strategy: resnet}"),
        "config.yaml is not the configuration of a run (strategy is no list of ops)",
    ),
    (drop("environment.json"), "environment.json is missing"),
    (put("environment.json", "[]"), "environment.json is not a JSON object"),
    (put("environment.json", b"\xff"), "environment.json can't be read (not UTF-8 at byte 0)"),
    (put("result.json", ""), "result.json is not valid JSON"),
    (cut("result.json", 30), "result.json is not valid JSON"),
    (put("result.json", "accuracy: 0.9"), "result.json is not valid JSON"),
    (change(val=None), "result.json has no val accuracy"),
    (change(test={"accuracy": float("nan")}), "result.json has no test accuracy"),
    (change(best_epoch=None), "result.json has no best_epoch"),
    (change(seconds="long"), "result.json has no seconds"),
    (change(images_per_second=None), "result.json has no images_per_second"),
    (change(score="first"), "result.json has no score"),
    (change(other={"score": "last"}), "result.json has no other"),
    (drop("history.csv"), "history.csv is missing"),
    (put("history.csv", ""), "history.csv holds no epoch"),
    (put("history.csv", "epoch,val_accuracy\n"), "history.csv holds no epoch"),
    (put("history.csv", b"\xff\xfe"), "history.csv can't be read (not UTF-8 at byte 0)"),
    (cut("history.csv", 30), "history.csv is cut off in line 6 (4 of 9 columns)"),
    (cut("history.csv", 3), "history.csv is cut off in line 6 (no line end)"),
    (drop_last_epoch, "history.csv is cut off: 4 of 5 epochs"),
    (shuffle_epochs, "history.csv does not count its epochs 1, 2, 3, ..."),
    (put("history.csv", "epoch,val_accuracy\n2,0.5\n"), "history.csv does not count its epochs 1, 2, 3, ..."),
    (put("history.csv", "epoch,loss\n1,2\n"), "history.csv has no full column val_accuracy"),
    (put("history.csv", "epoch,val_accuracy\n1,high\n"), "history.csv has no full column val_accuracy"),
    (
        put("history.csv", "epoch,val_accuracy\n1," + "9" * 200_000 + "\n"),
        "history.csv is not valid CSV (field larger than field limit (131072))",
    ),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGE, ids=[f"{i}: {reason}" for i, (_, reason) in enumerate(DAMAGE)])
def test_damage_is_named(tmp_path: Path, damage: Callable[[Path], None], reason: str) -> None:
    folder = make_run(tmp_path / "run")
    damage(folder)
    assert why_broken(folder) == reason


@pytest.mark.slow
@given(st.binary(max_size=200), st.sampled_from(["config.yaml", "environment.json", "result.json", "history.csv"]))
def test_no_content_is_fatal(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    folder = make_run(tmp_path_factory.mktemp("run"))
    (folder / name).write_bytes(content)
    try:
        read.load(folder)
    except BrokenRun as reason:
        assert str(reason)  # noqa: PT017 - whatever else is raised fails the test


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (None, "unfinished"),
        ("no json", "unfinished"),
        ('{"state": "running"}', "unfinished: killed"),
        ('{"state": "failed", "reason": "loss is nan"}', "unfinished: failed (loss is nan)"),
    ],
)
def test_an_unfinished_run_says_how_it_ended(tmp_path: Path, status: str | None, reason: str) -> None:
    folder = make_run(tmp_path / "run")
    (folder / "result.json").unlink()
    (folder / "status.json").unlink()
    if status is not None:
        (folder / "status.json").write_text(status)
    assert why_broken(folder) == reason


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "foreign").mkdir()
    assert why_broken(tmp_path / "none") == "no such folder"
    assert why_broken(tmp_path / "file") == "not a folder"
    assert why_broken(tmp_path / "foreign") == "not a run folder (no config.yaml)"
    assert why_broken(tmp_path / ("x" * 300)) == "can't be read (File name too long)"


def test_a_configuration_that_does_not_say_which_weights_were_scored_had_the_best_ones(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", overrides=["train.score=last", "train.ema=0.9"])
    assert (read.config(folder)["train"]["score"], read.config(folder)["train"]["ema"]) == ("last", 0.9)
    forget(folder, "score", "ema")
    assert (read.config(folder)["train"]["score"], read.config(folder)["train"]["ema"]) == ("best", None)
    (folder / "config.yaml").write_text("{name: a, seed: 0, strategy: []}")
    assert read.config(folder)["train"]["score"] == "best"


def test_a_result_says_whose_weights_it_is_of(tmp_path: Path) -> None:
    old = read.load(make_run(tmp_path / "old")).result
    assert (old.score, old.other) == ("best", None)
    new = read.load(make_run(tmp_path / "new", overrides=["train.score=last"], accuracy=0.8, other_test=0.7)).result
    assert new.other is not None
    assert (new.score, new.val.accuracy) == ("last", 0.8 * 0.99)
    assert (new.other.score, new.other.val.accuracy, new.other.test.accuracy) == ("best", 0.8, 0.7)
