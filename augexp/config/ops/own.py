"""Ops that aren't augexp's: of a file of the user's, `my_ops:fog`, or of another library, `keras:RandomRotation`.

Such an op is known by the digest of its file, which stands in every resolved configuration: a changed file is another
strategy. Where nothing is to be trained no file is looked at, and its parameters are taken as they stand.
"""

import inspect
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, TypeVar, overload

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    JsonValue,
    SerializerFunctionWrapHandler,
    Tag,
    TypeAdapter,
    create_model,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError, to_jsonable_python
from yaml import YAMLError

from augexp.config import yamlfile
from augexp.config.ops import ownfile
from augexp.config.ops.parameters import OURS, fields_of
from augexp.config.ops.spec import Probability, Spec
from augexp.errors import UserError, brief, did_you_mean, first_line

Kind = Literal["batches", "images", "albumentations", "torchvision", "keras"]
SEP = ":"
DECLARED = "__augexp_own_op__"  # what the decorator leaves on a function
LONGEST = 255  # characters of a name
WAYS = "my_ops:function, albumentations:FILE, torchvision:FILE:NAME or keras:LAYER"

Function = TypeVar("Function", bound=Callable[..., Any])


class Declared(NamedTuple):
    """What the decorator was told."""

    mixes: bool = False
    compiled: bool = True


class Source(NamedTuple):
    """What an own op calls.

    Attributes:
        kind: `batches` and `images` are functions of the user's, of whole batches or of single images.
        call: the function, torchvision transform or Keras layer's class; of Albumentations, its pipeline as a mapping.
        given: the arguments that augexp gives a function, beside the first.
        compiled: by XLA.
        path: of its file, for the lines of a traceback.
    """

    kind: Kind
    call: Any
    given: frozenset[str] = frozenset()
    compiled: bool = False
    path: Path | None = None


