"""The table of `augexp check mixing` and its last line."""

from augexp.conformance import table
from augexp.conformance.check import Row
from augexp.conformance.property import Finding


def rows(ours: Finding | None, theirs: Finding | None = None) -> list[Row]:
    return [Row("cutmix", "label rows - 1", "1e-06", {"augexp": ours, "keras": theirs})]


def test_only_our_failures_decide() -> None:
    good, bad = Finding(ok=True, value="0"), Finding(ok=False, value="0.3")
    assert table.ours_fail(rows(bad, good))
    assert not table.ours_fail(rows(good, bad))
    assert not table.ours_fail(rows(None, bad))
    assert table.summary(rows(good, bad)) == "augexp: 1 of 1 hold; keras: 0 of 1 hold"
    assert table.summary(rows(None, good)) == "augexp: 0 of 0 hold; keras: 1 of 1 hold"


def test_a_third_library_stands_in_a_table_of_its_own_beside_ours() -> None:
    finding = Finding(ok=True, value="0")
    row = Row("cutmix", "label rows - 1", "0", dict.fromkeys(("augexp", "keras", "timm", "torchvision"), finding))
    tables = table.tables([row, row._replace(op="mixup")])
    headings = [grid.headings for grid in tables]
    assert headings == [
        ["cutmix", "limit", "augexp", "keras", "timm"],
        ["cutmix", "limit", "augexp", "torchvision"],
        ["mixup", "limit", "augexp", "keras", "timm"],
        ["mixup", "limit", "augexp", "torchvision"],
    ]
    assert [len(grid.rows) for grid in tables] == [1, 1, 1, 1]
