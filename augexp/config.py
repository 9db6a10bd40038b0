"""The experiment as frozen values, read from YAML and `key=value` overrides; every mistake is reported at once.

Nothing here imports TensorFlow, so that a misspelt key is refused in about a second.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from yaml.reader import ReaderError

from augexp.augment.specs import OP_NAMES, STRATEGY_NAMES, Float, OpSpec, named_strategy
from augexp.errors import UserError

SMALL_CNN = "SmallCNN"
# keras.applications by name: importing Keras to check a spelling would cost seconds. A test compares the two.
BACKBONES = (
    SMALL_CNN,
    *("ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge"),
    *("DenseNet121", "DenseNet169", "DenseNet201"),
    *(f"EfficientNetB{i}" for i in range(8)),
    *(f"EfficientNetV2{i}" for i in ("B0", "B1", "B2", "B3", "L", "M", "S")),
    *("InceptionResNetV2", "InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small"),
    *("NASNetLarge", "NASNetMobile", "ResNet101", "ResNet101V2", "ResNet152", "ResNet152V2", "ResNet50", "ResNet50V2"),
    *("VGG16", "VGG19", "Xception"),
)

Int = Annotated[int, Field(strict=True)]
Count = Annotated[Int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)


def _check_source(source: str) -> str:
    if not source.removeprefix("folder:").strip():
        raise PydanticCustomError("expected", "a TFDS name, folder:PATH or digits is needed")
    return source


def _check_validation(value: object) -> object:
    if value == "test":
        return value
    try:
        # Text too: YAML reads 1e-1 as a string.
        share = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        share = 0.0
    if not 0 < share < 1:
        raise PydanticCustomError("expected", "a share of train between 0 and 1, or test, is needed")
    return share


class Data(_Section):
    """Where the examples come from, their size, and how they are split."""

    source: Annotated[str, Field(strict=True)] = "stanford_dogs"
    image_size: Annotated[Int, Field(ge=8, le=2048)] = 224
    resize: Literal["squash", "crop"] = "squash"
    cache_size: Annotated[Int, Field(ge=8, le=4096)] | None = None
    validation: Annotated[float | Literal["test"], BeforeValidator(_check_validation)] = 0.1
    train_per_class: Count | None = None
    data_dir: str | None = None
    cache_dir: str | None = None

    _source = field_validator("source")(_check_source)

    @field_validator("cache_size")
    @classmethod
    def _holds_an_image(cls, value: int | None, others: ValidationInfo) -> int | None:
        image_size = others.data.get("image_size")
        if value is not None and image_size is not None and value < image_size:
            raise PydanticCustomError(
                "expected", "null, or at least data.image_size ({image}), is needed", {"image": image_size}
            )
        return value

    @property
    def decoded_size(self) -> int:
        """Side in pixels of the images in the decoded cache."""
        return self.cache_size or self.image_size


def _check_backbone(backbone: str) -> str:
    if backbone not in BACKBONES:
        raise PydanticCustomError(
            "choice",
            "a keras.applications class or SmallCNN is needed{hint}",
            {"hint": did_you_mean(backbone, BACKBONES)},
        )
    return backbone


class Model(_Section):
    """The network: a backbone and a linear head."""

    backbone: Annotated[str, Field(strict=True)] = "ResNet50"
    backbone_args: dict[str, JsonValue] = {}
    weights: Annotated[str | None, Field(validate_default=True)] = "imagenet"
    preprocessing: Literal["imagenet", "unit"] = "imagenet"
    batch_norm: Literal["trainable", "frozen"] = "trainable"
    batch_norm_momentum: Annotated[Float, Field(ge=0, lt=1)] | None = 0.9
    freeze: Literal["none", "backbone"] = "none"
    backbone_lr: Annotated[Float, Field(gt=0, le=1)] = 0.1
    dropout: Annotated[Float, Field(ge=0, lt=1)] = 0.0

    _backbone = field_validator("backbone")(_check_backbone)

    @field_validator("weights")
    @classmethod
    def _small_cnn_is_plain(cls, value: str | None, others: ValidationInfo) -> str | None:
        if others.data.get("backbone") == SMALL_CNN and value == "imagenet":
            raise PydanticCustomError("whole", "SmallCNN has no ImageNet weights; write null or a file")
        return value


class Train(_Section):
    """The recipe: length, batch, optimizer, schedule, precision."""

    epochs: Count = 20
    head_epochs: Annotated[Int, Field(ge=0)] = 1
    batch_size: Count = 64
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: Annotated[Float, Field(gt=0)] = 0.01
    momentum: Annotated[Float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[Float, Field(ge=0)] = 0.0
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_epochs: Annotated[Int, Field(ge=0)] = 0
    label_smoothing: Annotated[Float, Field(ge=0, lt=1)] = 0.0
    plain_epochs: Annotated[Int, Field(ge=0)] = 0
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = "auto"

    @field_validator("head_epochs", "warmup_epochs", "plain_epochs")
    @classmethod
    def _phase_fits(cls, value: int, others: ValidationInfo) -> int:
        epochs = others.data.get("epochs")
        if epochs is not None and value > epochs:
            raise PydanticCustomError("expected", "at most train.epochs ({epochs}) is needed", {"epochs": epochs})
        return value


def _read_strategy(value: object) -> object:
    """A name (`basic+cutmix`) or a list whose items are op names or mappings -> a list of op mappings."""
    if isinstance(value, str):
        return [op for part in value.split("+") for op in _named(part.strip())]
    if isinstance(value, Sequence):
        return [{"name": item} if isinstance(item, str) else item for item in value]
    raise PydanticCustomError("expected", "a strategy name or a list of ops is needed")


def _named(name: str) -> tuple[OpSpec | dict[str, str], ...]:
    for known in STRATEGY_NAMES:
        if name == known:
            return named_strategy(known)
    if name in OP_NAMES:
        return ({"name": name},)
    raise PydanticCustomError(
        "choice", "none, basic, cutmix, mixup, joined with +, or a list of ops is needed{hint}",
        {"hint": did_you_mean(name, (*STRATEGY_NAMES, *OP_NAMES))},
    )  # fmt: skip


Strategy = Annotated[tuple[OpSpec, ...], BeforeValidator(_read_strategy)]


MAX_NAME = 100
NOT_IN_A_NAME = re.compile(r"[/\\\x00-\x1f\ud800-\udfff]")


def _check_name(name: str) -> str:
    if NOT_IN_A_NAME.search(name) or len(name) > MAX_NAME:
        raise PydanticCustomError(
            "expected", "at most {most} characters without slashes or control characters are needed", {"most": MAX_NAME}
        )
    return name


class Experiment(_Section):
    """One run, resolved: everything that decides its numbers."""

    name: Annotated[str, Field(strict=True)] = ""
    seed: Annotated[Int, Field(ge=0, lt=2**31)] = 0
    strategy: Strategy = ()
    data: Data = Data()
    model: Model = Model()
    train: Train = Train()
    runs_dir: str = "runs"

    _name = field_validator("name")(_check_name)

    @model_validator(mode="before")
    @classmethod
    def _name_after_strategy(cls, raw: Any) -> Any:
        if isinstance(raw, Mapping) and not raw.get("name"):
            return {**raw, "name": _label(raw.get("strategy", "none"))}
        return raw

    @property
    def run_dir(self) -> Path:
        """Folder of this run: `runs_dir/name-seedN`."""
        return Path(self.runs_dir) / f"{self.name}-seed{self.seed}"

    def to_yaml(self) -> str:
        """The resolved configuration; loading it gives an equal experiment."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _label(strategy: object) -> str:
    """A name that is valid whatever the strategy, so that a mistake in the strategy is one mistake."""
    items = [strategy] if isinstance(strategy, str) else strategy if isinstance(strategy, Sequence) else ()
    names = [item.get("name") if isinstance(item, Mapping) else item for item in items]
    return NOT_IN_A_NAME.sub("-", "+".join(map(str, names)) or "none")[:MAX_NAME]


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """`; did you mean X?` for the closest known word, or nothing."""
    close = _closest(word, known)
    return f"; did you mean {close}?" if close else ""


