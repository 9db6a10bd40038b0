"""Near-copies: images that show the same, smaller or larger, compressed, brighter, with a margin cut off, mirrored.

Candidates are images whose grey levels at 8 x 8, or those of the middle of one of them, correlate; that is a perceptual
hash with real values in place of bits, compared by matrix products. Each candidate is then checked on the pixels: one
image is moved and scaled until it lies on the other, and the details, which are the differences of neighbouring pixels
at 32 x 32, have to correlate. Digits, drawings and scans are all alike, so both images must also be clearly more alike
than either is with its k-th neighbour: such sets give no pairs by being what they are. Where a picture was multiplied,
as by augmentation on the disk, its k-th neighbour may be a copy, too: k is then the first behind the gap at which the
copies end.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]

SIDE = 32  # pixels of a thumbnail
MIDDLE = 0.86  # of the side; what is left where a margin of 7 % was cut off
CORRELATED = 0.87  # of 8 x 8 grey levels
MOST_CANDIDATES = 5  # of an image, for each way of looking
MOST_CHECKED = 50_000  # candidates, those that correlate most
HOPELESS = 0.6  # likeness at 16 x 16
ALIKE = 0.8  # likeness
APART = 1.6  # times as much as with the k-th neighbour, in Fisher's z
NEIGHBOUR = 5, 200  # k: at least, or one in so many images
MOST_COPIES = 60  # of an image, behind which a gap is looked for
GAP = 0.5  # in Fisher's z of the correlation of grey levels: where series and drawings go on, there is none of 0.35
FLAT = 2.0  # standard deviation, in grey levels
BLOCK = 1024  # images compared at once
BATCH = 256  # pairs checked at once
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
STILL = np.array([1, 0, 1, 0], np.float32)  # scale and shift from left to right, then from top to bottom
FARTHEST = np.array([0.3, 0.25, 0.3, 0.25], np.float32)  # from `STILL`
STEP = 0.1  # at most


class Pair(NamedTuple):
    """Two of the images, by their numbers."""

    first: int
    second: int
    likeness: float
    mirrored: bool


def thumbnails(images: NDArray[np.uint8], rows: Numbers) -> Floats:
    """Grey levels (n, SIDE, SIDE) of some images (N, S, S, 3), each from all pixels that it covers."""
    weights = _averaging(images.shape[1], SIDE)
    small = np.empty((len(rows), SIDE, SIDE), np.float32)
    for start in range(0, len(rows), BATCH):
        grey = images[rows[start : start + BATCH]].astype(np.float32) @ LUMINANCE
        small[start : start + BATCH] = weights @ grey @ weights.T
    return small


def _averaging(pixels: int, side: int) -> Floats:
    """(side, pixels): the share of each pixel in each of the new ones."""
    edges = np.linspace(0, pixels, side + 1)
    low, high = np.arange(pixels), np.arange(1, pixels + 1)
    shared = np.minimum(edges[1:, None], high) - np.maximum(edges[:-1, None], low)
    return np.asarray(np.maximum(shared, 0) * side / pixels, np.float32)


def is_flat(thumbs: Floats) -> NDArray[np.bool_]:
    """(n,) whether there is too little to be seen to tell images apart."""
    return np.asarray(thumbs.std(axis=(1, 2)) < FLAT)


class Found(NamedTuple):
    """The pairs, most alike first, and how many images are in none, though they are alike: as alike as to others."""

    pairs: list[Pair]
    among_alike: int


def find(thumbs: Floats) -> Found:
    """All near-copies among some images (n, SIDE, SIDE), none of them flat.

    Memory and time grow with the square of their number, in matrix products: measured in docs/data.md.
    """
    if not len(thumbs):
        return Found([], 0)
    found: dict[tuple[int, int], Pair] = {}
    for mirrored in (False, True):
        turned = thumbs[:, :, ::-1] if mirrored else thumbs
        ours, theirs = _candidates(thumbs, turned)
        for first, second, likeness in zip(*_checked(thumbs, turned, ours, theirs), strict=True):
            pair = Pair(int(min(first, second)), int(max(first, second)), float(likeness), mirrored)
            couple = (pair.first, pair.second)
            found[couple] = max(found.get(couple, pair), pair, key=lambda one: one.likeness)
    apart = sorted(_apart(thumbs, list(found.values())), key=lambda pair: (-pair.likeness, pair[:2]))
    return Found(apart, len(_images(list(found.values())) - _images(apart)))


def _images(pairs: list[Pair]) -> set[int]:
    return {number for pair in pairs for number in pair[:2]}


# --- candidates ----------------------------------------------------------------------------------------------------


def _described(thumbs: Floats) -> Floats:
    """(n, 64): grey levels at 8 x 8, of mean 0 and length 1, so that products are correlations."""
    levels = _halved(_halved(thumbs)).reshape(len(thumbs), -1)
    levels = levels - levels.mean(axis=1, keepdims=True)
    return np.asarray(levels / np.maximum(np.linalg.norm(levels, axis=1, keepdims=True), 1e-6))


def _halved(images: Floats) -> Floats:
    half = images.shape[1] // 2
    return np.asarray(images.reshape(len(images), half, 2, half, 2).mean(axis=(2, 4)), np.float32)


def _middle(thumbs: Floats) -> Floats:
    """The middle of each, as large as the whole."""
    edges = np.arange(SIDE) * MIDDLE + SIDE * (1 - MIDDLE) / 2
    low, high = edges[:, None], edges[:, None] + MIDDLE
    shared = np.minimum(high, np.arange(1, SIDE + 1)) - np.maximum(low, np.arange(SIDE))
    weights = (np.maximum(shared, 0) / MIDDLE).astype(np.float32)
    return np.asarray(weights @ thumbs @ weights.T, np.float32)


def _candidates(thumbs: Floats, turned: Floats) -> tuple[Numbers, Numbers]:
    """Numbers of images, and of those that may be like them once turned; each couple once."""
    whole, other = _described(thumbs), _described(turned)
    looks = [(whole, other), (whole, _described(_middle(turned))), (_described(_middle(thumbs)), other)]
    found = [_correlated(*look) for look in looks]
    ours, theirs, products = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.argsort(-products, kind="stable")
    # Whether one is turned or the other is one question.
    couples = np.minimum(ours, theirs)[order] * len(thumbs) + np.maximum(ours, theirs)[order]
    first = np.sort(np.unique(couples, return_index=True)[1])[:MOST_CHECKED]
    return ours[order][first], theirs[order][first]


def _correlated(queries: Floats, known: Floats) -> tuple[Numbers, Numbers, Floats]:
    """Of each query the images that correlate with it most, no more than `MOST_CANDIDATES`, itself not among them."""
    found = []
    for start in range(0, len(queries), BLOCK):
        products = queries[start : start + BLOCK] @ known.T
        numbers = np.arange(len(products))
        products[numbers, numbers + start] = -1
        hits = products > CORRELATED
        crowded = np.flatnonzero(hits.sum(axis=1) > MOST_CANDIDATES)
        best = np.argpartition(products[crowded], -MOST_CANDIDATES, axis=1)[:, -MOST_CANDIDATES:]
        hits[crowded] = False
        hits[crowded[:, None], best] = True
        rows, columns = np.nonzero(hits)
        found.append((rows + start, columns, products[rows, columns]))
    ours, theirs, correlations = (np.concatenate(column) for column in zip(*found, strict=True))
    return ours, theirs, correlations


# --- checked on the pixels -----------------------------------------------------------------------------------------


def _checked(thumbs: Floats, turned: Floats, ours: Numbers, theirs: Numbers) -> tuple[Numbers, Numbers, Floats]:
    """The couples that are alike, and how much."""
    kept, likenesses = [], []
    for start in range(0, len(ours), BATCH):
        numbers = np.arange(start, min(start + BATCH, len(ours)))
        likeness = _likeness(thumbs[ours[numbers]], turned[theirs[numbers]])
        kept.append(numbers[likeness >= ALIKE])
        likenesses.append(likeness[likeness >= ALIKE])
    if not kept:
        return ours[:0], theirs[:0], np.empty(0, np.float32)
    numbers = np.concatenate(kept)
    return ours[numbers], theirs[numbers], np.concatenate(likenesses)


def _likeness(fixed: Floats, moving: Floats) -> Floats:
    """(P,) correlation of the details of images (P, SIDE, SIDE) as they are, or laid on each other if that is more."""
    smaller = _halved(fixed), _halved(moving)
    smallest = _halved(smaller[0]), _halved(smaller[1])
    places = _moved(*smaller, _moved(*smallest, np.tile(STILL, (len(fixed), 1)), 3), 5)
    likeness = _details(*smaller, places)
    # Where it is hopeless there is no need to look closer.
    near = np.flatnonzero(likeness > HOPELESS)
    if not len(near):
        return likeness
    pair = fixed[near], moving[near]
    placed = _details(*pair, _moved(*pair, places[near], 5))
    likeness[near] = np.maximum(placed, _details(*pair, np.tile(STILL, (len(near), 1))))
    return likeness


def _moved(fixed: Floats, moving: Floats, places: Floats, steps: int) -> Floats:
    """Where each moving image (P, n, n) has to be taken from to lie on the fixed one: (P, 4), after some steps more.

    Gauss and Newton's steps on the squared difference, brightness and contrast free (Lucas and Kanade, 1981).
    """
    count, side, _ = fixed.shape
    along = ((2 * np.arange(side) + 1) / side - 1).astype(np.float32)
    for _ in range(steps):
        seen, inside = _taken(moving, places)
        down, right = map(np.asarray, np.gradient(seen, axis=(1, 2)))
        right = right * side / 2 / places[:, 0, None, None]
        down = down * side / 2 / places[:, 2, None, None]
        slopes = [right * along, right, down * along[:, None], down, seen, np.ones_like(seen)]
        jacobian = (np.stack(slopes, axis=-1) * inside[..., None]).reshape(count, -1, 6)
        normal = jacobian.transpose(0, 2, 1) @ jacobian
        # A flat direction mustn't be taken for a far one.
        ridge = 1e-4 * np.trace(normal, axis1=1, axis2=2)[:, None] / 6 * [1, 1, 1, 1, 1e-3, 1e-3] + 1e-6
        normal[:, range(6), range(6)] += ridge
        wanted = jacobian.transpose(0, 2, 1) @ (fixed * inside).reshape(count, -1, 1)
        solved = np.linalg.solve(normal, wanted)[..., 0]
        contrast = np.where(np.abs(solved[:, 4:5]) < STEP, STEP, solved[:, 4:5])
        places = places + np.clip(solved[:, :4] / contrast, -STEP, STEP)
        places = np.clip(places, STILL - FARTHEST, STILL + FARTHEST).astype(np.float32)
    return places


def _taken(images: Floats, places: Floats) -> tuple[Floats, Floats]:
    """Images (P, n, n) as they lie after the move, and 1 where there is something of them, else 0."""
    side = images.shape[1]
    along = ((2 * np.arange(side) + 1) / side - 1).astype(np.float32)
    weights, inside = [], []
    for scale, shift in ((places[:, 0], places[:, 1]), (places[:, 2], places[:, 3])):
        from_ = scale[:, None] * along + shift[:, None]
        pixel = np.clip((from_ + 1) * side / 2 - 0.5, 0, side - 1)
        weights.append(np.maximum(0, 1 - np.abs(pixel[:, :, None] - np.arange(side, dtype=np.float32))))
        inside.append(np.abs(from_) <= 1)
    across, down = weights
    mask = inside[1][:, :, None] & inside[0][:, None, :]
    return down @ images @ across.transpose(0, 2, 1), mask.astype(np.float32)


def _details(fixed: Floats, moving: Floats, places: Floats) -> Floats:
    """(P,) correlation of the details of both images, where both are."""
    seen, inside = _taken(moving, places)
    ours, theirs = _slopes(fixed, inside), _slopes(seen, inside)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return np.asarray(np.einsum("pi,pi->p", ours, theirs) / np.maximum(lengths, 1e-6), np.float32)


def _slopes(images: Floats, inside: Floats) -> Floats:
    """(P, 2 n n): differences of neighbouring pixels, down and right; a few steep ones don't outweigh many slight."""
    slopes = np.stack(list(map(np.asarray, np.gradient(images, axis=(1, 2)))), axis=-1) * inside[..., None]
    steep = np.linalg.norm(slopes, axis=-1, keepdims=True)
    usual = steep.sum(axis=(1, 2), keepdims=True) / np.maximum(inside.sum(axis=(1, 2))[:, None, None, None], 1)
    return np.asarray((slopes / (steep + usual + 1e-3)).reshape(len(images), -1), np.float32)


