"""Own ops as tensors: what they may return, what is refused and in which words, and that draws come from the seed."""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from augexp.augment import build, own, strategy
from augexp.config import load
from augexp.config.ops import OwnOp
from augexp.data.pipeline import as_it_is
from augexp.errors import UserError
from tests.batches import make_images

HEAD = """
import numpy as np
import random
import tensorflow as tf
from augexp.augment import own_op

"""
RIGHT = (
    HEAD
    + '''
@own_op
def fog(images, seed, *, density: tuple[float, float] = (0.2, 0.6)):
    """Blends towards white."""
    share = tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], seed, *density)
    images = tf.cast(images, tf.float32)
    return images + share * (255 - images)

@own_op(mixes=True, compiled=False)
def halves(images, labels, seed):
    partner = tf.argsort(tf.random.stateless_uniform([tf.shape(images)[0]], seed))
    middle = images.shape[2] // 2
    mixed = tf.concat([tf.gather(images, partner)[:, :, :middle], images[:, :, middle:]], axis=2)
    return mixed, (labels + tf.gather(labels, partner)) / 2

def speckle(image, rng, share=0.2):
    image[rng.random(image.shape[:2]) < share] = 255
    return image

def mirrored(image):
    return image[:, ::-1]
'''
)
SEED = tf.constant([3, 7], tf.int64)


def spec_of(folder: Path, text: str, name: str = "op") -> OwnOp:
    (folder / "my_ops.py").write_text(text)
    found = load.experiment("digits.yaml", [f"strategy=[my_ops:{name}]", f"ops_dir={folder}"]).strategy[0]
    assert isinstance(found, OwnOp)
    return found


@pytest.mark.slow
def test_a_function_of_batches_is_what_it_says(tmp_path: Path) -> None:
    images, labels = tf.constant(make_images(6, 4, 8)), tf.eye(6)
    chain = strategy.build([spec_of(tmp_path, RIGHT, "fog")])
    changed, same = chain(images, labels, SEED)
    share = (changed.numpy() - images.numpy()) / (255 - images.numpy() + 1e-9)
    assert changed.dtype == tf.float32
    np.testing.assert_array_equal(same, labels)
    given = images.numpy() < 200
    for one, where in zip(share, given, strict=True):
        assert np.ptp(one[where]) < 1e-4
        assert 0.2 <= one[where].mean() <= 0.6
    assert len({float(one[where].mean()) for one, where in zip(share, given, strict=True)}) == 6


def test_one_that_mixes_says_the_labels(tmp_path: Path) -> None:
    images, labels = tf.constant(make_images(6, 4, 8)), tf.eye(6)
    spec = spec_of(tmp_path, RIGHT, "halves")
    mixed, soft = strategy.build([spec])(images, labels, SEED)
    assert spec.mixes
    for image, label, own_image in zip(mixed.numpy(), soft.numpy(), images.numpy(), strict=True):
        partner = (
            label.argmax()
            if label.max() == 1
            else next(i for i in np.flatnonzero(label) if (own_image != images[i]).numpy().any())
        )
        np.testing.assert_array_equal(image[:, :4], images[partner][:, :4])
        np.testing.assert_array_equal(image[:, 4:], own_image[:, 4:])


def test_python_that_goes_by_tensors_works_as_in_training(tmp_path: Path) -> None:
    half = HEAD + (
        "@own_op(compiled=False)\ndef op(images, seed):\n    images = tf.cast(images, tf.float32)\n"
        "    if tf.random.stateless_uniform([], seed) < 0.5:\n        images = images / 2\n    return images\n"
    )
    spec = spec_of(tmp_path, half)
    own.prove(spec, 8)
    chain = strategy.build([spec])
    images, labels = tf.constant(make_images(2, 8, 8)), tf.eye(2)

    def batch(step: tf.Tensor) -> tf.Tensor:
        return chain(images, labels, tf.stack([0, step]))[0]

    batches = tf.data.Dataset.range(16).map(as_it_is(batch))
    seen = {float(changed[0, 0, 0, 0]) / float(images[0, 0, 0, 0]) for changed in batches}
    assert seen == {0.5, 1.0}


@pytest.mark.parametrize("compiled", [True, False])
def test_python_that_needs_values_is_refused_before_training(tmp_path: Path, compiled: bool) -> None:
    text = f"{HEAD}@own_op(compiled={compiled})\ndef op(images, seed):\n    return tf.constant(images.numpy())\n"
    with pytest.raises(UserError, match=r"^own op my_ops:op: TensorFlow can't make a graph of it \(.*numpy.*\); do"):
        own.prove(spec_of(tmp_path, text), 8)


