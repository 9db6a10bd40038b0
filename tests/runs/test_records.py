"""Whatever stands in a run folder, it is read as a run or refused by name: `compare` and `status` never fall."""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augexp.runs import read, status
from augexp.runs.records import BrokenRun, Environment, Result, checked
from tests.cli.program import Augexp
from tests.factories import make_run

FILES = ("config.yaml", "environment.json", "result.json", "status.json", "history.csv")
ODD = st.sampled_from([None, True, 0, -1, 5, 1e400, float("nan"), "", "x", "5", [], [1], {}, {"a": 1}])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "cutmix-seed0")


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place within nested mappings and lists."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(deeper for key, one in inner for deeper in places(one, (*place, key)))]


@st.composite
def mutated(draw: st.DrawFn, content: Any) -> Any:
    """A mapping with one value, anywhere, taken away or of another kind."""
    content = json.loads(json.dumps(content))
    place = draw(st.sampled_from(places(content)))
    if not place:
        return draw(ODD)
    holder = content
    for key in place[:-1]:
        holder = holder[key]
    if draw(st.booleans()):
        del holder[place[-1]]
    else:
        holder[place[-1]] = draw(ODD)
    return content


def outcomes(folder: Path) -> None:
    """Reads in every way that a command does; anything but an answer or a reason is raised."""
    for look in (read.load, status.of):
        with suppress(BrokenRun):
            look(folder)


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_with_another_value_is_read_or_refused(data: st.DataObject, whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    name = data.draw(st.sampled_from([file for file in FILES if file != "history.csv"]))
    text = (folder / name).read_text()
    content = data.draw(mutated(yaml.safe_load(text)))
    (folder / name).write_text(yaml.safe_dump(content) if name == "config.yaml" else json.dumps(content))
    outcomes(folder)


@pytest.mark.slow
@given(name=st.sampled_from(FILES), end=st.integers(0, 400), more=st.binary(max_size=6))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_that_is_cut_off_or_overwritten_is_read_or_refused(
    name: str, end: int, more: bytes, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    (folder / name).write_bytes((folder / name).read_bytes()[:end] + more)
    outcomes(folder)


def _without(column: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        lines = [line.split(",") for line in (folder / "history.csv").read_text().splitlines()]
        at = lines[0].index(column)
        (folder / "history.csv").write_text("".join(",".join(row[:at] + row[at + 1 :]) + "\n" for row in lines))

    return change


FOREIGN: dict[str, Callable[[Path], object]] = {
    "train is a number": lambda folder: (folder / "config.yaml").write_text(
        "{name: a, seed: 0, strategy: [], train: 5}"
    ),
    "epochs are text": lambda folder: (folder / "config.yaml").write_text(
        "{name: a, seed: 0, strategy: [], train: {epochs: many}}"
    ),
    "status is a list": lambda folder: (folder / "status.json").write_text("[1]"),
    "no val_accuracy": _without("val_accuracy"),
    "no images_per_second": _without("images_per_second"),
    "no seconds": _without("seconds"),
    "another program's": lambda folder: (folder / "config.yaml").write_text("jekyll: true\n"),
    "binary": lambda folder: (folder / "config.yaml").write_bytes(bytes(range(256))),
}


@pytest.mark.parametrize("how", FOREIGN)
def test_status_of_foreign_folders_is_a_line_each_and_the_others_are_shown(
    how: str, typed: Augexp, tmp_path: Path
) -> None:
    good, odd = make_run(tmp_path / "good"), make_run(tmp_path / "odd")
    (odd / "result.json").unlink()
    FOREIGN[how](odd)
    answer = typed("status", good, odd)
    assert answer.status == 0
    assert f"{good}" in answer.out
    assert "finished" in answer.out
    assert "Traceback" not in answer.out + answer.err
    assert answer.err.startswith(f"{odd}: ") or "2 runs: " in answer.out


def test_numbers_are_never_guessed() -> None:
    scores = {"accuracy": 0.5}
    result = {"epochs": 3, "best_epoch": 2, "val": scores, "test": scores, "seconds": 1, "images_per_second": 2}
    assert checked(Result, result, "result.json").test.accuracy == 0.5
    for key, value in (("best_epoch", "2"), ("best_epoch", 4), ("seconds", True), ("images_per_second", float("nan"))):
        with pytest.raises(BrokenRun, match=f"result.json has no {key}"):
            checked(Result, result | {key: value}, "result.json")
    with pytest.raises(BrokenRun, match=r"result.json has no test accuracy"):
        checked(Result, result | {"test": {"accuracy": "0.5"}}, "result.json")


def test_what_a_newer_version_wrote_beside_stays() -> None:
    assert checked(Environment, {"device": "CPU", "gpu_memory": 8}, "environment.json").model_dump()["gpu_memory"] == 8
