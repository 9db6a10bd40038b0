"""Hostile words: configurations, overrides, grids and study files, and the same value said in two ways."""

import os
import random
import re
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType
from typing import Any

import yaml

from augexp.config import load, overrides, yamlfile
from augexp.config.ops import OPS, STRATEGY_NAMES
from augexp.config.schema import Experiment, Section
from augexp.errors import UserError
from augexp.study import folds, grid, plan
from tests import forked
from tests.places import ROOT
from tests.tools.fuzz.cases import LONGEST, Case, WrongError, unclear

TYPED_SECONDS = 120.0
NOT_TYPED = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")  # by no bytes

# Of the command line: where a mistake may be. Of files: their name.
OVERRIDE = ("override ", "setting ")


def _fields(model: type[Section], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.default, Section):
            yield f"{prefix}{name}"
            yield from _fields(type(field.default), f"{name}.")
        else:
            yield f"{prefix}{name}"


OF_OPS = [f"strategy.{name}.{field}" for name, op in OPS.items() for field in op.model_fields if field != "name"]
KEYS = [*_fields(Experiment), "model.backbone_args.alpha", "model.backbone_args.a.b"]
ODD_KEYS = [
    "", ".", "a", "fold", "decide", "name.x", "strategy.x", "train.", ".train", "train..epochs", "__class__", "0", " ",
    "strategy.cutmix", "strategy[0].alpha", "train.epochs.x", "a" * 3000, ".".join("a" * 5000), "tr\u00e4in", "<<", "-",
]  # fmt: skip
VALUES = [
    *("", " ", "0", "1", "-1", "2", "3", "0.5", "1e-3", "1e400", "-0.0", "010", "08", "0o17", "0x1F", "0b1"),
    *("1_000", "1:30"),
    *("null", "~", "Null", "true", "True", "false", "yes", "no", "on", "off", "y", "n", ".inf", "-.inf", ".nan", "nan"),
    *("2001-01-01", "2001-99-99", "12:30:00", "=", "<<", "*a", "&a 1", "!!int 3", "!!int x", "!!float .", "!!bool x"),
    *("!!python/object/apply:os.system [true]", "!!binary x", "!!set {a}", "!a b", "!", "%", "@", "`", "|", ">", "?"),
    *("-", "[", "]", "{", "}", "[]", "{}", "[a", "{a", "[[]]", "[1, 2]", "{a: 1}", "{1: a, b: 2}", "{null: 1}"),
    *("{[a]: 1}", "{a: {b: [1, no]}}", "[1] # 2", "a # b", "my set #2", "a: b", "a, b", "'a'", '"a"', "'", '"'),
    *("it's", '"a" b'),
    *('"\\UFFFFFFFF"', '"\\uD800"', '"\\0"', '"\\x1b[31m"', '"\\', "\x00", "\x1b[31m", "\x85", "\u2028", "\ufeff"),
    *("\ud800", "\udcff", "\uffff", "\U0001f600", "\u202e", "a\nb", "a\tb", "\t", "../..", "/dev/zero", "~/x", "none"),
    *("9" * 101, "9" * 5000, "0x" + "f" * 5000, "0." + "1" * 5000, "x" * 5000, "[" * 60 + "]" * 60, "[" * 2000),
    *("{a: " * 60 + "1" + "}" * 60, "&a [*a]", "[&a [x, x], *a, *a]", "0..4", "4..0", "0..99999", "0.." + "9" * 5000),
    *("1..2..3", "\u0663..\u0664", "cutmix", "cutmx", "basic+cutmix", "+", "cutmix+", "[cutmix, mixup]"),
    *("[{name: cutmix}]", "[{name: one_of}]"),
    *("[{name: one_of, ops: [cutmix, {name: rotate}]}]", "[{}]", "[[cutmix]]", "[5]", "[null]", "[one_of, one_of]"),
    *("+".join(["blur"] * 500), "[" + "blur, " * 500 + "]", "{" + "".join(f"k{i}: 1, " for i in range(3000)) + "}"),
    *("{epochs: 2}", "{epochs: 2, epohcs: 3}", "{source: 5}", "{backbone_args: {a: 1}}", "SmallCNN"),
    *("imagenet", "test"),
]  # fmt: skip
BOMB = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10))
LINES = [
    *("{key}: {value}", "{key}:\n  {value}", "- {value}", "{value}: {value}", "? {value}\n: {value}", "---", "..."),
    *("# {value}", "%YAML 1.2", "%YAML 9.9", "%TAG ! x", "train: {{{value}}}", "<<: {value}"),
    *("train: &a {{epochs: 2, x: *a}}", "\t{key}: 1", "data: {{source: {value}}}"),
    *("strategy: [{value}, {value}]", "strategy:\n- name: {value}\n  alpha: {value}"),
]  # fmt: skip


