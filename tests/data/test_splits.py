"""Who belongs to train, validation and test."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp.config import load
from augexp.config.schema import Data
from augexp.data.cache import Decoded, DecodedSplit
from augexp.data.splits import Part, Splits, _at_eval_size, load_splits, split
from augexp.errors import UserError

Sizes = list[int]
Name = Literal["train", "val", "test", "all"]


def decoded_split(sizes: Sizes, prefix: str = "") -> DecodedSplit:
    """`sizes[k]` examples of class k, ids `<prefix><class>/<number>`; pixels hold the row number."""
    labels = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    ids = [f"{prefix}{k}/{i}" for k, size in enumerate(sizes) for i in range(size)]
    images = np.broadcast_to(np.arange(len(ids)).astype(np.uint8)[:, None, None, None], (len(ids), 8, 8, 3))
    return DecodedSplit(images, labels, ids, ids)


def decoded(classes: int = 0, **sizes: Sizes) -> Decoded:
    names: Any = sizes
    splits: dict[Name, DecodedSplit] = {name: decoded_split(sizes[name], f"{name}-") for name in names}
    count = classes or max(len(of_class) for of_class in sizes.values())
    return Decoded(tuple(f"class{k}" for k in range(count)), "fingerprint", splits, ())


def counts(part: Part, classes: int) -> Sizes:
    return [int(n) for n in np.bincount(part.labels, minlength=classes)]


def in_class(part: Part, label: int) -> list[str]:
    return [id_ for id_, own in zip(part.ids, part.labels, strict=True) if own == label]


def data(**settings: object) -> Data:
    return Data.model_validate({"source": "digits", **settings})


sizes_of_classes = st.lists(st.integers(2, 60), min_size=2, max_size=5)
shares = st.floats(0.01, 0.99)


def assert_consistent(result: Splits, whole: Decoded) -> None:
    for part in (result.train, result.val, result.test):
        source = next(split for split in whole.splits.values() if split.images is part.images)
        assert part.rows.dtype == np.int64
        assert part.labels.dtype == np.int32
        assert (np.diff(part.rows) > 0).all()
        assert part.labels.tolist() == source.labels[part.rows].tolist()
        assert part.ids == [source.ids[row] for row in part.rows]
        assert len(part) == len(part.rows)


@given(sizes_of_classes, shares)
def test_each_example_is_in_one_place(sizes: Sizes, share: float) -> None:
    whole = decoded(all=[size + 2 for size in sizes])
    result = split(whole, data(validation=share))
    everyone = result.train.ids + result.val.ids + result.test.ids
    assert sorted(everyone) == sorted(whole.splits["all"].ids)
    assert_consistent(result, whole)


@given(sizes_of_classes, shares)
def test_the_share_is_taken_from_every_class(sizes: Sizes, share: float) -> None:
    whole = decoded(train=sizes, test=[1] * len(sizes))
    result = split(whole, data(validation=share))
    taken = counts(result.val, len(sizes))
    assert taken == [min(max(round(share * size), 1), size - 1) for size in sizes]
    assert [a + b for a, b in zip(counts(result.train, len(sizes)), taken, strict=True)] == sizes
    assert result.test.ids == whole.splits["test"].ids


@given(sizes_of_classes, shares, st.integers(1, 20))
def test_more_examples_of_one_class_leave_the_others_alone(sizes: Sizes, share: float, more: int) -> None:
    grown = [sizes[0] + more, *sizes[1:]]
    before, after = (split(decoded(all=[n + 2 for n in s]), data(validation=share)) for s in (sizes, grown))
    for label in range(1, len(sizes)):
        assert in_class(before.train, label) == in_class(after.train, label)
        assert in_class(before.val, label) == in_class(after.val, label)
        assert in_class(before.test, label) == in_class(after.test, label)


@given(sizes_of_classes, st.randoms(use_true_random=False))
def test_the_order_of_the_examples_decides_nothing(sizes: Sizes, random: Any) -> None:
    whole = decoded(all=[size + 2 for size in sizes])
    order = list(range(len(whole.splits["all"].ids)))
    random.shuffle(order)
    old = whole.splits["all"]
    new = DecodedSplit(old.images[order], old.labels[order], [old.ids[i] for i in order], [old.ids[i] for i in order])
    first, second = split(whole, data()), split(Decoded(whole.class_names, "", {"all": new}, ()), data())
    assert set(first.train.ids) == set(second.train.ids)
    assert set(first.val.ids) == set(second.val.ids)


@given(sizes_of_classes, st.integers(1, 30), st.integers(1, 30))
def test_fewer_per_class_nest(sizes: Sizes, few: int, more: int) -> None:
    whole = decoded(train=sizes, test=[1] * len(sizes))
    small, large = sorted((few, more))
    full, many, fewer = (split(whole, data(train_per_class=k)) for k in (None, large, small))
    assert set(fewer.train.ids) <= set(many.train.ids) <= set(full.train.ids)
    assert fewer.val.ids == full.val.ids
    assert counts(many.train, len(sizes)) == [min(large, n) for n in counts(full.train, len(sizes))]
    assert_consistent(many, whole)


def test_a_fifth_is_held_out_where_nothing_is() -> None:
    result = split(decoded(all=[100, 50]), data(validation=0.1))
    assert counts(result.test, 2) == [20, 10]
    assert counts(result.val, 2) == [8, 4]
    assert counts(result.train, 2) == [72, 36]


def test_the_places_are_the_same_for_ever() -> None:
    result = split(decoded(all=[10, 10]), data(validation=0.2))
    assert result.val.ids == ["all-0/1", "all-0/7", "all-1/2", "all-1/6"]
    assert result.test.ids == ["all-0/3", "all-0/6", "all-1/3", "all-1/5"]


def test_a_single_image_stays_in_train() -> None:
    result = split(decoded(train=[1, 10], test=[1, 1]), data(validation=0.5))
    assert counts(result.train, 2) == [1, 5]
    assert counts(result.val, 2) == [0, 5]


def test_validation_on_test() -> None:
    whole = decoded(train=[5, 6], test=[2, 3])
    result = split(whole, data(validation="test"))
    assert result.val is result.test
    assert result.train.ids == whole.splits["train"].ids
    carved = split(decoded(all=[10, 10]), data(validation="test"))
    assert (len(carved.train), carved.val.ids) == (16, carved.test.ids)


def test_a_split_for_validation_is_used_as_it_is() -> None:
    whole = decoded(train=[5, 6], val=[2, 2], test=[2, 3])
    result = split(whole, data())
    assert (result.train.ids, result.val.ids) == (whole.splits["train"].ids, whole.splits["val"].ids)
    assert result.validation == "val"
    assert split(whole, data(validation="test")).validation == "test"
    carved = split(whole, data(validation=0.5))
    assert carved.validation == "train"
    assert set(carved.val.ids) < set(whole.splits["train"].ids)
    with pytest.raises(UserError, match="the val split has classes without train images: class1; train's are class0"):
        split(decoded(train=[5, 0], val=[2, 2], test=[2, 0]), data())


@pytest.mark.slow
@given(sizes_of_classes, st.integers(2, 7), st.integers(0, 30))
def test_k_seeds_in_a_row_test_on_every_image_once(sizes: Sizes, folds: int, division: int) -> None:
    whole = decoded(all=[size + folds for size in sizes])
    first = division * folds
    results = [split(whole, data(folds=folds), seed=seed) for seed in range(first, first + folds)]
    assert sorted(id_ for result in results for id_ in result.test.ids) == sorted(whole.splits["all"].ids)
    for result in results:
        assert sorted(result.train.ids + result.val.ids + result.test.ids) == sorted(whole.splits["all"].ids)
        assert_consistent(result, whole)
    per_class = np.array([counts(result.test, len(sizes)) for result in results])
    assert (per_class.max(axis=0) - per_class.min(axis=0) <= 1).all()


def test_other_divisions_are_other_splits_of_the_same_size() -> None:
    whole = decoded(all=[40, 60])
    plain = split(whole, data(), seed=3)
    assert plain.test.ids == split(whole, data(split_seed=0)).test.ids
    moved = [split(whole, data(split_seed=number)) for number in range(4)]
    assert len({tuple(one.test.ids) for one in moved}) == 4
    assert {(len(one.train), len(one.val), len(one.test)) for one in moved} == {(72, 8, 20)}
    assert len({one.fingerprint for one in moved}) == 1
    by_seed = split(whole, data(split_seed="seed"), seed=2)
    assert (by_seed.test.ids, by_seed.val.ids) == (moved[2].test.ids, moved[2].val.ids)
    folds = [split(whole, data(folds=5, split_seed=1), seed=seed).test.ids for seed in (0, 5)]
    assert folds[0] == split(whole, data(folds=5), seed=5).test.ids != folds[1]


def test_folds_divide_train_where_a_test_set_is_held_out(capsys: pytest.CaptureFixture[str]) -> None:
    whole = decoded(train=[10, 15], val=[3, 3], test=[5, 5])
    results = [split(whole, data(folds=5), seed=seed) for seed in range(5)]
    assert sorted(id_ for one in results for id_ in one.test.ids) == sorted(whole.splits["train"].ids)
    assert all(one.val.ids == whole.splits["val"].ids for one in results)
    assert "digits: its test set is not used; data.folds=5 divides train" in capsys.readouterr().err


def test_groups_stay_together_in_folds() -> None:
    whole = decoded(all=[12, 12])
    pairs = {id_: f"{id_.split('/')[0]}-{int(id_.split('/')[1]) // 2}" for id_ in whole.splits["all"].ids}
    for seed in range(3):
        result = split(whole, data(folds=3), pairs, seed)
        places = [{pairs[id_] for id_ in part.ids} for part in (result.train, result.val, result.test)]
        assert sum(map(len, places)) == len(set().union(*places))


def test_a_class_that_can_t_be_divided_is_named() -> None:
    with pytest.raises(UserError, match=r"data\.folds=5: the class class1 has fewer than two images, so that"):
        split(decoded(all=[10, 1]), data(folds=5))
    one_group = {f"all-1/{index}": "p" for index in range(9)}
    with pytest.raises(UserError, match="the class class1 has fewer than two groups"):
        split(decoded(all=[10, 9]), data(folds=5), one_group)


def test_more_folds_than_images_are_refused_before_any_run() -> None:
    for seed in (0, 50):  # in a fold with an image, too
        with pytest.raises(
            UserError, match=r"data\.folds=100: \d+ of them would have no image to test on, as there are 13"
        ):
            split(decoded(all=[10, 3]), data(folds=100), seed=seed)
    groups = {f"all-{label}/{index}": f"{label}-{index // 5}" for label in range(2) for index in range(10)}
    with pytest.raises(UserError, match="to test on, as there are 20 images in groups that are held out whole"):
        split(decoded(all=[10, 10]), data(folds=5), groups)


@pytest.mark.parametrize(("count", "purpose"), [(1, "test"), (2, "validate")])
def test_groups_that_are_too_few_to_hold_one_out_are_named(count: int, purpose: str) -> None:
    whole = decoded(all=[10, 10])
    groups = {id_: str(place % count) for place, id_ in enumerate(whole.splits["all"].ids)}
    with pytest.raises(UserError, match=f"no images to {purpose} on: no class has a second group to hold out"):
        split(whole, data(), groups)


def test_no_share_given_is_a_tenth() -> None:
    whole = decoded(train=[30, 40], test=[1, 1])
    assert split(whole, data()).val.ids == split(whole, data(validation=0.1)).val.ids


def test_no_pixel_is_copied() -> None:
    whole = decoded(all=[10, 10])
    result = split(whole, data())
    assert result.train.images is result.val.images is result.test.images is whole.splits["all"].images


NONE_HELD_OUT = "put some into {0}, or more than two of a class into train and leave {0} out"


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        (decoded(2, all=[0, 0]), "digits: there are no images to train on"),
        (decoded(1, all=[10]), "digits: at least two classes are needed, found only class0"),
        (decoded(all=[5, 0, 5, 0]), "digits: no train images in class1, class3; add some, or take the class away"),
        (
            decoded(train=[5, 0], test=[1, 1]),
            "digits: the test split has classes without train images: class1; train's are class0; "
            "give each of them train images, or take it out of test",
        ),
        (decoded(2, all=[1, 1]), f"digits: there are no images to test on; {NONE_HELD_OUT.format('test')}"),
        (
            decoded(2, train=[1, 1], test=[1, 1]),
            f"digits: there are no images to validate on; {NONE_HELD_OUT.format('val')}",
        ),
    ],
)
def test_what_can_t_be_trained_on(whole: Decoded, message: str) -> None:
    with pytest.raises(UserError) as caught:
        split(whole, data())
    assert str(caught.value) == message


def test_a_class_too_small_to_hold_any_out_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    split(decoded(all=[9, 1]), data(validation=0.2))
    assert capsys.readouterr().err == "digits: no test images in class1\ndigits: no val images in class1\n"


def test_other_copies_dropped_by_other_folds_are_of_one_data_set() -> None:
    whole = decoded(all=[20, 20])
    of_all = whole.splits["all"]
    digests = [
        id_ if number else of_all.ids[-1] for number, id_ in enumerate(of_all.ids)
    ]  # the first is the last again
    twice = Decoded(whole.class_names, "fingerprint", {"all": replace(of_all, digests=digests)}, ())
    results = [split(twice, data(folds=5), seed=seed) for seed in range(5)]
    assert {result.fingerprint for result in results} == {"fingerprint"}
    assert any(len(result.train) + len(result.val) + len(result.test) == 39 for result in results)


def by_id(part: Part) -> dict[str, tuple[int, bytes]]:
    return {
        id_: (int(label), part.images[row].tobytes())
        for id_, label, row in zip(part.ids, part.labels, part.rows, strict=True)
    }


@pytest.mark.slow
def test_val_and_test_are_the_same_images_at_another_size(cache_dir: Path) -> None:
    given = [f"data.cache_dir={cache_dir}", "data.train_per_class=20"]
    found = load_splits(load.experiment("digits.yaml", [*given, "data.eval_size=24"]))
    at_16 = load_splits(load.experiment("digits.yaml", given))
    at_24 = load_splits(load.experiment("digits.yaml", [*given, "data.image_size=24"]))
    assert by_id(found.train) == by_id(at_16.train)
    assert by_id(found.val) == by_id(at_24.val)
    assert by_id(found.test) == by_id(at_24.test)
    assert (np.diff(found.test.rows) > 0).all()
    assert found.validation == "train"
    assert len({found.fingerprint, at_16.fingerprint, at_24.fingerprint}) == 3
    seen = load_splits(load.experiment("digits.yaml", [*given, "data.eval_size=24"]), train_too=True)
    assert by_id(seen.train) == by_id(at_24.train)
    assert seen.fingerprint == found.fingerprint


def test_an_image_that_is_missing_at_the_other_size_is_named() -> None:
    whole, other = decoded(train=[4, 4], test=[2, 2]), decoded(train=[4, 4], test=[2, 1])
    with pytest.raises(UserError, match=r"test-1/1.*: decoded at data.image_size and not at data.eval_size"):
        _at_eval_size(split(whole, data()), whole, other, train_too=False)


def test_a_division_that_changes_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    own = decoded(train=[20, 20], val=[5, 5], test=[5, 5])
    words = "data.split_seed={} changes nothing, as train, val and test are as the data has them"
    for number in (3, "seed"):
        assert split(own, data(split_seed=number), seed=1).train.ids == split(own, data()).train.ids
        assert words.format(number) in capsys.readouterr().err
    split(own, data(split_seed=4, validation="test"))
    assert words.format(4) in capsys.readouterr().err
    for settings in ({}, {"split_seed": 5, "train_per_class": 5}, {"folds": 5, "split_seed": 6}):
        split(own, data(**settings))
        assert "changes nothing" not in capsys.readouterr().err
    split(decoded(train=[20, 20], test=[5, 5]), data(split_seed=7))
    split(decoded(all=[20, 20]), data(split_seed=8, validation="test"))
    assert "changes nothing" not in capsys.readouterr().err
