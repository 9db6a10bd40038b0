"""The embedded digits."""

import numpy as np
import pytest

from augexp.config.schema import Data
from augexp.data import sources
from tests.data.photos import encoded


@pytest.mark.slow
def test_digits_are_png_files() -> None:
    import tensorflow as tf
    from sklearn.datasets import load_digits

    source = sources.open_source(Data(source="digits"))
    examples = source.splits["all"]
    listing = examples.listing()
    assert (examples.count, len(set(listing.ids)), source.class_names[9]) == (1797, 1797, "9")
    assert np.array_equal(listing.labels, load_digits().target)
    images = [tf.io.decode_image(content).numpy()[..., 0] for _, content in encoded(examples)]
    assert np.abs(np.array(images) - load_digits().images * 255 / 16).max() <= 0.5
