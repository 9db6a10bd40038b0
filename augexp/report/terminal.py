"""A judged comparison on the terminal: tables and sentences."""

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderableType
from rich.panel import Panel
from rich.text import Text

from augexp import console, tables
from augexp.compare import stability
from augexp.compare.choice import Choice
from augexp.compare.groups import Group
from augexp.compare.judge import Judgement
from augexp.compare.summary import Reach, Spread, Summary, best_val_accuracy, reach, summarize
from augexp.compare.verdicts import Verdict
from augexp.config.schema import Score
from augexp.errors import counted
from augexp.report import wording
from augexp.runs.limit import remedies
from augexp.tables import Grid


def table(judgement: Judgement) -> Grid:
    """A row a group."""
    other, baseline = other_scores(judgement), judgement.baseline
    headings = [
        *("strategy", "seeds", "val\nacc. %", "test\nacc. %", *([f"{other}\nep. %"] if other else [])),
        *("best\nepoch", "images\n/s", "min", *(["s to\nbase"] if baseline else [])),
    ]
    grid = Grid(headings, "l" + "r" * (len(headings) - 1))
    for group in judgement.comparison.groups:
        cells = _cells(group, summarize(group), other=other is not None)
        grid.add_row(group.label, *cells, *([reached(reach_of(group, judgement))] if baseline else []))
    return grid


def other_scores(judgement: Judgement) -> str | None:
    """Whose accuracy stands beside those that are scored: `best`, `last`, or `other` for both; None if no run says."""
    groups = judgement.comparison.groups
    found = {other_of(group) for group in groups if summarize(group).other_test is not None}
    return None if not found else found.pop() if len(found) == 1 else "other"


def other_of(group: Group) -> Score:
    """The weights of a group that are not scored."""
    return "best" if group.score == "last" else "last"


def reach_of(group: Group, judgement: Judgement) -> Reach | None:
    """When a group's runs reached the mean val accuracy of the baseline's best epochs; None if that's another task."""
    baseline = judgement.baseline
    unlike = {verdict.group.label for verdict in judgement.verdicts if verdict.status == "not comparable"}
    if baseline is None or group.label in unlike:
        return None
    best = best_val_accuracy(baseline)
    # History rounds to six digits, and a baseline that can't reach its own accuracy would look odd.
    return reach(group, min(summarize(baseline).val.mean, best) if baseline.score == "best" else best)


def reached(reach: Reach | None) -> str:
    """Seconds, `2/3` where not all runs got there, `never` where none did, a dash where there is nothing to reach."""
    if reach is None:
        return "-"
    if reach.runs == 0:
        return "never"
    return f"{reach.seconds:,.0f}" if reach.runs == reach.of else f"{reach.runs}/{reach.of}"


def _cells(group: Group, summary: Summary, *, other: bool) -> tuple[str, ...]:
    sign = "±" if other else "± "  # so that the usual study fits into 80 columns
    others = "-" if summary.other_test is None else f"{100 * summary.other_test.mean:.2f}"
    return (
        str(len(group.seeds)),
        percent_cell(summary.val, sign),
        percent_cell(summary.test, sign),
        *([others] if other else []),
        _epochs(*summary.best_epoch),
        f"{summary.images_per_second:,.0f}",
        f"{summary.minutes:.1f}",
    )


def percent_cell(spread: Spread, sign: str = "± ") -> str:
    return f"{100 * spread.mean:.2f} {'one seed' if spread.sd is None else f'{sign}{100 * spread.sd:.2f}'}"


def _epochs(middle: float, low: int, high: int) -> str:
    return f"{middle:g}" if low == high else f"{middle:g} ({low}-{high})"


def caption(judgement: Judgement) -> list[str]:
    """What the table's numbers are, a line each."""
    groups = judgement.comparison.groups
    spread = any(len(group.seeds) > 1 for group in groups)
    devices = dict.fromkeys(run.environment.device or "?" for group in groups for run in group.runs)
    lines = [
        f"accuracy of the {_scored(groups)}: mean{' ± standard deviation' if spread else ''} over seeds",
        *_other_line(judgement),
        f"best epoch: median{' (lowest-highest)' if spread else ''}; "
        f"min: minutes of training a run ({tables.names(list(devices))})",
    ]
    if judgement.baseline is not None:
        lines.append(
            f"s to base: seconds to the val accuracy of {judgement.baseline.label}'s best epochs (1/3: one run of 3)"
        )
    return [*lines, *limits(judgement)]


