"""How many near-copies are found, and how many pairs that are none: `python -m tests.tools.near_copies FOLDER SIZE`.

Of the images in a folder, 3,000 at most, 200 are changed as people change pictures, one way at a time, and looked for
among the others.
"""

import io
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from augexp.audit import near
from augexp.config.schema import Data
from augexp.data import decode
from augexp.data.examples import listed
from augexp.data.folder import files_of

IMAGES, CHANGED = 3_000, 200


def compressed(image: Image.Image, quality: int) -> Image.Image:
    """As a JPEG of this quality."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def without_margin(image: Image.Image, share: float) -> Image.Image:
    """Without this share on each of the four sides."""
    margin = round(share * image.width), round(share * image.height)
    return image.crop((*margin, image.width - margin[0], image.height - margin[1]))


def smaller(image: Image.Image) -> Image.Image:
    """Half as large."""
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)


def mirrored(image: Image.Image) -> Image.Image:
    """Left is right."""
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


CHANGES: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "compressed (JPEG, quality 20)": lambda image: compressed(image, 20),
    "half as large": smaller,
    "brighter (1.3 times)": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "darker (0.5 times)": lambda image: ImageEnhance.Brightness(image).enhance(0.5),
    "less contrast (0.6 times)": lambda image: ImageEnhance.Contrast(image).enhance(0.6),
    "without colour": lambda image: image.convert("L").convert("RGB"),
    "a margin of 3 % cut off": lambda image: without_margin(image, 0.03),
    "a margin of 5 % cut off": lambda image: without_margin(image, 0.05),
    "a margin of 10 % cut off": lambda image: without_margin(image, 0.1),
    "a tenth cut off on the right": lambda image: image.crop((0, 0, round(0.9 * image.width), image.height)),
    "mirrored": mirrored,
    "mirrored, a margin of 5 % cut off": lambda image: mirrored(without_margin(image, 0.05)),
}


def decoded(images: Sequence[Image.Image], size: int) -> NDArray[np.uint8]:
    """As the cache holds them (n, size, size, 3)."""
    import tensorflow as tf

    contents = []
    for image in images:
        file = io.BytesIO()
        image.save(file, "PNG")
        contents.append(file.getvalue())
    files = tf.data.Dataset.from_tensor_slices(contents).enumerate()
    ids = [str(number) for number in range(len(images))]
    examples = listed(ids, np.zeros(len(images), np.int32), lambda: files)
    return np.concatenate([chunk.images for chunk in decode.decode(examples, Data(image_size=size), None)])


def measure(images: Sequence[Image.Image], size: int, changed: int) -> dict[str, tuple[float, int]]:
    """By change: the share of the changed that is found, and the number of other pairs than without them."""
    thumbs = near.thumbnails(decoded(images, size), np.arange(len(images)))
    before = {pair[:2] for pair in near.find(thumbs).pairs}
    found = {"unchanged": (1.0, len(before))}
    for name, change in CHANGES.items():
        copies = decoded([change(image) for image in images[:changed]], size)
        more = near.thumbnails(copies, np.arange(changed))
        pairs = {pair[:2] for pair in near.find(np.concatenate([thumbs, more])).pairs}
        wanted = {(number, len(images) + number) for number in range(changed)}
        found[name] = len(pairs & wanted) / changed, len(pairs - wanted - before)
    return found


def main() -> None:
    """Prints a line a change."""
    files = files_of([Path(sys.argv[1])])
    order = np.random.default_rng(0).permutation(len(files))[:IMAGES]
    images = [Image.open(files[number]).convert("RGB") for number in order]
    for name, (share, others) in measure(images, int(sys.argv[2]), min(CHANGED, len(images))).items():
        print(f"{name:34} {100 * share:5.1f} % found, {others} other pairs", flush=True)


if __name__ == "__main__":
    main()
