"""A judged comparison in words and numbers: terminal tables, notes, CSV, JSON, Markdown. All from the same values."""

import json
import math
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from augexp import profile_report, tables
from augexp.compare import classes, profiles
from augexp.compare.confounders import differences
from augexp.compare.groups import Group, best_is_last, duplicates, ended_early, validated_on_test
from augexp.compare.inference import MOST_SEEDS
from augexp.compare.profiles import Profiles
from augexp.compare.summary import OTHER_METRICS, Reach, Spread, Summary, accuracies, reach, summarize
from augexp.compare.verdicts import Judgement, Verdict, p_text
from augexp.config import settings
from augexp.errors import printable

LONGEST_BESIDE = 12  # characters of a name that fit into 80 columns beside the numbers


# --- terminal ------------------------------------------------------------------------------------------------------


def table(judgement: Judgement) -> Table:
    """A row a group; fits into 80 columns: beside a long name the spreads go to a second line."""
    groups = judgement.comparison.groups
    long = max(cell_len(printable(group.label)) for group in groups) > LONGEST_BESIDE
    headings = ["seeds", "val\nacc. %", "test\nacc. %", "best\nepoch", "images\n/s", "min"]
    baseline = judgement.baseline
    if baseline is not None:
        headings.append("s to\nbase")
    grid = tables.grid(["strategy"], headings, leading=int(long))
    for group in groups:
        cells = _cells(group, summarize(group), "\n" if long else " ")
        grid.add_row(_name(group), *cells, *([reached(reach_of(group, judgement))] if baseline else []))
    return grid


def _name(group: Group) -> Text:
    return Text(printable(group.label))  # a name such as [bold] is a name


def reach_of(group: Group, judgement: Judgement) -> Reach | None:
    """When a group's runs reached the mean val accuracy of the baseline's best epochs; None if that's another task."""
    baseline = judgement.baseline
    unlike = [verdict.group for verdict in judgement.verdicts if verdict.status == "not comparable"]
    if baseline is None or group in unlike:
        return None
    # History rounds to six digits, and a baseline that can't reach its own accuracy would look odd.
    return reach(group, min(summarize(baseline).val.mean, _best_mean(baseline)))


def _best_mean(group: Group) -> float:
    return math.fsum(float(run.history["val_accuracy"].max()) for run in group.runs) / len(group.runs)


def reached(reach: Reach | None) -> str:
    """Seconds, `2/3` where not all runs got there, `never` where none did, a dash where there is nothing to reach."""
    if reach is None:
        return "-"
    if reach.runs == 0:
        return "never"
    return f"{reach.seconds:,.0f}" if reach.runs == reach.of else f"{reach.runs}/{reach.of}"


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


def caption(judgement: Judgement) -> str:
    """What the table's numbers are, a line each."""
    groups = judgement.comparison.groups
    spread = any(len(group.seeds) > 1 for group in groups)
    devices = dict.fromkeys(str(run.environment.get("device", "?")) for group in groups for run in group.runs)
    lines = [
        f"accuracy of the best epoch's weights: mean{' ± standard deviation' if spread else ''} over seeds",
        f"best epoch: median{' (lowest-highest)' if spread else ''}; "
        f"min: minutes of training a run ({tables.names(list(devices))})",
    ]
    if judgement.baseline is not None:
        lines.append(
            f"s to base: seconds to the val accuracy of {judgement.baseline.label}'s best epochs (1/3: one run of 3)"
        )
    return "\n".join(lines)


def contrast_table(judgement: Judgement) -> Table | None:
    """A row a contrast: difference of test accuracies in points, interval, p; None where there is none."""
    if not judgement.verdicts:
        return None
    shared = judgement.baseline
    grid = tables.grid(
        ["test accuracy" if shared is None else f"against {printable(shared.label)}"],
        ["points", "95 %: other\nseeds, images", "95 %: other\nseeds alone", "p\n(Holm)"],
    )
    grid.add_column("verdict", no_wrap=True)
    for verdict in judgement.verdicts:
        label = verdict.group.label if shared else f"{verdict.group.label} - {verdict.baseline.label}"
        grid.add_row(Text(printable(label)), *contrast_cells(verdict), verdict.status)
    return grid


