"""Decoding once: right pixels from every kind of file, one builder, and nothing half-built is ever taken for whole."""

import io
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from numpy.typing import NDArray
from PIL import Image

from augexp.config.schema import Data
from augexp.data import cache, sources, splits
from augexp.data.cache import Decoded
from augexp.errors import UserError
from tests import stanford_dogs
from tests.places import SHARED

SIZE = 32
WOOF = SHARED / "data" / "woof-photos"
COLORS = np.array([[[255, 0, 0], [0, 160, 0]], [[20, 20, 255], [240, 240, 240]]], np.uint8)


def quadrants(side: int = SIZE) -> NDArray[np.uint8]:
    """Four flat colors (side, side, 3): the same in any format, but for what JPEG loses at the borders."""
    return np.repeat(np.repeat(COLORS, side // 2, axis=0), side // 2, axis=1)


def file_bytes(pixels: NDArray[np.uint8], kind: str = "png", mode: str = "RGB", **settings: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **settings)
    return file.getvalue()


def write(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def plain(root: Path, count: int = 2) -> Path:
    rng = np.random.default_rng(0)
    return write(
        root,
        {f"{name}/{i:03d}.png": file_bytes(noise(rng)) for name in ("cat", "dog") for i in range(count)},
    )


def noise(rng: np.random.Generator) -> NDArray[np.uint8]:
    return rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8)


def data_of(root: Path, **settings: Any) -> Data:
    defaults = {"source": f"folder:{root}", "image_size": SIZE, "cache_dir": str(root.parent / "cache")}
    return Data.model_validate(defaults | settings)


def build(root: Path, **settings: Any) -> Decoded:
    data = data_of(root, **settings)
    return cache.load_or_build(sources.open_source(data), data)


def entry(root: Path) -> Path:
    data = data_of(root)
    return cache.entry_folder(sources.open_source(data), data)


def image(decoded: Decoded, id_: str) -> NDArray[np.uint8]:
    split = next(split for split in decoded.splits.values() if id_ in split.ids)
    found: NDArray[np.uint8] = split.images[split.ids.index(id_)]
    return found


# --- pixels --------------------------------------------------------------------------------------------------------


def test_every_format_and_mode_comes_out_as_rgb(tmp_path: Path) -> None:
    kinds = [
        *(("jpeg", mode) for mode in ("RGB", "L", "CMYK")),
        *(("png", mode) for mode in ("RGB", "RGBA", "P", "L", "LA", "1")),
        *(("bmp", mode) for mode in ("RGB", "P", "L", "1", "RGBA")),
        *(("webp", mode) for mode in ("RGB", "RGBA")),
        *(("tiff", mode) for mode in ("RGB", "CMYK", "P", "L")),
        ("gif", "P"),
    ]
    settings: dict[str, Any] = {"jpeg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}}
    files = {f"b/{mode}.{kind}": file_bytes(quadrants(), kind, mode, **settings.get(kind, {})) for kind, mode in kinds}
    files["a/plain.png"] = file_bytes(quadrants())
    decoded = build(write(tmp_path / "kinds", files))
    assert decoded.skipped == ()
    for kind, mode in kinds:
        got = image(decoded, f"b/{mode}.{kind}").astype(int)
        gray = mode in ("L", "LA", "1")
        wanted = np.asarray(Image.fromarray(quadrants()).convert(mode if gray or mode == "P" else "RGB").convert("RGB"))
        assert np.abs(got - wanted).mean() <= (3 if kind == "jpeg" else 0), (kind, mode)


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    deep = np.repeat(np.array([[0, 128 * 257, 200 * 257, 65535]], np.uint16), SIZE // 4, axis=1).repeat(SIZE, axis=0)
    root = plain(tmp_path / "deep")
    Image.fromarray(deep).save(root / "cat" / "deep.tif")
    Image.fromarray(deep).save(root / "cat" / "deep.png")
    decoded = build(root)
    for name in ("cat/deep.tif", "cat/deep.png"):
        assert image(decoded, name)[0, :: SIZE // 4].tolist() == [[0] * 3, [128] * 3, [200] * 3, [255] * 3]


@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_an_image_of_the_right_size_is_not_touched(tmp_path: Path, resize: str) -> None:
    root = plain(tmp_path / "exact")
    decoded = build(root, resize=resize)
    for id_ in decoded.splits["all"].ids:
        assert np.array_equal(image(decoded, id_), np.asarray(Image.open(root / id_)))


def test_squash_keeps_all_and_crop_the_centre(tmp_path: Path) -> None:
    wide = np.zeros((20, 80, 3), np.uint8)
    wide[:, 30:50] = (10, 200, 30)
    root = write(
        plain(tmp_path / "wide"), {"cat/wide.png": file_bytes(wide), "cat/tall.png": file_bytes(wide.swapaxes(0, 1))}
    )
    crop, squash = build(root, resize="crop"), build(root)
    for id_, axis in (("cat/wide.png", 1), ("cat/tall.png", 0)):
        assert (image(crop, id_) == (10, 200, 30)).all()
        green = image(squash, id_)[..., 1]
        line = green[SIZE // 2] if axis == 1 else green[:, SIZE // 2]
        assert line[SIZE // 2 - 3 : SIZE // 2 + 3].tolist() == [200] * 6
        assert not line[: SIZE // 4].any()
        assert not line[-SIZE // 4 :].any()


def test_resize_is_bilinear_as_tensorflow_s(tmp_path: Path) -> None:
    import tensorflow as tf

    pixels = np.random.default_rng(1).integers(0, 256, (47, 61, 3), np.uint8)
    root = write(plain(tmp_path / "odd"), {"cat/odd.png": file_bytes(pixels)})
    wanted = tf.image.resize(pixels, (SIZE, SIZE)).numpy()
    assert np.abs(image(build(root), "cat/odd.png") - wanted).max() <= 0.5


@pytest.mark.slow
@pytest.mark.skipif(not WOOF.is_dir(), reason="the shared photos are not here")
def test_real_photos(tmp_path: Path) -> None:
    data = Data(source=f"folder:{WOOF}", image_size=96, cache_dir=str(tmp_path))
    decoded = cache.load_or_build(sources.open_source(data), data)
    assert decoded.splits["train"].images.shape == (300, 96, 96, 3)
    assert decoded.splits["test"].images.shape == (150, 96, 96, 3)
    photo = Image.open(WOOF / decoded.splits["test"].ids[7]).convert("RGB").resize((96, 96), Image.Resampling.BILINEAR)
    # Pillow's filter is wider when it shrinks: only about the same picture.
    assert np.abs(decoded.splits["test"].images[7].astype(int) - np.asarray(photo)).mean() < 12


@pytest.mark.slow
def test_stanford_dogs(tmp_path: Path) -> None:
    stanford_dogs.prepare(tmp_path / "tfds", train=2)
    data = Data(data_dir=str(tmp_path / "tfds"), image_size=SIZE, cache_dir=str(tmp_path / "cache"))
    source = sources.open_source(data)
    decoded = cache.load_or_build(source, data)
    assert decoded.splits["train"].images.shape == (240, SIZE, SIZE, 3)
    assert decoded.splits["train"].ids == source.splits["train"].listing().ids
    assert len(splits.split(decoded, data).test) == 120


# --- bad images ----------------------------------------------------------------------------------------------------


def bad_files() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    whole = file_bytes(noise(rng), "jpeg")
    return {
        "cat/cut.jpg": whole[: len(whole) // 2],
        "cat/cut.png": file_bytes(noise(rng))[:200],
        "cat/empty.jpg": b"",
        "dog/one.jpg": b"\xff",
        "dog/text.jpg": b"this is a text",
    }


def test_bad_images_are_named_counted_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write(plain(tmp_path / "pets", 250), bad_files())
    decoded = build(root)
    bad = ("cat/cut.jpg", "cat/cut.png", "cat/empty.jpg", "dog/one.jpg", "dog/text.jpg")
    assert decoded.skipped == bad
    assert decoded.splits["all"].images.shape[0] == len(decoded.splits["all"].ids) == 500
    assert not set(bad) & set(decoded.splits["all"].ids)
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("left out 5 of 505 images that can't be decoded: cat/cut.jpg (image file is truncated")
    assert "cat/empty.jpg (empty file), dog/one.jpg (not an image), dog/text.jpg (not an image)" in said[0]
    assert "decoded 500 images in " in said[1]
    for id_ in ("cat/000.png", "cat/249.png", "dog/000.png", "dog/249.png"):
        assert np.array_equal(image(decoded, id_), np.asarray(Image.open(root / id_)))
    again = build(root)
    assert (again.skipped, again.fingerprint) == (decoded.skipped, decoded.fingerprint)


def test_an_unreadable_file_is_bad(tmp_path: Path) -> None:
    root = plain(tmp_path / "pets", 100)
    (root / "cat" / "late.png").write_bytes(b"here for the listing only")
    data = data_of(root)
    source = sources.open_source(data)
    (root / "cat" / "late.png").unlink()
    assert cache.load_or_build(source, data).skipped == ("cat/late.png",)


def test_more_than_a_hundredth_bad_stops(tmp_path: Path) -> None:
    root = write(plain(tmp_path / "pets"), {f"cat/x{i:02d}.jpg": b"" for i in range(25)})
    with pytest.raises(UserError) as caught:
        build(root)
    listed = "".join(f"\n  cat/x{i:02d}.jpg (empty file)" for i in range(20))
    assert str(caught.value) == (
        f"folder:{root}: 25 of 29 images of the split all can't be decoded, more than 1%; "
        f"repair or remove them:{listed}\n  and 5 more"
    )
    assert left(tmp_path / "cache") == []


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith((".lock", ".verified")))


# --- the entry -----------------------------------------------------------------------------------------------------


def test_built_once_then_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = plain(tmp_path / "pets")
    data = data_of(root)
    source = sources.open_source(data)
    assert cache.find(source, data) is None
    first = cache.load_or_build(source, data)
    assert "decoded 4 images in " in capsys.readouterr().err
    second = cache.load_or_build(source, data)
    found = cache.find(source, data)
    assert capsys.readouterr().err == ""
    assert found is not None
    assert first.fingerprint == second.fingerprint == found.fingerprint
    folder = cache.entry_folder(source, data)
    assert folder.name.startswith(f"pets-{SIZE}-squash-")
    assert left(folder) == ["all.npy", "meta.json"]
    assert left(folder.parent) == [folder.name]


def test_arrays_suit_dlpack_and_leave_the_file_alone(tmp_path: Path) -> None:
    import tensorflow as tf

    root = plain(tmp_path / "pets")
    images = build(root).splits["all"].images
    tensor = tf.experimental.dlpack.from_dlpack(images.__dlpack__())
    assert np.array_equal(tensor.numpy(), images)
    assert images.ctypes.data % 64 == 0
    before = images[0].copy()
    images[0] = 7
    assert np.array_equal(build(root).splits["all"].images[0], before)


def test_size_and_resize_have_entries_of_their_own(tmp_path: Path) -> None:
    root = plain(tmp_path / "pets")
    assert build(root).splits["all"].images.shape[1] == SIZE
    assert build(root, cache_size=48).splits["all"].images.shape[1] == 48
    build(root, resize="crop")
    assert len(left(tmp_path / "cache")) == 3


def test_fingerprint_follows_content_and_not_dates(tmp_path: Path) -> None:
    root = plain(tmp_path / "pets")
    first = build(root).fingerprint
    os.utime(root / "cat/000.png", ns=(1, 1))
    assert build(root).fingerprint == first
    (root / "cat/000.png").write_bytes(file_bytes(quadrants()))
    second = build(root).fingerprint
    (root / "cat/000.png").rename(root / "cat/zzz.png")
    third = build(root).fingerprint
    (root / "cat/001.png").rename(root / "dog/zzz.png")
    fourth = build(root).fingerprint
    assert len({first, second, third, fourth}) == 4


def test_cache_folder_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Data(source="digits")
    source = sources.open_source(data)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.entry_folder(source, data).parent == tmp_path / "xdg" / "augexp"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.entry_folder(source, data).parent == tmp_path / ".cache" / "augexp"
    data = Data(source="digits", cache_dir="~/mine")
    assert cache.entry_folder(source, data).parent == tmp_path / "mine"


def cut(folder: Path) -> None:
    with (folder / "all.npy").open("r+b") as file:
        file.truncate(5000)


def change_pixels(folder: Path) -> None:
    images = np.load(folder / "all.npy", mmap_mode="r+")
    images[:, 0, 0, 0] ^= 1
    images.flush()


def tell(folder: Path, **changes: Callable[[Any], Any]) -> None:
    """Changes what `meta.json` says of the split."""
    meta = json.loads((folder / "meta.json").read_text())
    for key, change in changes.items():
        meta["splits"]["all"][key] = change(meta["splits"]["all"][key])
    (folder / "meta.json").write_text(json.dumps(meta))


def change_count(folder: Path) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    meta["splits"]["all"]["ids"].pop()
    (folder / "meta.json").write_text(json.dumps(meta))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut, "all.npy is cut off"),
        (lambda folder: (folder / "all.npy").write_bytes(b""), "all.npy is cut off"),
        (lambda folder: (folder / "all.npy").unlink(), "no all.npy"),
        (lambda folder: (folder / "meta.json").unlink(), "no meta.json"),
        (lambda folder: (folder / "meta.json").write_text("{"), "meta.json: JSONDecodeError"),
        (lambda folder: (folder / "meta.json").write_text("[]"), "meta.json: TypeError"),
        (lambda folder: (folder / "meta.json").write_bytes(b"\xff"), "meta.json: UnicodeDecodeError"),
        (change_count, "meta.json is not what was written"),
        (lambda folder: tell(folder, labels=lambda labels: labels[::-1]), "meta.json is not what was written"),
        (lambda folder: tell(folder, ids=lambda ids: ids[:1] * len(ids)), "meta.json is not what was written"),
        (lambda folder: tell(folder, digests=lambda digests: digests[::-1]), "meta.json is not what was written"),
        (change_pixels, "the pixels of"),
    ],
)
def test_a_damaged_entry_is_built_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], object], said: str
) -> None:
    root = plain(tmp_path / "pets")
    first = build(root).fingerprint
    damage(entry(root))
    data = data_of(root)
    assert cache.find(sources.open_source(data), data) is None
    capsys.readouterr()
    assert build(root).fingerprint == first
    told = capsys.readouterr().err.splitlines()[0]
    assert told.startswith(f"{entry(root)}: damaged ({said}")
    assert told.endswith("), decoding again")


# --- no room -------------------------------------------------------------------------------------------------------


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The kernel refuses to let a file grow past `size` bytes, as a full disk does."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


WAY_OUT = "free space, or set data.cache_dir= to another folder"


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    root = plain(tmp_path / "pets", 40)
    with largest_file(100_000), pytest.raises(UserError) as caught:
        build(root)
    assert str(caught.value) == f"{tmp_path / 'cache'}: decoded images can't be written (File too large); {WAY_OUT}"
    assert left(tmp_path / "cache") == []
    assert len(build(root).splits["all"].ids) == 80


def test_free_space_is_looked_at_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = plain(tmp_path / "pets")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=120_000_000))
    with pytest.raises(UserError) as caught:
        build(root, cache_size=4096)
    assert str(caught.value) == (f"{tmp_path / 'cache'}: decoded images need 0.2 GB and 0.1 GB are free; {WAY_OUT}")
    assert left(tmp_path / "cache") == []


def test_no_permission(tmp_path: Path) -> None:
    root = plain(tmp_path / "pets")
    (tmp_path / "cache").write_text("a file in the way")
    with pytest.raises(UserError) as caught:
        build(root)
    assert str(caught.value) == (
        f"{tmp_path / 'cache'}: decoded images can't be written (File exists); move away what stands there and is no "
        "folder, or set data.cache_dir= to another folder"
    )
    with pytest.raises(UserError) as caught:
        build(root, cache_dir=str(tmp_path / "cache" / "deeper"))
    assert "deeper: decoded images can't be written (Not a directory); " in str(caught.value)


# --- other processes -----------------------------------------------------------------------------------------------

BUILD = """
import os, signal, sys
from augexp.config.schema import Data
from augexp.data import cache, sources
data = Data(source=sys.argv[1], image_size=int(sys.argv[2]), cache_dir=sys.argv[3])
if sys.argv[4:] == ["killed"]:
    cache._refuse_many_bad = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
print(cache.load_or_build(sources.open_source(data), data).fingerprint)
"""


def start(root: Path, *more: str) -> subprocess.Popen[str]:
    data = data_of(root)
    command = [sys.executable, "-c", BUILD, data.source, str(SIZE), str(data.cache_dir), *more]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )


