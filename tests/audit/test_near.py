"""Near-copies: found through what people do to pictures, and not where sets are alike by what they are."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from augexp.audit import near
from augexp.audit.near import Pair
from tests.tools.near_copies import CHANGES, compressed, decoded

SIDE = 96
Pixels = NDArray[np.uint8]


@cache
def scene(seed: int, side: int = 3 * SIDE) -> Image.Image:
    """Soft blobs and a few shapes: detail at every scale, as a photo has."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((side, side, 3))
    for cells in (4, 8, 16, 32, 64):
        layer = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), np.uint8))
        picture += np.asarray(layer.resize((side, side), Image.Resampling.BICUBIC), np.float64) / cells**0.6
    return Image.fromarray((255 * (picture - picture.min()) / np.ptp(picture)).astype(np.uint8))


@cache
def scenes(count: int) -> Pixels:
    """So many of them, as the cache holds them."""
    return decoded([scene(seed) for seed in range(count)], SIDE)


def found(images: Pixels) -> list[Pair]:
    return near.find(near.thumbnails(images, np.arange(len(images)))).pairs


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_done_to_pictures(change: str) -> None:
    copies = decoded([CHANGES[change](scene(seed)) for seed in range(15)], SIDE)
    pairs = {pair[:2]: pair for pair in found(np.concatenate([scenes(40), copies]))}
    wanted = {(n, 40 + n) for n in range(15)}
    assert pairs.keys() <= wanted  # no other pair is found
    assert len(pairs) >= 12
    assert {pair.mirrored for pair in pairs.values()} == {change.startswith("mirrored")}
    assert all(near.ALIKE <= pair.likeness <= 1 + 1e-6 for pair in pairs.values())


@pytest.mark.slow
def test_different_pictures_are_no_copies() -> None:
    assert found(scenes(60)) == []


@pytest.mark.slow
def test_digits_are_not_copies_by_being_alike() -> None:
    images = np.repeat(np.rint(load_digits().images * (255 / 16)).astype(np.uint8)[..., None], 3, axis=-1)
    assert len(found(images[:1000])) <= 3


def test_flat_images_are_known_by_their_spread() -> None:
    images = np.full((3, SIDE, SIDE, 3), 30, np.uint8)
    images[1, :40] = 90
    images[2, 0, 0] = 255
    assert near.is_flat(near.thumbnails(images, np.arange(3))).tolist() == [True, False, True]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
def test_few_images(count: int) -> None:
    thumbs = near.thumbnails(decoded([scene(seed) for seed in range(5)], SIDE), np.arange(count))
    assert near.find(thumbs) == ([], 0)


@pytest.mark.parametrize("side", [8, 20, 32, 33, 50])
def test_thumbnails_keep_the_mean_of_any_size(side: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, side, side, 3), np.uint8)
    thumbs = near.thumbnails(images, np.array([3, 1]))
    np.testing.assert_allclose(thumbs.mean(axis=(1, 2)), (images[[3, 1]] @ near.LUMINANCE).mean(axis=(1, 2)), rtol=1e-4)


@pytest.mark.slow
def test_it_is_the_same_in_any_order() -> None:
    copies = decoded([compressed(scene(seed), 30) for seed in range(6)], SIDE)
    images = np.concatenate([scenes(30), copies])
    order = np.random.default_rng(1).permutation(len(images))
    again = {tuple(sorted(order[list(pair[:2])].tolist())) for pair in found(images[order])}
    assert again == {pair[:2] for pair in found(images)}


def shifted(image: Image.Image, share: float) -> Image.Image:
    """A window of it, this share of the way from left to right."""
    window = round(0.7 * image.width)
    left = round(share * (image.width - window))
    return image.crop((left, 0, left + window, image.height))


def test_pictures_that_were_multiplied_are_copies() -> None:
    """Nobody's k-th neighbour is another picture."""
    copies = [compressed(scene(seed, SIDE), 20 + 9 * number) for seed in range(4) for number in range(8)]
    pairs = found(decoded([*copies, *(scene(seed, SIDE) for seed in range(4, 24))], SIDE))
    assert {n for pair in pairs for n in pair[:2]} == set(range(32))
    assert all(pair.first // 8 == pair.second // 8 for pair in pairs)


def test_frames_of_a_film_are_alike_and_no_pairs() -> None:
    frames = [shifted(scene(seed, 2 * SIDE), place / 19) for seed in range(3) for place in range(20)]
    told = near.find(near.thumbnails(decoded(frames, SIDE), np.arange(60)))
    assert len(told.pairs) < 6
    assert told.among_alike > 45