# --- what cases are made of ----------------------------------------------------------------------------------------


def a_value(rng: random.Random) -> str:
    """A hostile value, or two of them mixed."""
    value = rng.choice(VALUES)
    if rng.random() < 0.2:
        value = _mutated(rng, value)
    if rng.random() < 0.1:
        value = rng.choice(("[{}, {}]", "{{a: {}, b: {}}}", "{}{}", "{} {}", "'{}'{}")).format(
            value, rng.choice(VALUES)
        )
    return value


def a_key(rng: random.Random) -> str:
    """A key of the schema, or one that looks like it."""
    key = rng.choice(rng.choice((KEYS, KEYS, KEYS, OF_OPS, ODD_KEYS)))
    return _mutated(rng, key) if rng.random() < 0.05 else key


def a_setting(rng: random.Random) -> str:
    """`key=value`, more often than not one that fits."""
    if rng.random() < 0.4:
        return f"{a_key(rng)}={a_value(rng)}"
    key = rng.choice(KEYS)
    return f"{key}={_typed(_fitting(rng, key), as_text=False)}"


def _mutated(rng: random.Random, text: str) -> str:
    """With a few characters taken out, doubled, or put in."""
    for _ in range(rng.randint(1, 3)):
        place = rng.randint(0, len(text))
        put = rng.choice(("", rng.choice("[]{}:,#&*!|>'\"%@`-?. \n\t\\0aé\x07"), text[place : place + 5]))
        text = text[:place] + put + text[place + rng.randint(0, 2) :]
    return text


def a_text(rng: random.Random, shipped: Sequence[Path]) -> str:
    """A file: a shipped one with some of it spoilt, or lines of hostile words."""
    if rng.random() < 0.02:
        return BOMB
    lines = rng.choice(shipped).read_text("utf-8").splitlines() if rng.random() < 0.7 else []
    for _ in range(rng.randint(1, 4)):
        said = rng.choice(LINES).format(key=a_key(rng).partition(".")[0], value=a_value(rng))
        lines.insert(rng.randint(0, len(lines)), said)
    text = "\n".join(lines)
    return _mutated(rng, text) if rng.random() < 0.4 else text


def _written(folder: Path, text: str) -> Path:
    path = folder / "c.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


# --- kinds of cases ------------------------------------------------------------------------------------------------

CONFIGS = [ROOT / "configs" / f"{name}.yaml" for name in ("digits", "none", "tutorial", "cutmix")]
STUDIES = [ROOT / "configs" / f"{name}.yaml" for name in ("which-digits", "which", "study", "schedule")]


def configuration(rng: random.Random, folder: Path) -> Case:
    """A file that is hostile; what loads must be written and read again as it is."""
    text = a_text(rng, CONFIGS)
    path = _written(folder, text)

    def work() -> None:
        _comes_back(load.experiment(path), folder)

    return Case(repr(text), work, ("c.yaml",))


