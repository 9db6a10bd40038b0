"""An experiment from a YAML file and `key=value` overrides; every mistake is reported at once."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from augexp.config import yamlfile
from augexp.config.mistakes import in_words
from augexp.config.ops import OpSpec, Spec
from augexp.config.schema import Experiment, label_of, read_strategy
from augexp.config.settings import as_made
from augexp.errors import UserError, did_you_mean


def find_config(name: str) -> Path:
    """`name` as given, then in `configs/` here, then among the configurations shipped with augexp."""
    folders = (Path(), Path("configs"), shipped_configs())
    for folder in folders:
        for candidate in (folder / name, folder / f"{name}.yaml"):
            with suppress(OSError):  # a name that is too long, a folder that may not be searched
                if candidate.is_file():
                    return candidate
    shipped = sorted(path.name for path in shipped_configs().glob("*.yaml"))
    raise UserError(
        f"{name}: no such configuration here, in configs/ or among those shipped with augexp "
        f"({', '.join(shipped)}){did_you_mean(name, shipped)}"
    )


def given(config: str, section: str, key: str) -> Any:
    """What a YAML file itself says of a setting; None where it says nothing."""
    raw, _, _ = yamlfile.read(find_config(config))
    of_section = raw.get(section)
    return of_section.get(key) if isinstance(of_section, Mapping) else None


def shipped_configs() -> Path:
    """The folder of configurations: inside an installed package, beside it in a checkout."""
    inside = Path(__file__).parents[1] / "configs"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "configs"


def experiment(
    config: str | Path | None, overrides: Sequence[str] = (), settings: Mapping[str, Any] | None = None
) -> Experiment:
    """The experiment of a YAML file, `key=value` overrides, and settings that are no text any more.

    Args:
        config: a file, or the name of a shipped one; None: the defaults.
        overrides: `train.epochs=5`, or `strategy.cutmix.prob=0.5` for a parameter of an op that the strategy has.
        settings: dotted keys with their values, `{"train.epochs": 5}`; they come last, parameters of ops after them.

    Raises:
        UserError: with every mistake of file and overrides, a line each.
    """
    source = "configuration"
    raw: dict[str, Any] = {}
    places: yamlfile.Places = {}
    mistakes: list[str] = []
    if config is not None:
        path = find_config(str(config))
        source = path.name
        raw, places, mistakes = yamlfile.read(path)
        if (path.parent / "environment.json").is_file():  # that of a run, which repeats it
            raw = as_made(raw)
    settings = settings or {}
    for of_op in (False, True):  # the strategy first, whatever was typed first
        if of_op and any(map(is_of_op, (*overrides, *settings))):
            raw = _spelt_out(raw)
        texts = [text for text in overrides if is_of_op(text) == of_op]
        values = {key: value for key, value in settings.items() if is_of_op(key) == of_op}
        raw, places, override_mistakes = yamlfile.apply_overrides(raw, places, texts)
        raw, places, setting_mistakes = yamlfile.apply_settings(raw, places, values)
        mistakes += override_mistakes + setting_mistakes
    try:
        experiment = Experiment.model_validate(raw)
    except ValidationError as error:
        mistakes += in_words(error, Experiment, source, places)
    if mistakes:
        raise UserError("\n".join(dict.fromkeys(mistakes)))
    return experiment


def is_of_op(key: str) -> bool:
    """Whether a key, or a `key=value`, is of an op of the strategy: `strategy.cutmix.prob`."""
    return re.match(r"\s*strategy\.[^.=]+\.", key) is not None


def _spelt_out(raw: dict[str, Any]) -> dict[str, Any]:
    """With the strategy as a list in which ops are found by their names; as it is where it is no strategy."""
    told = raw.get("strategy", "none")
    with suppress(PydanticCustomError):
        ops = [op.model_dump(mode="json") if isinstance(op, Spec) else op for op in read_strategy(told)]
        return {**raw, "name": raw.get("name") or label_of(told), "strategy": ops}
    return raw


def strategy(text: str) -> tuple[OpSpec, ...]:
    """The ops that `rotate`, `basic+cutmix` or `[flip_left_right, {name: brightness, max_delta: 0.1}]` stands for.

    Raises:
        UserError: with every mistake, a line each.
    """
    try:
        value = yamlfile.parse(text)
    except yaml.YAMLError:
        raise UserError("the value is not valid YAML; quote it, such as '[a, b]'") from None
    try:
        return Experiment.model_validate({"strategy": value}).strategy
    except ValidationError as error:
        lines = in_words(error, Experiment, "", {})
        raise UserError("\n".join(line.removeprefix(": ") for line in dict.fromkeys(lines))) from None
