"""Marked images and labels tell what was done to them."""

from typing import Any

import numpy as np
import pytest

from augexp.conformance import markers


def test_marked_images_tell_partner_box_and_share() -> None:
    images = markers.marked(3, 300, 20)
    mixed = images.copy()
    mixed[0, 270:290, 5:9] = images[2, 270:290, 5:9]
    read = markers.read_pasted(mixed)
    np.testing.assert_array_equal(read.partner, [2, 1, 2])
    np.testing.assert_array_equal(read.box, [[270, 5, 290, 9], [0, 0, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(read.share, [80 / 6000, 0, 0])
    assert (read.foreign, read.ragged) == (0, 0)


@pytest.mark.parametrize(
    ("spoil", "foreign", "ragged"),
    [
        (lambda mixed, images: mixed.__setitem__((0, 3, 4), images[1, 4, 4]), 1, 0),  # from another row
        (lambda mixed, images: mixed.__setitem__((0, 3, 4), images[1, 3, 5]), 1, 0),  # from another column
        (lambda mixed, images: mixed.__setitem__((0, slice(2, 5, 2), 4), images[1, 2:5:2, 4]), 0, 1),  # a gap
        (lambda mixed, images: mixed.__setitem__((0, 3, slice(4, 6)), [images[1, 3, 4], images[2, 3, 5]]), 1, 0),
        (lambda mixed, _images: mixed.__setitem__((0, 3, 4), 77), 1, 0),
    ],
)
def test_pixels_of_no_source_and_gaps_are_counted(spoil: Any, foreign: int, ragged: int) -> None:
    images = markers.marked(3, 8, 12)
    mixed = images.copy()
    spoil(mixed, images)
    read = markers.read_pasted(mixed)
    assert (read.foreign, read.ragged) == (foreign, ragged)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_one_colour_an_image_tells_the_share_of_a_paste_and_of_a_blend(dtype: Any) -> None:
    images, labels = markers.coloured(4, 5, 8, dtype), np.eye(4, dtype=np.float32)
    pasted, blended = images.copy(), 0.75 * images.astype(np.float32) + 0.25 * images[::-1]
    pasted[:, :, :2] = images[::-1, :, :2]
    soft = 0.75 * labels + 0.25 * labels[::-1]
    for mixed in (pasted, blended):
        assert markers.share_error(images, mixed, soft) < 1e-7
        assert markers.share_error(images, mixed, labels) > 0.05
        assert markers.share_error(images, mixed, 0.75 * labels + 0.25 * labels[[2, 3, 1, 0]]) > 0.01
    assert np.isnan(markers.share_error(images, pasted, np.full((4, 4), np.nan)))