@pytest.mark.parametrize("name", ["speckle", "mirrored"])
def test_a_function_of_images_gets_each_with_a_generator_of_its_own(tmp_path: Path, name: str) -> None:
    images, labels = tf.constant(make_images(6, 8, 8)), tf.eye(6)
    spec = spec_of(tmp_path, RIGHT, name)
    chain = strategy.build([spec])
    changed, _ = chain(tf.cast(images, tf.float32), labels, SEED)
    assert changed.dtype == tf.uint8
    if name == "mirrored":
        np.testing.assert_array_equal(changed, images[:, :, ::-1])
        return
    keys = chain.sample(SEED, images)[0]["key"].numpy()
    for image, key, found in zip(images.numpy(), keys, changed.numpy(), strict=True):
        where = np.random.default_rng(key).random((8, 8)) < 0.2
        np.testing.assert_array_equal(found, np.where(where[..., None], 255, image))
    np.testing.assert_array_equal(chain(images, labels, SEED)[0], changed)
    assert (chain(images, labels, SEED + 1)[0] != changed).numpy().any()


@pytest.mark.slow
def test_draws_are_the_same_alone_and_after_others_and_on_any_number_of_threads(tmp_path: Path) -> None:
    (tmp_path / "my_ops.py").write_text(RIGHT)
    texts = ("[my_ops:speckle, my_ops:fog, my_ops:halves]", "[cutmix, my_ops:speckle, my_ops:fog]")
    both = [
        strategy.build(load.experiment("digits.yaml", [f"strategy={text}", f"ops_dir={tmp_path}"]).strategy)
        for text in texts
    ]
    images, labels = tf.constant(make_images(8, 8, 8)), tf.eye(8)
    alone, chain = (one.sample(SEED, images) for one in both)
    np.testing.assert_array_equal(alone[0]["key"], chain[1]["key"])
    np.testing.assert_array_equal(alone[1]["seed"], chain[2]["seed"])

    def batches(threads: int) -> list[bytes]:
        steps = tf.data.Dataset.range(16).map(
            lambda step: both[0](images, labels, tf.stack([0, step])), num_parallel_calls=threads, deterministic=True
        )
        return [changed.tobytes() + soft.tobytes() for changed, soft in steps.as_numpy_iterator()]

    one, eight = batches(1), batches(8)
    assert one == eight
    assert len(set(one)) == 16


# What is wrong, and what is said of it. Every op of the list has one fault.
BATCHES = {
    "return images[:, :4]": "returned images of shape (8, 4, 16, 3), and (8, 16, 16, 3) is needed",
    "return tf.cast(images, tf.float16)": "returned images of float16, and uint8 or float32 is needed",
    "return tf.cast(images, tf.float32) / 255": "returned values of at most 1 for images with values up to 255",
    "return tf.cast(images, tf.float32) * 2": "returned values outside of [0, 255]",
    "return tf.cast(images, tf.float32) - 300": "returned values outside of [0, 255]",
    "return tf.cast(images, tf.float32) * float('nan')": "returned NaN",
    "return None": "returned NoneType in the place of images",
    "return images, labels[:, ::-1]": "changed labels and doesn't say so; declare it with @own_op(mixes=True)",
    "return images, labels[:4]": "returned labels of shape (4, 8), and (8, 8) is needed",
    "return tf.cast(images, tf.float32) * np.random.rand()": "gave another answer for the same seed",
    "return tf.cast(images, tf.float32) * random.random()": "gave another answer for the same seed",
    "return tf.cast(images, tf.float32) * tf.random.uniform([])": "gave another answer for the same seed",
    "return images + missing": "NameError: name 'missing' is not defined (line 9: 'return images + missing')",
    "return tf.image.adjust_jpeg_quality(images[0], 50)[None]": "returned images of shape (1, 16, 16, 3)",
    "return tf.numpy_function(lambda x: x, [images], images.dtype)": "XLA can't compile it (it has no ",
}  # fmt: skip


@pytest.mark.parametrize(("line", "message"), BATCHES.items())
def test_a_fault_of_a_function_of_batches_is_named(tmp_path: Path, line: str, message: str) -> None:
    spec = spec_of(tmp_path, f"{HEAD}@own_op\ndef op(images, labels, seed):\n    {line}\n")
    with pytest.raises(UserError) as caught:
        own.prove(spec, 16)
    assert str(caught.value).startswith("own op my_ops:op: ")
    assert message in str(caught.value)


