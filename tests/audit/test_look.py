"""A folder looked at: all is counted and named as training will see it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augexp.audit.findings import Findings
from augexp.audit.look import look
from augexp.config import load
from augexp.config.schema import Experiment
from augexp.data.splits import load_splits
from augexp.report import audit, audit_page
from tests.folders import draw, hostile, leaking, shapes


def experiment(source: str, cache: Path, *overrides: str) -> Experiment:
    small = ("data.image_size=24", "train.batch_size=8", f"data.cache_dir={cache}")
    return load.experiment("digits.yaml", [f"data.source={source}", *small, *overrides])


def told(found: Findings) -> str:
    return "\n".join(audit.lines(found)) + audit.json_text(found) + audit_page.html(found)


@pytest.fixture(scope="module")
def leak(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = leaking(tmp_path_factory.mktemp("leak") / "shapes")
    (root / "train/circle/notes.txt").write_text("no image")
    return root


@pytest.mark.slow
def test_what_is_found_is_what_is_there(leak: Path, tmp_path: Path) -> None:
    settings = experiment(f"folder:{leak}", tmp_path)
    found, splits = look(settings, 100), load_splits(settings)
    assert {split: int(counts.sum()) for split, counts in found.counts.items()} == {
        "train": len(splits.train), "val": len(splits.val), "test": len(splits.test),
    }  # fmt: skip
    apart = not found.copies.conflicting  # one of the two under both labels is in val
    assert len(found.copies.across) == 3 + apart
    assert found.files.count == 2 * 16 + 2 * 12 + 4
    assert set(found.files.width) == {24}
    assert found.files.grey == 0
    assert "notes.txt" in found.not_read
    assert set(found.sheets) == {0, 1}
    for one, pixels in found.equal.items():
        with Image.open(leak / one.id) as picture:
            np.testing.assert_array_equal(np.asarray(picture), pixels)
    assert found.doubts.probe == "pixels at 24 px"
    assert "train/circle/0.png is test/circle/copy0.png" in told(found)


@pytest.mark.slow
def test_what_is_refused_is_looked_at_all_the_same(leak: Path, tmp_path: Path) -> None:
    dropped = look(experiment(f"folder:{leak}", tmp_path), 0)
    refused = look(experiment(f"folder:{leak}", tmp_path, "data.duplicates=refuse"), 0)
    kept = look(experiment(f"folder:{leak}", tmp_path, "data.duplicates=keep"), 0)
    assert refused.counts["train"].tolist() == dropped.counts["train"].tolist()
    assert kept.counts["train"].sum() + kept.counts["val"].sum() == 33
    assert "training refuses them" in told(refused)
    assert "training keeps them" in told(kept)


@pytest.mark.slow
def test_names_of_any_kind(tmp_path: Path) -> None:
    text = told(look(experiment(f"folder:{hostile(tmp_path / 'set')}", tmp_path / "cache"), 5))
    assert "<img src=x" not in audit_page.html(look(experiment(f"folder:{tmp_path / 'set'}", tmp_path / "cache"), 0))
    assert "\udcfc" not in text


@pytest.mark.slow
def test_one_pool_validation_on_test_and_a_split_of_its_own(tmp_path: Path) -> None:
    root = shapes(tmp_path / "set")
    pool = look(experiment(f"folder:{root / 'train'}", tmp_path / "cache"), 0)
    assert list(pool.counts) == ["train", "val", "test"]
    on_test = look(experiment(f"folder:{root}", tmp_path / "cache", "data.validation=test"), 0)
    assert list(on_test.counts) == ["train", "test"]
    assert "val is the test set" in told(on_test)


@pytest.mark.slow
def test_a_table(tmp_path: Path) -> None:
    root = shapes(tmp_path / "set")
    lines = [f"{path.relative_to(root)},{path.parent.name}" for path in sorted(root.rglob("*.png"))]
    (root / "labels.csv").write_text("\n".join(["image,label", *lines]))
    found = look(experiment(f"csv:{root / 'labels.csv'}", tmp_path / "cache"), 0)
    assert sum(int(counts.sum()) for counts in found.counts.values()) == 56
    assert "train/circle" not in str(found.near.pairs)


def test_tiny_sets(tmp_path: Path) -> None:
    for split, count in (("train", 2), ("test", 1)):
        for kind in ("circle", "square"):
            for number in range(count):
                draw(tmp_path / "set" / split / kind / f"{number}.png", kind, 10 * count + number)
    found = look(experiment(f"folder:{tmp_path / 'set'}", tmp_path / "cache"), 10)
    assert found.doubts.reason == "of fewer than two classes there are two train images to ask about"
    assert "train.batch_size 8 is larger than train; choose at most 2." in told(found)


def test_deep_grey_and_what_can_t_be_decoded(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for kind in ("a", "b"):
        (tmp_path / "set" / kind).mkdir(parents=True)
        for number in range(60):
            deep = rng.integers(0, 4096, (20 + number, 24)).astype(np.uint16)
            Image.fromarray(deep).save(tmp_path / "set" / kind / f"{number}.tif")
    (tmp_path / "set/a/0.tif").write_bytes(b"broken")
    found = look(experiment(f"folder:{tmp_path / 'set'}", tmp_path / "cache"), 0)
    assert found.files.grey == found.files.count == 119
    least, median, greatest = found.files.height
    assert (least, round(median / 10), greatest) == (20, 5, 79)
    assert found.left_out == (("a/0.tif", "not an image"),)
    assert "1 image can't be decoded" in told(found)


@pytest.mark.slow
def test_very_many_classes(tmp_path: Path) -> None:
    for number in range(120):
        for place in range(3):
            name = tmp_path / "set" / f"class{number:03d}" / f"{place}.png"
            draw(name, "circle", 100 * number + place, side=8)
    found = look(experiment(f"folder:{tmp_path / 'set'}", tmp_path / "cache"), 0)
    assert len(found.sheets) == 40
    assert "of 120 classes the 40 smallest" in " ".join(audit_page.html(found).split()).replace("\n", " ")


def test_an_entry_of_the_cache_without_digests_gives_the_same(leak: Path, tmp_path: Path) -> None:
    settings = experiment(f"folder:{leak}", tmp_path)
    before = load_splits(settings)
    (meta,) = tmp_path.glob("*/meta.json")
    content = json.loads(meta.read_text())
    del content["check"]
    for split in content["splits"].values():
        assert len(split.pop("digests")) == len(split["ids"])
    meta.write_text(json.dumps(content))
    after = load_splits(settings)
    assert after.copies == before.copies
    assert after.fingerprint == before.fingerprint
    assert json.loads(meta.read_text()) == content  # entries are never changed
