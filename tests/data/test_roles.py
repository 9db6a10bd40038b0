"""Names of splits as people write them, and what each split is used as."""

import pytest

from augexp.config.schema import Data
from augexp.data.roles import (
    Role,
    assigned,
    is_a_part,
    is_about_a_split,
    is_about_what_is_held_out,
    is_filler,
    role,
    roles,
)

FORMS = {
    "train": "train Training TRAIN train_set training_set seg_train TrainingData train-images images.train train2017",
    "val": "val valid Validation validation_set dev DEV_SET seg_val val2017 valid_data",
    "test": "test Testing test_set TESTSET eval evaluation seg_test test_images test2017 hold_out",
}


@pytest.mark.parametrize(("split", "name"), [(split, name) for split, names in FORMS.items() for name in names.split()])
def test_the_usual_forms(split: Role, name: str) -> None:
    assert role(name) == split


@pytest.mark.parametrize(
    "name", ["", "cat", "trains", "trainer", "tests", "contest", "developer", "traindev", "data", "2017"]
)
def test_other_names_stand_for_no_split(name: str) -> None:
    assert role(name) is None


def test_a_name_beside_its_negation_is_a_class() -> None:
    assert roles(["valid", "invalid"]) == {}
    assert roles(["test", "Non-Test", "train"]) == {"train": "train"}


def test_names_that_are_about_splits() -> None:
    assert all(map(is_about_a_split, ["cats_train", "test 1", "X_val", "PublicTest", "Training"]))
    assert not any(map(is_about_a_split, ["cat", "trains", "constraint"]))
    assert all(map(is_about_what_is_held_out, ["PublicTest", "cats_val", "test1", "Dev"]))
    assert not any(map(is_about_what_is_held_out, ["train_old", "contest", "training"]))
    assert all(map(is_filler, ["images", "Data", "data_set", "photos"]))
    assert not any(map(is_filler, ["", "__", "cat", "train"]))


def test_names_that_count_parts() -> None:
    assert all(map(is_a_part, ["fold1", "Fold_02", "cv-3", "batch 4", "part_a", "split9", "subset0"]))
    assert not any(map(is_a_part, ["fold", "partridge", "batch", "1", "cat1", "party"]))


def test_what_each_split_is_used_as(capsys: pytest.CaptureFixture[str]) -> None:
    data = Data(source="folder:roles")
    assert assigned(data, {"train": "T"}) == {"all": "T"}
    assert assigned(data, {"train": "T", "test": "E"}) == {"train": "T", "test": "E"}
    assert capsys.readouterr().err == ""
    assert assigned(data, {"train": "T", "val": "V"}) == {"train": "T", "test": "V"}
    assert capsys.readouterr().err == "folder:roles: V is the test set, as there is none beside it\n"
    three: dict[Role, str] = {"train": "T", "val": "V", "test": "E"}
    assert assigned(data, three) == {"train": "T", "val": "V", "test": "E"}
    assert assigned(data.model_copy(update={"validation": 0.1}), three) == {"train": "T", "test": "E"}
    assert "V not used, as data.validation=0.1 says; T and E are" in capsys.readouterr().err
