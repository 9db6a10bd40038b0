"""How a study decides: what is refused, and what its hash is made of."""

import pytest
from pydantic import ValidationError

from augexp.config import load
from augexp.config.decide import Decide, register


@pytest.mark.parametrize(
    "settings",
    [{"looks": looks} for looks in ([], [1], [1, 2], [3, 3], [5, 3], [3, 2.5], ["a"])]
    + [{"margin": margin} for margin in (0, -1, 101, float("nan"), True)]
    + [{"error": 0.1}, {"baseline": 3}, {"score": "first"}],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Decide.model_validate(settings)


def test_another_plan_is_another_study() -> None:
    none, cutmix = (load.experiment("digits.yaml", [f"strategy={name}"]) for name in ("none", "cutmix"))
    longer = load.experiment("digits.yaml", ["strategy=cutmix", "train.epochs=13"])
    elsewhere = load.experiment("digits.yaml", ["strategy=cutmix", "runs_dir=elsewhere"])
    hashes = [
        register(decide, {"none": none, "cutmix": other}, seeds, ()).hash
        for decide, other, seeds in (
            (Decide(), cutmix, (0, 1)),
            (Decide(margin=1.0), cutmix, (0, 1)),
            (Decide(), longer, (0, 1)),
            (Decide(), cutmix, (0, 2)),
        )
    ]
    assert len(set(hashes)) == 4
    assert register(Decide(), {"none": none, "cutmix": elsewhere}, (0, 1), ()).hash == hashes[0]
