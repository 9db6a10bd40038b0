"""Pictures within a page."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from augexp.report import pictures


@pytest.mark.parametrize(("side", "shown"), [(8, 112), (48, 96), (112, 112), (500, 112), (2, 112)])
def test_images_of_any_size_come_out_alike(side: int, shown: int) -> None:
    address = pictures.of_pixels(np.full((side, side, 3), (200, 30, 90), np.uint8))
    head, _, body = address.partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(body))) as picture:
        assert picture.size == (shown, shown)
        np.testing.assert_allclose(np.asarray(picture).mean(axis=(0, 1)), (200, 30, 90), atol=4)
