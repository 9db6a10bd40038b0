"""A temperature is that of `augexp evaluate`, or none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augexp.errors import UserError
from augexp.export import calibration
from augexp.metrics.calibration import temperature
from augexp.metrics.scores import probabilities
from augexp.network import trained


@pytest.mark.slow
def test_the_temperature_of_val(trained_run: Path) -> None:
    opened = trained.load(trained_run, precision="float32")
    val = trained.splits(opened).val
    logits = opened.network.model.predict_on_batch(val.images[val.rows])
    found = calibration.fit(opened, val, on_test=False)
    assert found.temperature == pytest.approx(temperature(logits, val.labels), rel=1e-4)
    assert found.images == len(val) == 287
    assert found.before == pytest.approx(calibration.error(probabilities(logits), val.labels), abs=1e-4)
    sure = replace(val, labels=logits.argmax(axis=1).astype(np.int32))
    with pytest.raises(UserError, match="none is best for 287 validation images, of which the network is right on 287"):
        calibration.fit(opened, sure, on_test=False)
