"""What was found in a data set, as plain values; whoever reports it needs no TensorFlow."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from augexp.config.schema import Duplicates
from augexp.data.copies import Copies, Member, Split

Pixels = NDArray[np.uint8]  # (S, S, 3), RGB
Spread = tuple[float, float, float]  # least, median, greatest

IMPROBABLE = 0.01  # probability of a label
SURE = 0.9  # probability of another class
SHOWN = 24  # groups of equal images, pairs, and doubts, with their pictures


@dataclass(frozen=True, eq=False)
class Shown:
    """One image, as decoded."""

    split: Split
    id: str
    label: int
    pixels: Pixels


@dataclass(frozen=True)
class Files:
    """What the files hold; sizes as a viewer shows them.

    Attributes:
        count: of those that could be measured.
        width: in pixels.
        height: in pixels.
        aspect: width by height.
        short: the shorter side, in pixels.
        grey: decoded images without any colour.
    """

    count: int
    width: Spread
    height: Spread
    aspect: Spread
    short: Spread
    grey: int


@dataclass(frozen=True)
class NearCopy:
    """Two images that show the same but for size, compression, brightness, a margin cut off, or a mirror."""

    first: Shown
    second: Shown
    likeness: float  # correlation of their details, laid on each other; 1: equal
    mirrored: bool

    @property
    def across(self) -> bool:
        return self.first.split != self.second.split


@dataclass(frozen=True)
class Near:
    """The near-copies of a set, across splits first, then by likeness; only `compared` of its images were looked at."""

    pairs: tuple[NearCopy, ...] = ()
    compared: int = 0
    images: int = 0  # different ones
    flat: int = 0  # of those compared, too flat to tell
    among_alike: int = 0  # of those compared, in no pair since they are as alike to several others

    @property
    def across(self) -> tuple[NearCopy, ...]:
        return tuple(pair for pair in self.pairs if pair.across)


@dataclass(frozen=True)
class Doubt:
    """A label that the probe finds improbable."""

    image: Shown
    given: float  # probability of the label, in [0, 1]
    said: int  # the most probable class
    probability: float  # of that class

    @property
    def is_improbable(self) -> bool:
        return self.given < IMPROBABLE and self.probability > SURE


@dataclass(frozen=True)
class Doubts:
    """The most doubtful labels, first first; none where the probe can't be trusted, and `reason` says why.

    Attributes:
        found: those that are improbable, and no fewer than `doubts.MOST` where the probe says so many other classes.
        probe: what the probe sees.
        accuracy: of the probe on images that it wasn't fitted to, in [0, 1].
        looked_at: how many labels it was asked about.
        alone: classes of one train image, which it isn't asked about.
    """

    found: tuple[Doubt, ...] = ()
    probe: str = ""
    accuracy: float = 0.0
    looked_at: int = 0
    reason: str = ""
    alone: int = 0

    @property
    def improbable(self) -> int:
        """How many of the labels have a probability below `IMPROBABLE`, and another class one above `SURE`."""
        return sum(one.is_improbable for one in self.found)


@dataclass(frozen=True)
class Mixing:
    """What a batch holds of the smallest class, which is what mixing takes partners from.

    Attributes:
        label: the smallest class of train.
        batch_size: of training.
        images: of the class in a batch, on average.
        without: share of the batches that hold none, in [0, 1].
        others: chance that the partner of one of its images is of another class, in [0, 1].
        balanced: whether every class is drawn equally often.
    """

    label: int
    batch_size: int
    images: float
    without: float
    others: float
    balanced: bool = False


@dataclass(frozen=True)
class Findings:
    """All that was found.

    Attributes:
        source: `data.source`.
        class_names: K.
        image_size: that training asks for.
        resize: how files come to it.
        validation: what val is: `train`, `val` or `test`.
        counts: images by class, (K,), of each split that training uses.
        duplicates: what training does about copies across splits; what it refuses is counted as if it were dropped.
        copies: equal images, those that are dropped among them.
        left_out: ids of what can't be decoded, with the reason.
        not_read: what else was found and isn't used, in words.
        files: sizes and colours.
        majority: the largest class of train, and the accuracy on test of saying nothing else.
        mixing: of the smallest class.
        near: images that are nearly equal.
        doubts: labels that may be wrong.
        equal: the image of each group of `copies` that is shown, by its first member.
        sheets: images of a class, (n, S, S, 3), by its number.
    """

    source: str
    class_names: tuple[str, ...]
    image_size: int
    resize: str
    validation: str
    counts: Mapping[Split, NDArray[np.int64]]
    duplicates: Duplicates
    copies: Copies
    left_out: tuple[tuple[str, str], ...]
    not_read: str
    files: Files
    majority: tuple[int, float]
    mixing: Mixing
    near: Near
    doubts: Doubts
    equal: Mapping[Member, Pixels] = field(default_factory=dict)
    sheets: Mapping[int, Pixels] = field(default_factory=dict)
