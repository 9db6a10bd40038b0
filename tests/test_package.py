"""What is installed is what was written: the wheel, and the sdist that it can be built from, away from the clone."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import augexp
from tests.places import ROOT

SHIPPED = {path.name for path in (ROOT / "configs").rglob("*.yaml")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    line = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run(line, cwd=ROOT, check=True, capture_output=True)
    return {"wheel": next(folder.glob("*.whl")), "sdist": next(folder.glob("*.tar.gz"))}


@pytest.mark.slow
def test_the_wheel_holds_the_package_its_types_and_its_configurations(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = wheel.namelist()
    assert {Path(name).name for name in names if name.startswith("augexp/configs/")} == SHIPPED
    assert "augexp/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"augexp", f"augexp-{augexp.__version__}.dist-info"}


def test_the_citation_and_the_changes_are_of_this_version() -> None:
    assert f"version: {augexp.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"## {augexp.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.slow
def test_the_sdist_holds_what_its_wheel_is_built_from(built: dict[str, Path], tmp_path: Path) -> None:
    with tarfile.open(built["sdist"]) as sdist:
        sdist.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    beside = {path.name for path in source.iterdir()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff"} <= beside
    line = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / "dist")]
    subprocess.run(line, cwd=source, check=True, capture_output=True)
    (again,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(again) as one, zipfile.ZipFile(built["wheel"]) as other:
        assert one.namelist() == other.namelist()


@pytest.mark.slow
def test_an_installed_wheel_knows_its_version_and_its_configurations(built: dict[str, Path], tmp_path: Path) -> None:
    with zipfile.ZipFile(built["wheel"]) as wheel:
        wheel.extractall(tmp_path)
    code = "from augexp.config import load; import augexp; print(augexp.__file__, load.experiment('cutmix.yaml').name)"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert answer.stdout == f"{tmp_path / 'augexp' / '__init__.py'} cutmix\n"