def override(rng: random.Random, folder: Path) -> Case:
    """A few overrides that are hostile."""
    texts = [a_setting(rng) for _ in range(rng.randint(1, 3))]

    def work() -> None:
        _comes_back(load.experiment("digits.yaml", texts), folder)

    return Case(repr(texts), work, (*OVERRIDE, "digits.yaml"))


def _comes_back(experiment: Experiment, folder: Path) -> None:
    path = folder / "again.yaml"
    path.write_text(experiment.to_yaml(), "utf-8")
    again = load.experiment(path)
    old = Experiment.model_validate(yaml.safe_load(path.read_text("utf-8")))
    if not (experiment == again == old or repr(experiment) == repr(again) == repr(old)):  # NaN is not equal to itself
        raise WrongError(f"written and read it is another: {experiment!r}, {again!r}, {old!r}"[:LONGEST])


def meaning(rng: random.Random, folder: Path) -> Case:
    """A value of a setting, once typed and once in a file by hand."""
    key = rng.choice([key for key in KEYS if key != "model.backbone_args.a.b"])
    value = rng.choice(PLAIN) if rng.random() < 0.5 else _fitting(rng, key)
    kinds = overrides.kinds_of(key)
    if kinds and kinds <= {str, NoneType}:
        value = str(value) if value is not None or NoneType not in kinds else None
    text = _typed(value, as_text=bool(kinds) and kinds <= {str, NoneType})

    def work() -> None:
        path = _written(folder, yamlfile.dump(_nested(key, value)))
        typed, written = _outcome(None, [f"{key}={text}"]), _outcome(path, [])
        if typed != written:
            raise WrongError(f"typed: {typed}; in a file: {written}"[:LONGEST])

    return Case(f"{key}={text}", work)


PLAIN = [
    *(None, True, False, 0, 1, -1, 3, 10**30, 0.5, 1e-3, 1e-5, 1e300, -0.0, "no", "yes", "0", "010", "1:30"),
    *("1e-3", "null", "~", "my set #2", "a: b", "2001-01-01", "true", "it's", "*a", "", "a,b", "[a", "0..4", "cutmix"),
    *("test", "\x85", "é"),
    *([], [1, 2], ["no", "1e-3"], {}, {"a": 1}, {"a": {"b": "no"}}, {"a": [1e-5, "1e-5", None]}, "<<"),
    *("=", "1_000", "08"),
]  # fmt: skip


def _fitting(rng: random.Random, key: str) -> Any:
    """A value of about the kind that a setting needs."""
    kinds = overrides.kinds_of(key)
    if kinds & {int, float}:
        return rng.choice((rng.randint(-2, 300), rng.random(), round(rng.random(), 2), 10 ** -rng.randint(1, 9)))
    if sections := [kind for kind in kinds if issubclass(kind, Section)]:
        inside = rng.sample(list(sections[0].model_fields), 2)
        return {name: rng.choice((1, 0.1, "no", None)) for name in inside}
    if key == "strategy":
        return rng.choice((*STRATEGY_NAMES, list(rng.sample(sorted(OPS), 2)), [{"name": rng.choice(sorted(OPS))}]))
    return rng.choice((True, False, None, "runs", "digits", "sgd", "best", "crop"))


def _typed(value: Any, *, as_text: bool) -> str:
    """As a user would type it."""
    if as_text:
        quoted = value is not None and (value in ("", "null", "~") or value.strip()[:1] in ("'", '"'))
        return "null" if value is None else f'"{value}"' if quoted else value
    text: str = yaml.dump(value, Dumper=yamlfile._Dumper, default_flow_style=True, width=10**6, allow_unicode=True)
    return text.removesuffix("\n...\n").strip()


def _nested(key: str, value: Any) -> dict[str, Any]:
    head, _, rest = key.partition(".")
    return {head: _nested(rest, value) if rest else value}


def _outcome(config: Path | None, texts: Sequence[str]) -> str:
    """The experiment, or that there is none."""
    try:
        return repr(load.experiment(config, texts))
    except UserError:
        return "refused"


