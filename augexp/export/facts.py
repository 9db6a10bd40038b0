"""What an exported file says of itself, in the file: its classes, and how images must come."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

import augexp
from augexp.errors import printable
from augexp.network.trained import Trained


@dataclass(frozen=True)
class Facts:
    """Of one exported file.

    Attributes:
        run: name of the run folder.
        class_names: in the order of the probabilities.
        image_size: side in pixels of the images that it takes.
        decoded_size: side to which a photo is brought; the middle of it is taken where `image_size` is smaller.
        resize: squash the photo, or crop its central square first.
        antialias: whether every pixel of a photo counts when it is made smaller.
        temperature: by which logits are divided; 1 leaves them as trained.
        weights: SHA-256 of the file in the run folder.
        data_fingerprint: of the data that it was trained on.
        augexp: version that exported it.
    """

    run: str
    class_names: tuple[str, ...]
    image_size: int
    decoded_size: int
    resize: Literal["squash", "crop"]
    antialias: bool
    temperature: float
    weights: str
    data_fingerprint: str | None
    augexp: str = augexp.__version__

    def to_json(self) -> str:
        """One object in ASCII."""
        return json.dumps(asdict(self), indent=2) + "\n"


def of_run(run: Trained, temperature: float) -> Facts:
    """The facts of a run whose logits are to be divided by `temperature`."""
    data = run.experiment.data.as_evaluated
    return Facts(
        run=printable(run.folder.resolve().name),
        class_names=tuple(map(printable, run.class_names)),
        image_size=data.image_size,
        decoded_size=data.decoded_size,
        resize=data.resize,
        antialias=data.antialias,
        temperature=temperature,
        weights=run.weights,
        data_fingerprint=run.fingerprint,
    )
