"""All that stands in a folder, byte for byte, to show what a command has left alone."""

import os
import stat
from pathlib import Path


def everything(folder: Path) -> dict[str, bytes | str]:
    """Every path in a folder and what is there: the bytes of a file, where a link leads, or the kind of thing."""
    found: dict[str, bytes | str] = {}
    for place, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            path = Path(place, name)
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                found[str(path.relative_to(folder))] = f"link to {path.readlink()}"
            else:
                found[str(path.relative_to(folder))] = (
                    path.read_bytes() if stat.S_ISREG(mode) else str(stat.S_IFMT(mode))
                )
    return found