IMAGES = {
    "return image[:4]": "returned an image of shape (4, 16, 3), and (16, 16, 3) is needed",
    "return image / 255": "returned an image of float64, and uint8 is needed; round, clip",
    "return image.tolist()": "returned list, and a NumPy array is needed",
    "return None": "returned NoneType, and a NumPy array is needed",
    "return (image * np.random.rand()).astype(np.uint8)": "gave another answer for the same seed",
    "return (image * random.random()).astype(np.uint8)": "gave another answer for the same seed",
    "return (image > 100).astype(np.uint8)": "returned values of at most 1",
    "return image + missing": "NameError: name 'missing' is not defined (line 8: 'return image + missing')",
}


@pytest.mark.parametrize(("line", "message"), IMAGES.items())
def test_a_fault_of_a_function_of_images_is_named(tmp_path: Path, line: str, message: str) -> None:
    spec = spec_of(tmp_path, f"{HEAD}def op(image, rng):\n    {line}\n")
    with pytest.raises(UserError) as caught:
        own.prove(spec, 16)
    assert str(caught.value).startswith("own op my_ops:op: ")
    assert message in str(caught.value)


@pytest.mark.slow
def test_right_ones_are_proven(tmp_path: Path) -> None:
    for name in ("fog", "halves", "speckle", "mirrored"):
        own.prove(spec_of(tmp_path, RIGHT, name), 16)


SILENT = RIGHT.replace("mixes=True, ", "").replace("(labels + tf.gather(labels, partner)) / 2", "labels")
LEVELLED = '''
@own_op
def levelled(images):
    """By the mean of the batch, which is nobody's label."""
    images = tf.cast(images, tf.float32)
    return images / 2 + tf.reduce_mean(images) / 4
'''


@pytest.mark.parametrize("name", ["keras:MixUp", "keras:CutMix", "my_ops:halves"])
def test_images_that_take_from_others_without_their_labels_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "my_ops.py").write_text(SILENT)
    spec = load.experiment("digits.yaml", [f"strategy=[{name}]", f"ops_dir={tmp_path}"]).strategy[0]
    assert isinstance(spec, OwnOp)
    with pytest.raises(UserError, match=f"own op {name}: images take pixels from others of their batch, and keep"):
        own.prove(spec, 16)


@pytest.mark.parametrize("name", ["keras:Equalization", "my_ops:levelled", "my_ops:fog"])
def test_what_is_measured_of_the_batch_is_nobodys_label(tmp_path: Path, name: str) -> None:
    (tmp_path / "my_ops.py").write_text(RIGHT + LEVELLED)
    spec = load.experiment("digits.yaml", [f"strategy=[{name}]", f"ops_dir={tmp_path}"]).strategy[0]
    assert isinstance(spec, OwnOp)
    own.prove(spec, 16)


def test_labels_that_do_not_sum_to_one_are_refused(tmp_path: Path) -> None:
    text = f"{HEAD}@own_op(mixes=True)\ndef op(images, labels, seed):\n    return images, labels * 0.9\n"
    with pytest.raises(UserError, match="rows of its labels are not shares that sum to 1"):
        own.prove(spec_of(tmp_path, text), 16)


def test_a_fault_that_comes_later_is_named_too(tmp_path: Path) -> None:
    """A value that a few images in a thousand get is not seen beforehand."""
    body = "return tf.cast(images, tf.float32) + tf.cast(seed[0] % 16 == 5, tf.float32) * 9e9"
    text = f"{HEAD}@own_op(compiled=False)\ndef op(images, seed):\n    {body}\n"
    chain = strategy.build([spec_of(tmp_path, text)])
    images, labels = tf.constant(make_images(4, 8, 8)), tf.eye(4)
    steps = tf.data.Dataset.range(64).map(lambda step: chain(images, labels, tf.stack([0, step])))
    with pytest.raises(UserError, match=r"^own op my_ops:op: it returned values outside of \[0, 255"), own.explained():
        list(steps)


def test_a_strategy_of_ones_own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_ops.py").write_text(RIGHT)
    monkeypatch.chdir(tmp_path)
    images = make_images(4, 8, 8)
    changed, _ = build(["my_ops:mirrored"], num_classes=4)(images, np.arange(4), (0, 1))
    np.testing.assert_array_equal(changed, images[:, :, ::-1])
    with pytest.raises(ValueError, match=r"my_ops.py has no function fgo; did you mean fog\?"):
        build(["my_ops:fgo"])
    with pytest.raises(ValueError, match="density"):
        build([{"name": "my_ops:fog", "density": [0.4, 0.1]}])


