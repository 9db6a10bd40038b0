"""augexp: which augmentation should I use on my images, and is the difference real?

In a notebook or a program of one's own:

    run = augexp.train("cutmix.yaml", "seed=1")      as `augexp train` does
    augexp.compare(Path("runs").glob("*-seed*"))     as `augexp compare` does
    augexp.load_run("runs/cutmix-seed1")             a finished run
    augexp.augment.build("basic+cutmix")             a strategy for one's own tf.data and model
"""

from importlib import import_module
from types import ModuleType
from typing import Any

__version__ = "0.1.0"


class _Door(ModuleType):
    """A package that is called like the function of its name in `augexp.notebook`."""

    def __call__(self, *args: Any, **settings: Any) -> Any:
        return getattr(import_module("augexp.notebook"), self.__name__.removeprefix("augexp."))(*args, **settings)


# Both packages hold no more than a line until their modules are imported.
for _package in ("augexp.train", "augexp.compare"):
    import_module(_package).__class__ = _Door


def __getattr__(name: str) -> Any:
    if name == "load_run":
        return import_module("augexp.notebook").load_run
    if name == "augment":
        return import_module("augexp.augment")
    raise AttributeError(f"module 'augexp' has no attribute {name!r}")
