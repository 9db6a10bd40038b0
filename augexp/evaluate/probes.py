"""What `augexp evaluate` can ask of a trained network beside the plain scores and test-time augmentation.

A probe is a module with the three functions of `ProbeModule`, and a line in `PROBES`; its option, its part of the
progress bar, of the log, of `evaluation.json` and of what is printed follow by themselves. What it measures stands in
the table of `metrics.catalogue`, by which strategies are compared without loading TensorFlow.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from augexp.evaluate.subject import Found, Subject


class Measuring(Protocol):
    """A part of an evaluation."""

    def images(self, subject: "Subject") -> int:
        """How many images go through the network. Raises UserError if the data lacks what the probe needs."""

    def run(self, subject: "Subject") -> "Found":
        """The numbers; `subject.advance` is told of every image."""


class ProbeModule(Measuring, Protocol):
    """What a module that probes a network offers."""

    def rows(self, section: Mapping[str, Any]) -> Iterator[str]:
        """What is printed of a split in `evaluation.json`; nothing where the probe was never run on it."""


@dataclass(frozen=True)
class Probe:
    """A probe by its option.

    Attributes:
        name: in the log; with `--` before it, the option of `augexp evaluate`.
        help: of the option.
        module: that holds it, imported when it is asked for: `augexp --help` loads no TensorFlow.
    """

    name: str
    help: str
    module: str

    def load(self) -> ProbeModule:
        """Its functions."""
        return cast("ProbeModule", import_module(self.module))


# In the order of `augexp evaluate --help` and of what is printed.
PROBES = (
    Probe("robustness", "Occlusion and common corruptions, too.", "augexp.evaluate.robustness"),
    Probe("localisation", "Does it look where the object is? Needs data with boxes.", "augexp.evaluate.localisation"),
    Probe("floor", "What the backbone knew before: zero-shot, and a linear probe.", "augexp.evaluate.baselines"),
)
