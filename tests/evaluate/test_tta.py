"""Views of an image at test time, and what `--tta` refuses."""

import numpy as np
import pytest
import tensorflow as tf

from augexp.errors import UserError
from augexp.evaluate.tta import read_tta, views


def shown(text: str, decoded: np.ndarray, size: int, draws: int = 3) -> list[np.ndarray]:
    numbers = tf.range(len(decoded), dtype=tf.int64)
    return [view(tf.constant(decoded), numbers).numpy() for view in views(read_tta(text, draws), size)]


@pytest.fixture
def decoded() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)


def test_flip_is_the_image_and_its_mirror_image(decoded: np.ndarray) -> None:
    plain, mirrored = shown("flip", decoded, 32)
    np.testing.assert_array_equal(plain, decoded)
    np.testing.assert_array_equal(mirrored, decoded[:, :, ::-1])


def test_crops_are_real_windows_where_the_decoded_image_is_larger(decoded: np.ndarray) -> None:
    centre, *corners = shown("crops", decoded, 24)
    np.testing.assert_array_equal(centre, decoded[:, 4:28, 4:28])
    expected = [decoded[:, y : y + 24, x : x + 24] for y in (0, 8) for x in (0, 8)]
    for ours, theirs in zip(corners, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_crops_are_resized_windows_where_it_is_not(decoded: np.ndarray) -> None:
    views = shown("crops", decoded, 32)
    assert {view.shape for view in views} == {decoded.shape}
    np.testing.assert_allclose(views[1], tf.image.resize(decoded[:, :28, :28], (32, 32)), atol=1e-3)


@pytest.mark.slow
def test_ops_are_drawn_anew_and_come_again(decoded: np.ndarray) -> None:
    first = shown("[rotate, {name: brightness, max_delta: 0.3}]", decoded, 32)
    assert len(first) == 3
    assert np.abs(first[0] - first[1]).mean() > 1
    for ours, again in zip(first, shown("[rotate, {name: brightness, max_delta: 0.3}]", decoded, 32), strict=True):
        np.testing.assert_array_equal(ours, again)


def test_labels_tell_views_apart_and_no_spelling() -> None:
    assert read_tta(" flip ", 8).label == "flip"
    assert (
        read_tta("[rotate,brightness]", 8).label
        == read_tta("[ rotate, brightness ]", 8).label
        == "[rotate, brightness] x8"
    )
    assert read_tta("rotate", 2).label != read_tta("rotate", 8).label


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rotat", r"--tta rotat: flip, crops or ops are needed; .*not 'rotat'; did you mean rotate\?"),
        ("[rotate, nope]", r"--tta \[rotate, nope\]: .*unknown op 'nope'"),
        ("{name: rotate, degrees: 500}", "--tta"),
        ("[{name: rotate, degrees: 500}]", "less than or equal to 180 is needed, not 500"),
        ("none", "there is no op in it"),
        ("basic+cutmix", "cutmix mixes images, whose labels then differ"),
        ("one_of", "cutmix mixes images"),
    ],
)
def test_what_is_no_view_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_tta(text, 8)
