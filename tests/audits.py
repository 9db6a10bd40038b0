"""Findings as `augexp.audit` would make them, for those who report them."""

from dataclasses import replace
from typing import Any

import numpy as np

from augexp.audit.findings import Doubt, Doubts, Files, Findings, Mixing, Near, NearCopy, Pixels, Shown
from augexp.data.copies import Copies, Member, Split


def picture(seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)


def shown(split: Split, id_: str, label: int = 0) -> Shown:
    return Shown(split, id_, label, picture(label))


def findings(**changes: Any) -> Findings:
    """A sound set of two classes, but for the changes."""
    counts: dict[Split, Any] = {"train": np.array([60, 50]), "val": np.array([6, 5]), "test": np.array([60, 60])}
    made = Findings(
        source="folder:photos",
        class_names=("cat", "dog"),
        image_size=96,
        resize="squash",
        validation="train",
        counts=counts,
        duplicates="drop",
        copies=Copies("drop"),
        left_out=(),
        not_read="",
        files=Files(241, (200, 320, 400), (200, 240, 300), (0.9, 1.3, 1.5), (200, 240, 300), 3),
        majority=(0, 0.5),
        mixing=Mixing(1, 32, 14.5, 0.0, 0.55),
        near=Near((), 241, 241, 0),
        doubts=Doubts((), "features of MobileNetV2", 0.9, 220),
        sheets={0: np.stack([picture(1), picture(2)]), 1: picture(3)[None]},
    )
    return replace(made, **changes)


def doubtful(name: str = "train/dog/b.png", *, classes: tuple[str, str] = ("cat", "dog")) -> Findings:
    """A set with everything that is doubtful about images."""
    across = (Member("test", 3, 0, "test/cat/a.png"), Member("train", 7, 0, name))
    odd = (Member("train", 1, 0, "train/cat/x.png"), Member("train", 2, 1, "train/dog/x.png"))
    near = NearCopy(shown("train", name), shown("test", "test/cat/c.png", 1), 0.93, mirrored=True)
    doubt = Doubt(shown("train", name, 1), 0.004, 0, 0.97)
    return findings(
        class_names=classes,
        copies=Copies("drop", (across, odd)),
        equal={across[0]: picture(5), odd[0]: picture(6)},
        near=Near((near,), 241, 241, 0),
        doubts=Doubts((doubt,), "features of MobileNetV2", 0.9, 220),
        left_out=(("train/cat/bad.png", "not an image"),),
        not_read="left out: files that are no images (2, such as cat/notes.txt)",
    )
