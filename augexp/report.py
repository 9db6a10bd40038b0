"""A comparison in words and numbers: terminal table, notes, CSV, JSON. All from the same summaries."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from augexp import stats
from augexp.errors import printable
from augexp.stats import Comparison, Group, Spread, Summary

MOST_NAMES = 4  # in a note; the JSON holds them all
LONGEST_BESIDE = 12  # characters of a name that fit into 80 columns beside the numbers


# --- terminal ------------------------------------------------------------------------------------------------------


def table(comparison: Comparison) -> Table:
    """A row a group; fits into 80 columns: beside a long name the spreads go to a second line."""
    long = max(cell_len(group.label) for group in comparison.groups) > LONGEST_BESIDE
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False, leading=int(long))
    grid.add_column("strategy", overflow="fold")
    for heading in ("seeds", "val\nacc. %", "test\nacc. %", "best\nepoch", "images\n/s", "min"):
        grid.add_column(heading, justify="right", no_wrap=True)
    for group in comparison.groups:
        # Text: a name such as [bold] is a name.
        grid.add_row(Text(printable(group.label)), *_cells(group, stats.summarize(group), "\n" if long else " "))
    return grid


def _cells(group: Group, summary: Summary, gap: str) -> tuple[str, ...]:
    return (
        str(len(group.seeds)),
        _percent(summary.val, gap),
        _percent(summary.test, gap),
        _epochs(*summary.best_epoch, gap),
        f"{summary.images_per_second:,.0f}",
        f"{summary.minutes:.1f}",
    )


def _percent(spread: Spread, gap: str) -> str:
    return f"{100 * spread.mean:.2f}{gap}{'one seed' if spread.sd is None else f'± {100 * spread.sd:.2f}'}"


def _epochs(middle: float, low: int, high: int, gap: str) -> str:
    return f"{middle:g}" if low == high else f"{middle:g}{gap}({low}-{high})"


def caption(comparison: Comparison) -> str:
    """What the table's numbers are, in two lines."""
    spread = any(len(group.seeds) > 1 for group in comparison.groups)
    return (
        f"accuracy of the best epoch's weights: mean{' ± standard deviation' if spread else ''} over seeds\n"
        f"best epoch: median{' (lowest-highest)' if spread else ''}; min: minutes of training a run"
    )


# --- notes ---------------------------------------------------------------------------------------------------------


def notes(comparison: Comparison) -> list[str]:
    """What a reader must know before trusting the numbers, a line each."""
    groups = comparison.groups
    return [
        *_differences(groups),
        *_on_test(groups),
        *_seeds(groups),
        *(line for group in groups for line in _of_group(group)),
        *_best_is_last(groups),
        *(f"given twice, counted once: {path}" for path in comparison.repeated),
        *(f"skipped {path}: {reason}" for path, reason in comparison.skipped),
    ]


def _differences(groups: Sequence[Group]) -> list[str]:
    return [
        f"differs besides the strategy: {key} is {_by_value(groups, [stats.show(value) for value in values])}"
        for key, values in stats.differences(groups).items()
    ]


def _by_value(groups: Sequence[Group], values: Sequence[str]) -> str:
    """`20 (none, cutmix), 40 (mixup)`."""
    holders: dict[str, list[str]] = {}
    for group, value in zip(groups, values, strict=True):
        holders.setdefault(value, []).append(group.label)
    return _names([f"{value} ({_names(labels)})" for value, labels in holders.items()])


