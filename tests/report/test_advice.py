"""What is doubtful is said, with what to do; what is sound isn't."""

from typing import Any

import numpy as np
import pytest

from augexp.audit.findings import Files, Mixing
from augexp.data.copies import Copies, Member
from augexp.report import advice
from tests.audits import doubtful, findings


def test_nothing_is_said_of_a_sound_set() -> None:
    assert advice.doubtful(findings()) == []


def test_images() -> None:
    copies, labels, near, odd, doubts, left_out = advice.doubtful(doubtful())
    assert copies == (
        "1 image stands in two splits, 1 of train in test (train/dog/b.png is test/cat/a.png): training leaves them "
        "out of train and val (data.duplicates: drop), or delete them."
    )
    assert labels.startswith("2 images equal to another of the split under a different label")
    assert near.startswith("1 pair of near-copies in two splits")
    assert "Nothing is left out for it" in near
    assert odd == "1 pair of near-copies with different labels: look which one is wrong."
    assert doubts.startswith("1 label is improbable to a linear probe")
    assert left_out == "1 image can't be decoded: repair or delete them."


FILES = findings().files


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"counts": {"train": np.array([290, 10]), "test": np.array([97, 3])}, "majority": (0, 0.97)},
            "cat has 290 train images and dog 10: accuracy says little, as always saying cat scores 97.0 %",
        ),
        ({"counts": {"train": np.array([50, 9]), "test": np.array([60, 60])}}, "1 class has fewer than 10 train"),
        ({"counts": {"train": np.array([50, 40]), "test": np.array([0, 120])}}, "no test images of cat"),
        ({"counts": {"train": np.array([50, 40]), "test": np.array([4, 6])}}, "one of them is 10.0 points of accuracy"),
        ({"validation": "test"}, "val is the test set"),
        ({"mixing": Mixing(1, 200, 10, 0, 0.5)}, "train.batch_size 200 is larger than train; choose at most 110."),
        (
            {
                "counts": {"train": np.array([500, 100]), "test": np.array([60, 60])},
                "mixing": Mixing(1, 2, 0.3, 0.7, 0.9),
            },
            "70 % of the batches hold no image of dog",
        ),
        ({"image_size": 400}, "half of the files are 240 px or less on their shorter side, and data.image_size is 400"),
        (
            {"files": Files(2, (100, 200, 400), (100, 200, 400), (0.5, 1, 2), (100, 200, 400), 0)},
            "data.resize=squash distorts them alike; data.resize=crop keeps shapes",
        ),
    ],
)  # fmt: skip
def test_each_doubt(changes: dict[str, Any], words: str) -> None:
    (sentence,) = advice.doubtful(findings(**changes))
    assert words in sentence


@pytest.mark.parametrize(
    ("setting", "words"), [("keep", "training keeps them"), ("refuse", "training refuses them; write")]
)
def test_what_is_done_about_copies(setting: str, words: str) -> None:
    found = doubtful()
    assert words in advice.doubtful(findings(copies=found.copies, duplicates=setting))[0]


def test_a_label_that_differs_across_splits_is_said() -> None:
    groups = tuple(
        (Member("test", n, n % 2, f"test/{n}"), Member("train", n, 0, f"train/{n}"), Member("val", n, 0, f"val/{n}"))
        for n in range(3)
    )
    _, differing, *_ = advice.doubtful(findings(copies=Copies("drop", groups)))
    assert differing.startswith("2 images of train or val stand in what is held out under a different label")
