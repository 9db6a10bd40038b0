"""Grey of more than 8 bits: no file says which value is white, so the range of a whole set decides, for all of it.

Of colour of 16 bits Pillow reads the upper 8: a set that doesn't reach them would come out black, and is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffTags import TAGS_V2

from augexp.errors import UserError

Ranges = Mapping[str, tuple[float, float]]  # kind of grey -> the values that are black and white

_TAGS = {tag.name: number for number, tag in TAGS_V2.items()}
_NO_DATA = 42113  # tag of GDAL
_WHITE_IS_ZERO = 0
_UNSIGNED, _SIGNED = 1, 2
BEYOND = 1e30  # what no measured value is; -3.4e38 is often put where there is none
FLAT = 16  # of a set's range; where half of the images span less than its 16th, they would come out flat
LEVELS = 256  # where nearly all values of half of the images lie within so small a part, they would be one grey
BULK = (1, 99)  # percent of the values between an image's least and greatest
SAMPLED = 10_000  # pixels
LISTED = 3  # files in a message
COLOUR = "16-bit colour"
SMALL = 0.01  # of the float images of a set, that may be nearly black ones
DARK = 64  # upper 8 bits of colour; a set in which none is as high has 14 bits or fewer


@dataclass(frozen=True)
class Extent:
    """What one image holds."""

    kind: str
    low: float
    high: float
    bulk: float | None = field(default=None, compare=False)  # span of nearly all values; None where it isn't known


def kind(image: Image.Image) -> str:
    """Signed 8-bit, 16-bit, signed 16-bit, 32-bit or float; empty for an image of 8 bits."""
    if image.mode == "F":
        return "float"
    if image.mode == "L" and image.format == "TIFF" and _tag(image, "SampleFormat", _UNSIGNED) == _SIGNED:
        return "signed 8-bit"
    if image.mode == "I" and image.format == "TIFF":
        return "signed 16-bit" if _tag(image, "BitsPerSample", 32) == 16 else "32-bit"
    return "16-bit" if image.mode == "I" or image.mode.startswith("I;16") else ""


def is_deep_colour(image: Image.Image) -> bool:
    """Whether an image that isn't loaded yet has 16 bits a channel, of which Pillow keeps the upper 8."""
    # In others, 16 bits are those of a pixel, or Pillow scales by what the file says.
    known = image.format in ("PNG", "TIFF") and not kind(image)
    return known and ";16" in raw_mode(image)