class OwnOp(Spec):
    """An op of the user's or of another library, by its place."""

    # Its parameters, where its file wasn't looked at.
    model_config = ConfigDict(extra="allow", protected_namespaces=())

    source: ClassVar[Source | None] = None

    name: str
    prob: Probability = 1.0
    digest: str | None = None

    @model_serializer(mode="wrap")
    def _as_ever(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Its name and parameters, then what all own ops have."""
        told: dict[str, Any] = dump(self)
        last = {key: told.pop(key) for key in ("prob", "digest", "only") if key in told}
        return told | {key: value for key, value in last.items() if key == "prob" or value is not None}

    @property
    def parameters(self) -> dict[str, Any]:
        """What its function is called with."""
        return {name: getattr(self, name) for name in type(self).model_fields if name not in OURS}


@overload
def own_op(function: Function) -> Function: ...
@overload
def own_op(*, mixes: bool = False, compiled: bool = True) -> Callable[[Function], Function]: ...
def own_op(
    function: Function | None = None, *, mixes: bool = False, compiled: bool = True
) -> Function | Callable[[Function], Function]:
    """Makes a function of tensors an op that configurations can name: `my_ops:fog`.

        @own_op
        def fog(images, seed, *, density: tuple[Share, Share] = (0.2, 0.6)):
            share = tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], seed, *density)
            images = tf.cast(images, tf.float32)
            return images + share * (255 - images)

    The function is given images (B, H, W, 3), RGB, uint8 or float32 in [0, 255], and returns such images of the same
    shape. Where it has an argument `seed`, it is given two int64 numbers for `tf.random.stateless_...`: the same two
    must give the same images. Where it has one of the name `labels`, it is given (B, K) float32, and returns images and
    labels. Its other arguments are the op's parameters; their annotations are checked as pydantic has them.

    A function whose first argument is `image` gets one NumPy image, (H, W, 3) uint8, and returns one; `rng`, where it
    has it, is a `numpy.random.Generator`. Such a function needs no decorator if it stands beside the configuration.

    Args:
        function: the function.
        mixes: it returns other labels; rows must go on summing to 1.
        compiled: by XLA; False for a function that XLA can't compile.

    Raises:
        TypeError: if `mixes` is told of a function that has no `labels`.
    """

    def declare(function: Function) -> Function:
        if mixes and "labels" not in inspect.signature(function).parameters:
            raise TypeError(f"{function.__name__}: mixes=True needs an argument `labels`")
        setattr(function, DECLARED, Declared(mixes, compiled))
        return function

    return declare if function is None else declare(function)


def is_own(name: object) -> bool:
    """Whether a name is of an own op."""
    return isinstance(name, str) and SEP in name


def read(value: Mapping[str, Any]) -> OwnOp:
    """An own op from its name and parameters; its file is run where `ownfile.looking_in` says a folder."""
    place = ownfile.place()
    if place is None:
        return OwnOp.model_validate(value)
    name = value["name"]
    if len(name) > LONGEST:
        raise PydanticCustomError(
            "whole",
            "the name of an own op has at most {most} characters; set ops_dir= to its folder",
            {"most": LONGEST},
        )
    try:
        kind = _kind(name, place.folder)
    except UserError as error:
        raise PydanticCustomError("whole", "{message}", {"message": f"{name}: {error}"}) from None
    # The name in an error's place, as those of our ops stand there.
    named: Any = Annotated[
        Annotated[kind, Tag(name)] | Annotated[OwnOp, Tag(f"{SEP}{name}")], Discriminator(lambda _: name)
    ]
    return TypeAdapter[OwnOp](named).validate_python(value)


def files_of(specs: Sequence[Spec], folder: Path) -> dict[str, bytes]:
    """The files of own ops by their paths within their folder: what must lie there where they are to be trained.

    Without those that lie elsewhere: modules that are installed, absolute paths.
    """
    sources = [one.source for spec in specs for one in spec.alternatives() if isinstance(one, OwnOp)]
    paths = {source.path for source in sources if source is not None and source.path is not None}
    return {str(path.relative_to(folder)): ownfile.read(path) for path in paths if ownfile.is_within(path, folder)}


_KINDS: dict[tuple[str, str | None, Any], type[OwnOp]] = {}
_BY_NAME: dict[str, type[OwnOp]] = {}


def known(name: str) -> type[OwnOp] | None:
    """The op of a name as it was read last."""
    return _BY_NAME.get(name)


def _kind(name: str, folder: Path) -> type[OwnOp]:
    library, _, rest = name.partition(SEP)
    finders = {"albumentations": _albumentations, "torchvision": _torchvision, "keras": _keras}
    found = finders[library](rest, folder) if library in finders else _function(library, rest, folder)
    source, digest = found.source, found.digest
    key = name, digest, id(source.call) if source.kind != "albumentations" else None
    if key not in _KINDS:
        _KINDS[key] = _made(name, found)
    _BY_NAME[name] = _KINDS[key]
    return _KINDS[key]


class _Found(NamedTuple):
    source: Source
    digest: str | None
    fields: dict[str, tuple[Any, Any]] = {}  # noqa: RUF012
    says: str = ""
    mixes: bool = False


def _made(name: str, found: _Found) -> type[OwnOp]:
    fields = dict(found.fields)
    fields["name"] = (Literal[name], ...)
    fields["digest"] = Annotated[str | None, AfterValidator(_same_as(found.digest))], found.digest
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a parameter may be called `copy`, as a method of pydantic's is
            kind: type[OwnOp] = create_model(name, __base__=(_Known,), **fields)  # type: ignore[call-overload]
    except Exception as error:  # annotations can be anything
        raise UserError(f"its parameters can't stand in a configuration ({first_line(error)[:200]})") from None
    kind.source, kind.mixes, kind.__doc__ = found.source, found.mixes, found.says
    return kind


class _Known(OwnOp):
    # Built at once: its annotations are the user's, and what is wrong with them is said where its file is read.
    model_config = ConfigDict(extra="forbid", protected_namespaces=(), defer_build=False)

    @model_validator(mode="after")
    def _comes_back(self) -> Self:
        """Refuses what a configuration can't hold: the run could never be read again."""
        for name, value in self.parameters.items():
            written = to_jsonable_python({name: value}, inf_nan_mode="constants")
            try:
                back = yamlfile.parse(yamlfile.dump(written))
                json.dumps(back, allow_nan=False)
            except (YAMLError, ValueError) as error:
                why = yamlfile.problem(error) if isinstance(error, YAMLError) else first_line(error)[:100]
                raise PydanticCustomError(
                    "whole", "{name}: {value} can't stand in a configuration ({why})",
                    {"name": name, "value": brief(value), "why": why},
                ) from None  # fmt: skip
        return self


def _same_as(digest: str | None) -> Callable[[str | None], str | None]:
    def check(value: str | None) -> str | None:
        if value is not None and value != digest:
            raise PydanticCustomError(
                "whole",
                "its file has changed since: {there} there, {here} now; bring the file back, or leave digest out to "
                "take it as it is",
                {"there": value, "here": digest},
            )
        return digest

    return check


# --- functions of the user's ---------------------------------------------------------------------------------------


