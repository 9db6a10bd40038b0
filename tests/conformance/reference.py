"""A right cutmix and mixup in NumPy, with room for faults, and how a property is asked of it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augexp.conformance import check
from augexp.conformance.libraries import Implementation, Mix, Setting
from augexp.conformance.property import Effort, Finding

QUICK = Effort(draws=4_000, batch_draws=1_000, called_draws=1_000, images=1_000, batches=100, steps=100)
Images = NDArray[Any]
Fault = tuple[str, str, dict[str, Any]]  # op, name of a property, what replaces a step of the reference
MIXING = ("cutmix", "mixup")


def find(op: str, name: str, one: Implementation, effort: Effort = QUICK) -> Finding:
    (asked,) = [row for row in check.properties(op) if row.name == name]
    found = check.find(asked, one, effort)
    assert found is not None
    return found


def caught(op: str, name: str, fault: dict[str, Any]) -> bool:
    """Whether a property of that name fails an implementation with a fault."""
    asked = [row for row in check.properties(op) if row.name == name]
    found = [check.find(row, reference(op, **fault), QUICK) for row in asked]
    return any(finding is not None and not finding.ok for finding in found)


class Reference:
    """cutmix or mixup by the papers; a test replaces a step of it by a wrong one."""

    label_shift = 0.0
    pixel_shift = 0.0
    label_type: Any = np.float32
    checks = True

    def __init__(self, op: str) -> None:
        self.op, self.random = op, np.random.default_rng(0)

    def implementation(self) -> Implementation:
        return Implementation("augexp", self.op, self.start, in_graph=False, images=np.float32)

    def start(self, setting: Setting, seed: int) -> Mix | None:
        alpha = 1.0 if setting.alpha is None else setting.alpha
        if self.checks and alpha <= 0:
            raise ValueError("alpha must be positive")
        if self.checks and not 0 <= setting.prob <= 1:
            raise ValueError("prob must be in [0, 1]")

        def mix(images: Images, labels: Images, step: int) -> tuple[Images, Images]:
            if self.checks and labels.ndim != 2:
                raise ValueError("labels must be one-hot")
            self.random = np.random.default_rng([seed, self.key(step)])
            batch = len(images)
            count = 1 if setting.per == "batch" else batch
            mixed = self.random.uniform(size=count) < setting.prob
            lam = np.broadcast_to(np.where(mixed, self.beta(max(alpha, 1e-3), count), 1.0), batch)
            partner = self.partners(batch)
            if setting.partner == "other_class":
                partner = self.others(partner, labels.argmax(axis=1))
            return self.apply(images, labels, lam, partner, setting)

        return mix

    def beta(self, alpha: float, count: int) -> Images:
        return self.random.beta(alpha, alpha, count)

    def partners(self, batch: int) -> Images:
        return self.random.permutation(batch)

    def others(self, partner: Images, classes: Images) -> Images:
        allowed = [np.flatnonzero(classes != one) for one in classes]
        return np.array([self.random.choice(some) if len(some) else partner[i] for i, some in enumerate(allowed)])

    def limits(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def weight(self, kept: float, _unclipped: float) -> float:
        return kept

    def key(self, step: int) -> int:
        return step

    def apply(
        self, images: Images, labels: Images, lam: Images, partner: Images, setting: Setting
    ) -> tuple[Images, Images]:
        if self.op == "mixup":
            share = lam[:, None, None, None]
            mixed = share * images + (1 - share) * images[partner] + self.pixel_shift
            return mixed.astype(np.float32), self.labels(labels, lam, partner, setting)
        mixed, weight = images.copy(), lam.copy()
        height, width = images.shape[1:3]
        shared = self.random.uniform(size=2)
        for i in range(len(images)):
            y, x = shared if setting.per == "batch" else self.random.uniform(size=2)
            tall, wide = (round(side * np.sqrt(1 - lam[i])) for side in (height, width))
            top, left = int(y * height) - tall // 2, int(x * width) - wide // 2
            rows, columns = self.limits(height, width)
            y1, y2, x1, x2 = max(top, 0), min(top + tall, rows), max(left, 0), min(left + wide, columns)
            mixed[i, y1:y2, x1:x2] = images[partner[i], y1:y2, x1:x2] + self.pixel_shift
            kept = 1 - max(0, min(y2, height) - y1) * max(0, min(x2, width) - x1) / (height * width)
            if setting.correct_lam:
                weight[i] = self.weight(kept, 1 - tall * wide / (height * width))
        return mixed, self.labels(labels, weight, partner, setting)

    def labels(self, labels: Images, weight: Images, partner: Images, setting: Setting) -> Images:
        if setting.labels == "binary":
            return self.joined(labels, weight[:, None], labels[partner])
        mixed = weight[:, None] * labels + (1 - weight[:, None]) * labels[partner] if labels.ndim == 2 else labels
        shifted: Images = (mixed + self.label_shift).astype(self.label_type)
        return shifted

    def joined(self, labels: Images, weight: Images, others: Images) -> Images:
        both: Images = np.maximum(labels * (weight > 0), others * (weight < 1)).astype(np.float32)
        return both


def reference(op: str, **faults: Any) -> Implementation:
    faulty: type[Reference] = type("Faulty", (Reference,), faults)
    return faulty(op).implementation()