# --- more alike than is usual --------------------------------------------------------------------------------------


def _apart(thumbs: Floats, alike: list[Pair]) -> list[Pair]:
    """The pairs whose images are clearly more alike than each is with its k-th neighbour."""
    images = sorted(_images(alike))
    usual = dict(zip(images, _with_neighbours(thumbs, np.array(images, np.int64)), strict=True))
    return [pair for pair in alike if _z(pair.likeness) >= APART * max(usual[n] for n in pair[:2])]


def _with_neighbours(thumbs: Floats, images: Numbers) -> Floats:
    """(n,) Fisher's z of the likeness of some images with their k-th neighbours or the next two, the greatest."""
    described = _described(thumbs)
    usual = min(max(NEIGHBOUR[0], len(thumbs) // NEIGHBOUR[1]), max(len(thumbs) - 3, 0))
    found = np.empty(len(images), np.float32)
    for start in range(0, len(images), BATCH):
        some = images[start : start + BATCH]
        products = described[some] @ described.T
        order = np.argsort(-products, axis=1)[:, : max(usual, MOST_COPIES) + 3]  # the first is the image itself
        nearest = _behind_copies(np.take_along_axis(products, order, axis=1), usual)
        places = np.minimum(nearest[:, None] + np.arange(min(3, order.shape[1])), order.shape[1] - 1)
        each = [_z(_likeness(thumbs[some], thumbs[column])) for column in np.take_along_axis(order, places, axis=1).T]
        found[start : start + BATCH] = np.max(each, axis=0)
    return found


def _behind_copies(products: Floats, usual: int) -> Numbers:
    """(n,) k: the usual one, or the first behind the gap in correlations (n, m), which fall, where there is one."""
    if not usual:  # three images or fewer
        return np.zeros(len(products), np.int64)
    after = products[:, usual - 1 :]
    falls = np.where(after[:, :-1] > CORRELATED, -np.diff(_z(after), axis=1), 0)
    return np.where(falls.max(axis=1) > GAP, usual + falls.argmax(axis=1), usual)


def _z(likeness: Floats | float) -> Floats:
    return np.asarray(np.arctanh(np.clip(likeness, -0.9999, 0.9999)), np.float32)