def limits(judgement: Judgement) -> list[str]:
    """The rates of input paths alone, and whose limit they are; none where no group knows."""
    found = {group.label: summarize(group).limit for group in judgement.comparison.groups}
    known = {label: limit for label, limit in found.items() if limit is not None}
    if not known:
        return []
    rates = ", ".join(f"{label} {limit.input:,.0f}" for label, limit in known.items())
    slow = [label for label, limit in known.items() if limit.is_input]
    whose = f"the limit of {tables.names(slow)}: {remedies()}" if slow else "the network is the limit"
    return [f"input path alone, images/s: {rates}; {whose}"]


def _scored(groups: Sequence[Group]) -> str:
    """`last epoch's weights`, or `last (cutmix) and best (none) epoch's weights`."""
    labels = {score: [group.label for group in groups if group.score == score] for score in ("last", "best")}
    if all(labels.values()):
        return " and ".join(f"{score} ({tables.names(named)})" for score, named in labels.items()) + " epoch's weights"
    return f"{groups[0].score} epoch's weights"


def _other_line(judgement: Judgement) -> list[str]:
    other = other_scores(judgement)
    if other is None:
        return []
    whose = {"other": "other weights, of the best epoch or the last"}.get(other, f"{other} epoch's weights")
    return [f"{other} ep. %: test accuracy of the {whose}, mean over seeds"]


def contrast_table(judgement: Judgement) -> Grid | None:
    """A row a contrast: difference of test scores in points, both intervals; None where there is none."""
    if not judgement.verdicts:
        return None
    shared = judgement.baseline
    first = f"test {wording.TITLES[judgement.metric]}" if shared is None else f"against {shared.label}"
    unit = wording.unit_of(judgement.metric).replace(" of ", " of\n")
    grid = Grid([first, unit, "95 %: other\nseeds, images", "95 %: other\nseeds alone", "verdict"], "lrrrl")
    for verdict in judgement.verdicts:
        label = verdict.group.label if shared else f"{verdict.group.label} - {verdict.baseline.label}"
        grid.add_row(label, *contrast_cells(verdict), verdict.status)
    return grid


def contrast_cells(verdict: Verdict) -> tuple[str, str, str]:
    """Difference and its two intervals, in points; a dash for what there isn't."""
    contrast = verdict.contrast
    if contrast is None:
        return "-", "-", "-"
    return (
        f"{100 * contrast.difference:+.2f}",
        _ends(contrast.interval) if contrast.counts_examples else "-",
        _ends(contrast.seed_interval),
    )


def _ends(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else f"{100 * interval[0]:+.2f} {100 * interval[1]:+.2f}"


class Box:
    """`which_lines` in a frame of 80 columns, or of fewer; without it where a word is too long."""

    def __init__(self, judgement: Judgement) -> None:
        self.lines = which_lines(judgement)

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        width = min(console.WIDTH, options.max_width)
        lines = [
            Text(piece, "" if number else "bold")
            for number, line in enumerate(self.lines)
            for piece in console.folded(console.shown(line, options.encoding), width - 4)
        ]
        text = Text("\n", no_wrap=True, overflow="ignore").join(lines)
        fits = max(line.cell_len for line in lines) <= width - 4
        yield Panel(text, width=width) if fits else text


def which_lines(judgement: Judgement) -> list[str]:
    """Which strategy to use, what it costs, and what that rests on, a line each; empty where nothing says."""
    if judgement.choice is None:
        return []
    race = judgement.race
    stands = wording.NOT_REGISTERED if race is None else wording.race_sentence(race)
    told = wording.choice_sentence(judgement.choice)
    return [told, *_unstable(judgement, judgement.choice), _cost(judgement), stands]


def _unstable(judgement: Judgement, found: Choice) -> list[str]:
    """Of the leader, whether its runs can be relied on."""
    leader = next(group for group in judgement.comparison.groups if group.label == found.leader)
    if fallen := judgement.collapsed.get(leader.label, ()):
        return [f"{leader.label} is unstable: {len(fallen)} of its {counted(len(leader.runs), 'run')} collapsed"]
    if not found.settled:
        return []
    rate = 100 * stability.highest_rate(len(leader.runs))
    runs = counted(len(leader.runs), "run")
    return [f"no run of {leader.label} collapsed; {runs} can't rule out that up to {rate:.0f} % do"]


def _cost(judgement: Judgement) -> str:
    """The speed of training with every strategy."""
    groups = judgement.comparison.groups
    rates = [f"{group.label} {summarize(group).images_per_second:,.0f}" for group in groups]
    return f"images/s in training: {', '.join(rates)}"


def sentences(judgement: Judgement) -> list[str]:
    """The verdicts in words."""
    return [wording.sentence(verdict) for verdict in judgement.verdicts]
