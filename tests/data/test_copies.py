"""Which images are equal, where, under which labels, and what is said of them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp.config.schema import Data
from augexp.data import copies
from augexp.data.cache import Decoded, DecodedSplit
from augexp.data.copies import Copies, Member
from augexp.data.splits import Part, Splits, split
from augexp.errors import UserError

NAMES = ("cat", "dog")
FILLING = 4  # images of each class that are like no other


def of(pixels: list[int], labels: list[int], prefix: str, *, stored: bool = True) -> DecodedSplit:
    """One flat image for each number; equal numbers are equal images."""
    images = np.zeros((len(pixels), 8, 8, 3), np.uint8)
    images[:, 0, 0, 0] = [pixel % 256 for pixel in pixels]
    images[:, 0, 0, 1] = [pixel // 256 for pixel in pixels]
    ids = [f"{prefix}/{i:03d}" for i in range(len(pixels))]
    digests = [copies.digest(image) for image in images] if stored else None
    return DecodedSplit(images, np.array(labels, np.int32), ids, digests)


def with_filling(pixels: list[int], labels: list[int], prefix: str, first: int, **options: bool) -> DecodedSplit:
    more = list(range(first, first + 2 * FILLING))
    return of(pixels + more, labels + [0, 1] * FILLING, prefix, **options)


def decoded(*, stored: bool = True, **splits: tuple[list[int], list[int]]) -> Decoded:
    made: Any = {
        name: with_filling(*content, name, 1000 * place, stored=stored)
        for place, (name, content) in enumerate(splits.items(), start=1)
    }
    return Decoded(NAMES, "fingerprint", made, ())


def data(**settings: object) -> Data:
    return Data.model_validate({"source": "folder:x", **settings})


def pixels_of(part: Part) -> list[bytes]:
    return [part.images[row].tobytes() for row in part.rows]


numbers = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1)), max_size=12)


def _drawn(draw: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [pixel for pixel, _ in draw], [label for _, label in draw]


@given(numbers, numbers, numbers, st.booleans())
def test_dropping_leaves_no_pixel_of_test_in_val_or_train_and_nothing_else_out(
    train: list[tuple[int, int]], val: list[tuple[int, int]], test: list[tuple[int, int]], stored: bool
) -> None:
    whole = decoded(train=_drawn(train), val=_drawn(val), test=_drawn(test), stored=stored)
    kept, left = split(whole, data(duplicates="keep")), split(whole, data())
    seen = [set(pixels_of(part)) for part in (left.train, left.val, left.test)]
    assert not seen[2] & (seen[0] | seen[1])
    assert not seen[1] & seen[0]
    assert left.test.ids == kept.test.ids
    in_test, in_val = set(pixels_of(kept.test)), set(pixels_of(kept.val))
    assert left.val.ids == [
        id_ for id_, pixel in zip(kept.val.ids, pixels_of(kept.val), strict=True) if pixel not in in_test
    ]
    assert left.train.ids == [
        id_ for id_, pixel in zip(kept.train.ids, pixels_of(kept.train), strict=True) if pixel not in in_test | in_val
    ]
    dropped = len(kept.train) + len(kept.val) - len(left.train) - len(left.val)
    assert (left.fingerprint == kept.fingerprint) == (dropped == 0)
    assert dropped == len(left.copies.dropped) == len(kept.copies.across)
    assert left.train.labels.tolist() == [whole.splits["train"].labels[row] for row in left.train.rows]
    if dropped:
        with pytest.raises(UserError, match="is refuse, and"):
            split(whole, data(duplicates="refuse"))
    else:
        assert split(whole, data(duplicates="refuse")).fingerprint == kept.fingerprint


@given(st.lists(st.integers(0, 30), min_size=12, max_size=60))
def test_copies_in_one_pool_end_in_one_split(pixels: list[int]) -> None:
    more = [*pixels, *range(1000, 1080)]
    whole = decoded(all=(more, [i % 2 for i in range(len(more))]))
    kept, left = split(whole, data(duplicates="keep")), split(whole, data())
    seen = [set(pixels_of(part)) for part in (left.train, left.val, left.test)]
    assert not seen[2] & (seen[0] | seen[1])
    assert not seen[1] & seen[0]
    assert left.test.ids == kept.test.ids
    assert set().union(*seen) == {image.tobytes() for image in whole.splits["all"].images}


def leaking() -> Splits:
    """Two of train in test, one of val in test, one of train in val, two labels for one image within train."""
    whole = decoded(train=([1, 2, 4, 5, 5], [0, 1, 0, 0, 1]), val=([3, 4], [0, 0]), test=([1, 2, 3, 3], [0, 0, 0, 0]))
    return split(whole, data())


def test_what_is_said() -> None:
    splits = leaking()
    assert copies.in_words(splits.copies, NAMES) == (
        "4 images stand in two splits, 2 of train and 1 of val in test, 1 of train in val, 1 of them under another "
        "label there (train/000 is test/000): left out (data.duplicates: drop); 2 images stand in one split under "
        "different labels (train/003 is cat, train/004 dog)"
    )
    kept = Copies("keep", splits.copies.groups)
    assert "kept, so that accuracy may be what was learnt by heart (data.duplicates: keep)" in copies.in_words(
        kept, NAMES
    )
    assert copies.in_words(Copies(), NAMES) == ""


def test_what_is_recorded() -> None:
    assert copies.record(leaking().copies) == {
        "across": 4,
        "dropped": {"train": 3, "val": 1},
        "pairs": [
            ["train/000", "test/000"],
            ["train/001", "test/001"],
            ["val/000", "test/002"],
            ["train/002", "val/001"],
        ],
        "conflicting": 1,
        "conflicts": [["train/003", "train/004"]],
    }
    many = Copies("drop", tuple((Member("test", i, 0, f"a{i}"), Member("train", i, 0, f"b{i}")) for i in range(500)))
    told = copies.record(many)
    assert (told["across"], len(told["pairs"])) == (500, copies.RECORDED)


def test_one_setting_refuses() -> None:
    whole = decoded(train=([1], [0]), test=([1], [1]))
    with pytest.raises(UserError) as caught:
        split(whole, data(duplicates="refuse"))
    assert str(caught.value) == (
        "folder:x: data.duplicates is refuse, and 1 image stands in two splits, 1 of train in test, 1 of them under "
        "another label there (train/000 is test/000); data.duplicates=drop leaves them out of what is trained and "
        "chosen on, data.duplicates=keep trains on them; `augexp data` names them all"
    )


def test_a_class_that_would_lose_all_its_images_is_refused() -> None:
    splits: Any = {
        "train": of([1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 0, 0, 1, 1], "train"),
        "test": of([6, 7], [1, 1], "test"),
    }
    whole = Decoded(NAMES, "fingerprint", splits, ())
    with pytest.raises(UserError, match="every train image of dog stands in what is held out, too, and"):
        split(whole, data())
    splits = {"train": of([1, 2, 3], [0, 1, 1], "train"), "val": of([4], [0], "val"), "test": of([4], [0], "test")}
    with pytest.raises(UserError, match="every image of val stands in what is held out, too"):
        split(Decoded(NAMES, "fingerprint", splits, ()), data())
    assert split(Decoded(NAMES, "fingerprint", splits, ()), data(duplicates="keep")).val.ids == ["val/000"]


def test_validation_on_test_is_no_leak() -> None:
    whole = decoded(train=([1], [0]), test=([2], [1]))
    splits = split(whole, data(validation="test"))
    assert splits.val is splits.test
    assert splits.copies.groups == ()
    leaking = split(decoded(train=([2], [0]), test=([2], [1])), data(validation="test"))
    assert leaking.val is leaking.test
    assert len(leaking.train) == 2 * FILLING


def test_fewer_of_each_class_are_taken_of_what_is_left() -> None:
    whole = decoded(train=([1, 2], [0, 0]), test=([1, 2], [0, 0]))
    left = split(whole, data(train_per_class=3, validation="test"))
    assert np.bincount(left.train.labels).tolist() == [3, 3]
    assert left.fingerprint == split(whole, data(train_per_class=2, validation="test")).fingerprint
