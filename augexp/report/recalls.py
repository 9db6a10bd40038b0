"""Recall of classes beside the accuracy: a table where classes are of unlike size, columns of CSV and JSON, a note."""

from collections.abc import Mapping
from typing import Any

from augexp import tables
from augexp.compare.groups import Group
from augexp.compare.judge import Judgement
from augexp.compare.recalls import BySplit, Recalls
from augexp.compare.summary import Spread, summarize
from augexp.draw.style import shorten
from augexp.tables import Grid

LONGEST = 16  # characters of a class's name in 80 columns


def is_shown(judgement: Judgement) -> bool:
    """Whether accuracy alone doesn't tell: test classes of unlike size, in any group; or verdicts are about recall."""
    return judgement.metric == "macro_recall" or any(
        one.test is not None and one.test.is_unequal for one in judgement.recalls.values()
    )


def table(judgement: Judgement) -> Grid | None:
    """A row a group, in percent of the test set; None where it isn't needed."""
    if not is_shown(judgement):
        return None
    grid = Grid(["strategy", "test\nacc. %", "macro\nrecall %", "worst\nclass %", "worst class"], "lrrrl")
    for group in judgement.comparison.groups:
        found = judgement.recalls[group.label].test
        worst = "-" if found is None else shorten(found.worst_class, LONGEST)
        grid.add_row(group.label, _cell(summarize(group).test), *percents(found), worst)
    return grid


def percents(found: Recalls | None) -> tuple[str, str]:
    """Macro and worst-class recall, mean ± standard deviation; dashes where there are none."""
    return ("-", "-") if found is None else (_cell(found.macro), _cell(found.worst))


def _cell(spread: Spread) -> str:
    mean = f"{100 * spread.mean:.2f}"
    return mean if spread.sd is None else f"{mean} ± {100 * spread.sd:.2f}"


def caption(judgement: Judgement) -> str:
    """What the table's numbers are."""
    told = dict.fromkeys(one.test.sizes for one in judgement.recalls.values() if one.test is not None)
    ranges = [f"{low:,} to {high:,}" if low < high else f"{low:,}" for low, high in told]
    of_sizes = f", of classes of {tables.names(ranges)} images" if ranges else ""
    return (
        f"recall: share of a class's test images that are right{of_sizes}; macro: "
        "its mean over classes; worst: each seed's lowest, and the class that is lowest over all seeds"
    )


def notes(judgement: Judgement) -> list[str]:
    """Classes that no recall is known of; and, where the table is shown, groups that are missing in it."""
    absent = dict.fromkeys(
        name for one in judgement.recalls.values() if one.test is not None for name in one.test.absent
    )
    lacking = [label for label, one in judgement.recalls.items() if one.test is None]
    lines = [f"no test images, so in no mean over classes: {tables.names(list(absent))}"] if absent else []
    if lacking and is_shown(judgement):
        lines.append(f"recall by class needs the test predictions of every run ({tables.names(lacking)})")
    return lines


def spreads(found: BySplit) -> dict[str, Spread | None]:
    """`val_macro_recall`, `test_worst_class_recall` and the like; None where there are no predictions."""
    told: dict[str, Spread | None] = {}
    for split, one in (("val", found.val), ("test", found.test)):
        told[f"{split}_macro_recall"] = None if one is None else one.macro
        told[f"{split}_worst_class_recall"] = None if one is None else one.worst
    return told


def worst_classes(found: BySplit) -> dict[str, str | None]:
    """`val_worst_class` and `test_worst_class`: the class whose recall is lowest over all seeds."""
    return {
        f"{split}_worst_class": None if one is None else one.worst_class
        for split, one in (("val", found.val), ("test", found.test))
    }


def of_runs(group: Group, recalls: Mapping[str, BySplit]) -> list[dict[str, Any]]:
    """What each run of a group reached, by split."""
    rows: list[dict[str, Any]] = [{} for _ in group.runs]
    found = recalls[group.label]
    for split, one in (("val", found.val), ("test", found.test)):
        for row, (macro, worst, name) in zip(rows, () if one is None else one.of_runs, strict=False):
            row |= {
                f"{split}_macro_recall": macro,
                f"{split}_worst_class_recall": worst,
                f"{split}_worst_class": name,
            }
    return rows
