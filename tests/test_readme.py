"""What README and docs say of commands, settings, ops and pages is what there is."""

import re
import shlex
from pathlib import Path

import pytest
from rich.console import Console
from typer.main import get_command

from augexp.cli.main import program
from augexp.config import load
from augexp.config.ops import OPS
from augexp.config.schema import Data, Experiment, Model, Train
from augexp.report.ops import Listing
from tests.places import ROOT

README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, ROOT / "CONTRIBUTING.md", *DOCS]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def doc(name: str) -> str:
    return text(ROOT / "docs" / f"{name}.md")


def anchors(path: Path) -> set[str]:
    """The places of a page that a link can name, as GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", text(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_short() -> None:
    assert len(text(README).splitlines()) <= 250


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(text(page)):
        if link.startswith("https://"):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_linked_from_the_readme() -> None:
    links = LINK.findall(text(README))
    assert [page.name for page in DOCS if f"docs/{page.name}" not in links] == []


def test_the_configuration_shown_holds_every_key_with_its_default(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", doc("configuration"), flags=re.DOTALL)
    (tmp_path / "shown.yaml").write_text(shown, encoding="utf-8")
    assert load.experiment(tmp_path / "shown.yaml") == load.experiment(None, ["name=cutmix", "strategy=cutmix"])
    keys = {line.split(":")[0].strip() for line in shown.splitlines()}
    sections = (Experiment, Data, Model, Train)
    assert keys == {key for section in sections for key in section.model_fields}


def test_the_configuration_of_the_readme_is_one(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```text\n(.*?)```", text(README), flags=re.DOTALL)
    (tmp_path / "shown.yaml").write_text(shown, encoding="utf-8")
    assert load.experiment(tmp_path / "shown.yaml").name == "my-cutmix"


def test_the_ops_it_lists_are_those_of_augexp_ops() -> None:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(Listing())
    listing = "\n".join(f"    {line}".rstrip() for line in captured.get().splitlines())
    assert listing.strip("\n") in doc("strategies")
    assert f"lists {len(OPS)} with their defaults" in text(README)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_shown_are_there(page: Path) -> None:
    commands = get_command(program()).commands  # type: ignore[attr-defined]
    for line in re.findall(r"^    (?:\$ )?augexp ((?!\w+ {5}).+)$", text(page), re.MULTILINE):
        words = shlex.split(line, comments=True)
        if words[0].startswith("-"):
            continue
        assert words[0] in commands, line
        options = {option for one in commands[words[0]].params for option in (*one.opts, *one.secondary_opts)}
        assert {word for word in words[1:] if re.match(r"--?[a-z]", word)} <= options | {"--help"}, line
