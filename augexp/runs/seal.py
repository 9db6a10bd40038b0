"""The seal of a finished run: what `result.json` says of the files that numbers are taken from, and of itself.

    {..., "digests": {"history.csv": "<sha256>", ...}, "settings": "<sha256>", "seal": "<sha256>"}

`settings` is of what `config.yaml` says, but for places, which differ when folders are moved; `seal` is of everything
else in the object, whatever its layout. `log.txt` has no digest, as it grows after the result. Runs of earlier versions
have digests of weights and predictions only, or none.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from augexp import files
from augexp.runs import contents
from augexp.runs.contents import Changed
from augexp.runs.records import BrokenRun

RESULT = "result.json"
TEXTS = ("environment.json", "history.csv")
# Part of every seal: another list would break those of finished runs.
PLACES = ("runs_dir", "ops_dir", "data.data_dir", "data.cache_dir")
LOCAL = ("folder:", "csv:")  # sources whose path is a place: `environment.json` has a fingerprint of what was there


@dataclass(frozen=True)
class Seal:
    """What a finished run says of its other files; nothing in an unfinished one, or one of an earlier version."""

    digests: Mapping[str, str] = field(default_factory=dict)  # SHA-256 by file
    settings: str | None = None


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object with its seal; an earlier one is replaced."""
    plain = {key: value for key, value in content.items() if key != "seal"}
    return plain | {"seal": _digest(plain)}


def close(folder: Path, result: Mapping[str, Any]) -> dict[str, Any]:
    """What a run has reached, with the digests of all that it leaves in its folder, and sealed.

    Raises:
        BrokenRun: if one of these files can't be read.
    """
    paths = [*(folder / name for name in TEXTS), *sorted(folder.glob("*.h5")), *sorted(folder.glob("pred*.npz"))]
    settings = _digest(_without_places(contents.settings(folder / "config.yaml")))
    return sealed({**result, "digests": {path.name: contents.digest(path) for path in paths}, "settings": settings})


def read(path: Path) -> dict[str, Any]:
    """The JSON object in a file that carries a seal, or is of an earlier version.

    Raises:
        BrokenRun: as `contents.json_object` does.
        Changed: if the seal is of another content, or is lost.
    """
    found = contents.json_object(path)
    try:
        seal = sealed(found)["seal"]
    except RecursionError:
        raise BrokenRun(f"{path.name} is not valid JSON") from None
    if _was_sealed(found) and found.get("seal") != seal:
        raise Changed(f"{path.name} is not what was written (its seal is of another content)")
    return found


def _was_sealed(content: Mapping[str, Any]) -> bool:
    """By whatever earlier versions didn't write, so that a seal is missed where its own name was changed."""
    later = [name for name in digests(content) if not name.endswith(".h5") and not name.startswith("predictions-")]
    return bool(later) or not content.keys().isdisjoint(("seal", "settings"))


def of(folder: Path) -> Seal:
    """What the result of a run says of its other files.

    Raises:
        Changed: if that can't be believed.
    """
    try:
        found = read(folder / RESULT)
    except Changed:
        raise
    except BrokenRun:  # unfinished, or damaged, as whoever needs the result will find
        return Seal()
    settings = found.get("settings")
    return Seal(digests(found), settings if isinstance(settings, str) else None)


def refuse_other_settings(content: Mapping[str, Any], seal: Seal) -> None:
    """Raises Changed if `config.yaml` says something else than when the run was finished; places may have changed."""
    if seal.settings not in (None, _digest(_without_places(content))):
        raise Changed("config.yaml is not what the run left (only the places of folders may be changed)")


def digests(content: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 by file, as far as a JSON object has them."""
    found = content.get("digests")
    return {name: str(digest) for name, digest in found.items()} if isinstance(found, dict) else {}


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(files.strict(content), sort_keys=True).encode()).hexdigest()


def _without_places(content: Mapping[str, Any]) -> dict[str, Any]:
    data = content.get("data")
    sections = {"": content} | ({"data.": data} if isinstance(data, Mapping) else {})
    kept = {
        f"{prefix}{key}": value
        for prefix, section in sections.items()
        for key, value in section.items()
        if f"{prefix}{key}" not in PLACES and (prefix or key != "data" or not isinstance(value, Mapping))
    }
    source = kept.get("data.source")
    local = [kind for kind in LOCAL if isinstance(source, str) and source.startswith(kind)]
    return kept | ({"data.source": local[0]} if local else {})