@pytest.mark.slow
def test_of_two_processes_one_builds_and_the_other_waits(tmp_path: Path) -> None:
    root = plain(tmp_path / "pets", 50)
    folder = entry(root)
    folder.parent.mkdir()
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        both = [start(root), start(root)]
        said = [next(line for line in process.stderr or () if "another process" in line) for process in both]
    assert said == [f"another process is decoding into {folder}; waiting for it\n"] * 2
    results = [process.communicate(timeout=600) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [err.count("decoded 100 images") for _, err in results].count(1) == 1
    assert {out.strip() for out, _ in results} == {build(root).fingerprint}
    assert left(folder.parent) == [folder.name]


@pytest.mark.slow
def test_a_killed_build_leaves_nothing_that_is_taken_for_a_cache(tmp_path: Path) -> None:
    root = plain(tmp_path / "pets", 50)
    process = start(root, "killed")
    process.communicate(timeout=600)
    assert process.returncode == -9
    folder = entry(root)
    assert left(folder.parent) == [f".{folder.name}.building"]
    data = data_of(root)
    assert cache.find(sources.open_source(data), data) is None
    assert len(build(root).splits["all"].ids) == 100
    assert left(folder.parent) == [folder.name]


def test_an_entry_of_an_earlier_version_is_taken_without_digests(tmp_path: Path) -> None:
    root = plain(tmp_path / "pets")
    first = build(root)
    meta = json.loads((entry(root) / "meta.json").read_text())
    del meta["check"], meta["splits"]["all"]["digests"]
    (entry(root) / "meta.json").write_text(json.dumps(meta))
    data = data_of(root)
    found = cache.find(sources.open_source(data), data)
    assert found is not None
    assert found.fingerprint == first.fingerprint
    assert not cache.tells(entry(root))
    assert cache.damage(entry(root)) is None


def test_a_single_changed_image_is_found_when_all_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = plain(tmp_path / "pets")
    build(root)
    monkeypatch.setattr(cache, "SAMPLE", 0)
    assert cache.damage(entry(root)) is None
    images = np.load(entry(root) / "all.npy", mmap_mode="r+")
    images[1, 2, 3] ^= 7
    images.flush()
    ids = json.loads((entry(root) / "meta.json").read_text())["splits"]["all"]["ids"]
    assert cache.damage(entry(root)) == f"the pixels of 1 image are not what was decoded ({ids[1]})"


def test_all_is_looked_at_once_a_version_and_when_a_file_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = plain(tmp_path / "pets")
    build(root)
    looked: list[Path] = []
    monkeypatch.setattr(cache, "SAMPLE", 0)
    real = cache._refuse_changed

    def look(folder: Path, found: Decoded) -> None:
        looked.append(folder)
        real(folder, found)

    monkeypatch.setattr(cache, "_refuse_changed", look)
    for _ in range(2):
        build(root)
    assert looked == [entry(root)]
    monkeypatch.setattr("augexp.__version__", "99")
    for _ in range(2):
        build(root)
    assert len(looked) == 2
    images = np.load(entry(root) / "all.npy", mmap_mode="r+")
    images[1, 2, 3] ^= 7
    images.flush()
    os.utime(entry(root) / "all.npy", (1, 1))
    data = data_of(root)
    assert cache.find(sources.open_source(data), data) is None
    assert len(looked) == 3


def test_an_entry_that_may_not_be_noted_as_sound_is_looked_at_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = plain(tmp_path / "pets")
    first = build(root)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("augexp.files.write_json", refuse)
    assert build(root).fingerprint == first.fingerprint
