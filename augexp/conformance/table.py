"""The proofs of `augexp check mixing` as tables: a row a property, a column a library."""

from collections.abc import Sequence
from itertools import groupby

from augexp.conformance.check import Row
from augexp.conformance.property import Finding
from augexp.tables import Grid

OURS = "augexp"
BESIDE = 2  # other libraries that fit into 80 columns beside ours


def tables(rows: Sequence[Row]) -> list[Grid]:
    """A table an op; where there are more than two other libraries, more of them."""
    by_op = [list(of_op) for _, of_op in groupby(rows, key=lambda row: row.op)]
    return [_table(of_op, libraries) for of_op in by_op for libraries in _columns(rows)]


def _columns(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    others = [library for library in rows[0].findings if library != OURS]
    starts = range(0, max(len(others), 1), BESIDE)
    return [(OURS, *others[start : start + BESIDE]) for start in starts]


def _table(rows: Sequence[Row], libraries: Sequence[str]) -> Grid:
    grid = Grid([rows[0].op, "limit", *libraries], "ll" + "l" * len(libraries))
    for row in rows:
        grid.add_row(row.name, row.limit, *(_cell(row.findings[library]) for library in libraries))
    return grid


def _cell(finding: Finding | None) -> str:
    if finding is None:
        return "-"
    return f"{'ok' if finding.ok else 'FAILS'} {finding.value}"


def summary(rows: Sequence[Row]) -> str:
    """One line: how many of the properties each library was asked for hold."""
    return "; ".join(_count(library, rows) for library in rows[0].findings)


def _count(library: str, rows: Sequence[Row]) -> str:
    asked = [finding for row in rows if (finding := row.findings[library]) is not None]
    return f"{library}: {sum(finding.ok for finding in asked)} of {len(asked)} hold"


def ours_fail(rows: Sequence[Row]) -> bool:
    """Whether one of augexp's own properties doesn't hold."""
    return any(not finding.ok for row in rows if (finding := row.findings[OURS]) is not None)
