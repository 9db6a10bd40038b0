"""Damaged run folders through the commands that read them; more of them by `python -m tests.tools.fuzz.folders`."""

import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from PIL import Image

from tests.tools.fuzz import folders


def told(ended: Iterable[tuple[folders.Case, list[str]]]) -> str:
    return "\n".join(f"{case}: {'; '.join(found)}" for case, found in ended if found)


@pytest.mark.slow
def test_every_damage_ends_in_an_answer(tmp_path: Path) -> None:
    assert told(folders.fuzz(folders.cases(12, 1), 1, tmp_path)) == ""


@pytest.mark.slow
def test_damage_to_any_file_through_every_command(tmp_path: Path) -> None:
    assert told(folders.fuzz(folders.cases(100, 2), 2, tmp_path)) == ""


@pytest.mark.slow
def test_the_fuzzer_finds_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from augexp.runs import cleanup

    def careless(item: cleanup.Removable) -> str:
        for path in item.path.parent.parent.parent.glob("outside/*"):
            path.unlink()
        raise ValueError(item)

    monkeypatch.setattr(cleanup, "remove", careless)
    monkeypatch.setattr(folders, "COMMANDS", ("clean",))
    wrong = told(folders.fuzz(folders.cases(3, 3), 3, tmp_path))
    assert "ended with ValueError" in wrong
    assert "outside/thesis" in wrong


@pytest.mark.slow
@pytest.mark.parametrize("command", folders.OF_NETWORKS)
def test_commands_that_load_a_network(command: str, tmp_path: Path, trained_once: Callable[..., Path]) -> None:
    trained = trained_once("train.epochs=1", "data.train_per_class=30")
    image = tmp_path / "seven.png"
    Image.new("L", (16, 16), 128).save(image)
    every = [(file, damage) for file in folders.LOADED for damage in folders.DAMAGE if damage != "huge"]
    random.Random(command).shuffle(every)
    wrong = {}
    for number, (file, damage) in enumerate(every[:12]):
        case = folders.Case(number, command, "run", file, damage)
        if found := folders.network_faults(case, tmp_path / f"case{number}", trained, image, seed=4):
            wrong[case] = found
    assert not wrong, told(wrong.items())
