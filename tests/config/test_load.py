"""Configurations from files and overrides: where they are found, what is refused, what replaces what."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from augexp.config import load
from augexp.config.ops import STRATEGY_NAMES, CutMix, MixUp, OneOf
from augexp.config.overrides import SHOWN
from augexp.config.schema import Experiment
from augexp.errors import UserError, brief
from tests.places import ROOT

SHIPPED = (
    "basic.yaml, cutmix.yaml, digits.yaml, mixup.yaml, none.yaml, schedule.yaml, study.yaml, tutorial.yaml, "
    "which-digits.yaml, which.yaml"
)
Complaint = Callable[..., str]


@pytest.fixture
def complaint(tmp_path: Path) -> Complaint:
    """Loads `c.yaml` holding a text, with overrides, and gives the whole message; the folder is cut from paths."""

    def complain(text: str | bytes, *overrides: str) -> str:
        path = tmp_path / "c.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(UserError) as caught:
            load.experiment(path, overrides)
        return str(caught.value).replace(f"{tmp_path}{os.sep}", "")

    return complain


def loaded(tmp_path: Path, text: str, *overrides: str) -> Experiment:
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    return load.experiment(path, overrides)


@pytest.mark.parametrize(
    ("text", "came"),
    [("", "nothing"), ("# a comment\n", "nothing"), ("- a\n", "['a']"), ("5\n", "5"), ("hello\n", "'hello'")],
)
def test_a_file_without_a_mapping_is_refused(complaint: Complaint, text: str, came: str) -> None:
    assert complaint(text) == f"c.yaml: a mapping such as `strategy: cutmix` is needed, and the file holds {came}"


@pytest.mark.parametrize(("text", "byte"), [(b"\xff\xfes", 0), (b"name: \xe9\n", 6)])
def test_a_file_that_is_not_utf8_is_refused(complaint: Complaint, text: bytes, byte: int) -> None:
    assert complaint(text) == f"c.yaml: not UTF-8 text (byte {byte}); save the file as UTF-8"


TIME = "tag:yaml.org,2002:timestamp"
# Nine lines that stand for a billion values.
BOMB = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\ntrain: {epochs: 1\n", ":3: not valid YAML: expected ',' or '}', but got '<stream end>'"),
        ("seed: 1\na: b: c\n", ":2: not valid YAML: mapping values are not allowed here"),
        ("\tseed: 1\n", ":1: not valid YAML: found character '\\t' that cannot start any token"),
        ("a: 1\nseed: *y\n", ":2: not valid YAML: found undefined alias 'y'"),
        ("? [a]\n: 1\n", ":1: a key must be text, not a list or a mapping; put it in quotes"),
        ("seed: 1\n---\nseed: 2\n", ":2: not valid YAML: but found another document"),
        ("seed: \x00\n", ":1: not valid YAML: the character U+0000 is not allowed"),
        ("seed: 1\n# \x1b[31m\n", ":2: not valid YAML: the character U+001B is not allowed"),
        ("seed: !!bool maybe\n", ":1: not valid YAML: 'maybe' is no bool"),
        ("seed: !!int x\n", ":1: not valid YAML: 'x' is no int"),
        (
            "name: !!timestamp 2001-01-01\n",
            f":1: the tag {TIME} is refused; a configuration holds plain values only",
        ),
        ('name: "\\UFFFFFFFF"\n', ":1: not valid YAML: an escape names no character"),
        ('seed: 1\nname: "\\uD800"\n', ":2: text can't hold U+D800"),
        ('seed: 1\ndata: {source: "folder:\\0"}\n', ":2: text can't hold U+0000"),
        ("seed: 0x" + "f" * 5000 + "\n", ":1: a number has at most 100 characters"),
        ("seed: &a [*a]\n", ":1: an alias stands inside of what it stands for"),
        ("train: &a\n  epochs: *a\n", ":1: an alias stands inside of what it stands for"),
        ("seed: " + "[" * 60 + "]" * 60 + "\n", ":1: nested more than 50 deep"),
        ("seed: " + "[" * 2000 + "\n", ":1: nested more than 50 deep"),
        ("a: " + "9, " * 40000 + "\n", ": it is larger than 100,000 bytes, so it is no configuration"),
        ("seed: [" + "9, " * 30000 + "]\n", ":1: more than 20,000 values, those of aliases counted"),
        (BOMB, ":6: more than 20,000 values, those of aliases counted"),
        (BOMB.replace("[", "[{<<: [").replace("]", "]}]"), ":5: more than 20,000 values, those of aliases counted"),
    ],
    ids=lambda value: value[:30],
)
def test_what_yaml_refuses_comes_with_its_line(complaint: Complaint, text: str, message: str) -> None:
    assert complaint(text) == f"c.yaml{message}"


def test_an_object_tag_is_refused_and_never_executed(tmp_path: Path, complaint: Complaint) -> None:
    bait = tmp_path / "executed"
    value = f"!!python/object/apply:os.mkdir [{bait}]"
    tag = "tag:yaml.org,2002:python/object/apply:os.mkdir"
    assert complaint(f"seed: 1\nname: {value}\n") == (
        f"c.yaml:2: the tag {tag} is refused; a configuration holds plain values only"
    )
    for override in (f"name={value}", f"model.backbone_args=[{value}]"):
        assert complaint("seed: 1\n", override)
    assert not bait.exists()
    yaml.unsafe_load(value)
    assert bait.exists()  # the bait does bite


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nseed: 2\n", "c.yaml:2: seed: given twice (first in line 1); keep one"),
        (
            "seed: 1\nseed: 1\nseed: 1\n",
            "c.yaml:2: seed: given twice (first in line 1); keep one\n"
            "c.yaml:3: seed: given twice (first in line 1); keep one",
        ),
        ("train:\n  epochs: 1\n\n  epochs: 1\n", "c.yaml:4: train.epochs: given twice (first in line 2); keep one"),
        (
            "strategy:\n- {name: mixup, alpha: 1, alpha: 1}\n",
            "c.yaml:2: strategy[0].alpha: given twice (first in line 2); keep one",
        ),
    ],
)
def test_a_key_given_twice_is_refused(complaint: Complaint, text: str, message: str) -> None:
    assert complaint(text) == message


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("seed: 1\n")

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    with pytest.raises(UserError) as caught:
        load.experiment(path)
    assert str(caught.value) == f"{path}: can't be read (Permission denied)"


@pytest.mark.parametrize("text", ["seed", "=1", "train..epochs=1", ".seed=1", "", "--seed 1"])
def test_an_override_without_key_and_equals_sign_is_refused(complaint: Complaint, text: str) -> None:
    assert complaint("seed: 0\n", text) == f"override {text!r}: key=value is needed, such as train.epochs=5"


CUT = "; for a shell, put all of it in quotes: 'train.epochs=[a, b]'"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[", f"not valid YAML: expected the node content, but found '<stream end>'{CUT}"),
        ("{a", f"not valid YAML: expected ',' or '}}', but got '<stream end>'{CUT}"),
        ("[*x]", f"not valid YAML: found undefined alias 'x'{CUT}"),
        ("[1] # 2", f"not valid YAML: '# 2' follows its end{CUT}"),
        ("{1: 2}", "a key must be text, not 1; put it in quotes"),
        ("\x00", "not valid YAML: the character U+0000 is not allowed"),
        ("9" * 101, "a number has at most 100 characters"),
    ],
)
def test_an_override_that_is_no_yaml_is_refused(complaint: Complaint, value: str, message: str) -> None:
    told = brief(f"train.epochs={value}", SHOWN)
    assert complaint("seed: 0\n", f"train.epochs={value}") == f"override {told}: {message}"


def test_an_override_into_a_value_of_the_file_is_refused(complaint: Complaint) -> None:
    text = "seed: 0\nstrategy: cutmix\ndata:\n  source: digits\n"
    assert complaint(text, "seed.x=1", "strategy.alpha=2", "data.source.x.y=1").splitlines() == [
        "override 'seed.x=1': seed holds no keys, so nothing can be set in it; write seed=...",
        "override 'strategy.alpha=2': strategy holds no keys, so nothing can be set in it; write strategy=...",
        "override 'data.source.x.y=1': data.source holds no keys, so nothing can be set in it; write data.source=...",
    ]


def test_an_override_into_a_value_that_the_file_leaves_out_is_refused(complaint: Complaint) -> None:
    assert complaint("runs_dir: runs\n", "seed.x=1", "data.source.x=1").splitlines() == [
        "override 'seed.x=1': seed: a whole number is needed, not {'x': 1}",
        "override 'data.source.x=1': data.source: text is needed, not {'x': 1}",
    ]


def test_an_override_into_a_section_that_is_a_value_names_both_mistakes(complaint: Complaint) -> None:
    assert complaint("seed: 1\ntrain: 5\n", "train.epochs=3").splitlines() == [
        "override 'train.epochs=3': train holds no keys, so nothing can be set in it; write train=...",
        "c.yaml:2: train: a mapping of keys is needed, not 5",
    ]


def test_the_last_override_wins_and_hides_mistakes_before_it(tmp_path: Path) -> None:
    assert loaded(tmp_path, "seed: -3\n", "seed=-1", "seed=2").seed == 2
    assert loaded(tmp_path, "train: {epochs: 0}\n", "train.epochs=-1", "train={epochs: 5}").train.epochs == 5


def test_overrides_keep_what_they_do_not_name(tmp_path: Path) -> None:
    experiment = loaded(
        tmp_path,
        "name: mine\nseed: 4\ntrain:\n  epochs: 7\n  batch_size: 8\n",
        "train.epochs=3",
        "model.backbone_args.alpha=0.35",
        "model.weights=null",
        "strategy=basic+mixup",
        "data.source=folder:a=b",
    )
    assert (experiment.name, experiment.seed) == ("mine", 4)
    assert (experiment.train.epochs, experiment.train.batch_size) == (3, 8)
    assert experiment.model.backbone_args == {"alpha": 0.35}
    assert experiment.model.weights is None
    assert experiment.data.source == "folder:a=b"
    assert [spec.name for spec in experiment.strategy] == ["flip_left_right", "brightness", "mixup"]


@pytest.mark.parametrize("number", ["1e-3", "0.001", "1.0e-3", "'0.001'"])
def test_numbers_that_yaml_reads_as_text_are_numbers(tmp_path: Path, number: str) -> None:
    text = f"strategy: [{{name: mixup, alpha: {number}}}]\ntrain: {{learning_rate: {number}}}\n"
    experiment = loaded(tmp_path, text + f"data: {{validation: {number}}}\n")
    assert experiment.train.learning_rate == 0.001
    assert experiment.strategy == (MixUp(alpha=0.001),)
    assert experiment.data.validation == 0.001


@pytest.mark.parametrize("name", ["cutmix", "cutmix.yaml"])
def test_a_config_is_found_as_given_then_in_configs_then_among_the_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load.experiment(name).name == "cutmix"
    assert load.find_config(name) == load.shipped_configs() / "cutmix.yaml"
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/cutmix.yaml").write_text("name: in configs\n")
    assert load.experiment(name).name == "in configs"
    (tmp_path / "cutmix.yaml").write_text("name: here\n")
    assert load.experiment(name).name == "here"
    assert load.experiment(tmp_path / "configs" / name).name == "in configs"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("cutmx", "; did you mean cutmix.yaml?"), ("zzz", ""), ("x" * 300, "")],
)
def test_a_missing_config_is_refused_with_those_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, hint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    with pytest.raises(UserError) as caught:
        load.experiment(name)
    where = "no such configuration here, in configs/ or among those shipped with augexp"
    assert str(caught.value) == f"{name}: {where} ({SHIPPED}){hint}"


def test_a_folder_is_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (".", ""):
        with pytest.raises(UserError, match=r"^\.: a folder; name a configuration file; there is no \.yaml in it$"):
            load.experiment(name)
    for file, hint in ((None, "; there is no .yaml in it"), ("mine.yaml", f", such as {tmp_path / 'mine.yaml'}")):
        if file is not None:
            (tmp_path / file).touch()
        with pytest.raises(UserError) as caught:
            load.experiment(tmp_path)
        assert str(caught.value) == f"{tmp_path}: a folder; name a configuration file{hint}"


def test_an_installed_package_finds_the_configs_inside_it(tmp_path: Path) -> None:
    package = tmp_path / "site" / "augexp"
    shutil.copytree(ROOT / "augexp", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "configs", package / "configs")
    code = "from augexp.config import load; print(load.find_config('mixup')); print(load.experiment('mixup').name)"
    found = python(code, cwd=tmp_path, PYTHONPATH=str(package.parent))
    assert found.splitlines() == [str(package / "configs/mixup.yaml"), "mixup"]


def test_the_four_files_differ_in_name_and_strategy_only() -> None:
    raws = {name: yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text()) for name in STRATEGY_NAMES}
    assert {name: (raw.pop("name"), raw.pop("strategy")) for name, raw in raws.items()} == {
        name: (name, name) for name in STRATEGY_NAMES
    }
    assert all(raw == raws["none"] for raw in raws.values())


STUDIES = ("schedule.yaml", "study.yaml", "which-digits.yaml", "which.yaml")  # tests/test_grid.py reads them
CONFIGS = sorted(path for path in (ROOT / "configs").glob("*.yaml") if path.name not in STUDIES)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_shipped_config_loads_and_says_its_command(path: Path) -> None:
    experiment = load.experiment(path)
    assert experiment.train.epochs >= 1
    assert path.read_text().startswith(f"# augexp train --config {path.name}")


def test_the_tutorial_is_the_tutorials_recipe() -> None:
    experiment = load.experiment("tutorial.yaml")
    train = experiment.train
    assert (experiment.model.preprocessing, experiment.model.backbone_lr) == ("unit", 1.0)
    assert experiment.model.batch_norm_momentum is None
    assert (train.batch_size, train.optimizer, train.learning_rate, train.momentum) == (16, "sgd", 0.01, 0.0)
    assert (train.epochs, train.head_epochs, experiment.data.validation) == (3, 0, "test")


text = st.text(st.characters(exclude_categories=["Cs"]))
path = text.filter(lambda name: name != "" and "\0" not in name)
yaml_like = st.text(max_size=60) | st.text("seed:train[]{}&*!-?|>'\"# \n1", max_size=60)


@given(text=yaml_like)
@settings(max_examples=150, deadline=None)
def test_any_text_loads_or_is_a_users_mistake(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "c.yaml")
        path.write_text(text, encoding="utf-8")
        for source, overrides in ((path, []), (None, [text]), (None, [f"train.epochs={text}"])):
            with suppress(UserError):
                load.experiment(source, overrides)


@pytest.mark.slow
def test_reading_a_configuration_loads_no_tensorflow() -> None:
    code = (
        "import sys, augexp.runs.read, augexp.cli.main\n"
        "from augexp.config import load; load.experiment('cutmix', ['seed=1'])\n"
        "print([name for name in ('tensorflow', 'keras', 'tensorflow_datasets', 'jax') if name in sys.modules])"
    )
    assert python(code).strip() == "[]"


def python(code: str, cwd: Path | None = None, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- parameters of the strategy's ops --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "overrides", "name"),
    [
        ("strategy: cutmix\n", ["strategy.cutmix.prob=0.25"], "cutmix"),
        ("strategy: mixup\n", ["strategy.cutmix.prob=0.25", "strategy=basic+cutmix"], "basic+cutmix"),
        ("name: mine\nstrategy: [rotate, {name: cutmix, alpha: 1}]\n", ["strategy.cutmix.prob=0.25"], "mine"),
        ("strategy: [{name: cutmix, alpha: 1}]\n", ["strategy.cutmix.prob=2", "strategy.cutmix.prob=0.25"], "cutmix"),
    ],
)
def test_a_parameter_of_an_op_is_set_whatever_was_typed_first(
    tmp_path: Path, text: str, overrides: list[str], name: str
) -> None:
    experiment = loaded(tmp_path, text, *overrides)
    assert experiment.strategy[-1] == CutMix(prob=0.25)
    assert experiment.name == name


def test_ops_are_found_by_name_number_and_within_others(tmp_path: Path) -> None:
    text = "strategy: [rotate, rotate, {name: one_of, ops: [cutmix, mixup]}]\n"
    experiment = loaded(tmp_path, text, "strategy.rotate[2].degrees=3", "strategy.one_of.ops.mixup.alpha=3")
    assert [one.model_dump().get("degrees") for one in experiment.strategy] == [15, 3, None]
    assert experiment.strategy[2] == OneOf(ops=(CutMix(), MixUp(alpha=3)))


def test_dots_may_stand_in_the_name_of_an_op(tmp_path: Path) -> None:
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "ops.py").write_text("def flip(image, share: float = 0.5):\n    return image\n")
    text = "strategy: [my.ops:flip, rotate, my.ops:flip, {name: one_of, ops: [my.ops:flip]}]\n"
    experiment = loaded(tmp_path, text, "strategy.my.ops:flip.share=0.1", "strategy.my.ops:flip[2].prob=0.2",
                        "strategy.one_of.ops.my.ops:flip.share=0.3")  # fmt: skip
    first, _, second, either = (one.model_dump() for one in experiment.strategy)
    assert (first["share"], first["prob"], second["share"], second["prob"]) == (0.1, 1.0, 0.5, 0.2)
    assert either["ops"][0]["share"] == 0.3
    with pytest.raises(UserError, match=r"strategy has no my\.ops:flop; did you mean my\.ops:flip"):
        loaded(tmp_path, text, "strategy.my.ops:flop.share=0.1")


@pytest.mark.parametrize(
    ("text", "override", "message"),
    [
        ("strategy: cutmix\n", "strategy.cutmx.prob=1", "strategy has no cutmx; did you mean cutmix?"),
        ("strategy: [rotate, blur]\n", "strategy.cutmix.prob=1", "strategy has no cutmix; it has rotate, blur"),
        ("seed: 1\n", "strategy.cutmix.prob=1", "strategy has no cutmix; it is empty"),
        (
            "strategy: cutmix\n",
            "strategy.cutmix.prob=1.5",
            "strategy[0].prob: less than or equal to 1 is needed, not 1.5",
        ),
        ("strategy: cutmix\n", "strategy.cutmix.prb=1", "strategy[0].prb: unknown key; did you mean prob?"),
        (
            "strategy: [one_of]\n",
            "strategy.one_of.weights.x=1",
            "strategy[0].weights: a valid tuple is needed, not {'x': 1}",
        ),
        (
            "strategy: cutmix\n",
            "strategy.cutmix=1",
            "strategy holds no keys, so nothing can be set in it; write strategy=...",
        ),
    ],
)
def test_a_parameter_that_is_none_is_refused(complaint: Complaint, text: str, override: str, message: str) -> None:
    assert complaint(text, override) == f"override {override!r}: {message}"


def test_the_configuration_of_a_run_of_an_earlier_version_repeats_it(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("train: {epochs: 3}\n")
    assert load.experiment(tmp_path / "config.yaml").train.score == "last"
    (tmp_path / "environment.json").write_text("{}")
    assert load.experiment(tmp_path / "config.yaml").train.score == "best"
    assert load.experiment(tmp_path / "config.yaml", ["train.score=last"]).train.score == "last"


def test_what_a_file_itself_says(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("train: {score: best}\n")
    assert load.given(str(tmp_path / "a.yaml"), "train", "score") == "best"
    assert load.given(str(tmp_path / "a.yaml"), "train", "epochs") is None
    assert load.given("digits.yaml", "train", "score") is None


def test_a_pipe_is_refused_and_never_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "c.yaml")
    with pytest.raises(UserError, match="a file is needed, and this is a pipe or a device"):
        load.experiment(tmp_path / "c.yaml")


def test_the_configuration_of_an_earlier_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"name": "08", "train": {"score": "last"}}))
    (tmp_path / "environment.json").write_text("{}")
    assert load.experiment(tmp_path / "config.yaml").name == "08"


def test_a_study_is_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("config: none.yaml\ncandidates: {none: none, cutmix: cutmix}\n")
    with pytest.raises(UserError, match=r"study.yaml: a study of many runs, .* augexp sweep --study"):
        load.experiment(tmp_path / "study.yaml")
