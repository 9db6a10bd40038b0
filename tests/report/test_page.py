"""The HTML page: sound, self-contained, everything in it, nothing of a run's taken for markup."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from augexp.compare.groups import load_groups
from augexp.compare.judge import Judgement, judge
from augexp.compare.summary import summarize
from augexp.compare.verdicts import Options
from augexp.report import page, terminal
from augexp.report.notes import notes
from augexp.report.wording import sentence
from tests.factories import make_run

VOID = {"meta", "img", "br", "path", "circle", "rect", "use"}
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>&lt;'


class Page(HTMLParser):
    """Tags, text and addresses of a page; fails on a tag that isn't closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.words = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def study(folder: Path, names: tuple[str, ...] = ("none", "cutmix"), seeds: int = 3, **keys: object) -> Judgement:
    paths = []
    for index, name in enumerate(names):
        for seed in range(seeds):
            path = make_run(
                folder / f"{index}-{seed}",
                strategy="none" if index == 0 else "cutmix",
                seed=seed,
                test_accuracy=0.7 + index / 10 + seed / 100,
                overrides=[f"train.learning_rate={0.01 + max(index - 1, 0) / 1024}"],
                **keys,  # type: ignore[arg-type]
            )
            config = (path / "config.yaml").read_text("utf-8")
            lines = [f"name: '{name}'" if line.startswith("name: ") else line for line in config.splitlines()]
            (path / "config.yaml").write_text("\n".join(lines) + "\n", "utf-8")
            paths.append(path)
    return judge(load_groups(paths), Options(allow=("train",)))


def test_a_page_holds_verdicts_numbers_and_notes(tmp_path: Path) -> None:
    judgement = study(tmp_path)
    words = " ".join(Page(page.html(judgement)).words.split())
    for verdict in judgement.verdicts:
        assert sentence(verdict) in words
        assert all(cell in words for cell in terminal.contrast_cells(verdict))
    for group in judgement.comparison.groups:
        summary = summarize(group)
        assert f"{100 * summary.test.mean:.2f} ± " in words
    assert all(note in words for note in notes(judgement))
    assert "Accuracy in each class: all" in words
    assert "learning_rate: 0.01" in words  # the configuration, folded away


def test_a_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    judgement = study(tmp_path)
    Image.new("RGB", (2000, 600), "red").save(tmp_path / "0-0" / "batch.png")
    html = page.html(judgement)
    read = Page(html)
    assert "script" not in read.tags
    assert "link" not in read.tags
    assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in read.addresses)
    assert sum(address.startswith("data:") for address in read.addresses) == 1
    assert not re.findall(r"@import|url\((?!#)", html)


def test_a_page_is_light_dark_and_printable(tmp_path: Path) -> None:
    html = page.html(study(tmp_path))
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    assert 'name="viewport"' in html


def test_names_are_text_whatever_they_hold(tmp_path: Path) -> None:
    judgement = study(
        tmp_path,
        ("none", EVIL, "犬と猫 مرحبا"),
        environment={"class_names": [EVIL] * 4, "device": EVIL, "backend": EVIL},
    )
    read = Page(page.html(judgement))
    assert not {"script", "x"} & set(read.tags)
    assert "img" not in read.tags
    assert read.handlers == []
    assert EVIL in read.words
    assert "犬と猫 مرحبا" in read.words


def test_ids_are_used_once(tmp_path: Path) -> None:
    ids = re.findall(r'\bid="([^"]*)"', page.html(study(tmp_path)))
    assert len(ids) == len(set(ids)) > 0


@pytest.mark.parametrize("seeds", [1, 2])
def test_small_comparisons_make_a_page_too(tmp_path: Path, seeds: int) -> None:
    one = Page(page.html(study(tmp_path / "one", ("none",), seeds)))
    assert "one group: nothing to compare it with" in one.words
    assert "Is the difference real?" not in one.words
    two = Page(page.html(study(tmp_path / "two", seeds=seeds)))
    assert "Is the difference real?" in two.words


def test_without_predictions_the_classes_are_left_out(tmp_path: Path) -> None:
    judgement = study(tmp_path)
    for run in (run for group in judgement.comparison.groups for run in group.runs):
        (run.path / "predictions-test.npz").unlink()
    words = Page(page.html(judge(judgement.comparison))).words
    assert "Class by class" not in words
    assert "predictions-test.npz is missing" in words


def test_a_picture_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    judgement = study(tmp_path)
    (tmp_path / "0-0" / "batch.png").write_bytes(b"no picture")
    assert "What each network saw" not in Page(page.html(judgement)).words
