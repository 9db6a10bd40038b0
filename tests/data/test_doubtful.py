"""What is said of doubtful examples, and that nothing is said of sound ones."""

import numpy as np
import pytest

from augexp.config.schema import Data
from augexp.data import doubtful
from augexp.data.copies import Copies, Member
from augexp.data.splits import Part, Splits


def part(*sizes: int) -> Part:
    labels = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    images = np.zeros((len(labels), 8, 8, 3), np.uint8)
    return Part(images, np.arange(len(labels)), labels, [str(i) for i in range(len(labels))])


def splits(train: tuple[int, ...], test: tuple[int, ...], copies: Copies = Copies()) -> Splits:  # noqa: B008 - frozen
    names = tuple(f"class{i}" for i in range(len(train)))
    return Splits(part(*train), part(*test), part(*test), names, "", (), copies=copies)


DATA = Data(source="digits")


def test_sound_examples_are_passed_over_in_silence() -> None:
    assert doubtful.lines(splits((100, 10), (10, 10)), DATA) == []


@pytest.mark.parametrize(
    ("train", "test", "line"),
    [
        (
            (290, 10), (97, 3),
            "classes: 10 train images of class1, 290 of class0: a network that always says class0 scores 97.0 % on "
            "test",
        ),
        ((9, 20), (5, 5), "classes: only 9 train images of class0"),
        ((9, 1, 5), (5, 5, 5), "classes: only 1 train image of class1, and fewer than 10 of 2 more"),
    ],
)  # fmt: skip
def test_small_classes(train: tuple[int, ...], test: tuple[int, ...], line: str) -> None:
    assert doubtful.lines(splits(train, test), DATA) == [line]


def test_few_images_that_were_asked_for_are_not_doubtful() -> None:
    asked = DATA.model_copy(update={"train_per_class": 3})
    assert doubtful.lines(splits((3, 3), (5, 5)), asked) == []
    assert doubtful.lines(splits((3, 2), (5, 5)), asked) == [
        "classes: only 2 train images of class1, and fewer than 10 of 1 more"
    ]


def test_copies_come_first() -> None:
    leak = Copies("drop", ((Member("test", 0, 0, "a"), Member("train", 0, 0, "b")),))
    first, second = doubtful.lines(splits((300, 10), (5, 5), leak), DATA)
    assert first.startswith("copies: 1 image stands in two splits")
    assert second.startswith("classes: ")


def test_the_majority_is_that_of_train() -> None:
    assert doubtful.majority(splits((5, 6), (8, 2))) == (1, 0.2)
