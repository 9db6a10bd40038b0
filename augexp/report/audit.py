"""What was found in a data set, in words: a table, facts, the images that are meant, and JSON."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from augexp import files
from augexp.audit.findings import IMPROBABLE, SURE, Doubt, Files, Findings, Mixing, NearCopy, Shown, Spread
from augexp.data.copies import Group, Member, across_in_words
from augexp.errors import counted, printable
from augexp.report import advice
from augexp.tables import Grid

NAMED = 8  # of each kind the first
MOST_CLASSES = 20  # in the table
ALIKE = "are alike, each to several others, as digits, drawings and frames of a film are, and not told apart"

Kind = TypeVar("Kind")


def title(found: Findings) -> str:
    """The set, its classes and images."""
    images = sum(int(counts.sum()) for counts in found.counts.values())
    return f"{found.source}: {len(found.class_names):,} classes, {images:,} images"


def rows(found: Findings) -> Iterator[tuple[str, ...]]:
    """A class and its images in each split, of many classes the smallest in train; then all of them."""
    counts = found.counts
    labels = range(len(found.class_names))
    smallest = np.argsort(counts["train"], kind="stable")[:MOST_CLASSES].tolist()
    for label in labels if len(labels) <= MOST_CLASSES else smallest:
        yield found.class_names[label], *(f"{of[label]:,}" for of in counts.values())
    if len(labels) > MOST_CLASSES:
        yield f"and {len(labels) - MOST_CLASSES:,} more", *("" for _ in counts)
    yield "all", *(f"{int(of.sum()):,}" for of in counts.values())


def table(found: Findings) -> Grid:
    """Images of each class in each split."""
    grid = Grid(["class", *found.counts], "l" + "r" * len(found.counts))
    for row in rows(found):
        grid.add_row(*row)
    return grid


def lines(found: Findings) -> list[str]:
    """All but the table: facts, the images that are meant, what is doubtful and what to do."""
    told = [f"{what}: {words}" for what, words in facts(found)]
    for heading, images in listed(found):
        told += ["", f"{heading}:", *(f"  {line}" for line in images)]
    doubtful = advice.doubtful(found)
    told += ["", "doubtful:" if doubtful else "nothing is doubtful"]
    return told + [f"- {sentence}" for sentence in doubtful]


# --- facts ---------------------------------------------------------------------------------------------------------


def facts(found: Findings) -> list[tuple[str, str]]:
    """What is true of the set, whether it is doubtful or not: a name and a sentence each."""
    return [
        ("classes", _classes(found)),
        ("majority", _majority(found)),
        ("mixing", _mixing(found.mixing, found.class_names)),
        ("files", _files(found.files)),
        ("left out", _left_out(found)),
        ("copies", _copies(found)),
        ("near-copies", _near(found)),
        ("labels", _doubts(found)),
    ]


def _classes(found: Findings) -> str:
    counts, names = found.counts["train"], found.class_names
    least, most = int(counts.argmin()), int(counts.argmax())
    if counts[least] == counts[most]:
        return f"{counts[most]:,} train {'image' if counts[most] == 1 else 'images'} in each"
    return (
        f"{advice.images(int(counts[least]))} of {names[least]} in train, the smallest, {counts[most]:,} of "
        f"{names[most]}, the largest: {counts[most] / counts[least]:.1f} to 1"
    )


def _majority(found: Findings) -> str:
    label, share = found.majority
    return (
        f"always saying {found.class_names[label]} scores {100 * share:.1f} % on test; a network that learns nothing "
        "gets that"
    )


def _mixing(mixing: Mixing, names: Sequence[str]) -> str:
    drawn = ", every class drawn equally often (train.balance: sampler)," if mixing.balanced else ""
    return (
        f"a batch of {mixing.batch_size}{drawn} holds {mixing.images:.1f} images of {names[mixing.label]} on average, "
        f"and {_percent(mixing.without)} of the batches hold none; cutmix and mixup take the partner of such an image "
        f"from another class in {_percent(mixing.others)} of cases"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.005 else "less than 1 %"


def _files(files: Files) -> str:
    return (
        f"{files.count:,}, width {_spread(files.width)}, height {_spread(files.height)} px, width by height "
        f"{_spread(files.aspect, 2)} (least, median, greatest); {files.grey:,} images without colour"
    )


def _spread(spread: Spread, digits: int = 0) -> str:
    least, _, greatest = spread
    if least == greatest:
        return f"{least:,.{digits}f}"
    return " / ".join(f"{value:,.{digits}f}" for value in spread)


def _left_out(found: Findings) -> str:
    told = [found.not_read.removeprefix("left out: ")] if found.not_read else []
    if found.left_out:
        images = "; ".join(f"{id_} ({reason})" for id_, reason in found.left_out[:NAMED])
        told.append(f"{len(found.left_out):,} images that can't be decoded: {images}{_more(found.left_out)}")
    return "; ".join(told) or "nothing"


def _copies(found: Findings) -> str:
    copies = found.copies
    if not copies.groups:
        return "no two images are equal"
    done = {"drop": "left out of train and val", "keep": "kept", "refuse": "refused by train"}[found.duplicates]
    across = f"{across_in_words(copies)}: {done}" if copies.across else "no image stands in two splits"
    again, conflicting = sum(len(group) - 1 for group in copies.within), sum(map(len, copies.conflicting))
    return f"{across}; {advice.images(again)} more than once in a split, {conflicting:,} under different labels"


def _near(found: Findings) -> str:
    near = found.near
    of = "" if near.compared == near.images else f" of {near.images:,}"
    flat = f", {near.flat:,} of them too flat to tell" if near.flat else ""
    alike = f"; {near.among_alike:,} more {ALIKE}" if near.among_alike else ""
    return (
        f"pairs in two splits: {len(near.across):,}, within one: {len(near.pairs) - len(near.across):,}, among "
        f"{near.compared:,}{of} different images{flat}; nothing is left out for it{alike}"
    )


def _doubts(found: Findings) -> str:
    doubts = found.doubts
    if doubts.reason:
        return f"not looked at: {doubts.reason}"
    alone = f"; {counted(doubts.alone, 'class')} of one train image not asked about" if doubts.alone else ""
    return (
        f"logistic regression on {doubts.probe} is right for {100 * doubts.accuracy:.1f} % of the train images that it "
        f"wasn't fitted to; {doubts.improbable:,} of {doubts.looked_at:,} labels are improbable to it (below "
        f"{IMPROBABLE:.0%}, and another class above {SURE:.0%}){alone}"
    )


# --- the images that are meant -------------------------------------------------------------------------------------


def listed(found: Findings) -> list[tuple[str, list[str]]]:
    """By heading, a line for each pair, group or image; the first of each kind, and how many more."""
    names, copies = found.class_names, found.copies
    across = sorted(copies.across, key=lambda pair: pair[0].label == pair[1].label)  # of two labels first
    conflicting = copies.conflicting
    others = [group for group in copies.within if group not in conflicting]
    kinds = [
        ("equal images in two splits", _first(across, lambda pair: group(pair, names))),
        ("equal images of one split, under different labels", _first(conflicting, lambda one: group(one, names))),
        ("equal images of one split", _first(others, lambda one: group(one, names))),
        ("near-copies", _first(found.near.pairs, lambda pair: near_copy(pair, names))),
        ("labels in doubt", _first(found.doubts.found, lambda one: doubt(one, names))),
    ]
    return [(heading, told) for heading, told in kinds if told]


def _first(all_of_them: Sequence[Kind], words: Callable[[Kind], str]) -> list[str]:
    more = _more(all_of_them).strip(" ")
    return [*map(words, all_of_them[:NAMED]), *([more] if more else [])]


def _more(all_of_them: Sequence[Any]) -> str:
    return f" and {len(all_of_them) - NAMED:,} more" if len(all_of_them) > NAMED else ""


def group(members: Group | tuple[Member, Member], names: Sequence[str]) -> str:
    """`train/a.png (cat) = test/b.png (dog)`."""
    shown = " = ".join(f"{place(one.split, one.id)} ({names[one.label]})" for one in members[:NAMED])
    return shown + (f" = {len(members) - NAMED:,} more" if len(members) > NAMED else "")


def near_copy(pair: NearCopy, names: Sequence[str]) -> str:
    """`train a.png (cat) ~ test b.png (cat), mirrored, likeness 0.97`."""
    mirrored = "mirrored, " if pair.mirrored else ""
    return f"{_image(pair.first, names)} ~ {_image(pair.second, names)}, {mirrored}likeness {pair.likeness:.2f}"


def doubt(one: Doubt, names: Sequence[str]) -> str:
    """`train a.png (cat): probability 0.2 %; the probe says dog, 97.0 %`."""
    return (
        f"{_image(one.image, names)}: probability {100 * one.given:.1f} %; the probe says {names[one.said]}, "
        f"{100 * one.probability:.1f} %"
    )


def _image(image: Shown, names: Sequence[str]) -> str:
    return f"{place(image.split, image.id)} ({names[image.label]})"


def place(split: str, id_: str) -> str:
    """An id with the split in front, unless it starts with that."""
    return id_ if id_.startswith(f"{split}/") else f"{split} {id_}"


# --- JSON ----------------------------------------------------------------------------------------------------------


def json_text(found: Findings) -> str:
    """All that was found, every image named, as JSON."""
    return files.json_text(as_dict(found))


def as_dict(found: Findings) -> dict[str, Any]:
    """All that was found, every image named, as plain values."""
    names, mixing, files, near, doubts = found.class_names, found.mixing, found.files, found.near, found.doubts
    label, share = found.majority
    return {
        "source": found.source,
        "classes": {
            name: {split: int(counts[number]) for split, counts in found.counts.items()}
            for number, name in enumerate(names)
        },
        "majority": {"class": names[label], "test_accuracy": share},
        "mixing": {
            "class": names[mixing.label],
            "batch_size": mixing.batch_size,
            "images_a_batch": mixing.images,
            "batches_without": mixing.without,
            "partners_of_other_classes": mixing.others,
        },
        "files": {
            "count": files.count,
            **{
                name: dict(zip(("least", "median", "greatest"), spread, strict=True))
                for name, spread in (("width", files.width), ("height", files.height), ("aspect", files.aspect))
            },
            "without_colour": files.grey,
        },
        "left_out": [{"id": printable(id_), "reason": printable(reason)} for id_, reason in found.left_out],
        "not_read": printable(found.not_read),
        "duplicates": found.duplicates,
        "copies": [[_member(one, names) for one in group] for group in found.copies.groups],
        "near_copies": {
            "compared": near.compared,
            "images": near.images,
            "too_flat": near.flat,
            "among_alike": near.among_alike,
            "pairs": [
                {
                    "images": [_named(one, names) for one in (pair.first, pair.second)],
                    "likeness": round(pair.likeness, 4),
                    "mirrored": pair.mirrored,
                }
                for pair in near.pairs
            ],
        },
        "labels": {
            "probe": doubts.probe,
            "accuracy": doubts.accuracy,
            "looked_at": doubts.looked_at,
            "improbable": doubts.improbable,
            "reason": doubts.reason,
            "doubted": [
                _named(one.image, names)
                | {"probability": one.given, "said": names[one.said], "probability_said": one.probability}
                for one in doubts.found
            ],
        },
        "doubtful": [printable(sentence) for sentence in advice.doubtful(found)],
    }


def _member(member: Member, names: Sequence[str]) -> dict[str, Any]:
    return {"split": member.split, "id": printable(member.id), "class": names[member.label]}


def _named(image: Shown, names: Sequence[str]) -> dict[str, Any]:
    return {"split": image.split, "id": printable(image.id), "class": names[image.label]}
