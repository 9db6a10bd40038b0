"""Which folder is which split, as people have them; what isn't certain is refused and never guessed into classes."""

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from augexp import console
from augexp.config.schema import Data
from augexp.data import imagefiles
from augexp.data.classnames import readable
from augexp.data.companions import annotations, is_of_companions
from augexp.data.examples import SplitName
from augexp.data.imagefiles import STRAY, LeftOut, has_images, images_beside, subfolders
from augexp.data.roles import (
    Role,
    assigned,
    is_a_part,
    is_about_a_split,
    is_about_what_is_held_out,
    is_filler,
    role,
    roles,
)
from augexp.errors import UserError, counted

DEEPEST = 4  # folders around the data, each alone in the one above
NEEDED = "one folder a class is needed, under train/ and test/ (and val/), or alone"
SHOWN = 5  # names in a message


@dataclass(frozen=True)
class Layout:
    """Where the class folders of each split lie."""

    root: Path  # what ids are relative to
    folders: Mapping[SplitName, Path]
    left: LeftOut = field(default_factory=LeftOut)


def find(data: Data, root: Path) -> Layout:
    """The folders of a data set: splits with class folders in them, or class folders alone.

    Raises:
        UserError: if it isn't certain which folder is what, with what was seen.
    """
    left = LeftOut()
    base = _unwrapped(root)
    if base != root:
        console.say_once(f"{data.source}: {base.relative_to(root)}/ is read, which is all there is")
    names = subfolders(base)
    found = roles(names)
    if not found:
        _refuse_hidden_splits(data.source, base, names)
        _refuse_parts(data.source, base, names)
        _refuse_annotations(data.source, base)
        _refuse_linked_classes(data.source, base)
        _refuse_flat(data.source, base, "the folder", "train")
        return _with_stray(Layout(base, {"all": base}, left))
    subfolders(base, left)
    _refuse_no_train(data.source, names, found)
    chosen = _one_a_role(data.source, found)
    if any(name not in chosen.values() for name in names):
        _refuse_classes_beside(data.source, base, names, chosen)
    folders = {split: _inner(base / name) for split, name in chosen.items()}
    used = _used(data, base, folders)
    _refuse_shared(data.source, base, used)
    _refuse_other_tests(data.source, base, names, chosen)
    _say_unused(data, names, chosen)
    for folder in used.values():
        _refuse_splits_as_classes(data.source, folder)
        _refuse_annotations(data.source, folder)
        _refuse_linked_classes(data.source, folder)
    return _with_stray(Layout(base, used, left))


def _unwrapped(root: Path) -> Path:
    """The folder that holds splits or classes: this one, or the only one in it."""
    for _ in range(DEEPEST):
        names = subfolders(root)
        if len(names) != 1:
            break
        inner = root / names[0]
        within = subfolders(inner)
        splits = set(roles(within).values())
        has_splits = "train" in splits and (len(splits) > 1 or role(names[0]) is None)
        has_classes = role(names[0]) is None and within and not has_images(inner) and not has_images(root)
        if not has_splits and not has_classes:
            break
        root = inner
    return root


def _inner(folder: Path) -> Path:
    """Where the class folders of a split lie: `training_set/training_set`, `test/images`, or the folder itself."""
    for _ in range(DEEPEST):
        names = subfolders(folder)
        if len(names) != 1 or has_images(folder):
            break
        (name,) = names
        same = role(name) is not None and role(name) == role(folder.name)
        if not (same or is_filler(name) or name.casefold() == folder.name.casefold()):
            break
        if not subfolders(folder / name):  # a class of this name, or images without a class: said for what they are
            break
        folder /= name
    return folder


def _one_a_role(source: str, found: Mapping[str, Role]) -> dict[Role, str]:
    """One folder for each split; the plain word goes before its other forms."""
    chosen: dict[Role, str] = {}
    for split in dict.fromkeys(found.values()):
        names = [name for name, of in found.items() if of == split]
        plain = [name for name in names if name == str(split)]
        plain = plain or [name for name in names if name.casefold() == split] or names
        if len(plain) > 1:
            raise UserError(
                f"{source}: {_shown(names)} may all be {split}; keep one of them, or name it {split} in lower case"
            )
        chosen[split] = plain[0]
    return chosen


