"""An experiment as frozen values: sections, defaults, ranges, and what fits together.

Nothing here imports TensorFlow, so that a misspelt key is refused in about a second.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from augexp.config import hub, ownnet, yamlfile
from augexp.config.ops import OPS, STRATEGY_NAMES, Float, OpSpec, named_strategy, targets_of
from augexp.config.ops.own import is_own
from augexp.errors import UserError, cut, did_you_mean

SMALL_CNN = "SmallCNN"
SMALL_NETWORKS = (SMALL_CNN, "ResNet20", "WideResNet16-2")  # of augexp's own; a test compares them with their makers
# keras.applications by name: importing Keras to check a spelling would cost seconds. A test compares the two.
BACKBONES = (
    *SMALL_NETWORKS,
    *("ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge"),
    *("DenseNet121", "DenseNet169", "DenseNet201"),
    *(f"EfficientNetB{i}" for i in range(8)),
    *(f"EfficientNetV2{i}" for i in ("B0", "B1", "B2", "B3", "L", "M", "S")),
    *("InceptionResNetV2", "InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small"),
    *("NASNetLarge", "NASNetMobile", "ResNet101", "ResNet101V2", "ResNet152", "ResNet152V2", "ResNet50", "ResNet50V2"),
    *("VGG16", "VGG19", "Xception"),
)

RANGE_ARGS = ("include_preprocessing",)  # of a backbone, that decide which values it sees; a test looks for others

Int = Annotated[int, Field(strict=True)]
Count = Annotated[Int, Field(ge=1)]
Flag = Annotated[bool, Field(strict=True)]
Duplicates = Literal["refuse", "drop", "keep"]
Loss = Literal["cross_entropy", "binary"]
Score = Literal["last", "best"]  # the epoch whose weights are scored: the last one, or the best on val


def _check_path(text: str) -> str:
    if not text or "\0" in text:
        raise PydanticCustomError("expected", "a path is needed")
    return text


PathText = Annotated[str, AfterValidator(_check_path)]


class _WithoutEffect:
    """Marks a setting that says where things lie or what is written beside the numbers, and changes no number."""


WITHOUT_EFFECT = _WithoutEffect()


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False, defer_build=True)


VALIDATION_SHARE = 0.1  # of train, where nothing else is said
FROM_SEED = "seed"


def _check_source(source: str) -> str:
    if not source.removeprefix("folder:").strip() or not source.removeprefix("csv:").strip():
        raise PydanticCustomError("expected", "a TFDS name, folder:PATH, csv:PATH or digits is needed")
    return source


def _check_validation(value: object) -> object:
    if value is None or value == "test":
        return value
    try:
        # Text too: YAML reads 1e-1 as a string.
        share = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        share = 0.0
    if not 0 < share < 1:
        raise PydanticCustomError("expected", "a share of train between 0 and 1, test or null is needed")
    return share


def _check_split_seed(value: object) -> object:
    if value == FROM_SEED or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31):
        return value
    raise PydanticCustomError("expected", "a whole number from 0 on, or seed, is needed")


class Data(Section):
    """Where the examples come from, their size, and how they are split.

    Attributes:
        eval_size: side in pixels at which val and test are looked at, where it is another than that of training
            (Touvron et al., Fixing the train-test resolution discrepancy, 2019); None: `image_size`.
        split_seed: which of many ways to divide the examples is taken; `seed`: each run's own seed.
        folds: K; None: one division. The run of seed s tests on fold s mod K of division `split_seed` + s // K, so that
            K seeds in a row test on every image once.
        validation: a share of train, or the test set; None: the set's own split for validation where it has one beside
            train and test, or else `VALIDATION_SHARE` of train.
        image_key: the feature of a TFDS set that holds the images; None: the one that the set names, or the only one.
        label_key: likewise, that holds the classes.
        duplicates: what becomes of images of train and val whose decoded pixels stand in test too, and of train's that
            stand in val: refused, left out of train and val, or kept.
    """

    source: Annotated[str, Field(strict=True)] = "stanford_dogs"
    image_size: Annotated[Int, Field(ge=8, le=2048)] = 224
    eval_size: Annotated[Int, Field(ge=8, le=2048)] | None = None
    resize: Literal["squash", "crop"] = "squash"
    antialias: Flag = False
    cache_size: Annotated[Int, Field(ge=8, le=4096)] | None = None
    validation: Annotated[float | Literal["test"] | None, BeforeValidator(_check_validation)] = None
    duplicates: Duplicates = "drop"
    train_per_class: Count | None = None
    split_seed: Annotated[int | Literal["seed"], BeforeValidator(_check_split_seed)] = 0
    folds: Annotated[Int, Field(ge=2, le=1000)] | None = None
    image_key: Annotated[str, Field(strict=True, min_length=1)] | None = None
    label_key: Annotated[str, Field(strict=True, min_length=1)] | None = None
    data_dir: Annotated[PathText | None, WITHOUT_EFFECT] = None
    cache_dir: Annotated[PathText | None, WITHOUT_EFFECT] = None

    _source = field_validator("source")(_check_source)

    @field_validator("image_key", "label_key")
    @classmethod
    def _of_tfds(cls, value: str | None, others: ValidationInfo) -> str | None:
        if value is not None and re.match(r"folder:|csv:|digits$", str(others.data.get("source"))):
            raise PydanticCustomError("whole", "only sets of TFDS have keys; leave this one out")
        return value

    @field_validator("eval_size")
    @classmethod
    def _is_another(cls, value: int | None, others: ValidationInfo) -> int | None:
        if value is not None and value == others.data.get("image_size"):
            raise PydanticCustomError(
                "expected", "null, or another size than data.image_size ({image}), is needed", {"image": value}
            )
        return value

    @field_validator("cache_size")
    @classmethod
    def _holds_an_image(cls, value: int | None, others: ValidationInfo) -> int | None:
        image_size = others.data.get("image_size")
        if value is not None and image_size is not None and value < image_size:
            raise PydanticCustomError(
                "expected", "null, or at least data.image_size ({image}), is needed", {"image": image_size}
            )
        return value

    @field_validator("folds")
    @classmethod
    def _seeds_choose_the_fold(cls, value: int | None, others: ValidationInfo) -> int | None:
        if value is not None and others.data.get("split_seed") == FROM_SEED:
            raise PydanticCustomError(
                "expected", "null is needed beside data.split_seed: seed; with folds the seed chooses the fold"
            )
        return value

    @property
    def divides_by_seed(self) -> bool:
        """Whether every seed has a division into train, val and test of its own."""
        return self.folds is not None or self.split_seed == FROM_SEED

    @property
    def decoded_size(self) -> int:
        """Side in pixels of the images in the decoded cache."""
        return self.cache_size or self.image_size

    @property
    def as_evaluated(self) -> "Data":
        """The same, with the images at the size at which val and test are looked at, and as much of them to be seen."""
        if self.eval_size is None:
            return self
        cached = None if self.cache_size is None else round(self.cache_size * self.eval_size / self.image_size)
        return self.model_copy(update={"image_size": self.eval_size, "cache_size": cached, "eval_size": None})


def _check_backbone(backbone: str) -> str:
    if ownnet.SEP not in backbone and backbone not in BACKBONES:
        raise PydanticCustomError(
            "choice",
            "a keras.applications class, SmallCNN, ResNet20, WideResNet16-2, module:function or keras_hub:PRESET is "
            "needed{hint}",
            {"hint": did_you_mean(backbone, BACKBONES)},
        )
    try:
        ownnet.read(backbone)
    except UserError as error:
        raise PydanticCustomError("whole", "{message}", {"message": f"{cut(backbone)}: {error}"}) from None
    return backbone


class Model(Section):
    """The network: a backbone and a linear head.

    Attributes:
        backbone_digest: of the file of an own network, or of a folder of KerasHub; taken from there where it is read.
        drop_path: chance that the deepest block is left out for an image in training, that of others in proportion
            (Huang et al., Deep Networks with Stochastic Depth, 2016); None: the backbone's own.
    """

    backbone: Annotated[str, Field(strict=True)] = "ResNet50"
    backbone_digest: Annotated[str | None, Field(validate_default=True)] = None
    backbone_args: dict[str, JsonValue] = {}
    weights: Annotated[str | None, Field(validate_default=True)] = "imagenet"
    preprocessing: Literal["imagenet", "unit"] = "imagenet"
    batch_norm: Literal["trainable", "frozen"] = "trainable"
    batch_norm_momentum: Annotated[Float, Field(ge=0, lt=1)] | None = 0.9
    freeze: Literal["none", "backbone"] = "none"
    backbone_lr: Annotated[Float, Field(gt=0, le=1)] = 0.1
    dropout: Annotated[Float, Field(ge=0, lt=1)] = 0.0
    drop_path: Annotated[Float, Field(ge=0, lt=1)] | None = None

    @property
    def with_usual_input(self) -> "Model":
        """The same network, with the input that the backbone's ImageNet weights are made for; equal if it has that."""
        args = {name: value for name, value in self.backbone_args.items() if name not in RANGE_ARGS}
        return self.model_copy(update={"preprocessing": "imagenet", "backbone_args": args})

    @property
    def is_of_keras(self) -> bool:
        """Whether the backbone is one of keras.applications, with weights and preprocessing for ImageNet."""
        return self.backbone in BACKBONES and self.backbone not in SMALL_NETWORKS

    @property
    def has_own_weights(self) -> bool:
        """Whether the weights come with the backbone, and not from a file or at random."""
        return self.weights == (hub.OWN_WEIGHTS if hub.is_hub(self.backbone) else "imagenet")

    _backbone = field_validator("backbone")(_check_backbone)

    @field_validator("backbone_digest")
    @classmethod
    def _of_its_file(cls, value: str | None, others: ValidationInfo) -> str | None:
        backbone = others.data.get("backbone")
        if backbone is None or ownnet.SEP not in backbone:
            return None
        here = ownnet.read(backbone)
        if here is not None and value not in (None, here):
            raise PydanticCustomError(
                "whole",
                "the file of {backbone} has changed since: {there} there, {here} now; bring the file back, or leave "
                "this key out to take it as it is",
                {"backbone": backbone, "there": value, "here": here},
            )
        return here or value

    @field_validator("backbone_args")
    @classmethod
    def _small_networks_take_none(cls, value: dict[str, JsonValue], others: ValidationInfo) -> dict[str, JsonValue]:
        backbone = others.data.get("backbone")
        if backbone in SMALL_NETWORKS and value:
            raise PydanticCustomError("whole", "{name} takes no arguments; leave this key out", {"name": backbone})
        return value

    @field_validator("drop_path")
    @classmethod
    def _has_blocks(cls, value: float | None, others: ValidationInfo) -> float | None:
        backbone = others.data.get("backbone", "")
        if value is not None and (backbone == "SmallCNN" or ownnet.SEP in backbone):
            raise PydanticCustomError("whole", "augexp can set none in {name}; leave this key out", {"name": backbone})
        return value

    @field_validator("weights")
    @classmethod
    def _has_imagenet_weights(cls, value: str | None, others: ValidationInfo) -> str | None:
        backbone = others.data.get("backbone")
        if value == "imagenet" and backbone is not None and backbone in SMALL_NETWORKS:
            raise PydanticCustomError(
                "whole", "{name} has no ImageNet weights; write null or a file", {"name": backbone}
            )
        if value == "imagenet" and backbone is not None and hub.is_hub(backbone):
            raise PydanticCustomError(
                "whole", "write preset for the weights of {name}, null for random ones, or a file", {"name": backbone}
            )
        if value == "imagenet" and backbone is not None and ownnet.is_own(backbone):
            raise PydanticCustomError(
                "whole",
                "{name} has the weights that its function gives it; write null for these, or a file",
                {"name": backbone},
            )
        return value

    @model_serializer(mode="wrap")
    def _digest_where_needed(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `backbone_digest: null`, as configurations were written before there were own networks."""
        told: dict[str, Any] = dump(self)
        return {key: value for key, value in told.items() if key != "backbone_digest" or value is not None}


class EarlyStopping(Section):
    """When a run ends before its epochs.

    Attributes:
        patience: epochs in a row in which val accuracy has not risen.
        min_delta: by how much it must rise, as a share: 0.001 is a tenth of a point.
    """

    patience: Count
    min_delta: Annotated[Float, Field(ge=0, lt=1)] = 0.0


Tracker = Literal["tensorboard", "mlflow", "wandb"]


def _listed(value: object) -> object:
    """`mlflow` is `[mlflow]`."""
    return (value,) if isinstance(value, str) else value


class Train(Section):
    """The recipe: length, batch, optimizer, schedule, precision, and which weights are scored.

    Attributes:
        loss: `cross_entropy` of the softmax, or `binary`: a cross-entropy for each class of its sigmoid, summed over
            classes (Wightman et al., ResNet strikes back, 2021).
        balance: for classes of unlike size. `sampler` draws every class equally often; `loss` is balanced softmax: the
            log of each class's share of train is added to its logit, in the loss alone (Ren et al., 2020).
        ema: momentum of an exponential moving average of the weights, step by step, which is scored in place of them
            (Polyak and Juditsky, Acceleration of Stochastic Approximation by Averaging, 1992); it starts afresh where
            the backbone joins the head. None: the weights themselves.
        trackers: what follows a run from outside; it changes no number. `tensorboard: true` asks for that one, too.
        clip_norm: the largest norm of a step's gradient, over all weights together (Pascanu et al., 2013); a longer one
            is shortened to it. None: gradients as they are.
        early_stopping: ends the run before its epochs; None: it never does. The schedule goes on spanning `epochs`.
        score: whose weights are scored, opened and compared. Those of the best epoch on val are chosen by a few images,
            which adds to the noise over seeds; both are kept.
    """

    epochs: Annotated[Count, Field(le=100_000)] = 20
    head_epochs: Annotated[Int, Field(ge=0)] = 1
    batch_size: Count = 64
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: Annotated[Float, Field(gt=0, le=1e30)] = 0.01
    momentum: Annotated[Float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[Float, Field(ge=0)] = 0.0
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_epochs: Annotated[Int, Field(ge=0)] = 0
    label_smoothing: Annotated[Float, Field(ge=0, lt=1)] = 0.0
    loss: Loss = "cross_entropy"
    balance: Literal["none", "sampler", "loss"] = "none"
    plain_epochs: Annotated[Int, Field(ge=0)] = 0
    ema: Annotated[Float, Field(gt=0, lt=1)] | None = None
    clip_norm: Annotated[Float, Field(gt=0)] | None = None
    early_stopping: EarlyStopping | None = None
    score: Score = "last"
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = "auto"
    devices: Literal["one", "all"] = "one"
    deterministic: Flag = False
    checkpoint_steps: Annotated[Count | None, WITHOUT_EFFECT] = None
    tensorboard: Annotated[Flag, WITHOUT_EFFECT] = False
    trackers: Annotated[tuple[Tracker, ...], BeforeValidator(_listed), WITHOUT_EFFECT] = ()

    @field_validator("head_epochs", "warmup_epochs")
    @classmethod
    def _phase_fits(cls, value: int, others: ValidationInfo) -> int:
        epochs = others.data.get("epochs")
        if epochs is not None and value > epochs:
            raise PydanticCustomError("expected", "at most train.epochs ({epochs}) is needed", {"epochs": epochs})
        return value

    @field_validator("balance")
    @classmethod
    def _softmax_is_balanced(cls, value: str, others: ValidationInfo) -> str:
        if value == "loss" and others.data.get("loss") == "binary":
            raise PydanticCustomError(
                "expected", "none or sampler is needed beside train.loss: binary; balanced softmax is of a softmax"
            )
        return value

    @field_validator("early_stopping")
    @classmethod
    def _may_end(cls, value: EarlyStopping | None, others: ValidationInfo) -> EarlyStopping | None:
        if value is not None and others.data.get("plain_epochs"):
            raise PydanticCustomError(
                "whole", "a run that may end early has no last epochs; leave this key or train.plain_epochs out"
            )
        return value

    @field_validator("plain_epochs")
    @classmethod
    def _strategy_has_epochs(cls, value: int, others: ValidationInfo) -> int:
        epochs = others.data.get("epochs")
        if epochs is not None and value >= epochs:
            raise PydanticCustomError("expected", "less than train.epochs ({epochs}) is needed", {"epochs": epochs})
        return value


def read_strategy(value: object) -> list[Any]:
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
    if name in OPS or is_own(name):
        return ({"name": name},)
    raise PydanticCustomError(
        "choice", "none, basic, cutmix, mixup, joined with +, or a list of ops is needed{hint}",
        {"hint": did_you_mean(name, (*STRATEGY_NAMES, *OPS))},
    )  # fmt: skip


MOST_OPS = 100


def _check_length(ops: tuple[OpSpec, ...]) -> tuple[OpSpec, ...]:
    if sum(len(op.alternatives()) for op in ops) > MOST_OPS:
        raise PydanticCustomError("whole", "at most {most} ops are needed, those of one_of counted", {"most": MOST_OPS})
    return ops


def _check_targets(ops: tuple[OpSpec, ...]) -> tuple[OpSpec, ...]:
    """What is soft before an op of binary targets would be no target of 1 after it."""
    by_kind: dict[str, str] = {}
    for one in (one for op in ops for one in op.alternatives() if one.mixes):
        by_kind.setdefault(targets_of(one), one.name)
    if len(by_kind) > 1:
        raise PydanticCustomError(
            "whole", "{soft} has soft labels and {binary} binary ones; the same labels: are needed for all that mix",
            by_kind,
        )  # fmt: skip
    return ops


Strategy = Annotated[
    tuple[OpSpec, ...], BeforeValidator(read_strategy), AfterValidator(_check_length), AfterValidator(_check_targets)
]


MAX_NAME = 60  # a file name holds 255 bytes, and a character may take 4
NOT_IN_A_NAME = re.compile(r"[/\\\x00-\x1f\ud800-\udfff]")


def _check_name(name: str) -> str:
    if NOT_IN_A_NAME.search(name) or len(name) > MAX_NAME:
        raise PydanticCustomError(
            "expected", "at most {most} characters without slashes or control characters are needed", {"most": MAX_NAME}
        )
    return name


class Experiment(Section):
    """One run, resolved: everything that decides its numbers.

    Attributes:
        ops_dir: where the files of own ops and networks lie, which are known by their digests; None: beside the
            configuration.
    """

    name: Annotated[str, Field(strict=True)] = ""
    seed: Annotated[Int, Field(ge=0, lt=2**31)] = 0
    strategy: Strategy = ()
    data: Data = Data()
    model: Model = Model()
    train: Train = Train()
    ops_dir: Annotated[PathText | None, WITHOUT_EFFECT] = None
    runs_dir: Annotated[PathText, WITHOUT_EFFECT] = "runs"

    _name = field_validator("name")(_check_name)

    @model_validator(mode="before")
    @classmethod
    def _name_after_strategy(cls, raw: Any) -> Any:
        if isinstance(raw, Mapping) and not is_named(raw):
            return {**raw, "name": label_of(raw.get("strategy", "none"))}
        return raw

    @model_serializer(mode="wrap")
    def _ops_dir_where_needed(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `ops_dir: null`: configurations without own ops are written as they were before there were any."""
        told: dict[str, Any] = dump(self)
        return {key: value for key, value in told.items() if key != "ops_dir" or value is not None}

    @property
    def run_dir(self) -> Path:
        """Folder of this run: `runs_dir/name-seedN`."""
        return Path(self.runs_dir).expanduser() / f"{self.name}-seed{self.seed}"

    def to_yaml(self) -> str:
        """The resolved configuration; loading it gives an equal experiment."""
        return yamlfile.dump(self.model_dump(mode="json"))


def is_named(raw: Mapping[str, Any]) -> bool:
    """Whether a configuration says its name."""
    return raw.get("name") not in (None, "")


def label_of(strategy: object) -> str:
    """A name that is valid whatever the strategy, so that a mistake in the strategy is one mistake."""
    items = [strategy] if isinstance(strategy, str) else strategy if isinstance(strategy, Sequence) else ()
    names = [item.get("name") if isinstance(item, Mapping) else item for item in items]
    return NOT_IN_A_NAME.sub("-", "+".join(map(str, names)) or "none")[:MAX_NAME]
