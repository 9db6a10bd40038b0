"""Batches through a network: each image once, in order, whatever is left for the last batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from augexp.network import scoring


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    images = keras.Input((4, 4, 3))
    return keras.Model(images, keras.layers.Dense(3)(keras.layers.Flatten()(images)))


@pytest.mark.parametrize("count", [1, 7, 8, 9, 16])
@pytest.mark.parametrize("dtype", [tf.uint8, tf.float32])
def test_logits_of_short_batches_are_those_of_the_images(network: keras.Model, count: int, dtype: tf.DType) -> None:
    images = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3)).astype(np.float32)
    batches = tf.data.Dataset.from_tensor_slices((tf.cast(images, dtype), np.zeros(count))).batch(8)
    found = list(scoring.outputs(network, batches))
    assert [len(batch) for batch in found] == [min(8, count - start) for start in range(0, count, 8)]
    np.testing.assert_allclose(np.concatenate(found), network(images), rtol=1e-4, atol=1e-3)
    expected = tf.nn.softmax(network(images)).numpy()
    np.testing.assert_allclose(scoring.predict(network, batches), expected, atol=1e-5)
