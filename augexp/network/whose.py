"""Which backbone a file of weights is of: found by trying, those first whose names stand in the file's."""

import re
from pathlib import Path

import h5py

from augexp.config.schema import Model
from augexp.errors import UserError
from augexp.network import model

SIDE = 96  # pixels; weights of a backbone are the same at any size
KNOWN: tuple[tuple[str, float | None], ...] = (
    *(("MobileNetV2", alpha) for alpha in (1.0, 0.35, 0.5, 0.75, 1.3, 1.4)),
    *((name, None) for name in ("MobileNetV3Small", "MobileNetV3Large", "EfficientNetB0", "EfficientNetV2B0")),
    *((name, None) for name in ("ResNet50", "ResNet50V2", "DenseNet121", "ConvNeXtTiny")),
)


def of_file(path: str) -> Model:
    """The settings of the backbone, out of the usual ones, that a file of weights without its top fits.

    Raises:
        UserError: if there is no such file, it holds no weights, or those of another network.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise UserError(f"--weights {path}: {'not a file' if file.exists() else 'no such file'}")
    if not h5py.is_hdf5(file):
        raise UserError(f"--weights {path}: no weights of Keras (HDF5); give a file such as ..._no_top.h5")
    for name, alpha in sorted(KNOWN, key=lambda known: -_likeness(file.name, *known)):
        settings = Model(backbone=name, backbone_args={} if alpha in (None, 1.0) else {"alpha": alpha}, weights=path)
        try:
            model.build(settings, SIDE, 2)
        except UserError:
            continue
        return settings
    names = ", ".join(dict.fromkeys(name for name, _ in KNOWN))
    raise UserError(
        f"--weights {path}: it fits none of {names} without its top; give the file of one of these, or write "
        "model.backbone and model.weights into a study of your own"
    )


def _likeness(file: str, name: str, alpha: float | None) -> int:
    """How many letters of a backbone's name and alpha stand in the name of a file."""
    letters = _letters(file)
    found = len(name) if name.lower() in letters else 0
    return found + (len(str(alpha)) if found and alpha is not None and _letters(str(alpha)) in letters else 0)


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
