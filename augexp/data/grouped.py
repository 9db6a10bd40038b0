"""Groups of images (of a patient, a plot, a video) that are held out whole or not at all."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from augexp.data.examples import Labels


def choose(
    ids: Sequence[str], labels: Labels, groups: Mapping[str, str], share: float, order: Callable[[str], bytes]
) -> list[int]:
    """Positions of the images to hold out, ascending: whole groups, about `share` of every class.

    A group counts to the class that most of its images have. Of each class, groups are taken in their order for as long
    as that comes nearer to the share; at least one, and never the last one.

    Args:
        ids: N; one that is in no group is a group of its own.
        labels: (N,) int32.
        groups: by id.
        share: of the images.
        order: of groups, by their names.
    """
    members = _members(ids, groups)
    chosen: list[str] = []
    for names in _by_class(labels, members, order):
        chosen += _nearest([(name, len(members[name])) for name in names], share)
    return sorted(position for group in chosen for position in members[group])


def folds(
    ids: Sequence[str], labels: Labels, groups: Mapping[str, str], count: int, order: Callable[[str], bytes]
) -> list[int]:
    """The fold, from 0 on, of each image: whole groups, and about as many of every class in each fold.

    Of each class, groups are dealt in their order, each to the fold that has the fewest images of that class so far.

    Args:
        ids: N; one that is in no group is a group of its own.
        labels: (N,) int32.
        groups: by id.
        count: of folds, K.
        order: of groups, by their names.
    """
    members = _members(ids, groups)
    place = [0] * len(ids)
    for names in _by_class(labels, members, order):
        # Each class begins at a fold of its own: else the first folds would hold the odd images of all classes.
        first = order(names[0])[0] % count
        sizes = [0] * count
        for name in names:
            fold = min(range(count), key=lambda one: (sizes[one], (one - first) % count))
            sizes[fold] += len(members[name])
            for position in members[name]:
                place[position] = fold
    return place


def _members(ids: Sequence[str], groups: Mapping[str, str]) -> dict[str, list[int]]:
    """Positions by group."""
    members: dict[str, list[int]] = {}
    for position, id_ in enumerate(ids):
        # A slash in front, so that the id of one image is never the name of a group.
        members.setdefault(groups.get(id_, f"/{id_}"), []).append(position)
    return members


def _by_class(labels: Labels, members: Mapping[str, list[int]], order: Callable[[str], bytes]) -> list[list[str]]:
    """The names of the groups of each class, in their order."""
    of_class: dict[int, list[str]] = {}
    for group, positions in members.items():
        of_class.setdefault(_most_common(labels, positions), []).append(group)
    return [sorted(names, key=order) for names in of_class.values()]


def _most_common(labels: Labels, positions: Sequence[int]) -> int:
    counts = Counter(int(labels[position]) for position in positions)
    return min(counts, key=lambda label: (-counts[label], label))


def _nearest(sizes: list[tuple[str, int]], share: float) -> list[str]:
    """Groups, in their order, whose images come near to a share of all."""
    wanted = share * sum(size for _, size in sizes)
    taken: list[str] = []
    total = 0
    for name, size in sizes:
        if len(taken) < len(sizes) - 1 and abs(total + size - wanted) < abs(total - wanted):
            taken.append(name)
            total += size
    if not taken and len(sizes) > 1:
        taken = [min(sizes, key=lambda one: one[1])[0]]
    return taken
