"""The experiment as frozen values, read from YAML and `key=value` overrides; every mistake is reported at once.

Nothing here imports TensorFlow, so that a misspelt key is refused in about a second.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

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
Bool = Annotated[bool, Field(strict=True)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)


def _check_source(source: str) -> str:
    if not source.removeprefix("folder:").strip():
        raise PydanticCustomError("source", "a TFDS name, folder:PATH or digits is needed")
    return source


def _check_validation(value: object) -> object:
    share = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1
    if not share and value != "test":
        raise PydanticCustomError("validation", "a share of train between 0 and 1, or test, is needed")
    return value


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

    @model_validator(mode="after")
    def _cache_holds_an_image(self) -> Self:
        if self.cache_size is not None and self.cache_size < self.image_size:
            raise PydanticCustomError(
                "cache_size",
                "data.cache_size {cache} is smaller than data.image_size {image}: make it equal, larger, or null",
                {"cache": self.cache_size, "image": self.image_size},
            )
        return self

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
    backbone_args: dict[str, Any] = {}
    weights: str | None = "imagenet"
    preprocessing: Literal["imagenet", "unit"] = "imagenet"
    batch_norm: Literal["trainable", "frozen"] = "trainable"
    batch_norm_momentum: Annotated[Float, Field(ge=0, lt=1)] | None = 0.9
    freeze: Literal["none", "backbone"] = "none"
    backbone_lr: Annotated[Float, Field(gt=0, le=1)] = 0.1
    dropout: Annotated[Float, Field(ge=0, lt=1)] = 0.0

    _backbone = field_validator("backbone")(_check_backbone)

    @model_validator(mode="after")
    def _small_cnn_is_plain(self) -> Self:
        if self.backbone == SMALL_CNN and self.weights == "imagenet":
            raise PydanticCustomError(
                "weights", "model.weights: SmallCNN has no ImageNet weights; write null or a file"
            )
        return self


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

    @model_validator(mode="after")
    def _phases_fit(self) -> Self:
        for name in ("head_epochs", "warmup_epochs", "plain_epochs"):
            if getattr(self, name) > self.epochs:
                raise PydanticCustomError(
                    "phase",
                    "train.{name} {value} is more than train.epochs {epochs}",
                    {"name": name, "value": getattr(self, name), "epochs": self.epochs},
                )
        return self


def _read_strategy(value: object) -> object:
    """A name (`basic+cutmix`) or a list whose items are op names or mappings -> a list of op mappings."""
    if isinstance(value, str):
        return [op for part in value.split("+") for op in _named(part.strip())]
    if isinstance(value, Sequence):
        return [{"name": item} if isinstance(item, str) else item for item in value]
    raise PydanticCustomError("strategy", "a strategy name or a list of ops is needed")


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


class Experiment(_Section):
    """One run, resolved: everything that decides its numbers."""

    name: Annotated[str, Field(strict=True, pattern=r"^[^/\\\x00-\x1f]*$", max_length=100)] = ""
    seed: Annotated[Int, Field(ge=0, lt=2**31)] = 0
    strategy: Strategy = ()
    data: Data = Data()
    model: Model = Model()
    train: Train = Train()
    runs_dir: str = "runs"

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
    if isinstance(strategy, str):
        return strategy
    items = strategy if isinstance(strategy, Sequence) else ()
    names = [item.get("name") if isinstance(item, Mapping) else item for item in items]
    return "+".join(map(str, names)) or "none"


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """`; did you mean X?` for the closest known word, or nothing."""
    lowered = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return f"; did you mean {lowered[close[0]]}?" if close else ""


# --- reading -------------------------------------------------------------------------------------------------------


def find_config(name: str) -> Path:
    """`name` as given, then in `configs/` here, then among the configurations shipped with augexp."""
    folders = (Path(), Path("configs"), shipped_configs())
    for folder in folders:
        for candidate in (folder / name, folder / f"{name}.yaml"):
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
    if config is None:
        source = "configuration"
        raw, places, mistakes = _nothing()
    else:
        path = find_config(str(config))
        source = path.name
        raw, places, mistakes = _read_yaml(path)
    raw, overridden, override_mistakes = _apply_overrides(raw, overrides)
    mistakes += override_mistakes
    try:
        experiment = Experiment.model_validate(raw)
    except ValidationError as error:
        mistakes += [_describe(detail, source, places, overridden) for detail in error.errors()]
    if mistakes:
        raise UserError("\n".join(dict.fromkeys(mistakes)))
    return experiment


Place = tuple[str | int, ...]


def _nothing() -> tuple[dict[str, Any], dict[Place, int], list[str]]:
    return {}, {}, []


def _read_yaml(path: Path) -> tuple[dict[str, Any], dict[Place, int], list[str]]:
    """The mapping in a file, the line of every key in it, and the mistakes that YAML itself lets pass."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save the file as UTF-8") from None
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror})") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{path.name}{_yaml_problem(error)}") from None
    if not isinstance(raw, dict) or not isinstance(node, yaml.MappingNode):
        came = "nothing" if raw is None else f"a {type(raw).__name__}"
        raise UserError(f"{path}: a mapping such as `strategy: cutmix` is needed, and the file holds {came}")
    places: dict[Place, int] = {}
    mistakes = []
    for place, line in _lines(node):
        if place in places and isinstance(place[-1], str):
            first = places[place]
            mistakes.append(f"{path.name}:{line}: {_dotted(place)}: given twice (first in line {first}); keep one")
        places[place] = line
    return raw, places, mistakes