def raw_mode(image: Image.Image) -> str:
    """How the pixels of an image that isn't loaded yet lie in its file, such as RGB;16B; empty for not known."""
    arguments: Any = next((tile[3] for tile in getattr(image, "tile", [])), "")
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def extent(image: Image.Image) -> Extent:
    """Least and greatest value of an image of such a kind or of deep colour, or what its file says they can be.

    Raises:
        ValueError: for values that are no numbers.
    """
    if not kind(image):
        extrema: Any = image.getextrema()
        bands = [of for band, of in zip(image.getbands(), extrema, strict=True) if band != "A"]
        return Extent(COLOUR, 256.0 * min(low for low, _ in bands), 256.0 * max(high for _, high in bands) + 255)
    values = _values(image)
    values = values[~_holes(image, values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if image.format == "PPM" and image.mode == "I":
        return Extent(kind(image), 0, 65535)  # Pillow has scaled it by what the file says
    if _tag(image, "BitsPerSample", 16) == 12:
        return Extent(kind(image), 0, 4095)
    return Extent(kind(image), low, high, _bulk(values, low, high))


def _bulk(values: NDArray[np.generic], low: float, high: float) -> float | None:
    """The span of nearly all values, without the two at the ends: they may stand for no data, or for hot pixels."""
    some = values[:: (values.size // SAMPLED) | 1].astype(np.float64)  # odd, and so not of one column
    inner = some[(some > low) & (some < high)]
    return float(np.ptp(np.percentile(inner, BULK))) if inner.size else None


def ranges(source: str, extents: Mapping[str, Extent]) -> Ranges:
    """The range of each kind of grey in a set, from the extents of its images by their ids.

    Colour is read by its upper 8 bits. Other kinds are from 0 to what bits can hold (1, 255 or 65,535 for floats),
    where the set fills at least half of that, else from its least value to its greatest.

    Raises:
        UserError: if a few images have a range beside which the others would come out flat, or colour would be black.
    """
    _refuse_dark(source, {id_: one for id_, one in extents.items() if one.kind == COLOUR})
    found: dict[str, tuple[float, float]] = {}
    for name in sorted({one.kind for one in extents.values()}):
        if name == COLOUR:
            found[name] = 0.0, 65535.0
            continue
        same = {id_: one for id_, one in extents.items() if one.kind == name}
        low, high = min(one.low for one in same.values()), max(one.high for one in same.values())
        _refuse_flat(source, name, same, high - low)
        _refuse_two_scales(source, name, same, low, high)
        found[name] = _rounded(name, low, high)
    return found


def dark_colour(image: Image.Image, known: Ranges) -> str:
    """Why an image of deep colour can't be read, where it looks black and a set's others don't tell; or nothing."""
    highest = extent(image).high
    if COLOUR in known or highest >= 256 * DARK:
        return ""
    return (
        f"16-bit colour that holds no value over {highest:,.0f} of 65,535, which would be read as nearly black; scale "
        "it by what is white, and save it with 8 bits"
    )


def _refuse_dark(source: str, colour: Mapping[str, Extent]) -> None:
    brightest = max(colour, key=lambda id_: colour[id_].high, default="")
    if brightest and colour[brightest].high < 256 * DARK:
        raise UserError(
            f"{source}: its 16-bit colour images hold no value over {colour[brightest].high:,.0f} of 65,535, and would "
            f"be read as nearly black (the brightest: {brightest}); scale them by what is white, and save them with 8 "
            "bits"
        )


def _refuse_flat(source: str, name: str, extents: Mapping[str, Extent], span: float) -> None:
    spans = [one.high - one.low for one in extents.values() if one.high > one.low]
    bulks = [one.bulk for one in extents.values() if one.bulk]
    if spans and span > FLAT * float(np.median(spans)):
        how = f"half of the images less than a {FLAT}th of that"
    elif bulks and span > LEVELS * float(np.median(bulks)):
        how = f"nearly all values of half of the images less than a {LEVELS}th of that"
    else:
        return
    widest = sorted(extents.items(), key=lambda item: item[1].low - item[1].high)[:LISTED]
    raise UserError(
        f"{source}: which values of its {name} grey images are black and white can't be known: they span "
        f"{span:,.6g}, and {how}, which would come out flat. Take out the images with values that are none, or convert "
        "all to 8 bits; the widest:",
        *(f"  {id_} ({one.low:,.6g} to {one.high:,.6g})" for id_, one in widest),
    )


def _refuse_two_scales(source: str, name: str, extents: Mapping[str, Extent], low: float, high: float) -> None:
    """Floats of which some reach 1 and some 255: the former would come out black."""
    small = sorted(id_ for id_, one in extents.items() if one.low < one.high <= 1)
    if name == "float" and low >= 0 and high > 2 and len(small) > SMALL * len(extents):
        largest = max(extents, key=lambda id_: extents[id_].high)
        raise UserError(
            f"{source}: its float grey images are of two scales: {len(small):,} of {len(extents):,} hold no value over "
            f"1 ({small[0]}), and others up to {high:,.6g} ({largest}); bring all to one scale, or all to 8 bits"
        )


def flat(extents: Mapping[str, Extent], known: Ranges) -> list[str]:
    """Ids of the images of which nearly all uses less than a 16th of the range of their set, blank ones left out."""
    spans = {name: high - low for name, (low, high) in known.items()}
    used = {id_: one.high - one.low if one.bulk is None else one.bulk for id_, one in extents.items()}
    return sorted(id_ for id_, one in extents.items() if 0 < FLAT * used[id_] < spans.get(one.kind, 0.0))


def _rounded(name: str, low: float, high: float) -> tuple[float, float]:
    whites: Sequence[int] = (1, 255, 65535) if name == "float" else [2**bits - 1 for bits in range(1, 33)]
    white = next((white for white in whites if white >= high), None)
    if white is not None and low >= 0 and (high - low >= white / 2 or high == 0):
        return 0.0, float(white)
    return low, high if high > low else low + 1


def scaled(image: Image.Image, known: Ranges, background: int) -> NDArray[np.uint8]:
    """Grey levels (H, W) in 0 ... 255 of an image of such a kind; `background` where it is transparent or has no data.

    Raises:
        ValueError: for a kind whose range isn't known, or values that are no numbers.
    """
    name, values = kind(image), _values(image)
    if name not in known:
        raise ValueError(
            f"{name} grey, and no image that the run was trained on is: what is white can't be known; convert it to "
            "8 bits"
        )
    low, high = known[name]
    share = np.clip((values.astype(np.float64) - low) / (high - low), 0, 1)
    if image.format == "TIFF" and _tag(image, "PhotometricInterpretation", 1) == _WHITE_IS_ZERO:
        share = 1 - share
    levels = (share * 255 + 0.5).astype(np.uint8)
    return np.where(_holes(image, values), np.uint8(background), levels)


def _holes(image: Image.Image, values: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Where (H, W) an image is transparent, or has no data as GDAL says it in a TIFF."""
    told = (image.info.get("transparency"), _no_data(image))
    return np.isin(values, [value for value in told if isinstance(value, int | float)])


def _no_data(image: Image.Image) -> float | None:
    try:
        told = float(getattr(image, "tag_v2", {}).get(_NO_DATA, ""))
    except (TypeError, ValueError):
        return None
    with np.errstate(over="ignore"):
        return float(np.float32(told)) if image.mode == "F" else told


def _is_beyond(image: Image.Image, values: NDArray[np.generic]) -> bool:
    return bool((np.abs(values[~_holes(image, values)].astype(np.float64)) > BEYOND).any())


def _values(image: Image.Image) -> NDArray[np.generic]:
    values: NDArray[np.generic] = np.asarray(image)
    if kind(image) == "32-bit" and _tag(image, "SampleFormat", _UNSIGNED) == _UNSIGNED:
        values = values.view(np.uint32)  # Pillow has no unsigned mode of 32 bits
    if kind(image) == "signed 8-bit":
        values = values.view(np.int8)
    if not np.isfinite(values).all() or (kind(image) == "float" and _is_beyond(image, values)):
        raise ValueError(
            "it has values that are no numbers (NaN, infinite, beyond 1e30); replace them, or convert it to 8 bits"
        )
    return values


def _tag(image: Image.Image, name: str, default: int) -> int:
    """A number from the first directory of a TIFF, or the default."""
    found = getattr(image, "tag_v2", {}).get(_TAGS[name], default)
    return int(found[0] if isinstance(found, tuple) else found)
