"""Networks of the user's in configurations: found beside them, known by the digests of their files."""

from pathlib import Path

import pytest

from augexp.config import load, ownnet, settings
from augexp.config.ops import ownfile
from augexp.config.schema import Experiment
from augexp.errors import UserError

MODULE = """
def tiny(shape, width=8):
    raise NotImplementedError
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_net.py").write_text(MODULE)
    return tmp_path


def read(folder: Path, *overrides: str, backbone: str = "my_net:tiny") -> Experiment:
    (folder / "mine.yaml").write_text(f"model:\n  weights: null\n  backbone: {backbone}\n")
    return load.experiment(folder / "mine.yaml", overrides)


def refused(folder: Path, *overrides: str, backbone: str = "my_net:tiny") -> str:
    with pytest.raises(UserError) as caught:
        read(folder, *overrides, backbone=backbone)
    return str(caught.value)


def test_it_is_written_with_its_digest_and_read_again(folder: Path) -> None:
    found = read(folder, "model.backbone_args={width: 4}")
    digest = ownfile.digest_of((folder / "my_net.py").read_bytes())
    assert found.model.backbone_digest == digest
    assert found.ops_dir == str(folder)
    (folder / "again.yaml").write_text(found.to_yaml())
    assert load.experiment(folder / "again.yaml") == found
    assert load.known_again(found.model_dump(mode="json")) == found
    assert ownnet.source("my_net:tiny", digest).path == folder / "my_net.py"


def test_other_configurations_have_no_digest() -> None:
    assert "backbone_digest" not in load.experiment("digits.yaml").to_yaml()
    assert load.experiment("digits.yaml", ["model.backbone_digest=1234"]) == load.experiment("digits.yaml")


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        ("my_net:tin", "mine.yaml:3: model.backbone: my_net:tin: my_net.py has no function tin; did you mean tiny?"),
        ("their_net:tiny", "there is no their_net.py in "),
        ("../my_net:tiny", "module:function is needed"),
        ("'my_net:'", "module:function is needed"),
    ],
)
def test_a_mistake_is_told_as_any_other(folder: Path, backbone: str, message: str) -> None:
    said = refused(folder, backbone=backbone)
    assert message in said
    assert "\n" not in said


def test_a_file_that_does_not_run_is_told_in_its_own_lines(folder: Path) -> None:
    (folder / "my_net.py").write_text("def f():\n    return 1 / 0\n\nf()\n")
    assert "ZeroDivisionError: division by zero (line 4: 'f()', then line 2: 'return 1 / 0')" in refused(folder)


def test_it_has_no_imagenet_weights_and_no_drop_path(folder: Path) -> None:
    assert "model.weights: my_net:tiny has the weights that its function gives it" in refused(
        folder, "model.weights=imagenet"
    )
    assert "model.drop_path: augexp can set none in my_net:tiny" in refused(folder, "model.drop_path=0.1")


def test_a_changed_file_is_another_network(folder: Path) -> None:
    before = read(folder)
    (folder / "my_net.py").write_text(MODULE + "# more\n")
    after = read(folder)
    one, other = before.model.backbone_digest, after.model.backbone_digest
    assert settings.differences(before.model_dump(mode="json"), after) == [
        f"model.backbone: its file has changed: {one} there, {other} here"
    ]
    told = f"the file of my_net:tiny has changed since: {one} there, {other} now; bring the file back"
    with pytest.raises(UserError, match=told):
        load.known_again(before.model_dump(mode="json"))
    with pytest.raises(UserError, match=told):
        load.read_network(Experiment.model_validate(before.model_dump(mode="json")))


def test_a_stored_configuration_is_read_and_nothing_is_run(folder: Path) -> None:
    stored = read(folder).model_dump(mode="json")
    (folder / "my_net.py").unlink()
    again = Experiment.model_validate(stored)
    assert again.model_dump(mode="json") == stored
    with pytest.raises(UserError, match=r"there is no my_net.py in "):
        load.read_network(again)


def test_its_file_travels_with_its_folder(folder: Path) -> None:
    found = read(folder).model
    assert ownnet.files_of(found.backbone, found.backbone_digest, folder) == {"my_net.py": MODULE.encode()}
    assert ownnet.files_of(found.backbone, found.backbone_digest, folder / "other") == {}
    assert ownnet.files_of("ResNet50", None, folder) == {}
    with pytest.raises(UserError, match=r"my_net:tiny: its file was not read"):
        ownnet.source(found.backbone, "0123456789abcdef")