def _closest(word: str, known: Sequence[str]) -> str | None:
    lowered = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return lowered[close[0]] if close else None


# --- reading -------------------------------------------------------------------------------------------------------


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


def shipped_configs() -> Path:
    """The folder of configurations: inside an installed package, beside it in a checkout."""
    inside = Path(__file__).parent / "configs"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "configs"


def load(config: str | Path | None, overrides: Sequence[str] = ()) -> Experiment:
    """The experiment of a YAML file and `key=value` overrides.

    Raises:
        UserError: with every mistake of file and overrides, a line each.
    """
    source = "configuration"
    raw: dict[str, Any] = {}
    places: Places = {}
    mistakes: list[str] = []
    if config is not None:
        path = find_config(str(config))
        source = path.name
        raw, places, mistakes = _read_yaml(path)
    raw, places, override_mistakes = _apply_overrides(raw, places, overrides)
    mistakes += override_mistakes
    try:
        experiment = Experiment.model_validate(raw)
    except ValidationError as error:
        mistakes += [_describe(detail, source, places) for detail in error.errors()]
    if mistakes:
        raise UserError("\n".join(dict.fromkeys(mistakes)))
    return experiment


Place = tuple[str | int, ...]
Places = dict[Place, str]  # who says what stands there: `cutmix.yaml:3` or `override 'seed=1'`


