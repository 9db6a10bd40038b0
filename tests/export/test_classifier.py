"""The network that is exported can be written: what stands before every kind of backbone, too."""

from pathlib import Path

import keras
import numpy as np
import pytest
from scipy.special import softmax

from augexp.config.schema import Model
from augexp.export.classifier import classifier
from augexp.network import model

IMAGES = np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_probabilities_are_those_of_cooled_logits(temperature: float) -> None:
    network = model.build(Model(backbone="SmallCNN", weights=None), 32, 5)
    logits = network.model.predict_on_batch(IMAGES)
    said = classifier(network, temperature).predict_on_batch(IMAGES)
    np.testing.assert_allclose(said, softmax(logits / temperature, axis=1), atol=1e-6)


# One of each kind of `preprocess_input`: BGR, -1 ... 1, ImageNet's statistics, nothing; and SmallCNN's own.
@pytest.mark.parametrize("backbone", ["ResNet50", "MobileNetV2", "DenseNet121", "EfficientNetB0", "SmallCNN"])
@pytest.mark.parametrize("preprocessing", ["imagenet", "unit"])
def test_what_stands_before_a_backbone_can_be_written(tmp_path: Path, backbone: str, preprocessing: str) -> None:
    settings = Model.model_validate({"backbone": backbone, "weights": None, "preprocessing": preprocessing})
    images = keras.Input((32, 32, 3), dtype="float32")
    before = keras.Model(images, keras.layers.Flatten()(model.preprocessing(settings)(images)))
    before.save(tmp_path / "before.keras")
    after = keras.models.load_model(tmp_path / "before.keras")
    np.testing.assert_array_equal(after.predict_on_batch(IMAGES), before.predict_on_batch(IMAGES))