def _function(module: str, name: str, folder: Path) -> _Found:
    function, loaded, beside = ownfile.named(module, name, folder, WAYS)
    declared = getattr(function, DECLARED, None)
    if declared is None and not beside:
        raise UserError(f"{module} isn't beside the configuration, and {name} is not decorated with @own_op")
    return _found(function, declared, loaded)


def _found(function: Any, declared: Declared | None, loaded: ownfile.Loaded) -> _Found:
    try:
        arguments = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        raise UserError(f"{function!r} doesn't say which arguments it takes; a function is needed") from None
    if not arguments:
        raise UserError("it takes no image; a first argument `image`, or `images` with @own_op, is needed")
    of_batches = declared is not None and arguments[0] != "image"
    if not of_batches and arguments[0] == "images":
        raise UserError("it takes `images` and is not decorated; write @own_op (from augexp.augment) above it")
    given = {"seed", "labels"} if of_batches else {"rng"}
    fields = fields_of(function, {arguments[0], *given})
    told = declared or Declared()
    source = Source(
        "batches" if of_batches else "images", function, frozenset(given & set(arguments)),
        compiled=of_batches and told.compiled, path=loaded.path,
    )  # fmt: skip
    return _Found(source, loaded.digest, fields, first_line(inspect.getdoc(function) or ""), told.mixes)


# --- other libraries -----------------------------------------------------------------------------------------------


def installed(library: str) -> str:
    """The version of a library.

    Raises:
        UserError: if it isn't installed.
    """
    try:
        return version(library)
    except PackageNotFoundError:
        raise UserError(f"{library} is not installed; pip install {library}") from None


def _albumentations(file: str, folder: Path) -> _Found:
    here = installed("albumentations")
    path = folder / Path(file).expanduser()
    content = ownfile.read(path)
    try:
        pipeline = _parsed(path, content)
    except (ValueError, RecursionError, YAMLError) as error:
        raise UserError(f"{path.name} is no pipeline of Albumentations ({first_line(error)[:100]})") from None
    if not isinstance(pipeline, dict) or not isinstance(pipeline.get("transform"), dict):
        raise UserError(f"{path.name} is no pipeline of Albumentations; write one with albumentations.save")
    there = pipeline.get("__version__")
    if there != here:
        raise UserError(
            f"{path.name} is a pipeline of Albumentations {there}, and {here} is installed, where it may do something "
            f"else; write it anew with albumentations.save, or pip install albumentations=={there}"
        )
    return _Found(
        Source("albumentations", pipeline, path=path), ownfile.digest_of(content), {}, f"Albumentations {here}"
    )


def _parsed(path: Path, content: bytes) -> Any:
    text = content.decode("utf-8")
    return yamlfile.parse_1_1(text) if path.suffix in (".yaml", ".yml") else json.loads(text)


def _torchvision(rest: str, folder: Path) -> _Found:
    here = installed("torchvision")
    file, colon, name = rest.rpartition(SEP)
    if not colon or not name.isidentifier():
        raise UserError(f"{WAYS} is needed")
    loaded = ownfile.module_at(folder / Path(file).expanduser())
    transform = vars(loaded.module).get(name)
    if not callable(transform) or inspect.isclass(transform):
        there = [key for key, value in vars(loaded.module).items() if callable(value) and not inspect.isclass(value)]
        raise UserError(f"{loaded.path.name} has no transform {name}{did_you_mean(name, there)}")
    digest = ownfile.digest_of(loaded.digest.encode(), here.encode())
    return _Found(Source("torchvision", transform, path=loaded.path), digest, {}, f"torchvision {here}")


NOT_ASKED = ("self", "name", "seed", "dtype", "data_format", "trainable", "kwargs", "args", "value_range")


def _keras(layer: str, _folder: Path) -> _Found:
    ownfile.load_tensorflow()
    # Not imported by its name: of this package only what the user asks for loads it.
    known = vars(import_module("keras.layers"))
    layers = {name: kind for name, kind in known.items() if ".image_preprocessing." in _module_of(kind)}
    kind = layers.get(layer)
    if kind is None:
        raise UserError(f"keras.layers has no {layer} for images{did_you_mean(layer, list(layers))}")
    fields = {
        name: (JsonValue, ... if parameter.default is parameter.empty else _as_json(parameter.default))
        for name, parameter in inspect.signature(kind.__init__).parameters.items()
        if name not in NOT_ASKED
    }
    # Keras's version stands among those of the run.
    return _Found(Source("keras", kind), None, fields, f"keras.layers.{layer}")


def _as_json(default: Any) -> Any:
    return list(map(_as_json, default)) if isinstance(default, tuple) else default


def _module_of(value: object) -> str:
    return value.__module__ if inspect.isclass(value) else ""
