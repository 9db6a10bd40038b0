"""Groups are held out whole, near the share, and alike for ever."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp.data.grouped import choose, folds
from augexp.data.splits import split
from tests.data.test_splits import data, decoded


def order(group: str) -> bytes:
    return hashlib.sha256(group.encode()).digest()


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=80), st.floats(0.05, 0.6))
def test_no_group_is_divided(examples: list[tuple[int, int]], share: float) -> None:
    ids = [str(index) for index in range(len(examples))]
    groups = {id_: f"p{group}" for id_, (_, group) in zip(ids, examples, strict=True)}
    labels = np.array([label for label, _ in examples], np.int32)
    taken = choose(ids, labels, groups, share, order)
    held_out = {groups[ids[position]] for position in taken}
    stays = {groups[id_] for position, id_ in enumerate(ids) if position not in taken}
    assert not held_out & stays
    assert stays
    assert taken == sorted(taken)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_each_class_gives_about_its_share(share: float) -> None:
    ids = [f"{label}/{index}" for label in range(2) for index in range(200)]
    labels = np.repeat(np.arange(2, dtype=np.int32), 200)
    groups = {id_: f"{id_[0]}-{int(id_[2:]) // 5}" for id_ in ids}
    taken = choose(ids, labels, groups, share, order)
    assert np.bincount(labels[taken]).tolist() == [200 * share] * 2


def test_a_single_group_stays_and_a_huge_one_is_not_taken_where_another_is() -> None:
    labels = np.zeros(10, np.int32)
    ids = [str(index) for index in range(10)]
    assert choose(ids, labels, dict.fromkeys(ids, "one"), 0.2, order) == []
    groups = {id_: "small" if id_ == "3" else "huge" for id_ in ids}
    assert choose(ids, labels, groups, 0.2, order) == [3]


def test_splits_keep_groups_whole_and_tell_other_groups_by_the_fingerprint() -> None:
    whole = decoded(all=[40, 40])
    ids = whole.splits["all"].ids
    pairs = {id_: f"{id_.split('/')[0]}-{int(id_.split('/')[1]) // 2}" for id_ in ids}
    result = split(whole, data(), pairs)
    parts = [{pairs[id_] for id_ in part.ids} for part in (result.train, result.val, result.test)]
    assert sum(map(len, parts)) == len(set().union(*parts)) == 40
    assert [len(part) for part in (result.train, result.val, result.test)] == [56, 8, 16]
    others = split(whole, data(), {**pairs, ids[0]: "other"})
    assert len({whole.fingerprint, result.fingerprint, others.fingerprint}) == 3


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=80), st.integers(2, 7))
def test_no_group_is_divided_by_folds(examples: list[tuple[int, int]], count: int) -> None:
    ids = [str(index) for index in range(len(examples))]
    groups = {id_: f"p{group}" for id_, (_, group) in zip(ids, examples, strict=True)}
    labels = np.array([label for label, _ in examples], np.int32)
    place = folds(ids, labels, groups, count, order)
    assert all(0 <= fold < count for fold in place)
    of_group = {(groups[id_], fold) for id_, fold in zip(ids, place, strict=True)}
    assert len(of_group) == len({group for group, _ in of_group})


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(2, 7))
def test_folds_differ_by_an_image_of_a_class_at_most(sizes: list[int], count: int) -> None:
    labels = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    place = np.array(folds([str(index) for index in range(len(labels))], labels, {}, count, order))
    for label in range(len(sizes)):
        in_folds = np.bincount(place[labels == label], minlength=count)
        assert in_folds.max() - in_folds.min() <= 1
