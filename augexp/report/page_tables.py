"""The tables of the HTML page, as text: every number as it is read, in the cell where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass

from augexp.compare import classes
from augexp.compare.classes import ClassGain, Confusion
from augexp.compare.effects import Doses, Effect, OfOp
from augexp.compare.groups import Group
from augexp.compare.inference import LEVEL
from augexp.compare.judge import Judgement
from augexp.compare.profiles import Profile, Profiles
from augexp.compare.recalls import Recalls
from augexp.compare.summary import Spread, Summary, summarize
from augexp.compare.verdicts import Verdict
from augexp.metrics.catalogue import Metric
from augexp.report import profiles as profile_report
from augexp.report import recalls, terminal
from augexp.report.wording import unit_of
from augexp.runs.limit import Limit

FALSE_DISCOVERIES = 0.05
MOST_CLASSES = 8  # on each side, before the rest is folded away
MOST_PAIRS = 6


@dataclass(frozen=True)
class Cell:
    """A text, and the lines that stand small beneath it."""

    text: str
    small: tuple[str, ...] = ()
    bold: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells, each as long as `headings`."""

    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def strategies(judgement: Judgement) -> Table:
    """What each group reached, and at what cost; accuracies in percent."""
    headings = (
        *("strategy", "seeds", "val acc. %", "test acc. %"),
        *(("macro recall %", "worst class %") if recalls.is_shown(judgement) else ()),
        *("top-5 %", "cross-entropy", "best epoch"),
        *(("last epoch, val %",) if _is_other(judgement) else ()),
        *("images/s", *(("input path, images/s",) if _limited(judgement) else ())),
        *("minutes a run", "seconds to baseline"),
    )
    return Table(headings, tuple(_strategy(group, judgement) for group in judgement.comparison.groups))


def _is_other(judgement: Judgement) -> bool:
    """Whether a group's last epoch is another than the one whose weights are scored."""
    summaries = map(summarize, judgement.comparison.groups)
    return any(summary.others.get("last_val_accuracy") != summary.val for summary in summaries)


def _limited(judgement: Judgement) -> bool:
    """Whether a group says what limits it."""
    return any(summarize(group).limit for group in judgement.comparison.groups)


def _limit(limit: Limit | None) -> Cell:
    """The rate of the input path alone; beneath it which half is the slower one."""
    return Cell("-") if limit is None else Cell(f"{limit.input:,.0f}", (f"limit: {limit.name}",))


def _strategy(group: Group, judgement: Judgement) -> tuple[Cell, ...]:
    summary = summarize(group)
    middle, low, high = summary.best_epoch
    return (
        Cell(group.label),
        Cell(str(len(group.seeds))),
        _spread(summary.val),
        _test(group, summary),
        *(_recalls(judgement.recalls[group.label].test) if recalls.is_shown(judgement) else ()),
        _spread(summary.others.get("test_top5_accuracy")),
        _spread(summary.others.get("test_cross_entropy"), 1, 3),
        Cell(f"{middle:g}", () if low == high else (f"{low}-{high}",)),
        *([_spread(summary.others.get("last_val_accuracy"))] if _is_other(judgement) else []),
        Cell(f"{summary.images_per_second:,.0f}"),
        *([_limit(summary.limit)] if _limited(judgement) else []),
        Cell(f"{summary.minutes:.1f}"),
        Cell(terminal.reached(terminal.reach_of(group, judgement))),
    )


def _test(group: Group, summary: Summary) -> Cell:
    """Beneath it the mean of the weights that are not scored."""
    cell, other = _spread(summary.test), summary.other_test
    if other is None:
        return cell
    return Cell(cell.text, (*cell.small, f"{terminal.other_of(group)} epoch {100 * other.mean:.2f}"))


def _recalls(found: Recalls | None) -> tuple[Cell, Cell]:
    """Of the test set; beneath the lowest, the class that has it."""
    if found is None:
        return Cell("-"), Cell("-")
    worst = _spread(found.worst)
    return _spread(found.macro), Cell(worst.text, (*worst.small, found.worst_class))


def _spread(over: Spread | None, scale: float = 100, digits: int = 2) -> Cell:
    """Mean ± standard deviation; small, the 95 % interval and the lowest and highest seed."""
    if over is None:
        return Cell("-")
    mean = f"{scale * over.mean:.{digits}f}"
    if over.sd is None or over.interval is None:
        return Cell(mean, ("one seed",))
    ends = " to ".join(f"{scale * end:.{digits}f}" for end in over.interval)
    lowest, highest = f"{scale * over.lowest:.{digits}f}", f"{scale * over.highest:.{digits}f}"
    return Cell(f"{mean} ± {scale * over.sd:.{digits}f}", (ends, f"{lowest}, {highest}"))


def contrasts(judgement: Judgement) -> Table:
    """A row a contrast, in points."""
    headings = ("contrast", unit_of(judgement.metric), "95 %: other seeds and images", "95 %: other seeds", "verdict")
    rows = [
        _cells(
            f"{verdict.group.label} - {verdict.baseline.label}",
            *terminal.contrast_cells(verdict),
            verdict.status,
        )
        for verdict in judgement.verdicts
    ]
    return Table(headings, tuple(rows))


