"""Small image folders, and what a source gives of them."""

from pathlib import Path

from PIL import Image

from augexp.config.schema import Data
from augexp.data import sources
from augexp.data.examples import Examples, Source


def draw(path: Path, color: tuple[int, int, int] = (200, 100, 50)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 10), color).save(path)


def open_folder(root: Path) -> Source:
    return sources.open_source(Data(source=f"folder:{root}"))


def encoded(examples: Examples) -> list[tuple[int, bytes]]:
    if not callable(examples.encoded):
        return [(index, path.read_bytes()) for index, path in enumerate(examples.encoded)]
    return [(int(index), content) for index, content in examples.encoded().as_numpy_iterator()]
