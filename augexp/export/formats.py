"""The formats that a run can be exported to.

A format is a module with the functions of `FormatModule`, and a line in `FORMATS`; its option follows by itself.
"""

import re
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from augexp import tables
from augexp.errors import UserError
from augexp.removal import Own

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras
    import numpy as np
    from numpy.typing import NDArray

    from augexp.export.facts import Facts

Answers: TypeAlias = "Callable[[NDArray[np.float32]], NDArray[np.float32]]"
"""Images (B, S, S, 3) float32 in [0, 255] -> class probabilities (B, K) float32."""


FACTS = "augexp.json"  # in every exported file: what it says of itself
SAVED_MODEL = Own(
    re.compile(r"(saved_model|fingerprint)\.pb"),
    {
        "variables": Own(re.compile(r"variables\.(index|data-\d{5}-of-\d{5})")),
        "assets": Own(re.compile(re.escape(FACTS))),
    },
    proof="saved_model.pb",
)


class FormatModule(Protocol):
    """What a module that writes a format offers."""

    def write(self, classifier: "keras.Model", facts: "Facts", path: Path) -> None:
        """Writes what takes images (B, S, S, 3) float32 to probabilities (B, K), with the facts inside."""

    def opened(self, path: Path) -> Answers:
        """What was written, in the runtime that it is for."""


@dataclass(frozen=True)
class Format:
    """A format by its option.

    Attributes:
        name: with `--` before it, the option of `augexp export`.
        title: in sentences.
        ending: of the file's name.
        help: of the option.
        module: that holds it, imported when it is asked for: `augexp --help` loads no TensorFlow.
        needs: packages beside TensorFlow, which the extra of its name installs.
        own: what lies in it, where it is a folder.
    """

    name: str
    title: str
    ending: str
    help: str
    module: str
    needs: tuple[str, ...] = ()
    own: Own | None = None

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder rather than a file; the one such format is the one that can hold a decoder."""
        return self.own is not None

    def load(self) -> FormatModule:
        """Its functions."""
        return cast("FormatModule", import_module(self.module))

    def refuse_missing(self) -> None:
        """Raises UserError if a package that it needs isn't installed."""
        missing = [name for name in self.needs if find_spec(name) is None]
        if missing:
            plural = "is" if len(missing) == 1 else "are"
            raise UserError(
                f"--{self.name}: {tables.names(missing)} {plural} not installed; pip install 'augexp[{self.name}]'"
            )


# In the order of `augexp export --help`; the first is taken where none is named.
FORMATS = (
    Format("keras", "Keras", ".keras", "A file for Keras 3, on any of its backends.", "augexp.export.keras_file"),
    Format(
        "savedmodel", "SavedModel", ".savedmodel", "A folder for TensorFlow and TensorFlow Serving; takes JPEG, too.",
        "augexp.export.saved_model", own=SAVED_MODEL,
    ),
    Format(
        "onnx", "ONNX", ".onnx", "A file for ONNX Runtime and others.", "augexp.export.onnx_file",
        needs=("tf2onnx", "onnx", "onnxruntime"),
    ),
    Format("tflite", "TFLite", ".tflite", "A file for LiteRT, on phones and small boards.", "augexp.export.tflite"),
)  # fmt: skip
