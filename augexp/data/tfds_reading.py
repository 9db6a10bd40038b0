"""The examples of a TFDS set that lies on disk: images as files where they are, else through its own decoder."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from augexp import console
from augexp.data import classnames
from augexp.data.examples import Examples, Listing
from augexp.data.grey import Extent, ranges
from augexp.data.tfds_features import FILE_NAMES, Keys, image_kind, label_kind
from augexp.errors import UserError, first_line

if TYPE_CHECKING:
    import tensorflow as tf

Value = int | str
LOOKED_AT = 100  # images of a split; to read all of a large one takes minutes
NO_LABEL: tuple[Value, ...] = (-1, "")


def read(
    builder: Any, split: str, features: Collection[str], decoders: Mapping[str, Any] | None = None
) -> "tf.data.Dataset":
    """Some features of each example of a split, in their fixed order, with `tfds_id` beside them."""
    import tensorflow_datasets as tfds

    decoding = tfds.decode.PartialDecoding(set(features), decoders=dict(decoders or {}))
    config = tfds.ReadConfig(add_tfds_id=True, try_autocache=False)
    with quiet("tensorflow"):  # TFDS calls what TensorFlow has deprecated.
        return builder.as_dataset(split=split, decoders=decoding, read_config=config, shuffle_files=False)


@contextmanager
def quiet(name: str) -> Iterator[None]:
    """Inside, a logger says nothing."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def rows(builder: Any, split: str, features: Collection[str], count: int = -1) -> list[dict[str, Any]]:
    """The first examples of a split, or all of them.

    Raises:
        UserError: if its files are damaged.
    """
    import tensorflow as tf

    try:
        return list(read(builder, split, features).take(count).as_numpy_iterator())
    except tf.errors.OpError as error:
        raise UserError(
            f"{builder.info.name}: the files of the split {split} are damaged: {first_line(error).rstrip('.')}"
        ) from error


def has_labels(builder: Any, split: str, label: str) -> bool:
    """Whether any of the first images of a split has a label; a split of a contest has none at all."""
    return any(_value(row[label]) not in NO_LABEL for row in rows(builder, split, [label], LOOKED_AT))


def _value(raw: Any) -> Value:
    return raw.decode("utf-8", "surrogateescape") if isinstance(raw, bytes) else int(raw)


class Labels:
    """The classes of a set, and the label of each example: a number with a name, or a value that is its own name."""

    def __init__(self, builder: Any, splits: Sequence[str], label: str) -> None:
        self.key = label
        self._builder, self._splits, self._feature = builder, splits, builder.info.features[label]
        self._named = label_kind(self._feature) == "class"

    @cached_property
    def _classes(self) -> dict[Value, str]:
        """The class of each value; reads all labels where they have no names."""
        source = self._builder.info.name
        values = [_value(row[self.key]) for split in self._splits for row in rows(self._builder, split, [self.key])]
        found: dict[Value, str] = {value: str(value) for value in values if isinstance(value, int)}
        texts = [value for value in dict.fromkeys(values) if isinstance(value, str) and value]
        found.update(classnames.classes(source, dict.fromkeys(texts, self.key)))
        if len(set(found.values())) == len(values) > 2:
            raise UserError(f"{source}: {self.key} is another for each image, so it is no class; set data.label_key")
        return found

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """In the order of their numbers: as TFDS has them, else by value."""
        if self._named:
            return tuple(self._feature.names)
        order = {name: value for value, name in self._classes.items()}
        return tuple(sorted(order, key=lambda name: (isinstance(order[name], str), order[name])))

    def indices(self, split: str, raw: Sequence[Any]) -> "np.ndarray[Any, np.dtype[np.int32]]":
        """Indices (N,) into the class names.

        Raises:
            UserError: if some examples have no label.
        """
        values = [_value(one) for one in raw]
        if not self._named:
            number = {name: index for index, name in enumerate(self.class_names)}
            values = [number.get(self._classes.get(value, ""), -1) for value in values]
        labels = np.array(values, np.int32)
        if (labels < 0).any():
            raise UserError(f"{self._builder.info.name}: the split {split} has images without a label")
        return labels


