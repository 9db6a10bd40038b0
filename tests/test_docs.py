"""The docs as a site, and what they say to type in place of what people have elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from augexp.cli.main import COMMANDS
from augexp.config import load
from augexp.config.ops import OPS
from augexp.config.schema import Train
from tests.places import ROOT

STRATEGIES = re.findall(r"`(\[\{?[a-z][^`\n]*\])`", (ROOT / "docs" / "coming.md").read_text(encoding="utf-8"))
LOADED = re.compile(r'<(?:script|img|link rel="(?:stylesheet|icon)")[^>]* (?:src|href)="([^"]*)"')


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_stands_for_what_others_have_is_a_strategy(strategy: str) -> None:
    found = load.experiment(None, [f"strategy={strategy}", "train.loss=binary"]).strategy
    assert len(found) == 1


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    pages = {path.parent.relative_to(tmp_path).as_posix(): path.read_text("utf-8") for path in _pages(tmp_path)}
    assert all(f'id="augexp-{command.__name__}"' in pages["reference/commands"] for command in COMMANDS)
    assert all(f"<code>train.{key}</code>" in pages["reference/keys"] for key in Train.model_fields)
    assert all(f'id="{name}"' in pages["reference/ops"] for name in OPS)
    assert [place for page in pages.values() for place in LOADED.findall(page) if place.startswith("http")] == []
    assert all((tmp_path / name).is_file() for name in ("pictures/report.png", "python.ipynb"))


def _pages(site: Path) -> list[Path]:
    return sorted(site.rglob("index.html"))