def _used(data: Data, base: Path, folders: Mapping[Role, Path]) -> dict[SplitName, Path]:
    """The folder of each split that is used."""
    full = dict(folders)
    val_is_read = "test" not in folders or data.validation is None
    if "val" in folders and val_is_read and "test" in folders and _is_empty(folders["val"]):
        console.say_once(f"{data.source}: {_named(base, folders['val'])} holds no images and is not used")
        del full["val"]
    for split, folder in full.items():
        if split != "val" or val_is_read:
            _refuse_flat(data.source, folder, _named(base, folder), _purpose(split, folders))
    by_name = {_named(base, folder): folder for folder in full.values()}
    names = {split: _named(base, folder) for split, folder in full.items()}
    return {split: by_name[name] for split, name in assigned(data, names).items()}


def _refuse_shared(source: str, base: Path, used: Mapping[SplitName, Path]) -> None:
    """A split that is a link to another, or into it: test would hold what was trained on."""
    places = {split: folder.resolve() for split, folder in used.items()}
    for (one, first), (other, second) in itertools.combinations(places.items(), 2):
        if first.is_relative_to(second) or second.is_relative_to(first):
            raise UserError(
                f"{source}: {_named(base, used[one])} and {_named(base, used[other])} hold the same images, as one is "
                f"a link to the other or into it; give {other} images of its own, or take it away"
            )


def _refuse_linked_classes(source: str, folder: Path) -> None:
    """A class that is a link to another, or to a folder around it: its images would be of two classes."""
    names = subfolders(folder)
    links = [name for name in names if (folder / name).is_symlink()]
    places = {name: (folder / name).resolve() for name in names} if links else {}
    for name in links:
        for other in (other for other in names if other != name):
            if places[other].is_relative_to(places[name]) or places[name].is_relative_to(places[other]):
                raise UserError(
                    f"{source}: {_shown([name])} holds the images of {_shown([other])}, as one is a link to the "
                    "other or into it; an image has one class: take the link away"
                )


def _purpose(split: Role, folders: Collection[Role]) -> Role:
    return "test" if split == "val" and "test" not in folders else split


def _named(base: Path, folder: Path) -> str:
    return f"{folder.relative_to(base)}/"


def _is_empty(folder: Path) -> bool:
    return not imagefiles.images_under(folder, LeftOut())


INSTEAD: Mapping[Role, str] = {
    "train": "",
    "test": ", or take it away: then a part of train is held out",
    "val": ", or set data.validation=0.1: then a tenth of train is the validation set",
}


def _refuse_flat(source: str, folder: Path, name: str, split: Role) -> None:
    """A folder whose images lie in no class folder."""
    if subfolders(folder):
        return
    if images := images_beside(folder):
        raise UserError(
            f"{source}: {name} holds {counted(len(images), 'image')} and no class folders ({images[0].name}), so what "
            f"they show isn't known; put them into a folder for each class{INSTEAD[split]}"
        )


def _refuse_no_train(source: str, names: list[str], found: Mapping[str, Role]) -> None:
    if "train" in found.values():
        return
    others = [name for name in names if name not in found]
    if not others:
        raise UserError(f"{source}: there is {_shown(list(found))} but no train/; {NEEDED}")
    raise UserError(
        f"{source}: {_shown(list(found))} beside {_shown(others)} may be a split or a class, and there is no train/; "
        "move the folders of the classes into a folder train/"
    )


def _refuse_classes_beside(source: str, base: Path, names: list[str], chosen: Mapping[Role, str]) -> None:
    """`train/` beside `bus/` and `car/`: a class, as it holds images and no class folders."""
    train = base / chosen["train"]
    others = [name for name in names if name not in chosen.values()]
    if not subfolders(train) and any(has_images(base / name) for name in others):
        raise UserError(
            f"{source}: {chosen['train']}/ holds no class folders and stands beside {_shown(others)}, so it may be a "
            "split or a class; move the folders of the classes into a folder train/"
        )


