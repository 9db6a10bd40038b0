"""Own ops in configurations: found beside them, checked like ours, known by the digests of their files."""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from augexp.config import load, settings
from augexp.config.ops import OwnOp, ownfile
from augexp.config.ops.own import own_op
from augexp.config.schema import Experiment
from augexp.errors import UserError

MODULE = '''
from typing import Annotated, Literal
from pydantic import Field

def fog(image, rng, *, density: tuple[float, float] = (0.2, 0.6), kind: Literal["thin", "thick"] = "thin",
        times: Annotated[int, Field(ge=1, le=3)] = 1, strength=0.5, only_red=False, levels=(1, 8)):
    """Blends towards white."""
    return image

def needy(image, amount: float):
    return image

def star(image, *others):
    return image

def odd(image, name="x"):
    return image

def mixing(image, mixes=1):
    return image

def from_where(image, source="a"):
    return image

def placed(image, share=0.1, /):
    return image

def endless(image, share=float("inf")):
    return image

def open(image, what=None):
    return image

def lists(image, what=object()):
    return image

def images_alone(images, seed):
    return images

def _hidden(image):
    return image

number = 3
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_ops.py").write_text(MODULE)
    return tmp_path


def read(folder: Path, strategy: str, *overrides: str) -> Experiment:
    (folder / "mine.yaml").write_text(f"strategy: {strategy}\n")
    return load.experiment(folder / "mine.yaml", overrides)


def refused(folder: Path, strategy: str) -> str:
    with pytest.raises(UserError) as caught:
        read(folder, strategy)
    return str(caught.value)


def test_it_is_written_as_it_was_resolved_and_read_again(folder: Path) -> None:
    found = read(folder, "[flip_left_right, 'my_ops:fog', {name: 'my_ops:fog', density: [0.1, 0.6], prob: 0.5}]")
    flip, plain, changed = found.model_dump(mode="json")["strategy"]
    digest = ownfile.digest_of((folder / "my_ops.py").read_bytes())
    assert flip["name"] == "flip_left_right"
    assert list(plain) == [
        "name", "density", "kind", "times", "strength", "only_red", "levels", "prob", "digest",
    ]  # fmt: skip
    assert plain == {
        "name": "my_ops:fog", "density": [0.2, 0.6], "kind": "thin", "times": 1, "strength": 0.5, "only_red": False,
        "levels": [1, 8], "prob": 1.0, "digest": digest,
    }  # fmt: skip
    assert changed == plain | {"density": [0.1, 0.6], "prob": 0.5}
    assert found.ops_dir == str(folder)
    (folder / "again.yaml").write_text(found.to_yaml())
    assert load.experiment(folder / "again.yaml") == found
    assert load.known_again(found.model_dump(mode="json")) == found
    assert load.experiment(folder / "mine.yaml", ["strategy.my_ops:fog.prob=0.3"]).strategy[1].prob == 0.3  # type: ignore[attr-defined]


def test_names_can_be_joined_and_stand_within_one_of(folder: Path) -> None:
    (inner,) = read(folder, "[{name: one_of, ops: ['my_ops:fog', cutmix]}]").strategy
    assert [one.name for one in inner.alternatives()] == ["my_ops:fog", "cutmix"]
    assert [one.name for one in read(folder, "basic+my_ops:fog").strategy][2:] == ["my_ops:fog"]


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("['my_ops:fg']", "my_ops.py has no function fg; did you mean fog?"),
        ("['my_ops:zzzz']", "it has fog, needy, star, odd, mixing, from_where, placed, endless"),
        ("['my_ops:number']", "my_ops.py has no function number"),
        ("[{name: 'my_ops:fog', densty: 1}]", "strategy[0].densty: unknown key; did you mean density?"),
        ("[{name: 'my_ops:fog', density: [0.6, 0.1]}]", "density: two numbers, the lower first, are needed"),
        ("[{name: 'my_ops:fog', density: [0.6, true]}]", "density[1]: a number is needed, not true or false"),
        ("[{name: 'my_ops:fog', kind: thck}]", "strategy[0].kind: thin or thick is needed, not 'thck'; did you mean"),
        ("[{name: 'my_ops:fog', times: 4}]", "strategy[0].times: less than or equal to 3 is needed, not 4"),
        ("[{name: 'my_ops:fog', times: 1.5}]", "strategy[0].times: a whole number is needed"),
        ("[{name: 'my_ops:fog', strength: true}]", "strategy[0].strength: a number is needed, not true or false"),
        ("[{name: 'my_ops:fog', only_red: 1}]", "strategy[0].only_red: true or false is needed, not 1"),
        ("[{name: 'my_ops:fog', levels: [1.5, 2]}]", "strategy[0].levels[0]: a whole number is needed"),
        ("[{name: 'my_ops:fog', prob: 2}]", "strategy[0].prob: less than or equal to 1 is needed, not 2"),
        ("[{name: one_of, ops: [{name: 'my_ops:fog', prob: 2}]}]", "strategy[0].ops[0].prob: less than or equal to 1"),
        ("['my_ops:needy']", "strategy[0].amount: a value is needed; it has no default"),
        ("['my_ops:star']", "it takes *others; parameters need names of their own"),
        ("['my_ops:odd']", "its parameter name can't be set"),
        ("['my_ops:mixing']", "its parameter mixes can't be set: every op has something of that name; call it"),
        ("['my_ops:from_where']", "its parameter source can't be set"),
        ("['my_ops:placed']", "it takes share by its place alone"),
        ("['my_ops:endless']", "share: inf can't stand in a configuration (Out of range float values"),
        ("[{name: 'my_ops:open', what: {a: [.nan]}}]", "what: {'a': [nan]} can't stand in a configuration"),
        ("['my_ops:" + 300 * "f" + "']", "the name of an own op has at most 255 characters"),
        ("['my_ops:lists']", "the default of what is <object"),
        ("['my_ops:images_alone']", "it takes `images` and is not decorated; write @own_op"),
        ("['their_ops:fog']", "there is no their_ops.py in "),
        ("['json:dumps']", "json isn't beside the configuration, and dumps is not decorated with @own_op"),
        ("['../my_ops:fog']", "my_ops:function, albumentations:FILE, torchvision:FILE:NAME or keras:LAYER is needed"),
        ("['my_ops:']", "is needed"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_as_any_other(folder: Path, strategy: str, message: str) -> None:
    said = refused(folder, strategy)
    assert message in said
    assert said.startswith("mine.yaml:1: strategy")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import numpi\n", "my_ops.py doesn't import: ModuleNotFoundError: No module named 'numpi' (line 1: 'import"),
        ("def f(:\n", "my_ops.py doesn't import: SyntaxError: "),
        (
            "def f():\n    return 1 / 0\n\nx = f()\n",
            "ZeroDivisionError: division by zero (line 4: 'x = f()', then line 2: 'return 1 / 0')",
        ),
        ("import json\njson.loads('{')\n", "(line 2: "),
        ("raise SystemExit(3)\n", "my_ops.py doesn't import: SystemExit: 3"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_run_is_told_in_its_own_lines(folder: Path, text: str, message: str) -> None:
    (folder / "my_ops.py").write_text(text)
    said = refused(folder, "['my_ops:fog']")
    assert message in said
    assert "json/decoder" not in said


def test_a_changed_file_is_another_strategy(folder: Path) -> None:
    before = read(folder, "['my_ops:fog']")
    (folder / "my_ops.py").write_text(MODULE + "# more\n")
    after = read(folder, "['my_ops:fog']")
    one, other = (found.strategy[0].digest for found in (before, after))  # type: ignore[attr-defined]
    assert settings.differences(before.model_dump(mode="json"), after) == [
        f"strategy: the file of my_ops:fog has changed: {one} there, {other} here"
    ]
    with pytest.raises(UserError, match=f"its file has changed since: {one} there, {other} now"):
        load.known_again(before.model_dump(mode="json"))


def test_a_stored_configuration_is_read_and_nothing_is_run(folder: Path) -> None:
    stored = read(folder, "[{name: one_of, ops: ['my_ops:fog']}]").model_dump(mode="json")
    (folder / "my_ops.py").unlink()
    again = Experiment.model_validate(stored)
    assert again.model_dump(mode="json") == stored
    (inner,) = again.strategy[0].alternatives()
    assert type(inner) is OwnOp
    with pytest.raises(UserError, match=r"there is no my_ops.py"):
        load.known_again(stored)


def test_no_file_beside_a_configuration_stands_in_for_another_module(folder: Path) -> None:
    (folder / "random.py").write_text("def flip(image):\n    return image[:, ::-1]\n")
    path, modules = list(sys.path), set(sys.modules)
    assert read(folder, "['random:flip']").strategy[0].name == "random:flip"
    assert sys.path == path
    assert sys.modules["random"].__file__ != str(folder / "random.py")
    assert all(name.startswith("augexp_own_") for name in set(sys.modules) - modules)


def test_ops_dir_says_where_files_lie(folder: Path, tmp_path: Path) -> None:
    found = load.experiment("digits.yaml", ["strategy=[my_ops:fog]", f"ops_dir={folder}"])
    assert found.ops_dir == str(folder)
    assert "ops_dir" not in load.experiment("digits.yaml").to_yaml()


def test_an_op_that_mixes_needs_labels() -> None:
    with pytest.raises(TypeError, match="mixes=True needs an argument `labels`"):

        @own_op(mixes=True)
        def halves(images: Any, seed: Any) -> Any:
            return images


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"__version__": "0.1", "transform": {}}, "is a pipeline of Albumentations 0.1, and "),
        ({"transform": 3}, "is no pipeline of Albumentations"),
        ("{", "is no pipeline of Albumentations"),
        ("[" * 100_000, "is no pipeline of Albumentations"),
        ("a: &a [*a]", "is no pipeline of Albumentations"),
        ("!!python/object/apply:os.getcwd []", "is no pipeline of Albumentations"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_a_pipeline_of_another_version_is_refused(folder: Path, content: Any, message: str, ending: str) -> None:
    pytest.importorskip("albumentations")
    (folder / f"pipe.{ending}").write_text(content if isinstance(content, str) else json.dumps(content))
    assert message in refused(folder, f"['albumentations:pipe.{ending}']")


def test_a_pipeline_is_known_by_its_content(folder: Path) -> None:
    pytest.importorskip("albumentations")
    transform = {"__class_fullname__": "HorizontalFlip", "p": 0.5}
    text = json.dumps({"__version__": version("albumentations"), "transform": transform})
    (folder / "pipe.json").write_text(text)
    (spec,) = read(folder, "['albumentations:pipe.json']").model_dump(mode="json")["strategy"]
    assert spec == {"name": "albumentations:pipe.json", "prob": 1.0, "digest": ownfile.digest_of(text.encode())}
    assert "there is no other.json in" in refused(folder, "['albumentations:other.json']")
