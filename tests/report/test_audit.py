"""What was found, in 80 columns and as JSON."""

import json

import numpy as np
from rich.console import Console

from augexp.audit.findings import Doubts, Near
from augexp.data.copies import Copies, Member
from augexp.report import advice, audit
from augexp.tables import Prose
from tests.audits import doubtful, findings

HOSTILE = "[red]a[/red]\x1b[31m<b>\udcff\u202e.png"


def printed(found: object) -> str:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(found)
    return captured.get()


def test_a_sound_set() -> None:
    found = findings()
    assert audit.title(found) == "folder:photos: 2 classes, 241 images"
    assert list(audit.rows(found)) == [
        ("cat", "60", "6", "60"), ("dog", "50", "5", "60"), ("all", "110", "11", "120"),
    ]  # fmt: skip
    told = audit.lines(found)
    assert told[-1] == "nothing is doubtful"
    facts = dict(audit.facts(found))
    assert facts["majority"] == "always saying cat scores 50.0 % on test; a network that learns nothing gets that"
    assert facts["copies"] == "no two images are equal"
    assert facts["left out"] == "nothing"
    assert facts["classes"] == "50 images of dog in train, the smallest, 60 of cat, the largest: 1.2 to 1"
    assert facts["files"] == (
        "241, width 200 / 320 / 400, height 200 / 240 / 300 px, width by height 0.90 / 1.30 / 1.50 (least, median, "
        "greatest); 3 images without colour"
    )


def test_every_image_that_is_meant_is_named() -> None:
    told = "\n".join(audit.lines(doubtful()))
    for words in (
        "train/dog/b.png (cat) = test/cat/a.png (cat)",
        "train/cat/x.png (cat) = train/dog/x.png (dog)",
        "train/dog/b.png (cat) ~ test/cat/c.png (dog), mirrored, likeness 0.93",
        "probability 0.4 %",
        "train/cat/bad.png (not an image)",
        "such as cat/notes.txt",
    ):
        assert "".join(words.split()) in "".join(told.split()), words


def test_many_of_a_kind_are_counted() -> None:
    groups = tuple((Member("test", n, 0, f"test/{n}"), Member("train", n, 0, f"train/{n}")) for n in range(100))
    (kind,) = audit.listed(findings(copies=Copies("drop", groups)))
    assert len(kind[1]) == audit.NAMED + 1
    assert kind[1][-1] == "and 92 more"
    one = tuple(Member("train", n, 0, f"train/{n}") for n in range(100))
    assert audit.group(one, ("cat",)).endswith(" = 92 more")


def test_of_many_classes_the_smallest_are_shown() -> None:
    sizes = np.arange(500)[::-1] + 5
    names = tuple(f"class{n}" for n in range(500))
    found = findings(class_names=names, counts={"train": sizes, "test": sizes})
    rows = list(audit.rows(found))
    assert len(rows) == audit.MOST_CLASSES + 2
    assert rows[0] == ("class499", "5", "5")
    assert rows[-2][0] == "and 480 more"


def test_hostile_names_are_text() -> None:
    found = doubtful(HOSTILE, classes=("[bold]x[/bold]\x1b]0;", "d\u202eog"))
    told = "".join(map(printed, [*map(Prose, audit.lines(found)), audit.table(found)]))
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "[bold]x[/bold]" in told
    json.loads(audit.json_text(found))
    assert "\udcff" not in audit.json_text(found)


def test_the_json_holds_it_all() -> None:
    found = doubtful()
    told = json.loads(audit.json_text(found))
    assert told["classes"] == {"cat": {"train": 60, "val": 6, "test": 60}, "dog": {"train": 50, "val": 5, "test": 60}}
    assert told["copies"][0][1] == {"split": "train", "id": "train/dog/b.png", "class": "cat"}
    assert told["near_copies"]["pairs"][0]["mirrored"] is True
    assert told["labels"]["doubted"][0]["said"] == "cat"
    assert told["left_out"] == [{"id": "train/cat/bad.png", "reason": "not an image"}]
    assert told["doubtful"] == advice.doubtful(found)


def test_what_was_not_looked_at_is_said() -> None:
    facts = dict(audit.facts(findings(doubts=Doubts(reason="weights are needed"), near=Near((), 40_000, 90_000, 7))))
    assert facts["labels"] == "not looked at: weights are needed"
    assert "among 40,000 of 90,000 different images, 7 of them too flat to tell" in facts["near-copies"]
    film = audit.facts(findings(near=Near((), 200, 200, 0, 180)))
    assert "180 more are alike, each to several others, as digits, drawings and frames" in dict(film)["near-copies"]