# --- other libraries -----------------------------------------------------------------------------------------------


def test_a_pipeline_of_albumentations_draws_from_the_seed(tmp_path: Path) -> None:
    pytest.importorskip("albumentations")
    transform = {
        "__class_fullname__": "Compose", "p": 1.0, "transforms": [
            {"__class_fullname__": "HorizontalFlip", "p": 0.5},
            {"__class_fullname__": "RandomBrightnessContrast", "p": 1.0},
        ],
    }  # fmt: skip
    _same_for_a_seed(tmp_path, transform)
    with pytest.raises(UserError, match=r"albumentations:pipe.json: Albumentations can't build it"):
        own.prove(_pipeline(tmp_path, {"__class_fullname__": "NoSuch"}), 16)
    with pytest.raises(UserError, match=r"returned an image of shape \(8, 8, 3\), and \(16, 16, 3\) is needed"):
        own.prove(_pipeline(tmp_path, {"__class_fullname__": "Resize", "height": 8, "width": 8, "p": 1.0}), 16)


def _pipeline(folder: Path, transform: object) -> OwnOp:
    text = json.dumps({"__version__": version("albumentations"), "transform": transform})
    (folder / "pipe.json").write_text(text)
    found = load.experiment("digits.yaml", ["strategy=[albumentations:pipe.json]", f"ops_dir={folder}"]).strategy[0]
    assert isinstance(found, OwnOp)
    return found


def _same_for_a_seed(folder: Path, transform: object) -> None:
    _draws_from_the_seed(_pipeline(folder, transform))


def _draws_from_the_seed(spec: OwnOp) -> None:
    own.prove(spec, 16)
    chain, images = strategy.build([spec]), tf.constant(make_images(8, 16, 16))
    first, again, other = (chain(images, tf.eye(8), SEED + step)[0].numpy() for step in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first != images.numpy()).any()


def test_a_transform_of_torchvision_draws_from_the_seed(tmp_path: Path) -> None:
    pytest.importorskip("torchvision")
    (tmp_path / "their.py").write_text(
        "from torchvision.transforms import v2\n"
        "train = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomRotation(15), v2.ColorJitter(0.4, 0.4)])\n"
        "scaled = v2.ToDtype(__import__('torch').float32, scale=True)\n"
    )

    def of(name: str) -> OwnOp:
        overrides = [f"strategy=[torchvision:their.py:{name}]", f"ops_dir={tmp_path}"]
        found = load.experiment("digits.yaml", overrides).strategy[0]
        assert isinstance(found, OwnOp)
        return found

    _draws_from_the_seed(of("train"))
    with pytest.raises(UserError, match="returned an image of float32, and uint8 is needed"):
        own.prove(of("scaled"), 16)
    with pytest.raises(UserError, match=r"their.py has no transform trian; did you mean train\?"):
        of("trian")


def test_a_layer_of_keras_draws_from_the_seed() -> None:
    def of(text: str) -> OwnOp:
        found = load.experiment("digits.yaml", [f"strategy=[{text}]"]).strategy[0]
        assert isinstance(found, OwnOp)
        return found

    spec = of("{name: keras:RandomRotation, factor: [-0.1, 0.1]}")
    assert spec.model_dump(mode="json")["factor"] == [-0.1, 0.1]
    _draws_from_the_seed(spec)
    for text, message in {
        "keras:RandomRotatoin": "keras.layers has no RandomRotatoin for images; did you mean RandomRotation?",
        "{name: keras:RandomRotation, factr: 1}": "factr: unknown key; did you mean factor?",
        "keras:RandomRotation": "factor: a value is needed; it has no default",
    }.items():
        with pytest.raises(UserError) as caught:
            of(text)
        assert message in str(caught.value)
    with pytest.raises(UserError, match="own op keras:RandomContrast: Keras refuses it"):
        own.prove(of("{name: keras:RandomContrast, factor: -3}"), 16)


def test_one_that_changes_nothing_is_named() -> None:
    layers = "strategy=[{name: keras:RandomFlip, mode: sideways}, {name: keras:RandomFlip, mode: vertical}]"
    (said,) = own.idle(load.experiment("digits.yaml", [layers]).strategy, 16)
    assert said.startswith("own op keras:RandomFlip changed none of 64 images")
