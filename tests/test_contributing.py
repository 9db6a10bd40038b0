"""CONTRIBUTING.md tells of the packages, rows and recipes that there are."""

import importlib
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_the_rows_are_those_of_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    told = re.findall(r"^\| (\d+) \| (`[^|]*`) \|", TEXT, re.MULTILINE)
    rows = {name: int(row) for row, names in told for name in re.findall(r"`(\w+)`", names)}
    assert rows == {
        name: number
        for number, row in enumerate(contracts[0]["layers"], 1)
        for name in (one.strip() for one in row.split("|"))
    }
    modules = {
        path.stem for path in (ROOT / "augexp").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rows.keys() == modules - {"__init__", "__main__"}


def test_every_door_opens() -> None:
    told = re.findall(r"^\| \d+ \| `(\w+)` \|[^|]*\| (`[^|]*`) \|", TEXT, re.MULTILINE)
    doors = [(f"augexp.{package}", door) for package, names in told for door in re.findall(r"`([\w.]+)`", names)]
    assert len(doors) >= 14
    for package, door in doors:
        module, _, function = door.partition(".")
        opened = importlib.import_module(f"{package}.{module}")
        assert not function or callable(getattr(opened, function))


def test_every_recipe_is_followed_by_a_test_that_there_is() -> None:
    followed = re.findall(r"\| `(\w+/test_\w+\.py)` \|$", TEXT, re.MULTILINE)
    assert len(followed) == 6
    assert all((ROOT / "tests" / path).exists() for path in followed)


def test_every_place_that_it_names_is_there() -> None:
    places = [place for place in re.findall(r"`(\w+/\w+\.py)`", TEXT) if "/test_" not in place]
    assert all((ROOT / "augexp" / place).exists() for place in places)


def test_every_make_target_is_there() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(re.findall(r"`make (\w+)`", TEXT)) <= set(targets)


def test_it_is_one_page() -> None:
    assert len(TEXT.splitlines()) <= 70
