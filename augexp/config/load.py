"""An experiment from a YAML file and `key=value` overrides; every mistake is reported at once."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from augexp.config import overrides as typed
from augexp.config import ownnet, yamlfile
from augexp.config.mistakes import in_words
from augexp.config.ops import OpSpec, OwnOp, Spec, ownfile
from augexp.config.schema import Experiment, Model, is_named, label_of, read_strategy
from augexp.config.settings import as_made
from augexp.errors import UserError, all_of, did_you_mean

STUDY_KEYS = ("config", "grid", "candidates", "decide")  # of a study, and of no configuration


def find_config(name: str) -> Path:
    """`name` as given, then in `configs/` here, then among the configurations shipped with augexp."""
    folders = (Path(), Path("configs"), shipped_configs())
    for folder in folders:
        for candidate in (folder / name, folder / f"{name}.yaml"):
            with suppress(OSError, ValueError):  # a name that is too long or holds U+0000, a folder out of reach
                if candidate.is_file():
                    return candidate
    with suppress(OSError, ValueError):
        other = Path(name)
        if other.is_dir():
            inside = sorted(path.name for path in other.glob("*.yaml"))
            named = f", such as {other / inside[0]}" if inside else "; there is no .yaml in it"
            raise UserError(f"{other}: a folder; name a configuration file{named}")
        if other.exists():
            raise UserError(f"{name}: a file is needed, and this is a pipe or a device; write it to a file first")
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
    beside = Path()  # where own ops are looked for
    raw: dict[str, Any] = {}
    places: yamlfile.Places = {}
    mistakes: list[str] = []
    if config is not None:
        path = find_config(str(config))
        source = path.name
        of_run = (path.parent / "environment.json").is_file()  # which the configuration repeats
        raw, places, mistakes = yamlfile.read(path, of_run=of_run)
        if not raw.keys().isdisjoint(STUDY_KEYS):
            raise UserError(
                f"{path}: a study of many runs, not the configuration of one; augexp sweep --study {path} trains "
                "it, and each of its run folders has a config.yaml"
            )
        if of_run:
            raw = as_made(raw)
        elif shipped_configs().resolve() not in path.resolve().parents:
            beside = path.parent
    settings = settings or {}
    for of_op in (False, True):  # the strategy first, whatever was typed first
        if of_op and any(map(is_of_op, (*overrides, *settings))):
            raw = _spelt_out(raw)
        texts = [text for text in overrides if is_of_op(text) == of_op]
        values = {key: value for key, value in settings.items() if is_of_op(key) == of_op}
        raw, places, override_mistakes = typed.apply_overrides(raw, places, texts)
        raw, places, setting_mistakes = typed.apply_settings(raw, places, values)
        mistakes += override_mistakes + setting_mistakes
    try:
        experiment = _validated(raw, beside)
    except ValidationError as error:
        mistakes += in_words(error, Experiment, source, places)
    if mistakes:
        raise UserError(*all_of(mistakes))
    return experiment


def _validated(raw: Mapping[str, Any], beside: Path) -> Experiment:
    """The experiment of plain values; it says where the files of its own ops and network lie, if it has some."""
    told, train = raw.get("ops_dir"), raw.get("train")
    folder = (Path(told).expanduser() if isinstance(told, str) and "\0" not in told else beside).absolute()
    deterministic = isinstance(train, Mapping) and train.get("deterministic") is True
    with ownfile.looking_in(folder, deterministic=deterministic):
        experiment = Experiment.model_validate(raw)
    has_own_ops = any(isinstance(one, OwnOp) for op in experiment.strategy for one in op.alternatives())
    has_own = has_own_ops or ownnet.is_own(experiment.model.backbone)
    return experiment.model_copy(update={"ops_dir": str(folder)}) if has_own else experiment


def known_again(config: Mapping[str, Any]) -> Experiment:
    """The experiment of a resolved configuration, with the files of its own ops and network, to be trained.

    Raises:
        UserError: if one of them has changed or is gone.
    """
    try:
        return _validated(config, Path())
    except ValidationError as error:
        raise UserError(*all_of(in_words(error, Experiment, "configuration", {}))) from None


def read_network(experiment: Experiment) -> None:
    """Runs the file of an own network, and of no own op, so that the network can be built.

    Raises:
        UserError: if the file has changed or is gone.
    """
    if ownnet.SEP not in experiment.model.backbone:
        return
    try:
        folder = Path(experiment.ops_dir or "").absolute()
        with ownfile.looking_in(folder, deterministic=experiment.train.deterministic):
            Model.model_validate(experiment.model.model_dump(mode="json"))
    except ValidationError as error:
        raise UserError("; ".join(detail["msg"] for detail in error.errors())) from None


def is_of_op(key: str) -> bool:
    """Whether a key, or a `key=value`, is of an op of the strategy: `strategy.cutmix.prob`."""
    return re.match(r"\s*strategy\.[^.=]+\.", key) is not None


def _spelt_out(raw: dict[str, Any]) -> dict[str, Any]:
    """With the strategy as a list in which ops are found by their names; as it is where it is no strategy."""
    told = raw.get("strategy", "none")
    with suppress(PydanticCustomError):
        ops = [op.model_dump(mode="json") if isinstance(op, Spec) else op for op in read_strategy(told)]
        return {**raw, "strategy": ops} | ({} if is_named(raw) else {"name": label_of(told)})
    return raw


def strategy(text: str) -> tuple[OpSpec, ...]:
    """The ops that `rotate`, `basic+cutmix` or `[flip_left_right, {name: brightness, max_delta: 0.1}]` stands for.

    Raises:
        UserError: with every mistake, a line each.
    """
    try:
        value = typed.value_of("strategy", text)
    except typed.SettingError as error:
        raise UserError(str(error)) from None
    try:
        return _validated({"strategy": value}, Path()).strategy
    except ValidationError as error:
        lines = in_words(error, Experiment, "", {})
        raise UserError(*all_of([line.removeprefix(": ") for line in lines])) from None
