"""A folder of the embedded digits with a long tail in train, and every test image: a real set of unlike classes."""

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

RATIO = 0.55  # of a class's train images to those of the class before
FIRST, FEWEST, TEST = 110, 3, 60


def draw(folder: Path, classes: int = 10) -> Path:
    """Writes `train/` with 110 images of the digit 0 and 0.55 times as many of each next, `test/` with 60 of each."""
    found = load_digits()
    for digit in range(classes):
        images = found.images[found.target == digit]
        train = max(FEWEST, round(FIRST * RATIO**digit))
        for split, some in (("test", images[:TEST]), ("train", images[TEST : TEST + train])):
            (folder / split / str(digit)).mkdir(parents=True)
            for index, image in enumerate(some):
                pixels = np.clip(image * 16, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / split / str(digit) / f"{index:03}.png")
    return folder