def _read_yaml(path: Path) -> tuple[dict[str, Any], Places, list[str]]:
    """The mapping in a file, the line of every key in it, and the mistakes that YAML itself lets pass."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save the file as UTF-8") from None
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror})") from None
    try:
        raw, lines = _parse(text)
    except yaml.YAMLError as error:
        raise UserError(f"{path.name}{_yaml_problem(error)}") from None
    if not isinstance(raw, dict):
        came = "nothing" if raw is None else _brief(raw)
        raise UserError(f"{path}: a mapping such as `strategy: cutmix` is needed, and the file holds {came}")
    first: dict[Place, int] = {}
    mistakes = []
    for place, line in lines:
        if place in first and isinstance(place[-1], str):
            twice = f"given twice (first in line {first[place]}); keep one"
            mistakes.append(f"{path.name}:{line}: {_dotted(place)}: {twice}")
        first.setdefault(place, line)
    return raw, {place: f"{path.name}:{line}" for place, line in lines}, mistakes


def _parse(text: str) -> tuple[Any, list[tuple[Place, int]]]:
    """The plain value of a YAML text, and the line of every key and item in it.

    Raises:
        yaml.YAMLError: also where PyYAML lets another exception out, as for `2001-99-99`, `!!int x` and `&a [*a]`.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return yaml.safe_load(text), list(_lines(node)) if node else []
    except RecursionError:
        raise yaml.YAMLError("nested too deeply") from None
    except (ValueError, KeyError, AttributeError) as error:
        raise yaml.YAMLError(f"a value can't be read: {error}") from None


def _yaml_problem(error: yaml.YAMLError) -> str:
    if isinstance(error, ReaderError):
        return f": not valid YAML: character U+{error.character:04X} at position {error.position} is not allowed"
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f": not valid YAML: {error}"
    problem = str(error.problem)
    if tag := re.search(r"constructor for the tag '([^']*)'", problem):
        problem = f"the tag {tag[1]} is refused; a configuration holds plain values only"
    else:
        problem = f"not valid YAML: {problem}"
    return f":{error.problem_mark.line + 1}: {problem}"


