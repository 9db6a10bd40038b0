"""What the README says of the configuration is what augexp reads."""

import re
from pathlib import Path

from rich.console import Console

from augexp.config import load
from augexp.config.schema import Data, Experiment, Model, Train
from augexp.report.ops import table
from tests.places import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_configuration_shown_holds_every_key_with_its_default(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    (tmp_path / "shown.yaml").write_text(shown, encoding="utf-8")
    assert load.experiment(tmp_path / "shown.yaml") == load.experiment(None, ["name=cutmix", "strategy=cutmix"])
    keys = {line.split(":")[0].strip() for line in shown.splitlines()}
    sections = (Experiment, Data, Model, Train)
    assert keys == {key for section in sections for key in section.model_fields}


def test_pictures_it_shows_are_there() -> None:
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).is_file(), path


def test_the_ops_it_lists_are_those_of_augexp_ops() -> None:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(table())
    listing = "\n".join(f"    {line}".rstrip() for line in captured.get().splitlines())
    assert listing.strip("\n") in README
