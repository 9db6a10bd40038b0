"""CSV that no spreadsheet computes and no terminal obeys."""

import csv
import io

import pytest

from augexp import tables


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-x", "@SUM(A1)", "\x1b[2Jgone", "\t=1", "\r=1"])
def test_text_that_commands_is_shown(text: str) -> None:
    (row,) = csv.DictReader(io.StringIO(tables.csv_text([{"label": text}])))
    assert row["label"][0] not in "=+-@\t\r\x1b"
    assert "\x1b" not in row["label"]
    assert row["label"].removeprefix("'").endswith(text[-2:])


def test_numbers_and_plain_text_stay() -> None:
    rows = [{"label": "none, 犬", "low": -0.5, "none": None, "yes": True}]
    assert tables.csv_text(rows) == 'label,low,none,yes\n"none, 犬",-0.5,,True\n'
