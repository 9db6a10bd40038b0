"""Networks of the user's: what they may return, and what is said of all else before anything is trained."""

from pathlib import Path

import keras
import numpy as np
import pytest

from augexp.config import load
from augexp.config.schema import Experiment
from augexp.errors import UserError
from augexp.network import estimate, inputs, model, trial
from augexp.network.build import build_network
from augexp.network.model import Network

MODULE = """
import keras
import numpy as np
from keras import layers

def tiny(shape, width=8):
    images = keras.Input(shape)
    features = layers.Rescaling(1 / 127.5, offset=-1)(images)
    return keras.Model(images, layers.Conv2D(width, 3)(features))

def unscaled(shape):
    return keras.Sequential([keras.Input(shape), layers.Conv2D(4, 3)])

def vector(shape):
    return keras.Sequential([layers.Conv2D(4, 3), layers.Flatten()])

def nested(shape):
    images = keras.Input(shape)
    return keras.Model(images, tiny(shape)(images))

class Subclass(keras.Model):
    def __init__(self):
        super().__init__()
        self.convolution, self.norm = layers.Conv2D(4, 3), layers.BatchNormalization()

    def call(self, images):
        return self.norm(self.convolution(images / 255))

def subclass(shape):
    return Subclass()

def half(shape):
    return keras.Sequential([layers.Conv2D(4, 3, dtype="float16"), layers.Activation("linear", dtype="float16")])

def nothing(shape):
    tiny(shape)

def failing(shape):
    return tiny(shape, width=0)

def tokens(shape):
    return keras.Sequential([layers.Conv2D(4, 3), layers.Reshape((-1, 4))])

def two(shape):
    images = keras.Input(shape)
    return keras.Model(images, [images, images])

def numbers(shape):
    images = keras.Input(shape)
    return keras.Model(images, layers.Conv2D(4, 3)(images) > 0)

def named(shape):
    images = keras.Input(shape)
    return keras.Model(images, layers.Conv2D(4, 3)(images), name="head")

def small(shape):
    images = keras.Input((8, 8, 3))
    return keras.Model(images, layers.Conv2D(4, 3)(images))

shared = layers.Conv2D(4, 3)

def same(shape):
    images = keras.Input(shape)
    return keras.Model(images, shared(images))

generator = np.random.default_rng(0)

def drawn(shape):
    kernel = generator.normal(size=(3, 3, 3, 4))
    images = keras.Input(shape)
    return keras.Model(images, layers.Conv2D(4, 3, kernel_initializer=keras.initializers.Constant(kernel))(images))

def infinite(shape):
    images = keras.Input(shape)
    return keras.Model(images, keras.ops.log(layers.Conv2D(4, 3, kernel_initializer="zeros")(images)))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "my_net.py").write_text(MODULE)
    return folder


def of(folder: Path, name: str, *overrides: str) -> Experiment:
    given = ("model.weights=null", f"model.backbone=my_net:{name}", f"ops_dir={folder}", "data.image_size=16")
    return load.experiment(None, [*given, *overrides])


def build(folder: Path, name: str, *overrides: str, precision: str = "float32") -> Network:
    return build_network(of(folder, name, *overrides), precision, 5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unscaled", "vector", "nested", "subclass"])
def test_whatever_is_a_keras_model_of_a_map_or_a_vector_is_taken(folder: Path, name: str, tmp_path: Path) -> None:
    experiment = of(folder, name)
    network = build_network(experiment, "float32", 5)
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype(np.float32)
    said = keras.ops.convert_to_numpy(network.model(images))
    assert said.shape == (2, 5)
    assert estimate.memory(network, experiment).activations > 0
    model.save_weights(network, tmp_path / "own.weights.h5")
    network.model.set_weights([np.zeros_like(weight) for weight in network.model.get_weights()])
    model.load_weights(network, tmp_path / "own.weights.h5")
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(network.model(images)), said)


@pytest.mark.slow
def test_its_arguments_are_those_of_the_configuration(folder: Path) -> None:
    assert build(folder, "tiny", "model.backbone_args={width: 3}").backbone.output_shape == (None, 14, 14, 3)


@pytest.mark.slow
def test_it_is_built_under_the_precision_of_the_run(folder: Path) -> None:
    trial.refuse_fault(of(folder, "half"), "mixed_bfloat16")
    network = build(folder, "tiny", precision="mixed_bfloat16")
    assert network.backbone.layers[-1].compute_dtype == "bfloat16"
    assert network.model.output.dtype == "float32"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "it returned NoneType, and a keras.Model is needed"),
        (
            "tokens",
            "its outputs are of shape (None, 196, 4), and a map (B, h, w, C) or a vector (B, C) for the head is",
        ),
        ("two", "it has several outputs, and a map (B, h, w, C) or a vector (B, C) for the head is needed"),
        ("numbers", "its outputs are bool, and floating-point numbers are needed"),
        ("named", "its network is called head, as a layer of augexp's is; give it another name="),
        ("small", "it doesn't take images of shape (16, 16, 3) ("),
        ("same", "it gave the same layers twice, so that one run would leave its weights to the next"),
        ("drawn", "it gave other initial weights for the same seed; leave them to Keras's initializers"),
        ("infinite", "it gave numbers that are not finite for images in [0, 255] (in float32)"),
    ],
)
def test_what_it_may_not_return_is_named(folder: Path, name: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        trial.refuse_fault(of(folder, name), "float32")
    assert str(caught.value).startswith(f"model.backbone my_net:{name}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_its_errors_have_the_lines_of_its_file(folder: Path) -> None:
    with pytest.raises(UserError) as caught:
        build(folder, "failing")
    assert str(caught.value).startswith("model.backbone my_net:failing: ValueError: ")
    assert str(caught.value).endswith(
        "(line 39: 'return tiny(shape, width=0)', then line 9: 'return keras.Model(images, layers.Conv2D(width, 3)"
        "(features))')"
    )
    with pytest.raises(UserError, match=r"my_net:tiny: TypeError: .*unexpected keyword argument 'depth'"):
        build(folder, "tiny", "model.backbone_args={depth: 3}")


@pytest.mark.slow
def test_what_enters_it_is_said(folder: Path) -> None:
    of_tiny, of_unscaled, of_nested = (of(folder, name).model for name in ("tiny", "unscaled", "nested"))
    tiny, unscaled, nested = (build(folder, name) for name in ("tiny", "unscaled", "nested"))
    assert inputs.line(tiny, of_tiny) == "input: RGB 0..255 enters the first convolution as -1..1"
    assert inputs.line(nested, of_nested) == "input: RGB 0..255 enters my_net:nested"
    (said,) = inputs.unscaled(unscaled, of_unscaled)
    assert said.startswith("my_net:unscaled scales nothing: RGB 0..255 enters its first convolution as 0..255; put ")
    unit = of(folder, "unscaled", "model.preprocessing=unit").model
    assert inputs.unscaled(tiny, of_tiny) == inputs.unscaled(nested, of_nested) == inputs.unscaled(unscaled, unit) == []


def test_scaling_twice_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"would enter the first convolution of my_net:tiny as -1..-0.9922"):
        inputs.refuse_unfit(of(folder, "tiny", "model.preprocessing=unit").model, 16)
    inputs.refuse_unfit(of(folder, "nested", "model.preprocessing=unit").model, 16)  # none can see into it


@pytest.mark.slow
def test_images_of_any_size_need_a_network_that_takes_them(folder: Path) -> None:
    trial.refuse_fault(of(folder, "tiny", "data.eval_size=24"), "float32")
    with pytest.raises(UserError, match=r"its outputs are of shape \(None, None\)"):
        trial.refuse_fault(of(folder, "vector", "data.eval_size=24"), "float32")