def _names(labels: Sequence[str]) -> str:
    more = len(labels) - MOST_NAMES
    return ", ".join(labels[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _on_test(groups: Sequence[Group]) -> list[str]:
    labels = [group.label for group in groups if stats.validated_on_test(group)]
    if not labels:
        return []
    return [f"validation = test set ({_names(labels)}): the best epoch was chosen on it, so its accuracy flatters"]


def _seeds(groups: Sequence[Group]) -> list[str]:
    if len({group.seeds for group in groups}) == 1:
        return []
    return [f"seeds differ: {_by_value(groups, [_ranges(group.seeds) for group in groups])}"]


def _ranges(seeds: Sequence[int]) -> str:
    """(0, 1, 2, 7) -> `0-2 7`."""
    runs = [[seed for _, seed in run] for _, run in groupby(enumerate(seeds), key=lambda pair: pair[1] - pair[0])]
    return " ".join(f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _of_group(group: Group) -> list[str]:
    lines = [
        f"{group.label}: seed {seed} stands in {len(paths)} folders, each counts: {', '.join(map(str, paths))}"
        for seed, paths in stats.duplicates(group).items()
    ]
    others = sorted({run.name for run in group.runs} - {group.runs[0].name})
    if others:
        lines.append(f"{group.label}: runs named {_names(others)} have the same configuration and count with it")
    return lines


def _best_is_last(groups: Sequence[Group]) -> list[str]:
    late = [(group, stats.best_is_last(group)) for group in groups]
    told = [f"{group.label} {count} of {len(group.runs)} runs" for group, count in late if count]
    return [f"best epoch is the last one ({_names(told)}): more epochs may raise the accuracy"] if told else []


# --- files ---------------------------------------------------------------------------------------------------------

COLUMNS: dict[str, Callable[[Group, Summary], Any]] = {
    "label": lambda group, _: group.label,
    "strategy": lambda group, _: group.strategy,
    "runs": lambda group, _: len(group.runs),
    "seeds": lambda group, _: _ranges(group.seeds),
    "val_accuracy_mean": lambda _, summary: summary.val.mean,
    "val_accuracy_sd": lambda _, summary: summary.val.sd,
    "test_accuracy_mean": lambda _, summary: summary.test.mean,
    "test_accuracy_sd": lambda _, summary: summary.test.sd,
    "best_epoch_median": lambda _, summary: summary.best_epoch[0],
    "best_epoch_lowest": lambda _, summary: summary.best_epoch[1],
    "best_epoch_highest": lambda _, summary: summary.best_epoch[2],
    "images_per_second": lambda _, summary: summary.images_per_second,
    "minutes": lambda _, summary: summary.minutes,
    "validated_on_test": lambda group, _: stats.validated_on_test(group),
}


def csv_text(comparison: Comparison) -> str:
    """A row a group, accuracies in [0, 1] in full precision; an empty sd is one seed."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(group) for group in comparison.groups)
    return text.getvalue()


def _row(group: Group) -> dict[str, Any]:
    summary = stats.summarize(group)
    return {name: column(group, summary) for name, column in COLUMNS.items()}


def json_text(comparison: Comparison) -> str:
    """`as_dict` as strict JSON."""
    return json.dumps(as_dict(comparison), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_dict(comparison: Comparison) -> dict[str, Any]:
    """The numbers of `csv_text`, the runs behind them, and what the notes say, as plain values."""
    groups = comparison.groups
    return {
        "groups": [_row(group) | {"seeds": list(group.seeds), "runs": _runs(group)} for group in groups],
        "differences": {
            key: dict(zip((group.label for group in groups), values, strict=True))
            for key, values in stats.differences(groups).items()
        },
        "repeated": [str(path) for path in comparison.repeated],
        "skipped": [{"folder": str(path), "reason": reason} for path, reason in comparison.skipped],
        "notes": notes(comparison),
    }


def _runs(group: Group) -> list[dict[str, Any]]:
    rows = zip(group.runs, stats.accuracies(group, "val"), stats.accuracies(group, "test"), strict=True)
    return [
        {
            "folder": str(run.path),
            "name": run.name,
            "seed": run.seed,
            "val_accuracy": val,
            "test_accuracy": test,
            "best_epoch": run.result["best_epoch"],
            "epochs": run.result["epochs"],
        }
        for run, val, test in rows
    ]
