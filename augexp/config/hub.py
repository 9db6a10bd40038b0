"""Networks of KerasHub by their presets: `keras_hub:vit_base_patch16_224_imagenet`, or a folder, `keras_hub:./vit`."""

from pathlib import Path

from augexp import files
from augexp.config.ops import ownfile
from augexp.errors import UserError

PREFIX = "keras_hub:"
OWN_WEIGHTS = "preset"  # in `model.weights`
CONFIG, CONVERTER = "config.json", "image_converter.json"  # what is built, and how images are scaled for it
MOST = 2**22  # bytes of either


def is_hub(backbone: str) -> bool:
    """Whether a backbone is of KerasHub."""
    return backbone.startswith(PREFIX)


def folder(backbone: str) -> Path | None:
    """The folder of a preset on the disk; None of one that KerasHub knows by its name."""
    preset = backbone.removeprefix(PREFIX)
    return Path(preset).expanduser() if preset.startswith((".", "/", "~")) else None


def digest(backbone: str) -> str | None:
    """What tells the network of a folder from others, as KerasHub would build it; None of a preset with a name.

    Raises:
        UserError: if the folder holds no preset.
    """
    place = folder(backbone)
    if place is None:
        return None
    contents = [_content(place / name) for name in (CONFIG, CONVERTER)]
    if contents[0] is None:
        raise UserError(f"there is no {CONFIG} in {place}; a folder that `save_to_preset` wrote is needed")
    return ownfile.digest_of(*(content for content in contents if content is not None))


def _content(path: Path) -> bytes | None:
    try:
        return files.read_bytes(path, MOST)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror or error})") from None