def contrast_cells(verdict: Verdict) -> tuple[str, str, str, str]:
    """Difference, its two intervals and p, in points; a dash for what there isn't."""
    contrast = verdict.contrast
    if contrast is None:
        return "-", "-", "-", "-"
    return (
        f"{100 * contrast.difference:+.2f}",
        _ends(contrast.interval) if contrast.counts_examples else "-",
        _ends(contrast.seed_interval),
        p_text(verdict.p_holm),
    )


def seeds_text(verdict: Verdict) -> str:
    """How many seeds would show a difference as large as the observed; a dash where no test says."""
    if verdict.contrast is None or verdict.contrast.seed_estimate is None or verdict.status in ("better", "worse"):
        return "-"
    return f"> {MOST_SEEDS:,}" if verdict.seeds_needed is None else f"{verdict.seeds_needed:,}"


def _ends(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else f"{100 * interval[0]:+.2f} {100 * interval[1]:+.2f}"


def sentences(judgement: Judgement) -> list[str]:
    """The verdicts in words, each in lines of 80 columns."""
    return [tables.folded(verdict.sentence) for verdict in judgement.verdicts]


# --- notes ---------------------------------------------------------------------------------------------------------


def notes(judgement: Judgement, measured: Profiles = profiles.NONE) -> list[str]:
    """What a reader must know before trusting the numbers, a line each."""
    comparison = judgement.comparison
    groups = comparison.groups
    return [
        *_differences(groups),
        *_baseline(judgement),
        *_on_test(groups),
        *_seeds(groups),
        *(line for group in groups for line in _of_group(group)),
        *_best_is_last(groups),
        *(
            f"{path}: {reason}; the finite test set is judged without it"
            for path, reason in judgement.evidence.unusable
        ),
        *profile_report.notes(measured),
        *(f"given twice, counted once: {path}" for path in comparison.repeated),
        *(f"skipped {path}: {reason}" for path, reason in comparison.skipped),
    ]


def _differences(groups: Sequence[Group]) -> list[str]:
    return [
        f"differs besides the strategy: {key} is {_by_value(groups, [settings.show(value) for value in values])}"
        for key, values in differences(groups).items()
    ]


def _baseline(judgement: Judgement) -> list[str]:
    groups = judgement.comparison.groups
    if len(groups) == 1:
        return ["one group: nothing to compare it with; give runs of another strategy too"]
    wanted = judgement.options
    if wanted.baseline is not None or wanted.all_pairs or any(group.strategy == "none" for group in groups):
        return []
    return [f"no runs of the strategy none: the baseline is {groups[0].label}; --baseline NAME chooses another"]


def _by_value(groups: Sequence[Group], values: Sequence[str]) -> str:
    """`20 (none, cutmix), 40 (mixup)`."""
    holders: dict[str, list[str]] = {}
    for group, value in zip(groups, values, strict=True):
        holders.setdefault(value, []).append(group.label)
    return tables.names([f"{value} ({tables.names(labels)})" for value, labels in holders.items()])


def _on_test(groups: Sequence[Group]) -> list[str]:
    labels = [group.label for group in groups if validated_on_test(group)]
    if not labels:
        return []
    return [
        f"validation = test set ({tables.names(labels)}): the best epoch was chosen on it, so its accuracy flatters"
    ]


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
        f"{group.label}: seed {seed} stands in {len(paths)} folders, their mean counts: {', '.join(map(str, paths))}"
        for seed, paths in duplicates(group).items()
    ]
    others = sorted({run.name for run in group.runs} - {group.runs[0].name})
    if others:
        lines.append(f"{group.label}: runs named {tables.names(others)} have the same configuration and count with it")
    early = ended_early(group)
    if early:
        lines.append(f"{group.label}: {early} of {len(group.runs)} runs ended before the epochs of their configuration")
    return lines


