"""Which files are images: judged by their ending or, where that says nothing, by their content; no hidden ones."""

import errno
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from PIL import Image

from augexp.data.companions import companions

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
# What file managers, network drives and operating systems leave beside what a person put there, in lower case.
SYSTEM = frozenset(
    {
        *("__macosx", "$recycle.bin", "recycler", "system volume information", "lost+found", "@eadir", "#recycle"),
        *("#snapshot", "@recycle", "@recently-snapshot", "@tmp", "__pycache__", "_vti_cnf", "found.000"),
        *("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"),
    }
)
HEAD = 132  # bytes that tell what a file is: DICOM's word stands behind the first 128
_READABLE = (
    *(b"\xff\xd8\xff", rb"\x89PNG\r\n\x1a\n", b"GIF8[79]a", rb"RIFF.{4}WEBP", rb"BM.{4}\0{4}"),
    *(rb"II[*+]\0", rb"MM\0[*+]", rb"P[1-6]\s", rb"\0\0\0\x0cjP  \r\n\x87\n", rb"\xff\x4f\xff\x51"),
)
_IMAGE = re.compile(b"|".join(_READABLE), re.DOTALL)
_FOREIGN = {
    "HEIC": rb".{4}ftyp(?:hei|hev|mif1|msf1)",
    "AVIF": rb".{4}ftypavi[fs]",
    "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "PSD": b"8BPS",
    "DICOM": rb".{128}DICM",
    "SVG": rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<(?:!DOCTYPE )?svg\b",
    "camera raw": rb"II\*\0.{4}CR|IIR[OS]|IIU\0|FUJIFILMCCD-RAW|.{4}ftypcrx|FOVb",
}
# TIFFs by their content, whose first image is a thumbnail.
_RAW = frozenset(
    {
        *(".3fr", ".arw", ".cr2", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq", ".kdc", ".mef", ".mos", ".nef"),
        *(".nrw", ".pef", ".sr2", ".srw"),
    }
)
_TIFF = (b"II", b"MM")
_KINDS = {name: re.compile(pattern, re.DOTALL) for name, pattern in _FOREIGN.items()}

HIDDEN = "hidden or system files and folders"
NO_IMAGE = "files that are no images"
NO_FILE = "files that can't be read"
LINKED = "linked folders"
BESIDE = "masks and thumbnails beside their images"
STRAY = "images in no class folder"


def is_hidden(name: str) -> bool:
    """Whether a name is one that nobody means: `.x`, or what the system leaves."""
    return name.startswith(".") or name.lower() in SYSTEM


def is_image(head: bytes) -> bool:
    """Whether bytes begin as those of an image file of a kind that can be read."""
    return _IMAGE.match(head) is not None or (_KINDS["AVIF"].match(head) is not None and _reads_avif())


@cache
def _reads_avif() -> bool:
    """Pillow does from 11.3 on, where it was built with it."""
    Image.init()
    return "AVIF" in Image.OPEN


def foreign(head: bytes, name: str = "") -> str | None:
    """The kind of image, such as HEIC, that a file is by its beginning and name and that can't be read, or None."""
    if head.startswith(_TIFF) and Path(name).suffix.lower() in _RAW:
        return "camera raw"
    kind = next((kind for kind, pattern in _KINDS.items() if pattern.match(head)), None)
    return None if kind == "AVIF" and _reads_avif() else kind


def why_not(file: Path) -> str | None:
    """Why a file is taken for no image; None for one that is.

    A file that is called as images are is one, whatever it holds: what is broken is named in decoding, and counts.
    """
    if is_hidden(file.name):
        return HIDDEN
    if not file.is_file():  # A pipe named like an image would be waited for, and a broken link can't be read.
        return NO_FILE
    if file.suffix.lower() in ENDINGS:
        return None
    try:
        with file.open("rb") as opened:
            head = opened.read(HEAD)
    except OSError:
        return NO_FILE
    if kind := foreign(head, file.name):
        return f"{kind} images, which augexp can't read"
    return None if is_image(head) else NO_IMAGE


@dataclass
class LeftOut:
    """What was found and isn't used: how many for which reason, with an example."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Path] = field(default_factory=dict)

    def add(self, reason: str, path: Path) -> None:
        """One more."""
        self.counts[reason] += 1
        self.examples.setdefault(reason, path)

    def in_words(self, root: Path) -> str:
        """`left out: files that are no images (2, such as cat/notes.txt)`; empty where nothing was."""
        found = [
            f"{reason} ({count:,}, such as {self.examples[reason].relative_to(root)})"
            for reason, count in self.counts.items()
        ]
        return f"left out: {', '.join(found)}" if found else ""


def subfolders(folder: Path, left: LeftOut | None = None) -> list[str]:
    """Names of the folders in a folder, without hidden ones, sorted; those are added to `left`."""
    with os.scandir(folder) as entries:
        found = sorted(entry.name for entry in entries if _is_folder(entry))
    for name in filter(is_hidden, found):
        if left is not None:
            left.add(HIDDEN, folder / name)
    return [name for name in found if not is_hidden(name)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link to itself, which can't be read
            return False
        raise


def images_beside(folder: Path) -> list[Path]:
    """The images that lie in a folder itself, sorted."""
    return sorted(_images_in(folder))


def has_images(folder: Path) -> bool:
    """Whether any image lies in a folder itself."""
    return next(_images_in(folder), None) is not None


def _images_in(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not _is_folder(entry) and why_not(folder / entry.name) is None:
                yield folder / entry.name


def images_under(folder: Path, left: LeftOut) -> list[Path]:
    """The images in a folder, however deep, sorted; what is no image goes to `left`."""
    images = []
    for file in sorted(_files(folder, left)):
        reason = why_not(file)
        if reason is None:
            images.append(file)
        else:
            left.add(reason, file)
    beside = companions(images, folder)
    for image in sorted(beside):
        left.add(BESIDE, image)
    return [image for image in images if image not in beside]


def _files(folder: Path, left: LeftOut) -> Iterator[Path]:
    for place, folders, files in os.walk(folder, onerror=_raise):
        for name in sorted(folders):
            if is_hidden(name):
                left.add(HIDDEN, Path(place, name))
            elif Path(place, name).is_symlink():  # which `os.walk` doesn't enter: links can run in circles
                left.add(LINKED, Path(place, name))
        folders[:] = [name for name in folders if not is_hidden(name)]
        yield from (Path(place, file) for file in files)


def _raise(error: OSError) -> None:
    raise error
