"""What is doubtful about a data set: a sentence each, with what to do; nothing of what is sound."""

from collections.abc import Iterator

from augexp.audit.findings import Findings
from augexp.data.copies import across_in_words
from augexp.data.limits import IMBALANCE, TINY

RARE = 0.5  # of the batches
ENLARGED = 1.5  # times
DISTORTED = 2.0  # greatest width by height, by the least
COARSE = 100  # test images: one of them is a point


def doubtful(found: Findings) -> list[str]:
    """All that is."""
    return [
        *_copies(found),
        *_near(found),
        *_labels(found),
        *_classes(found),
        *_splits(found),
        *_files(found),
    ]


def _copies(found: Findings) -> Iterator[str]:
    if found.copies.across:
        now = {
            "drop": "training leaves them out of train and val (data.duplicates: drop)",
            "keep": "training keeps them, and the accuracy is in part what was learnt by heart; write "
            "data.duplicates=drop",
            "refuse": "training refuses them; write data.duplicates=drop",
        }[found.duplicates]
        yield f"{across_in_words(found.copies)}: {now}, or delete them."
    if contradicted := len(found.copies.contradicted):
        yield (
            f"{images(contradicted)} of train or val {'stand' if contradicted > 1 else 'stands'} in what is held out "
            "under a different label: one of the two is wrong, and a wrong label of test is scored; look at them."
        )
    if conflicting := found.copies.conflicting:
        yield (
            f"{images(sum(map(len, conflicting)))} equal to another of the split under a different label: none is left "
            "out, since nobody knows which label is right; look at them, and delete what is wrong."
        )


def _near(found: Findings) -> Iterator[str]:
    across = len(found.near.across)
    if across:
        yield (
            f"{across:,} {'pairs' if across > 1 else 'pair'} of near-copies in two splits: test may say what was "
            "learnt by heart. Nothing is left out for it; delete one of each pair, or give both the same group in a "
            "table (data.source=csv:...), which is never divided."
        )
    odd = sum(pair.first.label != pair.second.label for pair in found.near.pairs)
    if odd:
        yield f"{odd:,} {'pairs' if odd > 1 else 'pair'} of near-copies with different labels: look which one is wrong."


def _labels(found: Findings) -> Iterator[str]:
    improbable = found.doubts.improbable
    if improbable:
        yield (
            f"{improbable:,} {'labels are' if improbable > 1 else 'label is'} improbable to a linear probe: look at "
            "the first ones; hard images are among them, so correct what is wrong and leave the rest."
        )


def _classes(found: Findings) -> Iterator[str]:
    counts, names = found.counts["train"], found.class_names
    least, most = int(counts.argmin()), int(counts.argmax())
    if counts[most] > IMBALANCE * counts[least]:
        share = 100 * found.majority[1]
        yield (
            f"{names[most]} has {counts[most]:,} train images and {names[least]} {counts[least]:,}: accuracy says "
            f"little, as always saying {names[most]} scores {share:.1f} %; look at the accuracy of each class."
        )
    if tiny := int((counts < TINY).sum()):
        yield (
            f"{tiny:,} {'classes have' if tiny > 1 else 'class has'} fewer than {TINY} train images, {names[least]} "
            f"{counts[least]:,}: gather more, or join or leave out classes."
        )
    mixing = found.mixing
    if mixing.without > RARE and counts[most] > 2 * counts[least]:
        yield (
            f"{100 * mixing.without:.0f} % of the batches hold no image of {names[mixing.label]}: cutmix and mixup "
            "hardly ever mix two of its images; a larger train.batch_size helps."
        )
    if found.mixing.batch_size > counts.sum():
        yield f"train.batch_size {mixing.batch_size} is larger than train; choose at most {int(counts.sum()):,}."


def _splits(found: Findings) -> Iterator[str]:
    test, names = found.counts["test"], found.class_names
    if found.validation == "test":
        yield "val is the test set (data.validation: test): what is chosen by val makes the test accuracy optimistic."
    missing = [names[label] for label in (test == 0).nonzero()[0].tolist()]
    if missing:
        more = f" and {len(missing) - 3:,} more" if len(missing) > 3 else ""
        yield f"no test images of {', '.join(missing[:3])}{more}: the accuracy says nothing about them."
    total = int(test.sum())
    if total < COARSE:
        yield f"test has {images(total)}, so that one of them is {100 / total:.1f} points of accuracy; hold out more."
    if found.left_out:
        yield f"{images(len(found.left_out))} can't be decoded: repair or delete them."


def _files(found: Findings) -> Iterator[str]:
    files, size = found.files, found.image_size
    if size > ENLARGED * files.short[1]:
        yield (
            f"half of the files are {files.short[1]:,.0f} px or less on their shorter side, and data.image_size is "
            f"{size}: enlarging adds nothing to be seen; a smaller one trains faster."
        )
    least, _, greatest = files.aspect
    if found.resize == "squash" and greatest > DISTORTED * least:
        yield (
            f"width by height of the files goes from {least:.2f} to {greatest:.2f}, and data.resize=squash distorts "
            "them alike; data.resize=crop keeps shapes, and cuts what is outside the middle square."
        )


def images(count: int) -> str:
    """`1 image`, `2 images`."""
    return f"{count:,} {'image' if count == 1 else 'images'}"