def of_ops(ops: Sequence[OfOp], unit: str = "points") -> Table:
    """A row an op, in points: what it adds alone, and beside the others."""
    headings = ("op", f"alone: {unit}", "95 %", "verdict", f"beside the others: {unit}", "95 %", "verdict")
    return Table(headings, tuple(_cells(one.op, *_effect(one.alone), *_effect(one.beside)) for one in ops))


def of_doses(doses: Doses, unit: str = "points") -> Table:
    """A row a dose, in points above the baseline."""
    headings = (doses.parameter, "strategy", f"{unit} above {doses.baseline.label}", "95 %", "verdict")
    rows = [_cells(f"{dose:g}", group.label, *_effect(doses.effects.get(dose))) for dose, group in doses.groups.items()]
    return Table(headings, tuple(rows))


def _effect(effect: Effect | None) -> tuple[str, str, str]:
    if effect is None:
        return "-", "-", "-"
    low, high = effect.interval
    return f"{100 * effect.difference:+.2f}", f"{100 * low:+.2f} {100 * high:+.2f}", effect.status


def _cells(*texts: str) -> tuple[Cell, ...]:
    return tuple(map(Cell, texts))


def family(measured: Profiles, profile: Profile) -> Table:
    """All metrics of a family, each in its own unit: a row a group, or pair of groups."""
    headings = ("measure", "strategy", "mean ± sd", "difference", "its 95 % interval", "p (Holm)", "status")
    return Table(headings, tuple(row for metric in profile.metrics for row in _metric(measured, profile, metric)))


def _metric(measured: Profiles, profile: Profile, metric: Metric) -> list[tuple[Cell, ...]]:
    """The heading stands in the first row alone."""
    found = profile_report.rows(measured, profile, metric)
    heading = profile_report.heading(metric, found) if metric.judged else metric.title
    return [
        (
            *_cells(heading if index == 0 else "", row.label),
            _mean(metric, row.spread),
            *_cells(*profile_report.cells(metric, row)[1:]),
        )
        for index, row in enumerate(found)
    ]


def _mean(metric: Metric, spread: Spread | None) -> Cell:
    if spread is None:
        return Cell("")
    ends = "one seed" if spread.interval is None else " to ".join(map(metric.unit.value, spread.interval))
    return Cell(profile_report.mean_text(metric, spread), (ends,))


# --- class by class ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ByClass:
    """A contrast, class by class.

    Attributes:
        verdict: of the contrast.
        count: how many classes there are.
        differing: how many of them differ.
        shown: table of all classes, or of those that gained and lost the most.
        every: table of all classes where `shown` is not, else None.
        mistakes: tables of pairs of classes, the most `repaired` and the most `broken`.
    """

    verdict: Verdict
    count: int
    differing: int
    shown: Table
    every: Table | None
    mistakes: dict[str, Table]


def by_class(judgement: Judgement) -> list[ByClass]:
    """The comparable contrasts of which there are predictions."""
    comparable = [verdict for verdict in judgement.verdicts if verdict.status != "not comparable"]
    told = [_classes(verdict, judgement) for verdict in comparable]
    return [one for one in told if one is not None]


def _classes(verdict: Verdict, judgement: Judgement) -> ByClass | None:
    """None without predictions."""
    couple = (verdict.group, verdict.baseline, judgement.evidence)
    gains = classes.gains(*couple)
    if not gains:
        return None
    changed = classes.confusions(*couple)
    all_shown = len(gains) <= 2 * MOST_CLASSES
    return ByClass(
        verdict,
        len(gains),
        sum(gain.q_value <= FALSE_DISCOVERIES for gain in gains),
        _gains(gains if all_shown else [*gains[:MOST_CLASSES], *gains[-MOST_CLASSES:]]),
        None if all_shown else _gains(gains),
        {
            "repaired": _confusions([pair for pair in changed[:MOST_PAIRS] if pair.change < 0]),
            "broken": _confusions([pair for pair in changed[::-1][:MOST_PAIRS] if pair.change > 0]),
        },
    )


def _gains(gains: Sequence[ClassGain]) -> Table:
    """A row a class, in percent and points; bold, a q of at most `FALSE_DISCOVERIES`."""
    headings = ("class", "examples", "baseline %", "points", f"{100 * LEVEL:.0f} % interval", "q")
    return Table(headings, tuple(map(_gain, gains)))


def _gain(gain: ClassGain) -> tuple[Cell, ...]:
    low, high = gain.contrast.interval
    return (
        Cell(gain.name),
        Cell(str(gain.contrast.examples)),
        Cell(f"{100 * gain.baseline_accuracy:.1f}"),
        Cell(f"{100 * gain.contrast.difference:+.1f}"),
        Cell(f"{100 * low:+.1f} {100 * high:+.1f}"),
        Cell(f"{gain.q_value:.2g}", bold=gain.q_value <= FALSE_DISCOVERIES),
    )


def _confusions(pairs: Sequence[Confusion]) -> Table:
    """A row a pair of classes, in examples per run."""
    rows = [
        _cells(f"{pair.true} taken for {pair.said}", f"{pair.before:.1f}", f"{pair.after:.1f}", f"{pair.change:+.1f}")
        for pair in pairs
    ]
    return Table(("pair", "before", "after", "change"), tuple(rows))
