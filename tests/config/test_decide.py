"""How a study decides: what is refused, and what its hash is made of."""

import hashlib
import json

import pytest
from pydantic import ValidationError

from augexp.config import decide, load
from augexp.config.decide import Decide, Registered, register


@pytest.mark.parametrize(
    "settings",
    [{"looks": looks} for looks in ([], [1], [1, 2], [3, 3], [5, 3], [3, 2.5], ["a"])]
    + [{"margin": margin} for margin in (0, -1, 101, float("nan"), True)]
    + [{"error": 0.1}, {"baseline": 3}, {"score": "first"}, {"metric": "recall"}],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Decide.model_validate(settings)


def test_another_plan_is_another_study() -> None:
    none, cutmix = (load.experiment("digits.yaml", [f"strategy={name}"]) for name in ("none", "cutmix"))
    longer = load.experiment("digits.yaml", ["strategy=cutmix", "train.epochs=13"])
    elsewhere = load.experiment("digits.yaml", ["strategy=cutmix", "runs_dir=elsewhere"])
    hashes = [
        register(told, {"none": none, "cutmix": other}, seeds, ()).hash
        for told, other, seeds in (
            (Decide(), cutmix, (0, 1)),
            (Decide(margin=1.0), cutmix, (0, 1)),
            (Decide(), longer, (0, 1)),
            (Decide(), cutmix, (0, 2)),
        )
    ]
    assert len(set(hashes)) == 4
    assert register(Decide(), {"none": none, "cutmix": elsewhere}, (0, 1), ()).hash == hashes[0]


def test_a_study_of_accuracy_has_the_hash_that_it_had_before_there_was_a_choice() -> None:
    candidates = {name: load.experiment("digits.yaml", [f"strategy={name}"]) for name in ("none", "cutmix")}
    content = [
        {"baseline": "none", "looks": [3, 5, 8, 12], "margin": 0.5, "error": 0.05, "score": None},
        [0, 1],
        {name: decide._deciding(one) for name, one in candidates.items()},
    ]
    before = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    assert register(Decide(), candidates, (0, 1), ()).hash == before
    assert register(Decide(metric="accuracy"), candidates, (0, 1), ()).hash == before
    assert register(Decide(metric="macro_recall"), candidates, (0, 1), ()).hash != before


def test_a_study_that_was_stored_without_a_metric_is_one_of_accuracy() -> None:
    stored = Registered(decide=Decide(), strategies=("none",), seeds=(0,), hash="a").model_dump(mode="json")
    del stored["decide"]["metric"]
    assert Registered.model_validate(stored).decide.metric == "accuracy"


def test_the_worst_class_decides_nothing_and_the_reason_is_said() -> None:
    with pytest.raises(ValidationError, match="chance decides which class is lowest; choose macro_recall"):
        Decide.model_validate({"metric": "worst_class_recall"})
