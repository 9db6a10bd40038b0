"""Image files of every kind, damaged in every way, through what decodes them for training and for `predict`.

    python -m tests.tools.fuzz.images [CASES] [SEED]

One file is damaged among sound ones. It is decoded, or left out or refused by name; the sound ones come out as without
it; what was cut off comes out as it was, or not at all.
"""

import io
import json
import random
import shutil
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from augexp.config.schema import Data
from augexp.data import cache, copies, decode, folder, sources
from augexp.errors import UserError
from tests.snapshot import everything
from tests.tools.fuzz import caches, folders
from tests.tools.fuzz.folders import PATIENCE, Case, main, typed, within

SIDE = 20  # pixels
KINDS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000", "ICO")
MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16")
NO_IMAGE = "no image"
ENDINGS = {"JPEG2000": ".jp2", "JPEG": ".jpg", "TIFF": ".tif"}
SOUND = ("cat/a.png", "cat/b.png", "dog/a.png", "dog/b.png")
HOME = "cat"  # where the damaged one lies


def ending(kind: str) -> str:
    """What a file of a kind is called."""
    return ENDINGS.get(kind, f".{kind.lower()}")


def content(kind: str, rng: random.Random, modes: Sequence[str] = MODES, **settings: Any) -> bytes:
    """An image in one of some modes that the kind has."""
    pixels = np.random.default_rng(rng.randrange(2**32)).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    for mode in rng.sample(modes, len(modes)):
        file = io.BytesIO()
        try:
            made = Image.fromarray(pixels).convert("L" if mode in ("LA", "La", "PA", "I;16") else "RGB").convert(mode)
            made.save(file, kind, **settings)
        except (OSError, ValueError, KeyError, SyntaxError):
            continue
        return file.getvalue()
    raise AssertionError(kind)


# --- damage: kind, random -> bytes ---------------------------------------------------------------------------------


def _sound(kind: str, rng: random.Random) -> bytes:
    return content(kind, rng)


def _cut(kind: str, rng: random.Random) -> bytes:
    whole = content(kind, rng)
    return whole[: rng.randrange(len(whole))]


def _bit(kind: str, rng: random.Random) -> bytes:
    made = bytearray(content(kind, rng))
    made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
    return bytes(made)


def _noise(kind: str, rng: random.Random) -> bytes:
    made = content(kind, rng)
    keep = rng.choice((0, 8, 30))
    return made[:keep] + rng.randbytes(rng.choice((0, 1, 100, 10_000)))


def _other_kind(_: str, rng: random.Random) -> bytes:
    return content(rng.choice(KINDS), rng)


