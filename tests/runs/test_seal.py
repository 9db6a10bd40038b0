"""What a finished run says of its own files, and what is believed of a changed one."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp.runs import read, seal
from augexp.runs.contents import Changed
from augexp.runs.records import BrokenRun
from tests.factories import make_run, unseal

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=3), one, max_size=3),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run", sealed=True)


def change(name: str, pattern: str, by: str) -> Callable[[Path], None]:
    """Replaces the first match of a pattern in a file."""

    def damage(folder: Path) -> None:
        text, count = re.subn(pattern, by, (folder / name).read_text(), count=1)
        assert count, pattern
        (folder / name).write_text(text)

    return damage


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (change("config.yaml", "learning_rate: .*", "learning_rate: 0.5"), "config.yaml is not what the run left"),
        (change("config.yaml", "epochs: 5", "epochs: 6"), "config.yaml is not what the run left"),
        (change("config.yaml", "source: digits", "source: mnist"), "config.yaml is not what the run left"),
        (change("environment.json", "float32", "float16"), "environment.json is not what the run left"),
        (change("history.csv", r"\.01,", ".02,"), "history.csv is not what the run left"),
        (change("result.json", '"best_epoch": 4', '"best_epoch": 3'), "result.json is not what was written"),
        (change("result.json", '"digests"', '"digest"'), "result.json is not what was written"),
        (change("result.json", '"settings"', '"setting"'), "result.json is not what was written"),
        (change("result.json", '"seal"', '"seam"'), "result.json is not what was written"),
        (change("result.json", '"seal": ".*"', '"seal": null'), "result.json is not what was written"),
    ],
)
def test_a_changed_number_is_named(folder: Path, damage: Callable[[Path], None], reason: str) -> None:
    assert read.load(folder).result.best_epoch == 4
    damage(folder)
    with pytest.raises(BrokenRun, match=f"^{re.escape(reason)}"):
        read.load(folder)
    if not reason.startswith("result.json"):
        read.load(unseal(folder))  # an earlier version knew no seal


def test_another_layout_and_other_places_change_nothing(folder: Path) -> None:
    content = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps(dict(reversed(content.items()))))
    change("config.yaml", "runs_dir: .*", "runs_dir: /elsewhere")(folder)
    change("config.yaml", "cache_dir: .*", "cache_dir: /scratch")(folder)
    change("config.yaml", "\\Z", "ops_dir: /mine\n")(folder)
    assert read.load(folder).config["data"]["cache_dir"] == "/scratch"


def test_images_of_ones_own_may_have_been_moved(tmp_path: Path) -> None:
    source = "data.source=folder:/home/ann/photos"
    folder = make_run(tmp_path / "run", sealed=True, overrides=[source])
    change("config.yaml", "/home/ann", "/data")(folder)
    assert read.load(folder).config["data"]["source"] == "folder:/data/photos"
    change("config.yaml", "folder:", "csv:")(folder)
    with pytest.raises(Changed):
        read.config(folder)


def test_a_seal_of_an_unfinished_run_says_nothing(folder: Path) -> None:
    (folder / "result.json").unlink()
    assert seal.of(folder) == seal.Seal()


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), st.text(max_size=3), VALUES)
def test_what_is_sealed_is_read_back_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, object], key: str, value: object
) -> None:
    path = tmp_path_factory.mktemp("any") / "result.json"
    sealed = seal.sealed(content)
    path.write_text(json.dumps(sealed))
    assert seal.read(path) == sealed
    changed = sealed | {key: value}
    path.write_text(json.dumps(changed))
    if json.dumps(changed, sort_keys=True) == json.dumps(sealed, sort_keys=True):
        assert seal.read(path) == sealed
    else:
        with pytest.raises(Changed):
            seal.read(path)
