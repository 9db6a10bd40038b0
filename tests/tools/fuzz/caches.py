"""Every file of an entry of decoded images, damaged in every way, through what opens it.

    python -m tests.tools.fuzz.caches [CASES] [SEED]

An entry is opened as training opens it, or looked at by `augexp check cache`. It must be what was decoded, be decoded
again, or be refused by name; nothing beside it may change, and no pickle may run.
"""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from augexp.config import load
from augexp.config.schema import Data
from augexp.data import cache, sources
from augexp.data.cache import Decoded
from augexp.errors import UserError
from tests.snapshot import everything
from tests.tools.fuzz import folders
from tests.tools.fuzz.folders import Case, main, typed, within

COMMANDS = ("open", "check")
FILES = ("meta.json", "all.npy", "", ".lock", ".building")  # "" is the entry; the last two stand beside it
NAMES = ("cat", "dog")
EACH = 6  # images of a class


class Trap:
    """Writes where it must not, when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.unlink, (str(self.place),)


# --- damage --------------------------------------------------------------------------------------------------------


def _another(path: Path, rng: random.Random) -> None:
    """Sound JSON or a sound array, and not what was written."""
    if path.suffix == ".npy":
        images = np.array(np.load(path))
        other = [images[::-1], images[:-1], images.astype(np.int8), images[..., :1], np.zeros_like(images)]
        np.save(path, rng.choice([*other, images ^ (images == images[0, 0, 0, 0])]))
        return
    meta = json.loads(path.read_text())
    split = meta["splits"]["all"]
    rng.choice(
        [
            lambda: rng.shuffle(split["labels"]) if len(set(split["labels"][:2])) > 1 else split["labels"].reverse(),
            lambda: split["labels"].__setitem__(0, 99),
            lambda: split["labels"].__setitem__(0, 0.5),
            lambda: split["labels"].__setitem__(0, 10**30),
            lambda: split["ids"].__setitem__(0, split["ids"][1]),
            split["digests"].reverse,
            split["shape"].reverse,
            split["ids"].reverse,
            lambda: meta.update(fingerprint="0" * 64),
            lambda: meta.update(class_names=["dog", "cat"]),
            lambda: meta.update(bad=[["cat/9.png", "gone"]]),
            lambda: meta.update(grey={"I;16": [0, 1]}),
            lambda: meta["splits"].update({"../../outside/thesis": split}),
            lambda: meta.pop(rng.choice(list(meta.keys() - {"check"}))),
        ]
    )()
    path.write_text(json.dumps(meta))


def _pickle(path: Path, _: random.Random) -> None:
    outside = next(parent for parent in path.parents if (parent / "outside").is_dir()) / "outside"
    np.save(path.with_name("trap.npy"), np.array([Trap(outside / "thesis")]), allow_pickle=True)
    path.with_name("trap.npy").replace(path)


DAMAGE = {
    **{name: damage for name, damage in folders.DAMAGE.items() if name not in ("other value", "other version")},
    "another": _another,
    "pickle": _pickle,
}  # fmt: skip
OF_PLACES = ("missing", "pipe", "folder", "link to a file", "link to a folder", "link to itself", "link to a device")


def damages(file: str) -> tuple[str, ...]:
    """What can be done to a file of an entry."""
    return OF_PLACES if file in ("", ".lock", ".building") else tuple(DAMAGE)


# --- cases ---------------------------------------------------------------------------------------------------------


def build(root: Path) -> Data:
    """A folder of images, decoded, and beside it what is nobody's business."""
    rng = np.random.default_rng(0)
    for name in NAMES:
        (root / "photos" / name).mkdir(parents=True)
        for number in range(EACH):
            pixels = rng.integers(0, 256, (12, 12, 3), np.uint8)
            Image.fromarray(pixels).save(root / "photos" / name / f"{number}.png")
    (root / "outside").mkdir()
    (root / "outside" / "thesis").write_text("years")
    return Data(source=f"folder:{root / 'photos'}", image_size=8, cache_dir=str(root / "cache"))


def place(entry: Path, file: str) -> Path:
    """Where a file of an entry, or one that stands beside it, lies."""
    return entry / file if not file.startswith(".") else entry.with_name(f".{entry.name}{file}")


def faults(case: Case, root: Path, sound: Path, data: Data, seed: int) -> list[str]:
    """What opening, or looking at, a damaged entry does wrong; nothing where it does well."""
    shutil.copytree(sound / "cache", root / "cache")
    shutil.copytree(sound / "outside", root / "outside")
    source = sources.open_source(data)
    here = data.model_copy(update={"cache_dir": str(root / "cache")})
    damaged = place(cache.entry_folder(source, here), case.file)
    if not os.path.lexists(damaged):
        damaged.touch()
    DAMAGE[case.damage](damaged, random.Random(f"{seed}/{case.number}"))
    outside, own = everything(root / "outside"), everything(damaged) if damaged.is_dir() else {}
    found = _opened(here, cache.load_or_build(source, data)) if case.command == "open" else _checked(case, here)
    if everything(root / "outside") != outside:
        found.append("changed what is outside")
    if "notes.txt" in own and not (damaged / "notes.txt").exists():
        found.append("deleted notes that are not ours")
    return found