class Reading:
    """How the examples of a set are read."""

    def __init__(self, builder: Any, keys: Keys, splits: Sequence[str]) -> None:
        self._builder, self._keys, self._splits = builder, keys, splits
        self._feature = builder.info.features[keys.image]

    def examples(self, split: str, labels: Labels) -> Examples:
        """One split."""
        is_file = image_kind(self._feature) == "file"
        has_boxes = is_file and bool(_box_keys(self._builder.info.features)[1])
        return Examples(
            self._builder.info.splits[split].num_examples,
            lambda: self._listing(split, labels),
            (lambda: self._files(split)) if is_file else (lambda: self._arrays(split)),
            (lambda: self._boxed(split)) if has_boxes else None,
        )

    def _listing(self, split: str, labels: Labels) -> Listing:
        name = next((key for key in FILE_NAMES if key in self._builder.info.features), "tfds_id")
        found = rows(self._builder, split, {labels.key, name} - {"tfds_id"})
        ids = [row[name].decode() for row in found]
        if len(set(ids)) < len(ids):
            ids = [row["tfds_id"].decode() for row in found]
        return Listing(ids, labels.indices(split, [row[labels.key] for row in found]))

    def _files(self, split: str) -> "tf.data.Dataset":
        image = self._keys.image
        return read(self._builder, split, [image], self._undecoded()).map(lambda row: row[image]).enumerate()

    def _undecoded(self) -> dict[str, Any]:
        import tensorflow_datasets as tfds

        # A text is no image to TFDS, which has nothing to skip.
        is_image = isinstance(self._feature, tfds.features.Image)
        return {self._keys.image: tfds.decode.SkipDecoding()} if is_image else {}

    def _boxed(self, split: str) -> "tf.data.Dataset":
        image, (objects, box) = self._keys.image, _box_keys(self._builder.info.features)
        found = read(self._builder, split, [image, objects], self._undecoded())
        return found.map(lambda row: (row[objects][box], row[image]))

    def _arrays(self, split: str) -> "tf.data.Dataset":
        """Pixels: uint8 as they are; other grey as float32; other colour scaled by the range of the set."""
        return self._decoded(split).map(self._as_pixels()).enumerate()

    def _decoded(self, split: str) -> "tf.data.Dataset":
        image = self._keys.image
        one_channel = len(self._feature.shape) == 3 and self._feature.shape[2] == 1
        return read(self._builder, split, [image]).map(lambda row: row[image][..., 0] if one_channel else row[image])

    def _as_pixels(self) -> Callable[["tf.Tensor"], "tf.Tensor"]:
        import tensorflow as tf

        if self._feature.np_dtype == np.uint8:
            return lambda pixels: pixels
        if len(self._feature.shape) == 2 or self._feature.shape[2] == 1:
            return lambda pixels: tf.cast(pixels, tf.float32)
        low, high = self._range

        def scaled(pixels: tf.Tensor) -> tf.Tensor:
            share = (tf.cast(pixels, tf.float64) - low) / (high - low)
            return tf.cast(share * 255 + 0.5, tf.uint8)

        return scaled

    @cached_property
    def _range(self) -> tuple[float, float]:
        """The values that are black and white, as for deep grey; reads all images.

        Raises:
            UserError: if it can't be known.
        """
        source, name = self._builder.info.name, self._keys.image
        found: dict[str, Extent] = {}
        for split in self._splits:
            for row in self._decoded(split).enumerate().as_numpy_iterator():
                index, pixels = row
                low, high = float(pixels.min()), float(pixels.max())
                if not np.isfinite((low, high)).all():
                    raise UserError(f"{source}: {split}: {name} of image {index} has values that are no numbers")
                found[f"{split} {index}"] = Extent("float", low, high)
        low, high = ranges(source, found)["float"]
        console.say_once(f"{source}: colours of {name} are read as {low:,.6g} = black to {high:,.6g} = white")
        return low, high


def _box_keys(features: Any) -> tuple[str, str]:
    """Where a set keeps boxes around objects: the names of the sequence, and of the box in it; empty if it has none."""
    import tensorflow_datasets as tfds

    for name, feature in features.items():
        inner = getattr(feature, "feature", None) if isinstance(feature, tfds.features.Sequence) else None
        for inner_name, box in (inner or {}).items() if isinstance(inner, tfds.features.FeaturesDict) else ():
            if isinstance(box, tfds.features.BBoxFeature):
                return name, inner_name
    return "", ""
