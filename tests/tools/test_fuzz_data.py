"""Damaged caches and images; more of them by `python -m tests.tools.fuzz.caches` and `...fuzz.images`."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from augexp.data import cache
from augexp.data.cache import Decoded
from tests.tools.fuzz import caches, images
from tests.tools.fuzz.folders import Case


def told(ended: Iterable[tuple[Case, list[str]]]) -> str:
    return "\n".join(f"{case}: {'; '.join(found)}" for case, found in ended if found)


@pytest.mark.slow
def test_a_damaged_cache_is_whole_decoded_again_or_refused(tmp_path: Path) -> None:
    assert told(caches.fuzz(caches.cases(15, 1), 1, tmp_path)) == ""


@pytest.mark.slow
def test_a_damaged_image_is_decoded_left_out_or_refused(tmp_path: Path) -> None:
    assert told(images.fuzz(images.cases(25, 1), 1, tmp_path)) == ""


@pytest.mark.slow
def test_training_on_a_damaged_cache_ends_in_the_same_bytes_or_names_it(tmp_path: Path) -> None:
    assert told(caches.fuzz_trainings(caches.cases(4, 5, ("train",)), 5, tmp_path)) == ""


@pytest.mark.slow
def test_a_damaged_image_is_told_of_by_data_and_predict(tmp_path: Path) -> None:
    assert told(images.fuzz_typed(images.typed_cases(12, 6), 6, tmp_path)) == ""


def test_a_cache_that_is_not_looked_at_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "changed", lambda *_: ())
    monkeypatch.setattr(caches, "COMMANDS", ("open",))
    monkeypatch.setattr(caches, "FILES", ("all.npy",))
    monkeypatch.setattr(caches, "DAMAGE", {"another": lambda path, _: np.save(path, 255 - np.load(path))})
    assert "not what was decoded" in told(caches.fuzz(caches.cases(1, 0), 0, tmp_path))


def test_an_image_that_spoils_the_others_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoilt(entry: Decoded) -> Decoded:
        for split in entry.splits.values():
            if len(split.ids) > len(images.SOUND):
                split.images[...] = 0
        return entry

    build = cache.load_or_build
    monkeypatch.setattr(cache, "load_or_build", lambda *arguments: spoilt(build(*arguments)))
    monkeypatch.setattr(images, "DAMAGE", {"none": images.DAMAGE["none"]})
    monkeypatch.setattr(images, "KINDS", ("PNG",))
    assert "sound images come out otherwise" in told(images.fuzz(images.cases(1, 0), 0, tmp_path))
