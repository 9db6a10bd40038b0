"""Class-activation maps against boxes, and data without boxes."""

from pathlib import Path

import pytest

from augexp.config import load
from augexp.errors import UserError
from augexp.evaluate.run import Request, evaluate
from augexp.train.run import train
from tests.evaluate.asking import asked


@pytest.mark.slow
def test_no_boxes(run: Path) -> None:
    with pytest.raises(UserError, match="it has no boxes"):
        evaluate(run, Request(probes=asked("localisation")))
    assert not (run / "evaluation.json").exists()


@pytest.mark.slow
def test_localisation_on_stanford_dogs(prepared_dogs: Path, tmp_path: Path) -> None:
    settings = [
        *(f"data.data_dir={prepared_dogs}", f"data.cache_dir={tmp_path / 'cache'}", f"runs_dir={tmp_path}"),
        *("data.image_size=32", "model.backbone=SmallCNN", "model.weights=null", "train.epochs=1"),
        *("train.head_epochs=0", "train.batch_size=32", "data.validation=test"),
    ]
    folder = train(load.experiment("none.yaml", settings))
    found = evaluate(folder, Request(probes=asked("localisation")))["splits"]["test"]["metrics"]
    assert 0 <= found["localisation_top1"] <= found["localisation_known"] <= 1
    assert found["localisation_top1"] <= found["accuracy"]
