"""Networks of the user's: `my_net:tiny`, a function of a `.py` beside the configuration or of an installed module.

Such a network is known by the digest of its file, as own ops are, and loaded alike: where nothing is to be built, no
file is looked at.
"""

from pathlib import Path
from typing import Any, NamedTuple

from augexp.config import hub
from augexp.config.ops import ownfile
from augexp.errors import UserError

SEP = ":"
WAYS = "module:function"


class Source(NamedTuple):
    """The function that builds a network, and its file."""

    call: Any
    path: Path


_READ: dict[tuple[str, str], Source] = {}  # by the names of backbones and digests


def is_own(backbone: str) -> bool:
    """Whether a backbone is of the user's."""
    return SEP in backbone and not hub.is_hub(backbone)


def read(backbone: str) -> str | None:
    """The digest of the file of an own network, which is run, or of a preset's folder.

    None of all others, and where `ownfile.looking_in` says no folder.

    Raises:
        UserError: if there is no such file, function or folder, or the file doesn't run.
    """
    place = ownfile.place()
    if place is None or SEP not in backbone:
        return None
    if hub.is_hub(backbone):
        return hub.digest(backbone)
    module, _, name = backbone.partition(SEP)
    function, loaded, _ = ownfile.named(module, name, place.folder, WAYS)
    _READ[backbone, loaded.digest] = Source(function, loaded.path)
    return loaded.digest


def source(backbone: str, digest: str | None) -> Source:
    """What builds a network.

    Raises:
        UserError: if its file wasn't read.
    """
    if digest is None or (backbone, digest) not in _READ:
        raise UserError(f"model.backbone {backbone}: its file was not read; it can be built with a configuration only")
    return _READ[backbone, digest]


def files_of(backbone: str, digest: str | None, folder: Path) -> dict[str, bytes]:
    """The file of an own network by its path within its folder, as `own.files_of` has those of ops; else nothing."""
    path = source(backbone, digest).path if is_own(backbone) else None
    if path is None or not ownfile.is_within(path, folder):
        return {}
    return {str(path.relative_to(folder)): ownfile.read(path)}