def _yaml_problem(error: yaml.YAMLError) -> str:
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
    raw: dict[str, Any], overrides: Sequence[str]
) -> tuple[dict[str, Any], dict[Place, str], list[str]]:
    overridden: dict[Place, str] = {}
    mistakes = []
    for text in overrides:
        key, equals, value = text.partition("=")
        place = tuple(key.strip().split("."))
        if not equals or not all(place):
            mistakes.append(f"override {text!r}: key=value is needed, such as train.epochs=5")
            continue
        try:
            parsed = yaml.safe_load(value)
        except yaml.YAMLError:
            mistakes.append(f"override {text!r}: the value is not valid YAML; quote it, such as '{key}=[a, b]'")
            continue
        raw = _with(raw, place, parsed)
        overridden[place] = text
    return raw, overridden, mistakes


def _with(raw: Mapping[str, Any], place: Sequence[str], value: object) -> dict[str, Any]:
    """`raw` with the value at `place` replaced; a section that is no mapping is left for validation to refuse."""
    head, *rest = place
    inner = raw.get(head)
    if rest and (inner is None or isinstance(inner, Mapping)):
        return {**raw, head: _with(inner or {}, rest, value)}
    return dict(raw) if rest else {**raw, head: value}


# --- explaining ----------------------------------------------------------------------------------------------------

SECTIONS: dict[str, type[BaseModel]] = {"data": Data, "model": Model, "train": Train}
MESSAGES_THAT_NAME_THEIR_KEYS = ("cache_size", "weights", "phase")


def _describe(detail: ErrorDetails, source: str, places: Mapping[Place, int], overridden: Mapping[Place, str]) -> str:
    """One line: place, key, what was expected, what came, a suggestion."""
    place = _in_file(detail["loc"])
    named = detail["type"] in MESSAGES_THAT_NAME_THEIR_KEYS
    key = f"{_dotted(place)}: " if place and not named else ""
    return f"{_where(place, source, places, overridden)}: {key}{_expected(detail)}"


def _in_file(loc: Place) -> Place:
    """Pydantic's location without the names of union members, which no file holds."""
    members = {*OP_NAMES, "constrained-int"}
    out: list[str | int] = []
    for part in loc:
        of_op = bool(out) and out[0] == "strategy" and part in OP_NAMES
        of_union = isinstance(part, str) and len(out) >= 2 and (part in members or "[" in part)
        if not of_op and not of_union:
            out.append(part)
    return tuple(out)


def _where(place: Place, source: str, places: Mapping[Place, int], overridden: Mapping[Place, str]) -> str:
    for end in range(len(place), 0, -1):
        if place[:end] in overridden:
            return f"override {overridden[place[:end]]!r}"
        if place[:end] in places:
            return f"{source}:{places[place[:end]]}"
    return source


def _dotted(place: Place) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _expected(detail: ErrorDetails) -> str:
    came = f", not {_brief(detail['input'])}"
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            place = _in_file(detail["loc"])
            return f"unknown key{_suggest_key(place)}"
        case "union_tag_invalid":
            tag = str(context["tag"])
            return f"unknown op {tag!r}; known: {', '.join(OP_NAMES)}{did_you_mean(tag, OP_NAMES)}"
        case "union_tag_not_found":
            return "an op needs a name, such as {name: cutmix, alpha: 1.0}"
        case "literal_error":
            known = str(context["expected"]).replace("'", "")
            hint = did_you_mean(str(detail["input"]), re.split(r", | or ", known))
            return f"{known} is needed{came}{hint}"
        case "choice":
            message, _, hint = detail["msg"].partition("; did you mean")
            return f"{message}{came}{'; did you mean' + hint if hint else ''}"
        case kind if kind in MESSAGES_THAT_NAME_THEIR_KEYS:
            return detail["msg"]
        case "source" | "strategy" | "validation":
            return f"{detail['msg']}{came}"
        case "string_pattern_mismatch":
            return f"a name without slashes or control characters is needed{came}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"a mapping of keys is needed{came}"
        case "bool":
            return detail["msg"]
        case _:
            expected = detail["msg"].removeprefix("Input should be ").replace("a valid integer", "a whole number")
            return f"{expected} is needed{came}"


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _suggest_key(place: Place) -> str:
    *parents, last = place
    known = _keys_at(parents)
    close = did_you_mean(str(last), known)
    if close:
        return close
    for section, model in SECTIONS.items():
        if last in model.model_fields:
            return f"; did you mean {section}.{last}?"
    return f"; known here: {', '.join(known)}"


def _keys_at(parents: Sequence[str | int]) -> list[str]:
    if parents and parents[0] == "strategy":
        return sorted({name for spec in get_args(get_args(OpSpec)[0]) for name in spec.model_fields})
    if parents and parents[0] in SECTIONS:
        return list(SECTIONS[str(parents[0])].model_fields)
    return list(Experiment.model_fields)
