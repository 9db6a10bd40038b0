"""Python files of the user: found beside the configuration, and run from the very bytes that are hashed.

A file is run under a private name and never from a folder that Python searches, so that a `random.py` beside a
configuration is nobody's `random`.
"""

import hashlib
import importlib
import importlib.util
import inspect
import linecache
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from augexp import files
from augexp.errors import UserError, brief, cut, did_you_mean, first_line

MOST = 2**20  # bytes of a file


class Place(NamedTuple):
    """Where own ops are looked for, and how TensorFlow is to be loaded for them."""

    folder: Path
    deterministic: bool = False


class Loaded(NamedTuple):
    """A module, its file, and the digest of the bytes that were run."""

    module: ModuleType
    path: Path
    digest: str


_PLACE: ContextVar[Place | None] = ContextVar("place of own ops", default=None)
_LOADED: dict[tuple[Path, str], Loaded] = {}
_BEFORE: list[Callable[[bool], object]] = []  # what loads TensorFlow as augexp does, where it is to be loaded


@contextmanager
def looking_in(folder: Path, *, deterministic: bool = False) -> Iterator[None]:
    """Own ops that are read within are looked for in a folder, and their files run; elsewhere nothing is run."""
    token = _PLACE.set(Place(folder, deterministic))
    try:
        yield
    finally:
        _PLACE.reset(token)


def place() -> Place | None:
    """Where own ops are looked for now."""
    return _PLACE.get()


def before_tensorflow(load: Callable[[bool], object]) -> None:
    """Has files that import TensorFlow find it loaded by `load(deterministic)`: its flags are read once."""
    _BEFORE[:] = [load]


def load_tensorflow() -> None:
    """TensorFlow as the program wants it."""
    now = place()
    for load in _BEFORE:
        load(now is not None and now.deterministic)


def read(path: Path) -> bytes:
    """The bytes of a file that a strategy names.

    Raises:
        UserError: if there is none, or it can't be read.
    """
    try:
        return files.read_bytes(path, MOST)
    except FileNotFoundError:
        raise UserError(
            f"there is no {path.name} in {path.parent}; put it there, or set ops_dir= to its folder"
        ) from None
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror or error})") from None


def digest_of(*contents: bytes) -> str:
    """What tells one content from another, in a configuration."""
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:16]


def module_at(path: Path) -> Loaded:
    """A Python file, run once for each content.

    Raises:
        UserError: if it is missing, or doesn't run, with the user's lines of the traceback.
    """
    content = read(path)
    digest = digest_of(content)
    if (path, digest) not in _LOADED:
        _LOADED[path, digest] = Loaded(_run(path, content, digest), path, digest)
    return _LOADED[path, digest]


def _run(path: Path, content: bytes, digest: str) -> ModuleType:
    _before_running(content)
    module = ModuleType(f"augexp_own_{digest}_{path.stem}")
    module.__file__ = str(path)
    linecache.checkcache(str(path))
    sys.modules[module.__name__] = module
    try:
        exec(compile(content, str(path), "exec"), module.__dict__)  # noqa: S102 - the user's own code is what is asked for
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        raise UserError(f"{path.name} doesn't import: {told(error, path)}") from None
    return module


def _before_running(content: bytes) -> None:
    if re.search(rb"\b(tensorflow|keras|augexp)\b", content):
        load_tensorflow()


def importable(name: str) -> Loaded | None:
    """A module that is installed, by its dotted name; None where there is none.

    Raises:
        UserError: if it doesn't import.
    """
    try:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None or not found.origin.endswith(".py"):
            return None
        path = Path(found.origin)
        content = read(path)
        _before_running(content)
        return Loaded(importlib.import_module(name), path, digest_of(content))
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            return None
        raise UserError(f"{name} doesn't import: {told(error)}") from None
    except (Exception, SystemExit) as error:
        raise UserError(f"{name} doesn't import: {told(error)}") from None


class Named(NamedTuple):
    """A function of the user's, the module that it stands in, and whether its file lies in the folder."""

    function: Any
    loaded: Loaded
    beside: bool


def named(module: str, name: str, folder: Path, ways: str) -> Named:
    """The function of a module in a folder, or of an installed one.

    Args:
        module: its dotted name.
        name: of the function.
        folder: where its file is looked for first.
        ways: what can be written, for a name that is none.

    Raises:
        UserError: if there is no such module or function, or the module doesn't import.
    """
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", module) or not name.isidentifier():
        raise UserError(f"{ways} is needed")
    path = folder.joinpath(*module.split(".")).with_suffix(".py")
    beside = os.path.lexists(path)
    loaded = module_at(path) if beside else importable(module)
    if loaded is None:
        raise UserError(
            f"there is no {path.name} in {path.parent}, and no module {module} is installed; put the file there, or "
            "set ops_dir= to its folder"
        )
    functions = _functions(loaded)
    function = vars(loaded.module).get(name)
    if not callable(function):
        has = f"; it has {cut(', '.join(functions), 200)}" if functions else "; it has no function"
        raise UserError(f"{loaded.path.name} has no function {name}{did_you_mean(name, functions) or has}")
    return Named(function, loaded, beside)


def _functions(loaded: Loaded) -> list[str]:
    return [
        name
        for name, value in vars(loaded.module).items()
        if inspect.isfunction(value) and value.__module__ == loaded.module.__name__ and not name.startswith("_")
    ]


def is_within(path: Path, folder: Path) -> bool:
    """Whether a file travels with its folder, as modules that are installed don't, nor what lies outside of it."""
    return path.is_relative_to(folder) and ".." not in path.parts


def told(error: BaseException, path: Path | None = None) -> str:
    """An error in one line, with the lines of the user's file that led to it, outermost first."""
    says = f"{type(error).__name__}: {cut(first_line(error), 200)}"
    if isinstance(error, SyntaxError) and path is not None and error.filename == str(path):
        return f"{type(error).__name__}: {error.msg} (line {error.lineno}: {brief((error.text or '').strip())})"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if path and frame.filename == str(path)]
    lines = [f"line {frame.lineno}: {brief((frame.line or '').strip(), 80)}" for frame in frames]
    return says + (f" ({', then '.join(lines[-4:])})" if lines else "")