def _opened(here: Data, sound: Decoded) -> list[str]:
    try:
        with within(folders.PATIENCE):
            entry = cache.load_or_build(sources.open_source(here), here)
    except UserError as error:
        return [] if str(here.cache_dir) in str(error) else [f"the cache is not named: {error}"]
    except BaseException as error:
        return [f"{type(error).__name__}: {error}"]
    return [] if same(entry, sound) else ["what was opened is not what was decoded, and nothing is said"]


def same(one: Decoded, other: Decoded) -> bool:
    """Whether two entries hold the same images, labels and ids under the same names."""
    if (one.class_names, one.fingerprint, one.skipped) != (other.class_names, other.fingerprint, other.skipped):
        return False
    pairs = [(one.splits[name], other.splits[name]) for name in other.splits]
    return one.splits.keys() == other.splits.keys() and all(
        left.ids == right.ids
        and np.array_equal(left.labels, right.labels)
        and np.array_equal(left.images, right.images)
        for left, right in pairs
    )


def _checked(case: Case, here: Data) -> list[str]:
    status, said = typed("check", "cache", here.cache_dir)
    if status not in (0, 1, 2) or "Traceback" in said:
        return [f"ended with {status}:\n{said[-2000:]}"]
    source = sources.open_source(here)
    entry = cache.entry_folder(source, here)
    stands = os.path.lexists(entry)
    try:
        with within(folders.PATIENCE):
            whole = cache.find(source, here) is not None
    except BaseException as error:
        return [f"find: {type(error).__name__}: {error}"]
    found = [] if whole == (f"{entry}: whole" in said) else [f"whole is {whole}, and it says\n{said}"]
    if stands and entry.name not in said:
        found.append(f"says nothing of the entry:\n{said}")
    return found if whole or status or entry.name not in said else [*found, "damaged, and exit status 0"]


def fuzz(tried: Iterable[Case], seed: int, root: Path) -> Iterator[tuple[Case, list[str]]]:
    """Each case, and what went wrong in it; `root` is an empty folder."""
    sound = root / "sound"
    data = build(sound)
    cache.load_or_build(sources.open_source(data), data)
    for case in tried:
        yield case, faults(case, root / "case", sound, data, seed)
        shutil.rmtree(root / "case")


# --- through training ----------------------------------------------------------------------------------------------

TRAININGS = ("train", "sweep")
SMALL = ("data.image_size=16", "train.epochs=1", "train.batch_size=4")


def _settings(root: Path, sound: Path) -> list[str]:
    places = [f"data.source=folder:{sound / 'photos'}", f"data.cache_dir={root / 'cache'}", f"runs_dir={root / 'runs'}"]
    return [*SMALL, *places]


def fuzz_trainings(tried: Iterable[Case], seed: int, root: Path) -> Iterator[tuple[Case, list[str]]]:
    """Each case, and what went wrong in it, with `train` and `sweep` for `open` and `check`."""
    sound = root / "sound"
    build(sound)
    status, said = typed("train", "--config", "digits.yaml", *_settings(sound, sound))
    if status:
        raise RuntimeError(said)
    for case in tried:
        yield case, training_faults(case, root / "case", sound, seed)
        shutil.rmtree(root / "case")


def training_faults(case: Case, root: Path, sound: Path, seed: int) -> list[str]:
    """What training on a damaged entry does wrong: it ends in the bytes of the sound one, or names the cache."""
    shutil.copytree(sound / "cache", root / "cache")
    shutil.copytree(sound / "outside", root / "outside")
    experiment = load.experiment("digits.yaml", _settings(root, sound))
    damaged = place(cache.entry_folder(sources.open_source(experiment.data), experiment.data), case.file)
    if not os.path.lexists(damaged):
        damaged.touch()
    DAMAGE[case.damage](damaged, random.Random(f"{seed}/{case.number}"))
    outside = everything(root / "outside")
    status, said = typed(case.command, "--config", "digits.yaml", *_settings(root, sound))
    found = []
    if status not in (0, 1, 2) or "Traceback" in said:
        found.append(f"ended with {status}:\n{said[-2000:]}")
    if status in (1, 2) and str(root / "cache") not in said:
        found.append(f"the cache is not named:\n{said[-500:]}")
    if status == 0 and _predictions(root) != _predictions(sound):
        found.append("trained on another set, and nothing is said")
    if everything(root / "outside") != outside:
        found.append("changed what is outside")
    return found


def _predictions(root: Path) -> bytes:
    return (root / "runs" / "none-seed0" / "predictions-test.npz").read_bytes()


def training_cases(count: int, seed: int) -> list[Case]:
    """As `cases`, through training."""
    return cases(count, seed, TRAININGS)


def cases(count: int, seed: int, commands: Sequence[str] = COMMANDS) -> list[Case]:
    """The first so many: every command, file and damage in turn, in an order of the seed."""
    rng = random.Random(seed)
    every = [(command, file, damage) for command in commands for file in FILES for damage in damages(file)]
    rng.shuffle(every)
    return [
        Case(number, command, "entry", file, damage)
        for number in range(count)
        for command, file, damage in [every[number % len(every)]]
    ]


if __name__ == "__main__":
    main(fuzz, cases, 400)
