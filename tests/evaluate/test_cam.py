"""Class-activation maps against the logits they add up to, and boxes around them."""

from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp.config import load
from augexp.errors import UserError
from augexp.evaluate import cam
from augexp.network.build import build_network
from augexp.network.model import Network
from augexp.network.trained import Trained


@pytest.fixture(scope="module")
def network() -> Network:
    return build_network(load.experiment("digits.yaml", ["data.image_size=32"]), "float32", 10)


@pytest.mark.slow
def test_the_mean_of_a_map_is_the_logit(network: Network) -> None:
    images = np.random.default_rng(0).uniform(0, 255, (5, 32, 32, 3)).astype(np.float32)
    seen = cam.looker(network)(images)
    np.testing.assert_allclose(seen.logits, network.model.predict_on_batch(images), rtol=1e-5, atol=1e-6)
    classes = np.array([0, 3, 9, 3, 1])
    bias = keras.ops.convert_to_numpy(network.model.get_layer("head").bias)
    maps = cam.activation_maps(network, seen.features, classes)
    assert maps.shape == seen.features.shape[:3]
    np.testing.assert_allclose(maps.mean(axis=(1, 2)) + bias[classes], seen.logits[range(5), classes], atol=1e-5)


def test_enlarging_keeps_what_is_even_and_where_the_peak_is() -> None:
    np.testing.assert_allclose(cam.enlarge(np.full((1, 3, 3), 2.5, np.float32), 12), 2.5)
    peak = np.zeros((1, 4, 4), np.float32)
    peak[0, 1, 3] = 1
    large = cam.enlarge(peak, 64)[0]
    row, column = np.unravel_index(large.argmax(), large.shape)
    assert (row // 16, column // 16) == (1, 3)


def test_the_box_holds_the_largest_part_above_a_fifth() -> None:
    heat = np.zeros((10, 10), np.float32)
    heat[2:6, 3:9] = 1
    heat[8, 0] = 1.0
    heat[2:6, 1] = 0.19
    heat[0] = -5
    np.testing.assert_allclose(cam.box_of(heat), [0.2, 0.3, 0.6, 0.9])


@pytest.mark.parametrize("level", [0.0, -1.0])
def test_no_evidence_is_the_whole_image(level: float) -> None:
    np.testing.assert_allclose(cam.box_of(np.full((6, 6), level, np.float32)), [0, 0, 1, 1])


sides = st.tuples(st.integers(0, 9), st.integers(1, 10)).map(lambda pair: (pair[0], min(10, pair[0] + pair[1])))


@given(sides, sides, sides, sides)
def test_overlap_equals_that_of_painted_pixels(
    rows: tuple[int, int], columns: tuple[int, int], other_rows: tuple[int, int], other_columns: tuple[int, int]
) -> None:
    first, second = np.zeros((10, 10), bool), np.zeros((10, 10), bool)
    first[slice(*rows), slice(*columns)] = True
    second[slice(*other_rows), slice(*other_columns)] = True
    box = np.array([rows[0], columns[0], rows[1], columns[1]], np.float32)
    other = np.array([[other_rows[0], other_columns[0], other_rows[1], other_columns[1]]], np.float32)
    expected = (first & second).sum() / (first | second).sum()
    assert cam.overlap(box, other)[0] == pytest.approx(expected, abs=1e-5)
    assert cam.overlap(box, np.zeros((0, 4), np.float32)).shape == (0,)


@pytest.mark.slow
def test_a_network_that_gives_a_vector_has_no_places(tmp_path: Path) -> None:
    (tmp_path / "my_net.py").write_text(
        "import keras\n\ndef flat(shape):\n    return keras.Sequential([keras.Input(shape), keras.layers.Flatten()])\n"
    )
    experiment = load.experiment("digits.yaml", ["model.backbone=my_net:flat", f"ops_dir={tmp_path}"])
    network = build_network(experiment, "float32", 10)
    run = Trained(Path("runs/none-seed0"), experiment, network, tuple("0123456789"), None, "", True, "float32")
    with pytest.raises(UserError, match=r"runs/none-seed0: my_net:flat gives a vector and no map of features"):
        cam.refuse_vectors(run)