def _refuse_other_tests(source: str, base: Path, names: list[str], chosen: Mapping[Role, str]) -> None:
    """`PublicTest/` and `PrivateTest/` beside `Training/`: a test set, never left unused for a part of train."""
    others = [name for name in names if name not in chosen.values() and is_about_what_is_held_out(name)]
    if found := [name for name in others if subfolders(base / name)] if "test" not in chosen else []:
        raise UserError(
            f"{source}: {_shown(found)} beside {_shown(list(chosen.values()))} may be a test set, and there is no "
            "test/; call one of them test (and another val, if there is none), or take them away"
        )


def _refuse_hidden_splits(source: str, base: Path, names: list[str]) -> None:
    """Splits a level down, in one folder or in every class, and names that speak of splits in words of their own."""
    if names and all(map(is_about_a_split, names)):
        raise UserError(f"{source}: {_shown(names)} look like splits; name the folders train and test (or val)")
    for name in names:
        within = roles(subfolders(base / name))
        if "train" in within.values() and len(set(within.values())) > 1:
            raise UserError(
                f"{source}: {_shown([f'{name}/{split}' for split in within])} look like splits, inside of {name}/, "
                f"beside {_shown([other for other in names if other != name])}; "
                f"{NEEDED}: data.source=folder:{base / name} if that is the data set"
            )


def _refuse_parts(source: str, base: Path, names: list[str]) -> None:
    """`fold1/` and `fold2/`, or `photo/` and `sketch/`, with the same class folders in each.

    Others are said: few folders that many have, such as `indoor/` in each class.
    """
    within = [set(subfolders(base / name)) for name in names]
    shared = sorted(set.intersection(*within)) if len(within) > 1 else []
    same = [name for name in shared if not is_filler(name) and not is_of_companions(name)]
    if len(same) < 2 or any(has_images(base / name) for name in names):
        return
    if all(map(is_a_part, names)) or len(same) > len(names):
        raise UserError(
            f"{source}: {_shown(names)} look like parts of the set, as each holds {_shown(same)}; {NEEDED}; data.folds "
            "divides a set, and a table (data.source=csv:...) with a column group keeps parts together"
        )
    console.say_once(
        f"{source}: {_shown(names)} are taken for the classes, though each holds {_shown(same)}; if those are the "
        "classes, put them into one folder, or name them in a table (data.source=csv:...)"
    )


def _refuse_splits_as_classes(source: str, folder: Path) -> None:
    """`train/train` beside other folders, with class folders in it; or splits, and nothing else, in a split."""
    names = subfolders(folder)
    within = roles(names)
    deep = [name for name in within if subfolders(folder / name) and not has_images(folder / name)]
    if deep or (len(within) > 1 and len(within) == len(names)):
        raise UserError(f"{source}: {_shown(deep or names)} in {folder.name}/ may be splits or classes; {NEEDED}")


def _refuse_annotations(source: str, folder: Path) -> None:
    """`images/` and `labels/`, or `masks/`, of a data set for detection or segmentation."""
    if found := annotations(folder, subfolders(folder)):
        raise UserError(
            f"{source}: {_shown(found)} in {readable(folder.name)}/: their files are called as the images beside, so "
            "they look like what is marked on them, as for detection or segmentation, not like classes; "
            f"{NEEDED}, or a table of the images (data.source=csv:...)"
        )


def _say_unused(data: Data, names: list[str], chosen: Mapping[Role, str]) -> None:
    unused = [name for name in names if name not in chosen.values()]
    if unused:
        console.say_once(f"{data.source}: {_shown(unused)} not used; {_shown(list(chosen.values()))} are")


def _with_stray(layout: Layout) -> Layout:
    for folder in dict.fromkeys([layout.root, *layout.folders.values()]):
        for image in images_beside(folder):
            layout.left.add(STRAY, image)
    return layout


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(f"{readable(name)}/" for name in names[:SHOWN]) + more