def _text(_: str, rng: random.Random) -> bytes:
    return rng.choice(
        (b"", b"GIF89a", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>", b"P6\n# \n", b"\x89PNG\r\n\x1a\n", b"BM")
    )


def _png(width: int, height: int, rows: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG of what is claimed and what is there."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def _huge(_: str, rng: random.Random) -> bytes:
    sides = rng.choice(((2**31 - 1, 2**31 - 1), (0, 5), (100_000, 100_000), (2**31 - 1, 1), (1, 2**20), (0, 0)))
    return rng.choice((_png(*sides, b""), b"P5 %d %d 255\n" % sides, b"BM" + struct.pack("<IIIIiiHHIIiiII",
        100, 0, 54, 40, *(side % 2**31 for side in sides), 1, 24, 0, 0, 0, 0, 0, 0)))  # fmt: skip


def _bomb(_: str, rng: random.Random) -> bytes:
    side = rng.choice((13_000, 20_000, 50_000))  # pixels of a bit each: 20 MB to 300 MB once inflated
    return _png(side, side, b"\0" * ((side // 8 + 1) * min(side, 20_000)), depth=1, colour=0)


def _moving(_: str, rng: random.Random) -> bytes:
    frames = [Image.open(io.BytesIO(content("PNG", rng))).convert("RGB") for _ in range(3)]
    file = io.BytesIO()
    frames[0].save(file, rng.choice(("GIF", "WEBP", "PNG", "TIFF")), save_all=True, append_images=frames[1:])
    return file.getvalue()


def _exif(_: str, rng: random.Random) -> bytes:
    block = Image.Exif()
    block[0x0112] = rng.choice((1, 6, 0, 9, 65_535))
    whole = block.tobytes()
    broken = rng.choice((whole, whole[: rng.randrange(len(whole))], b"Exif\0\0" + rng.randbytes(40), b"\xff" * 70))
    return _saved(rng, exif=broken)


def _icc(_: str, rng: random.Random) -> bytes:
    return _saved(rng, icc_profile=rng.choice((b"", b"x", rng.randbytes(200), b"\0" * 70_000)))


def _saved(rng: random.Random, **settings: Any) -> bytes:
    return content(rng.choice(("JPEG", "PNG", "WEBP")), rng, **settings)


DAMAGE: dict[str, Callable[[str, random.Random], bytes]] = {
    "none": _sound, "cut": _cut, "one bit": _bit, "noise": _noise, "another kind": _other_kind, "no image": _text,
    "claimed size": _huge, "bomb": _bomb, "animated": _moving, "EXIF": _exif, "ICC": _icc,
}  # fmt: skip
RARE = "bomb"  # a second each


# --- cases ---------------------------------------------------------------------------------------------------------


def cases(count: int, seed: int) -> list[Case]:
    """The first so many: every kind of file and damage in turn, in an order of the seed."""
    rng = random.Random(seed)
    every = [(kind, damage) for kind in KINDS for damage in DAMAGE if damage != RARE or kind == "PNG"]
    rng.shuffle(every)
    return [
        Case(number, "decode", "set", f"x{ending(kind)}", damage)
        for number in range(count)
        for kind, damage in [every[number % len(every)]]
    ]


def build(root: Path) -> Data:
    """Sound images of two classes."""
    rng = random.Random(0)
    for name in SOUND:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content("PNG", rng, ("RGB",)))
    return Data(source=f"folder:{root}", image_size=8)


def decoded(data: Data, root: Path, cache_dir: Path) -> dict[str, str]:
    """The digest of each image's pixels by its id, empty where it is left out; under "" what is said of no images."""
    here = data.model_copy(update={"source": f"folder:{root}", "cache_dir": str(cache_dir)})
    source = sources.open_source(here)
    entry = cache.load_or_build(source, here)
    split = entry.splits["all"]
    found = {id_: copies.digest(image) for id_, image in zip(split.ids, split.images, strict=True)}
    return found | dict.fromkeys(entry.skipped, "") | {"": source.left_out}


def faults(case: Case, root: Path, sound: dict[str, str], data: Data, seed: int) -> list[str]:
    """What decoding does wrong with one damaged file; nothing where it does well."""
    victim = root / "photos" / HOME / case.file
    victim.write_bytes(damaged(case, seed))
    before = everything(root / "photos") if case.damage != RARE else {}
    try:
        with within(PATIENCE):
            found = decoded(data, root / "photos", root / "cache")
            alone = alone_decoded(victim, data)
    except UserError as error:
        named = case.file in str(error)
        return [] if named else [f"the file is not named: {error}"]
    except BaseException as error:
        return [f"{type(error).__name__}: {error}"]
    said = found.get(f"{HOME}/{case.file}")
    if said is None and f"{HOME}/{case.file}" in found[""]:
        said = NO_IMAGE
    wrong = [] if {name: found.get(name) for name in SOUND} == sound else ["sound images come out otherwise"]
    if said is None:
        wrong.append("left out, and not named")
    elif said not in (NO_IMAGE, alone):
        wrong.append(f"predict decodes it otherwise: {alone} is not {said}")
    if case.damage == "cut" and said not in ("", NO_IMAGE):
        kind = next(one for one in KINDS if case.file.endswith(ending(one)))
        victim.write_bytes(content(kind, random.Random(f"{seed}/{case.number}")))
        if alone_decoded(victim, data) != said:
            wrong.append("cut off, and decoded to something else")
    if before and everything(root / "photos").keys() != before.keys():
        wrong.append("changed the folder")
    return wrong


def alone_decoded(path: Path, data: Data) -> str:
    """The digest of a file as `predict` decodes it; empty where it is refused."""
    examples = folder.of_files([path])
    try:
        (chunk,) = decode.decode(examples, data, None)
    except decode.UnknownRangeError:
        return alone_of_deep(path, data)
    return copies.digest(chunk.images[0]) if len(chunk.images) else ""


def alone_of_deep(path: Path, data: Data) -> str:
    """The same of deep grey, by its own range, as in a set that holds no other."""
    examples = folder.of_files([path])
    source = replace(sources.open_source(data), splits={"all": examples})
    (chunk,) = decode.decode(examples, data, cache._measured(source))
    return copies.digest(chunk.images[0]) if len(chunk.images) else ""


def predicted(run: Path, root: Path, count: int, seed: int) -> list[str]:
    """What `augexp predict` does wrong with so many damaged files in a folder; nothing where it does well."""
    (root / "photos").mkdir()
    for case in cases(count, seed):
        name = f"{case.number}{case.file}"
        if not name.endswith(".ico"):  # by its ending no image of a folder
            (root / "photos" / name).write_bytes(damaged(case, seed))
    before = everything(root / "photos")
    status, said = typed("predict", run, root / "photos", "--json", "--out", root / "said.json")
    if status not in (0, 1) or "Traceback" in said:
        return [f"ended with {status}:\n{said[-2000:]}"]
    found = [] if everything(root / "photos") == before else ["changed the photos"]
    told = {Path(one["file"]).name: one for one in json.loads((root / "said.json").read_text())}
    for name in (Path(path).name for path in before):
        read = told[name].get("classes") if name in told else None
        if bool(read) == (f"{name}: can't be read" in said):
            found.append(f"{name}: neither answered nor named, or both")
        if read and not all(0 <= one["probability"] <= 1 for one in read):
            found.append(f"{name}: no probabilities")
    return found


def fuzz(tried: Iterable[Case], seed: int, root: Path) -> Iterator[tuple[Case, list[str]]]:
    """Each case, and what went wrong in it; `root` is an empty folder."""
    data = build(root / "sound")
    sound = decoded(data, root / "sound", root / "first")
    sound = {name: sound[name] for name in SOUND}
    for case in tried:
        shutil.copytree(root / "sound", root / "case" / "photos")
        yield case, faults(case, root / "case", sound, data, seed)
        shutil.rmtree(root / "case")


# --- through `data` and `predict` ----------------------------------------------------------------------------------

TYPED = ("data", "predict")


def typed_cases(count: int, seed: int) -> list[Case]:
    """As `cases`, each through one of the commands."""
    return [replace(case, command=TYPED[case.number % len(TYPED)]) for case in cases(count, seed)]


def fuzz_typed(tried: Iterable[Case], seed: int, root: Path) -> Iterator[tuple[Case, list[str]]]:
    """Each case, and what went wrong in it; `root` is an empty folder."""
    caches.build(root / "sound")
    run, photo = folders.small_run(root), root / "sound" / "photos" / HOME / "0.png"
    said = predict(run, [photo], root / "sound.json")
    for case in tried:
        shutil.copytree(root / "sound" / "photos", root / "case" / "photos")
        victim = root / "case" / "photos" / HOME / case.file
        victim.write_bytes(damaged(case, seed))
        found = (
            looked_at(case, root / "case") if case.command == "data" else asked(case, root / "case", run, photo, said)
        )
        yield case, found
        shutil.rmtree(root / "case")


def damaged(case: Case, seed: int) -> bytes:
    """The image of a case."""
    kind = next(one for one in KINDS if case.file.endswith(ending(one)))
    return DAMAGE[case.damage](kind, random.Random(f"{seed}/{case.number}"))


def looked_at(case: Case, root: Path) -> list[str]:
    """What `augexp data` does wrong: the damaged image is counted, or named."""
    places = [f"data.source=folder:{root / 'photos'}", f"data.cache_dir={root / 'cache'}"]
    words = ["data", "--config", "digits.yaml", *caches.SMALL, *places, "--doubts", 0, "--json", root / "said.json"]
    status, said = typed(*words)
    if status not in (0, 2) or "Traceback" in said:
        return [f"ended with {status}:\n{said[-2000:]}"]
    if status == 2:
        return [] if case.file in said else [f"the file is not named:\n{said[-500:]}"]
    told = json.loads((root / "said.json").read_text())
    counted = sum(sum(counts.values()) for counts in told["classes"].values())
    is_left_out = case.file in json.dumps([told["left_out"], told["not_read"]])
    whole = len(caches.NAMES) * caches.EACH
    return [] if counted == whole + (not is_left_out) else [f"{counted} of {whole} + 1 images:\n{said}"]


def predict(run: Path, photos: Sequence[Path], out: Path) -> Any:
    """Exit status, what was printed, and the answers of `augexp predict`."""
    status, said = typed("predict", run, *photos, "--json", "--out", out)
    return status, said, json.loads(out.read_text()) if out.exists() else None


def asked(case: Case, root: Path, run: Path, photo: Path, alone: Any) -> list[str]:
    """What `augexp predict` does wrong with a damaged image beside a sound one."""
    victim = root / "photos" / HOME / case.file
    status, said, told = predict(run, [victim, photo], root / "said.json")
    if status not in (0, 1) or "Traceback" in said or told is None:
        return [f"ended with {status}:\n{said[-2000:]}"]
    (first, sound), (same,) = told, alone[2]
    found = [] if sound == same else ["the sound image is another thing beside it"]
    if ("error" in first) != (f"{case.file}: can't be read" in said) or ("error" in first) != (status == 1):
        found.append(f"neither answered nor named, or both:\n{said}")
    return found


if __name__ == "__main__":
    main(fuzz, cases, 900)
