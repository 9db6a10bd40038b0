"""The classes that ops are for, against those of the data."""

import unicodedata
from collections.abc import Sequence

from augexp.config.ops.choice import OneOf
from augexp.config.ops.spec import Spec
from augexp.errors import UserError, brief, did_you_mean


def check_classes(specs: Sequence[Spec], class_names: Sequence[str]) -> None:
    """Refuses an `only` that names a class which the data has not.

    Raises:
        UserError: naming the op, the class, and what it may have meant.
    """
    known = set(map(_composed, class_names))
    for spec in specs:
        for name in spec.only or ():
            if _composed(name) not in known:
                hint = did_you_mean(name, list(class_names)) or f"; there are {_few(class_names)}"
                raise UserError(f"strategy: {spec.name}: only: the data has no class {brief(name)}{hint}")
        if isinstance(spec, OneOf):
            check_classes(spec.ops, class_names)


def listed(spec: Spec, class_names: Sequence[str]) -> list[bool]:
    """Of each class, whether it is among the `only` of an op."""
    names = set(map(_composed, spec.only or ()))
    return [_composed(name) in names for name in class_names]


def _composed(name: str) -> str:
    """A name in the one of its Unicode forms that is typed; folders of macOS have another."""
    return unicodedata.normalize("NFC", name)


def _few(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
