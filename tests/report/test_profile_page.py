"""Profiles on the page: all numbers, sound markup, nothing of a run's taken for it, and nothing without evaluations."""

import re
from pathlib import Path

from augexp.report import page, profile_page
from augexp.report import profiles as profile_report
from tests.report.test_page import Page
from tests.studies import EVIL, EVIL_SHOWN, full_study, judged


def test_the_page_holds_every_axis_and_number(tmp_path: Path) -> None:
    judgement, measured = judged(full_study(tmp_path))
    html = page.html(judgement)
    words = " ".join(Page(html).words.split())
    assert words.index("Differences to none") < words.index("What each strategy gained and lost")
    for line in profile_report.summaries(measured):
        assert line in words
    for profile in measured.families:
        assert profile.family[1:] in words
        for metric in profile.metrics:
            for row in profile_report.rows(measured, profile, metric):
                assert all(cell in words for cell in profile_report.cells(metric, row))
    assert html.count("<svg") >= len(measured.responses) + sum(len(one.findings) for one in measured.families)
    ids = re.findall(r'\bid="([^"]*)"', html)
    assert len(ids) == len(set(ids))


def test_names_are_text(tmp_path: Path) -> None:
    judgement, measured = judged(full_study(tmp_path, ("none", EVIL)))
    read = Page(page.html(judgement))
    assert f"{EVIL_SHOWN} against none" in read.words
    assert "\x1b" not in read.words
    assert not {"b", "x"} & set(Page(profile_page.sections(measured)).tags)


def test_without_evaluations_the_page_is_as_before(tmp_path: Path) -> None:
    paths = full_study(tmp_path)
    for path in paths:
        (path / "evaluation.json").unlink()
    judgement, measured = judged(paths)
    assert profile_page.sections(measured) == ""
    assert "What each strategy gained" not in page.html(judgement)
