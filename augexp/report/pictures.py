"""Pictures within a page: data URIs, so that the page is one file."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH = 112  # pixels of an image of a data set, at least half of it


def data_uri(picture: Image.Image) -> str:
    """An RGB picture as a JPEG within an address."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def of_pixels(pixels: NDArray[np.uint8]) -> str:
    """Pixels (S, S, 3) near to `WIDTH`: those of a small image are whole squares, a large one is reduced."""
    picture, side = Image.fromarray(pixels), pixels.shape[0]
    if side > WIDTH:
        picture = picture.resize((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    elif times := WIDTH // side:
        picture = picture.resize((side * times, side * times), Image.Resampling.NEAREST)
    return data_uri(picture)


def strip(images: NDArray[np.uint8]) -> list[str]:
    """Images (n, S, S, 3), each for itself, so that a narrow page can break the line."""
    return [of_pixels(image) for image in images]
