"""`augexp check mixing`: augexp's own ops hold, and so does a right implementation of another hand."""

import json
from pathlib import Path

import pytest

from augexp import files
from augexp.conformance import check, contracts, determinism, libraries
from augexp.conformance.libraries import Implementation, Mix, Setting
from augexp.conformance.mixing import CHOICES
from augexp.conformance.property import Finding
from tests.conformance.reference import MIXING, QUICK, find, reference
from tests.once import made_once


@pytest.fixture(autouse=True)
def asked_once(session_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process is asked for what it draws by the first test of all processes that needs to know."""
    real = determinism._fingerprints_elsewhere

    def known(library: libraries.Library, modules: tuple[str, ...]) -> dict[str, str]:
        folder = session_dir / f"fingerprints-{library}"
        made_once(folder, lambda made: files.write_json(made / "found.json", real(library, modules)))
        found: dict[str, str] = json.loads((folder / "found.json").read_text())
        return found

    monkeypatch.setattr(determinism, "_fingerprints_elsewhere", known)


@pytest.fixture(autouse=True)
def every_other_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """XLA compiles anew for each; tests/augment/test_strategy.py and `augexp check mixing` ask for more of them."""
    monkeypatch.setattr(contracts, "SIZES", contracts.SIZES[::2])


@pytest.mark.slow
@pytest.mark.parametrize("op", libraries.checked_ops())
def test_every_property_of_augexps_own_ops_holds(op: str) -> None:
    ours = libraries.implementation("augexp", op)
    # XLA compiles anew for each choice, which takes seconds; all ops are held to them in tests/augment/test_mixing.py.
    left_out = () if op == "mixup" else CHOICES
    asked_of = [asked for asked in check.properties(op) if asked not in left_out]
    found = {asked.name: check.find(asked, ours, QUICK) for asked in asked_of}
    assert {name: finding for name, finding in found.items() if finding is None or not finding.ok} == {}


# It lives in this process only, and not in TensorFlow's graphs.
ASKABLE = {op: [asked for asked in check.properties(op) if asked.name != "same seed, other process"] for op in MIXING}


@pytest.mark.slow
@pytest.mark.parametrize("op", MIXING)
def test_a_right_implementation_holds(op: str) -> None:
    found = {asked.name: check.find(asked, reference(op), QUICK) for asked in ASKABLE[op]}
    assert {name: finding for name, finding in found.items() if finding is not None and not finding.ok} == {}


def test_an_exception_is_a_finding() -> None:
    def start(_setting: Setting, _seed: int) -> Mix:
        raise RuntimeError("no such thing")

    found = find("mixup", "label rows - 1", Implementation("augexp", "mixup", start))
    assert found == Finding(ok=False, value="RuntimeError")
