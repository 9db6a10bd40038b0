"""Damaged run folders through the commands that read them; more of them by `python -m tests.tools.fuzz.folders`."""

from pathlib import Path

import pytest

from tests.tools.fuzz import folders


def told(wrong: dict[folders.Case, list[str]]) -> str:
    return "\n".join(f"{case}: {'; '.join(found)}" for case, found in wrong.items())


def test_every_damage_ends_in_an_answer(tmp_path: Path) -> None:
    wrong = folders.fuzz(80, seed=1, root=tmp_path)
    assert not wrong, told(wrong)


@pytest.mark.slow
def test_every_damage_of_every_file_through_every_command(tmp_path: Path) -> None:
    wrong = folders.fuzz(700, seed=2, root=tmp_path)
    assert not wrong, told(wrong)


def test_the_fuzzer_finds_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from augexp.runs import cleanup

    def careless(item: cleanup.Removable) -> str:
        for path in item.path.parent.parent.parent.glob("outside/*"):
            path.unlink()
        raise ValueError(item)

    monkeypatch.setattr(cleanup, "remove", careless)
    monkeypatch.setattr(folders, "COMMANDS", ("clean",))
    wrong = told(folders.fuzz(3, seed=3, root=tmp_path))
    assert "ended with ValueError" in wrong
    assert "outside/thesis" in wrong
