"""What a converter leaves is made tidy: one input, one output, both by their names."""

from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

from augexp.export.facts import Facts

pytestmark = pytest.mark.skipif(
    not all(find_spec(name) for name in ("tf2onnx", "onnx", "onnxruntime")),
    reason="the packages of augexp[onnx] are missing",
)


def test_constants_of_a_network_are_no_inputs(tmp_path: Path) -> None:
    """As those of a Normalization layer, which EfficientNet begins with."""
    import onnxruntime

    from augexp.export import onnx_file

    images = keras.Input((8, 8, 3))
    scaled = keras.layers.Normalization(mean=(1.0, 2.0, 3.0), variance=(4.0, 5.0, 6.0))(images)
    shares = keras.layers.Softmax()(keras.layers.GlobalAveragePooling2D()(scaled))
    model = keras.Model(images, shares)
    path = tmp_path / "model.onnx"
    onnx_file.write(model, Facts("run", ("a", "b", "c"), 8, 8, "squash", False, 1.0, "", None), path)
    session = onnxruntime.InferenceSession(path)
    assert [one.name for one in session.get_inputs()] == ["images"]
    assert [one.name for one in session.get_outputs()] == ["probabilities"]
    asked = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(onnx_file.opened(path)(asked), model(asked), atol=1e-5)