def _lines(node: yaml.Node, place: Place = ()) -> Iterator[tuple[Place, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, key.value)
            yield inner, key.start_mark.line + 1
            yield from _lines(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*place, index), value.start_mark.line + 1
            yield from _lines(value, (*place, index))


def _apply_overrides(
    raw: dict[str, Any], places: Places, overrides: Sequence[str]
) -> tuple[dict[str, Any], Places, list[str]]:
    mistakes = []
    for text in overrides:
        key, equals, value = text.partition("=")
        place = tuple(key.strip().split("."))
        if not equals or not all(place):
            mistakes.append(f"override {text!r}: key=value is needed, such as train.epochs=5")
            continue
        try:
            parsed, _ = _parse(value)
        except yaml.YAMLError:
            mistakes.append(f"override {text!r}: the value is not valid YAML; quote it, such as '{key}=[a, b]'")
            continue
        if full := _no_section(raw, place):
            mistakes.append(f"override {text!r}: {full} holds no keys, so nothing can be set in it; write {full}=...")
            continue
        raw = _with(raw, place, parsed)
        # What stood inside is gone, and its line with it.
        places = {other: where for other, where in places.items() if other[: len(place)] != place}
        places[place] = f"override {text!r}"
    return raw, places, mistakes


def _no_section(raw: Mapping[str, Any], place: Sequence[str]) -> str:
    """The part of `place` that already holds a value other than a mapping, or nothing."""
    inner: Any = raw
    for end, part in enumerate(place[:-1], start=1):
        inner = inner.get(part)
        if inner is None:
            break
        if not isinstance(inner, Mapping):
            return ".".join(place[:end])
    return ""


def _with(raw: Mapping[str, Any], place: Sequence[str], value: object) -> dict[str, Any]:
    """`raw` with the value at `place` replaced; sections that are missing are made."""
    head, *rest = place
    return {**raw, head: _with(raw.get(head) or {}, rest, value) if rest else value}


# --- explaining ----------------------------------------------------------------------------------------------------

SECTIONS: dict[str, type[BaseModel]] = {"data": Data, "model": Model, "train": Train}
OPS: dict[str, type[BaseModel]] = {spec.model_fields["name"].default: spec for spec in get_args(get_args(OpSpec)[0])}


def _describe(detail: ErrorDetails, source: str, places: Places) -> str:
    """One line: place, key, what was expected, what came, a suggestion."""
    place = _in_file(detail["loc"])
    key = f"{_dotted(place)}: " if place else ""
    return f"{_where(place, source, places)}: {key}{_expected(detail)}"


def _in_file(loc: Place) -> Place:
    """Pydantic's location without the names of ops and union members, which no file holds."""
    if loc[:1] == ("strategy",):
        return loc[:2] + loc[3:]
    return tuple(part for part in loc if part != "[key]")


def _where(place: Place, source: str, places: Places) -> str:
    for end in range(len(place), 0, -1):
        if place[:end] in places:
            return places[place[:end]]
        # An override such as `trian.epochs=3` makes the section that is refused.
        for other, where in places.items():
            if other[:end] == place[:end]:
                return where
    return source


def _dotted(place: Place) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _expected(detail: ErrorDetails) -> str:
    came = f", not {_brief(detail['input'])}"
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden" | "invalid_key":
            return f"unknown key{_suggest_key(detail['loc'])}"
        case "union_tag_invalid":
            return _unknown_op(str(context["tag"]))
        case "union_tag_not_found":
            return "an op needs a name, such as {name: cutmix, alpha: 1.0}"
        case "literal_error":
            known = str(context["expected"]).replace("'", "")
            hint = did_you_mean(str(detail["input"]), re.split(r", | or ", known))
            return f"{known} is needed{came}{hint}"
        case "choice":
            message, _, hint = detail["msg"].partition("; did you mean")
            return f"{message}{came}{'; did you mean' + hint if hint else ''}"
        case "expected":
            return f"{detail['msg']}{came}"
        case "whole":
            return detail["msg"]
        case "string_type":
            scalar = isinstance(detail["input"], int | float | date)
            return f"text is needed{came}{'; put it in quotes' if scalar else ''}"
        case "float_type" | "float_parsing":
            return f"a number is needed{came}"
        case "invalid-json-value":
            return f"text, a number, true, false, null, a list or a mapping is needed{came}"
        case "bool_type":
            return f"true or false is needed{came}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"a mapping of keys is needed{came}"
        case _:
            expected = detail["msg"].removeprefix("Input should be ").replace("a valid integer", "a whole number")
            return f"{expected} is needed{came}"


def _brief(value: object) -> str:
    match value:
        case None | bool():
            text = json.dumps(value)
        case date():
            text = str(value)
        case _:
            text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _unknown_op(name: str) -> str:
    if name in STRATEGY_NAMES:
        return f"{name} is a strategy and no op; strategies are joined with +, such as basic+cutmix"
    return f"unknown op {name!r}; known: {', '.join(OP_NAMES)}{did_you_mean(name, OP_NAMES)}"


def _suggest_key(loc: Place) -> str:
    *parents, last = loc
    word, here = str(last), list(_model_at(parents).model_fields)
    elsewhere = {field: f"{field} (at the top level)" for field in Experiment.model_fields}
    for section, model in SECTIONS.items():
        elsewhere |= {field: f"{section}.{field}" for field in model.model_fields}
    # A key spelt right in the wrong section comes before one that merely looks like it.
    close = word if word in elsewhere else None
    if not close and (hint := did_you_mean(word, here)):
        return hint
    close = close or _closest(word, list(elsewhere))
    return f"; did you mean {elsewhere[close]}?" if close else f"; known here: {', '.join(here)}"


def _model_at(parents: Sequence[str | int]) -> type[BaseModel]:
    match parents:
        case ["strategy", int(), str(op)]:
            return OPS[op]
        case [str(section)]:
            return SECTIONS[section]
        case _:
            return Experiment
