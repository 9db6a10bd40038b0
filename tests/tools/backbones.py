"""The table of docs/backbones.md: what each backbone's first convolution sees. `python -m tests.tools.backbones`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import keras

from augexp.config.schema import BACKBONES, RANGE_ARGS, SMALL_NETWORKS, Model
from augexp.errors import UserError
from augexp.network import device, inputs, model

if TYPE_CHECKING:
    from pydantic import JsonValue

SIZE = 75  # pixels: the least that every class can be built at
COLUMNS = ("imagenet", "unit", "imagenet, no scaling of its own", "unit, no scaling of its own")


def main() -> None:
    """Prints the table in Markdown; a minute on two cores."""
    device.load_tensorflow()
    print(f"| backbone | {' | '.join(COLUMNS)} |")
    print("|---|" + "---|" * len(COLUMNS))
    for name in BACKBONES:
        print(row(name), flush=True)


def row(backbone: str) -> str:
    """A line of the table; what is refused is struck through."""
    cells = [_cell(*measured) for measured in measure(backbone)]
    return f"| {backbone} | {' | '.join(cells + [''] * (len(COLUMNS) - len(cells)))} |"


def measure(backbone: str) -> Iterator[tuple[inputs.Entering, bool]]:
    """What enters with each setting that the class has, and whether it is refused; with ImageNet weights."""
    weights = None if backbone in SMALL_NETWORKS else "imagenet"
    unscaled: dict[str, JsonValue] = dict.fromkeys(RANGE_ARGS, False)
    for args in ({}, unscaled):
        keras.utils.clear_session()
        try:
            network = model.bare_backbone(Model(backbone=backbone, weights=weights, backbone_args=args), SIZE)
        except (UserError, ValueError):  # it has no such argument
            return
        if not args:
            usual = inputs.entering(network, Model(backbone=backbone, weights=weights))
        for preprocessing in ("imagenet", "unit"):
            settings = Model(backbone=backbone, weights=weights, preprocessing=preprocessing, backbone_args=args)
            found = inputs.entering(network, settings)
            yield found, not inputs.fits(network, settings, found, usual)


def _cell(found: inputs.Entering, refused: bool) -> str:
    return f"~~{found}~~ refused" if refused else str(found)


if __name__ == "__main__":
    main()