def axes(rng: random.Random, folder: Path) -> Case:
    """A grid as it is typed, now and then with a decision."""
    texts = [f"{a_setting(rng)}{rng.choice(('', ',1', ',' + a_value(rng)))}" for _ in range(rng.randint(1, 2))]
    decide = [f"{rng.choice(DECISIONS)}={a_value(rng)}"] if rng.random() < 0.4 else []

    def work() -> None:
        _planned(grid.decided(grid.Study("digits.yaml", grid.read_axes(texts)), decide))

    return Case(repr((texts, decide)), work)


DECISIONS = ["baseline", "looks", "margin", "error", "score", "metric", "x", ""]


def study(rng: random.Random, folder: Path) -> Case:
    """A study file that is hostile."""
    text = a_text(rng, STUDIES)
    if rng.random() < 0.3:
        seeds = rng.choice(("0..2", "[1, 2]"))
        text = f"config: digits\ngrid:\n  {a_setting(rng).replace('=', ': ', 1)}\n  seed: {seeds}\n"
    elif rng.random() < 0.5:
        text = (
            f"config: digits\ngrid:\n  {a_key(rng)}: [{a_value(rng)}, {a_value(rng)}]\n  {a_key(rng)}: {a_value(rng)}\n"
        )
    if rng.random() < 0.3:
        text += f"\ncandidates: {{{a_key(rng)}: {a_value(rng)}, b: {{{a_key(rng)}: {a_value(rng)}}}}}\n"
    path = _written(folder, text)

    def work() -> None:
        _planned(grid.read_study(str(path)))

    return Case(repr(text), work)


def _planned(told: grid.Study) -> None:
    """As `augexp sweep` does before anything starts."""
    told = folds.as_seeds(told)
    if told.decide is None:
        grid.experiments(told)
    else:
        plan.plan(told)


# --- as it is typed ------------------------------------------------------------------------------------------------


def command(rng: random.Random, folder: Path) -> Case:
    """A command line in a process of its own, that trains nothing."""
    words = [NOT_TYPED.sub("", word) for word in _a_command(rng, folder)]

    def work() -> None:
        done = forked.command(*map(os.fsdecode, map(os.fsencode, words)), folder=folder)
        try:
            _, said = done.communicate(TYPED_SECONDS)
        finally:
            if done.returncode is None:
                done.send_signal(signal.SIGKILL)
        if done.returncode not in (0, 1, 2, 3) or "Traceback" in said:
            raise RuntimeError(f"exit status {done.returncode}: {said[-200:]}")
        if done.returncode == 2 and (why := unclear("\n".join(said.splitlines()[-1:]), ())):
            raise WrongError(why)
        if done.returncode:
            raise UserError("refused")

    return Case(repr(words), work, seconds=TYPED_SECONDS + 10)


def _a_command(rng: random.Random, folder: Path) -> list[str]:
    typed = [a_setting(rng) for _ in range(rng.randint(1, 2))]
    sweep = ["sweep", "--dry-run"]
    match rng.randint(0, 4):
        case 0:
            return [*sweep, "--study", str(_written(folder, a_text(rng, STUDIES)))]
        case 1:
            return ["train", "--dry-run", "--config", str(_written(folder, a_text(rng, CONFIGS))), "train.epochs=0"]
        case 2:
            return [*sweep, "--config", "digits.yaml", *typed, "--decide", f"{rng.choice(DECISIONS)}={a_value(rng)}"]
        case 3:  # few of these are refused
            hostile = f"{rng.choice(('name', 'runs_dir', 'data.cache_dir', 'train.weight_decay'))}={a_value(rng)}"
            return [*sweep, "--config", "digits.yaml", hostile, "strategy=none,cutmix", "seed=0..1"]
        case _:
            command = rng.choice(("train", "sweep", "ablate"))
            return [command, "--dry-run", "--config", "digits.yaml", *typed, "data.image_size=4"]
