"""Small folders of drawn pictures, with what is wrong with real ones."""

import os
import shutil
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

CLASSES = ("circle", "square")


def draw(path: Path, kind: str, seed: int, side: int = 24) -> Path:
    """A light shape on dark noise."""
    rng = np.random.default_rng([CLASSES.index(kind) if kind in CLASSES else 9, seed])
    picture = Image.fromarray(rng.integers(0, 120, (side, side, 3)).astype(np.uint8))
    shape = ImageDraw.Draw(picture)
    box = [side // 4, side // 4, 3 * side // 4, 3 * side // 4]
    (shape.ellipse if kind == "circle" else shape.rectangle)(box, fill=(230, 200, 180))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    return path


def shapes(root: Path, train: int = 16, test: int = 12) -> Path:
    """`root/{train,test}/{circle,square}/N.png`, no two alike."""
    for split, first, count in (("train", 0, train), ("test", 1000, test)):
        for kind in CLASSES:
            for number in range(count):
                draw(root / split / kind / f"{number}.png", kind, first + number)
    return root


def leaking(root: Path) -> Path:
    """Shapes, three of train standing in test, too, and one under both labels."""
    shapes(root)
    for number in range(3):
        shutil.copy(root / f"train/circle/{number}.png", root / f"test/circle/copy{number}.png")
    shutil.copy(root / "train/circle/9.png", root / "train/square/also.png")
    return root


def hostile(root: Path) -> Path:
    """Shapes in a class whose name is markup, with a file whose name is no UTF-8."""
    for split, first in (("train", 0), ("test", 1000)):
        for number in range(12):
            draw(root / split / "<img src=x onerror=alert(1)>" / f"{number}.png", "circle", first + number)
            draw(root / split / "[red]b" / f"{number}.png", "square", first + number)
    (root / "train/[red]b/0.png").rename(root / "train/[red]b" / os.fsdecode(b"M\xfcller <b>.png"))
    return root
