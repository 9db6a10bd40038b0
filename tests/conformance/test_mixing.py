"""Each property of mixing catches the fault that it is there for."""

import itertools
from typing import Any

import numpy as np
import pytest

from augexp.conformance.libraries import Implementation, Mix, Setting
from augexp.conformance.mixing import PERS
from tests.conformance.reference import MIXING, Fault, caught, find

FAULTS: list[Fault] = [
    # Beta(1, 1) whatever alpha is
    *(
        (op, f"lam ~ Beta(0.2, 0.2) per {per}", {"beta": lambda self, _alpha, count: self.random.uniform(size=count)})
        for op in MIXING
        for per in PERS
    ),
    # the right mean, another variance
    ("mixup", "  its mean, variance", {"beta": lambda self, alpha, count: self.random.beta(alpha + 1, alpha + 1, count)}),  # noqa: E501
    # coarse: lam in steps of 1/64
    ("mixup", "lam ~ Beta(1, 1) per example", {"beta": lambda self, alpha, count: np.round(64 * self.random.beta(alpha, alpha, count)) / 64}),  # noqa: E501
    # alpha drawn from U(0, 1)
    ("cutmix", "lam ~ Beta(1, 1) by default", {"beta": lambda self, alpha, count: self.random.beta(*2 * [self.random.uniform(1e-6, alpha)], count)}),  # noqa: E501
    # the label's weight by the box before clipping
    ("cutmix", "label weight - pixel share", {"weight": lambda _self, _kept, unclipped: unclipped}),
    ("cutmix", "label weight - pixel share", {"label_shift": 1e-3}),
    ("cutmix", "label rows - 1", {"label_shift": 1e-3}),
    ("mixup", "label weight - pixel weight", {"label_shift": 1e-3}),
    ("mixup", "label rows - 1", {"label_shift": 1e-3}),
    ("cutmix", "pixels from neither source", {"pixel_shift": 0.5}),
    ("mixup", "pixels - blend, grey levels", {"pixel_shift": 0.5}),
    # height and width swapped
    *(
        ("cutmix", f"box {part}: the paper's law", {"limits": lambda _self, height, width: (width, height)})
        for part in ("width", "area", "centre x")
    ),
    # rows are clipped with the width: what stays open below is cut off by the array, so the box is right; not so above
    ("cutmix", "box height: the paper's law", {"limits": lambda _self, height, width: (height // 2, width)}),
    ("cutmix", "box centre y: the paper's law", {"limits": lambda _self, height, width: (height // 2, width)}),
    *((op, "partner uniform", {"partners": lambda _self, batch: np.roll(np.arange(batch), 1)}) for op in MIXING),
    *((op, "alpha 0 and -1", {"checks": False}) for op in MIXING),
    # rounded, as a threshold of 0.5 would
    *((op, "binary: no 1 for each weight > 0", {"joined": lambda _self, labels, weight, others: (weight * labels + (1 - weight) * others).round()}) for op in MIXING),  # noqa: E501
    ("mixup", "binary: no 1 for each weight > 0", {"joined": lambda _self, labels, _weight, others: labels + others}),
    *((op, "other_class: partners of the own", {"others": lambda _self, partner, _classes: partner}) for op in MIXING),
    ("mixup", "  partners uniform over others", {"others": lambda _self, _partner, classes: np.array([np.flatnonzero(classes != one)[0] for one in classes])}),  # noqa: E501
    ("mixup", "  unmixed, of two classes in two", {"others": lambda _self, partner, _classes: partner}),
    ("mixup", "prob 0.3 per example", {"beta": lambda _self, _alpha, count: np.ones(count)}),
    ("mixup", "prob 0.3 per batch", {"beta": lambda _self, _alpha, count: np.ones(count)}),
]  # fmt: skip


@pytest.mark.parametrize(("op", "name", "fault"), FAULTS, ids=[f"{op}: {name.strip()}" for op, name, _ in FAULTS])
def test_a_fault_is_caught(op: str, name: str, fault: dict[str, Any]) -> None:
    assert caught(op, name, fault)


# --- more than one partner -----------------------------------------------------------------------------------------


def quarters(faulty: dict[int, float]) -> Implementation:
    """Four images side by side, of widths 1, 2, 3 and 6; `faulty` is added to the weights of the sources it names."""
    ends, weights = (0, 2, 6, 12, 24), np.array([1, 2, 3, 6]) / 12

    def start(_setting: Setting, seed: int) -> Mix:
        def mix(images: Any, labels: Any, step: int) -> tuple[Any, Any]:
            random = np.random.default_rng([seed, step])
            sources = [np.arange(len(images)), *(random.permutation(len(images)) for _ in range(3))]
            mixed, soft = images.copy(), np.zeros_like(labels)
            for number, source in enumerate(sources):
                mixed[:, :, ends[number] : ends[number + 1]] = images[source, :, ends[number] : ends[number + 1]]
                soft += np.float32(weights[number] + faulty.get(number, 0)) * labels[source]
            return mixed, soft

        return mix

    return Implementation("augexp", "ricap", start, in_graph=False)


@pytest.mark.parametrize("pair", list(itertools.combinations(range(4), 2)))
def test_weights_of_four_sources_are_held_to_their_shares(pair: tuple[int, int]) -> None:
    assert find("ricap", "label weight - pixel share", quarters({})).ok
    wrong = quarters({pair[0]: 0.01, pair[1]: -0.01})
    assert find("ricap", "label rows - 1", wrong).ok
    assert not find("ricap", "label weight - pixel share", wrong).ok