def _best_is_last(groups: Sequence[Group]) -> list[str]:
    late = [(group, best_is_last(group)) for group in groups]
    told = [f"{group.label} {count} of {len(group.runs)} runs" for group, count in late if count]
    return [f"best epoch is the last one ({tables.names(told)}): more epochs may raise the accuracy"] if told else []


# --- files ---------------------------------------------------------------------------------------------------------

COLUMNS: dict[str, Callable[[Group, Summary], Any]] = {
    "label": lambda group, _: group.label,
    "strategy": lambda group, _: group.strategy,
    "runs": lambda group, _: len(group.runs),
    "seeds": lambda group, _: _ranges(group.seeds),
    "best_epoch_median": lambda _, summary: summary.best_epoch[0],
    "best_epoch_lowest": lambda _, summary: summary.best_epoch[1],
    "best_epoch_highest": lambda _, summary: summary.best_epoch[2],
    "images_per_second": lambda _, summary: summary.images_per_second,
    "minutes": lambda _, summary: summary.minutes,
    "device": lambda group, _: " / ".join(dict.fromkeys(str(run.environment.get("device")) for run in group.runs)),
    "validated_on_test": lambda group, _: validated_on_test(group),
    "ended_early": lambda group, _: ended_early(group),
    "best_is_last": lambda group, _: best_is_last(group),
}
OTHER_SPREADS = (
    *(f"{split}_{metric}" for metric in OTHER_METRICS for split in ("val", "test")),
    *("last_val_accuracy", "late_val_accuracy"),
)


def csv_text(judgement: Judgement) -> str:
    """A row a group, accuracies in [0, 1] in full precision; an empty sd is one seed."""
    return tables.csv_text([_row(group, judgement) for group in judgement.comparison.groups])


def contrasts_csv_text(judgement: Judgement) -> str:
    """A row a contrast, differences in the unit of accuracy in full precision."""
    return tables.csv_text([contrast_row(verdict) for verdict in judgement.verdicts])


def _row(group: Group, judgement: Judgement) -> dict[str, Any]:
    summary = summarize(group)
    spreads: dict[str, Spread | None] = {"val_accuracy": summary.val, "test_accuracy": summary.test}
    spreads |= {name: summary.others.get(name) for name in OTHER_SPREADS}
    row = {name: column(group, summary) for name, column in COLUMNS.items()}
    for name, spread in spreads.items():
        row |= _spread(name, spread)
    reach = reach_of(group, judgement)
    return row | {
        "seconds_to_baseline": reach.seconds if reach and reach.runs and math.isfinite(reach.seconds) else None,
        "runs_that_reached_baseline": reach.runs if reach else None,
    }


def _spread(name: str, spread: Spread | None) -> dict[str, float | None]:
    low, high = (spread.interval if spread else None) or (None, None)
    return {
        f"{name}_mean": spread.mean if spread else None,
        f"{name}_sd": spread.sd if spread else None,
        f"{name}_low": low,
        f"{name}_high": high,
        f"{name}_lowest": spread.lowest if spread else None,
        f"{name}_highest": spread.highest if spread else None,
    }


def contrast_row(verdict: Verdict) -> dict[str, Any]:
    """The numbers of a verdict as plain values."""
    contrast = verdict.contrast
    by_seed = contrast.seed_interval if contrast else None
    return {
        "group": verdict.group.label,
        "baseline": verdict.baseline.label,
        "verdict": verdict.status,
        "method": contrast.method if contrast else None,
        "difference": contrast.difference if contrast else None,
        "low": contrast.interval[0] if contrast else None,
        "high": contrast.interval[1] if contrast else None,
        "counts_examples": contrast.counts_examples if contrast else None,
        "low_on_this_test_set": by_seed[0] if by_seed else None,
        "high_on_this_test_set": by_seed[1] if by_seed else None,
        "p": contrast.p_value if contrast else None,
        "p_on_this_test_set": contrast.seed_estimate.p_value if contrast and contrast.seed_estimate else None,
        "p_holm": verdict.p_holm,
        "p_equivalent": verdict.p_equivalent,
        "smallest_difference": verdict.smallest,
        "seeds_needed": verdict.seeds_needed,
        "gained": contrast.gained if contrast and contrast.method == "mcnemar" else None,
        "lost": contrast.lost if contrast and contrast.method == "mcnemar" else None,
        "examples": contrast.examples if contrast else None,
        "confounders": "; ".join(verdict.confounders or ()) or None,
        "sentence": verdict.sentence,
    }


