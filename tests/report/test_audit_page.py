"""The page of a data set: one sound file with every picture in it, and no name taken for markup."""

import numpy as np

from augexp.data.copies import Copies, Member
from augexp.report import audit_page
from tests.audits import doubtful, findings, picture
from tests.report.test_page import HOSTILE, Page


def test_a_sound_page_that_needs_nothing_else() -> None:
    for found in (findings(), doubtful()):
        page = Page(audit_page.html(found))
        assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in page.addresses)
        assert {"script", "link", "iframe"}.isdisjoint(page.tags)
    assert "Nothing." in Page(audit_page.html(findings())).words


def test_every_kind_of_picture_is_there() -> None:
    html = audit_page.html(doubtful())
    words = Page(html).words
    for heading in ("What is doubtful", "Equal images", "Near-copies", "Labels in doubt", "Each class"):
        assert heading in words
    assert html.count("<img ") == 2 + 2 + 1 + 3  # two groups, a pair, a doubt, two and one of the classes
    assert "likeness 0.93, mirrored" in words


def test_hostile_names_are_text() -> None:
    plain = Page(audit_page.html(doubtful("x", classes=("a", "b"))))
    for name in HOSTILE:
        page = Page(audit_page.html(doubtful(name, classes=(name, f"{name}2"))))
        assert page.layout == plain.layout
        assert all(not value.startswith(("javascript", "http")) for value in page.addresses)


def test_many_classes_and_copies_are_capped_and_said() -> None:
    groups = tuple((Member("test", n, 0, f"test/{n}"), Member("train", n, 0, f"train/{n}")) for n in range(60))
    names = tuple(f"class{n}" for n in range(500))
    counts = {"train": np.arange(500) + 20, "test": np.ones(500, np.int64)}
    found = findings(
        class_names=names,
        counts=counts,
        copies=Copies("drop", groups),
        equal={group[0]: picture() for group in groups},
        sheets={n: picture()[None] for n in range(40)},
    )
    words = " ".join(Page(audit_page.html(found)).words.split())
    assert "of 500 classes the 40 smallest" in words
    assert "and 36 more, all named by --json" in words