def json_text(judgement: Judgement, measured: Profiles = profiles.NONE) -> str:
    """`as_dict` as strict JSON."""
    return json.dumps(as_dict(judgement, measured), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_dict(judgement: Judgement, measured: Profiles = profiles.NONE) -> dict[str, Any]:
    """The numbers of the CSVs, the runs behind them, and what the notes say, as plain values."""
    comparison = judgement.comparison
    groups = comparison.groups
    return {
        "groups": [_row(group, judgement) | {"seeds": list(group.seeds), "runs": _runs(group)} for group in groups],
        "contrasts": [contrast_row(verdict) | _classes(verdict, judgement) for verdict in judgement.verdicts],
        "differences": {
            key: dict(zip((group.label for group in groups), values, strict=True))
            for key, values in differences(groups).items()
        },
        "repeated": [str(path) for path in comparison.repeated],
        "skipped": [{"folder": str(path), "reason": reason} for path, reason in comparison.skipped],
        "notes": notes(judgement, measured),
        **({"profiles": profile_report.as_dict(measured)} if measured.axes else {}),
    }


def _classes(verdict: Verdict, judgement: Judgement) -> dict[str, Any]:
    """Gains of every class and changed confusions; empty where the two can't be compared."""
    if verdict.status == "not comparable":
        return {"classes": [], "confusions": []}
    couple = (verdict.group, verdict.baseline, judgement.evidence)
    return {
        "classes": [
            {
                "name": gain.name,
                "examples": gain.contrast.examples,
                "baseline_accuracy": gain.baseline_accuracy,
                "difference": gain.contrast.difference,
                "low": gain.contrast.interval[0],
                "high": gain.contrast.interval[1],
                "q": gain.q_value,
            }
            for gain in classes.gains(*couple)
        ],
        "confusions": [
            {"true": pair.true, "said": pair.said, "before": pair.before, "after": pair.after}
            for pair in classes.confusions(*couple)
        ],
    }


def _runs(group: Group) -> list[dict[str, Any]]:
    rows = zip(group.runs, accuracies(group, "val"), accuracies(group, "test"), strict=True)
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


# --- Markdown ------------------------------------------------------------------------------------------------------


def markdown(judgement: Judgement, measured: Profiles = profiles.NONE) -> str:
    """The tables and the verdicts for a README."""
    against = {verdict.group.label: verdict for verdict in judgement.verdicts} if judgement.baseline else {}
    lines = [
        "| strategy | seeds | val acc. % | test acc. % | difference (95 % interval) | p (Holm) | verdict | min |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for group in judgement.comparison.groups:
        summary = summarize(group)
        cells = (
            tables.escaped(group.label), str(len(group.seeds)), _percent(summary.val, " "), _percent(summary.test, " "),
            *_markdown_contrast(against.get(group.label)), f"{summary.minutes:.1f}",
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    told = [f"- {tables.escaped(verdict.sentence)}" for verdict in judgement.verdicts]
    return "\n".join([*lines, *(["", *told] if told else []), *profile_report.markdown(measured), ""])


def _markdown_contrast(verdict: Verdict | None) -> tuple[str, str, str]:
    if verdict is None:
        return "", "", ""
    contrast = verdict.contrast
    if contrast is None:
        return "-", "-", verdict.status
    low, high = contrast.interval
    difference = f"{100 * contrast.difference:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"
    return difference, p_text(verdict.p_holm), verdict.status
