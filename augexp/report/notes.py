"""What a reader must know before trusting the numbers, a line each."""

from collections.abc import Sequence
from itertools import groupby

from augexp import tables
from augexp.compare import registered
from augexp.compare.confounders import differences
from augexp.compare.groups import Group, best_is_last, duplicates, ended_early, validated_on_test
from augexp.compare.judge import Judgement
from augexp.config import settings
from augexp.errors import counted
from augexp.report import profiles as profile_report
from augexp.report import recalls
from augexp.runs import read


def notes(judgement: Judgement) -> list[str]:
    """What a reader must know before trusting the numbers, a line each."""
    comparison = judgement.comparison
    groups = comparison.groups
    return [
        *_differences(groups),
        *_studies(judgement),
        *_baseline(judgement),
        *_on_test(groups),
        *_looks_at_test(groups),
        *_collapsed(judgement),
        *_seeds(groups),
        *_divided(judgement),
        *(line for group in groups for line in _of_group(group)),
        *_best_is_last(groups),
        *(
            f"{path}: {reason}; the finite test set is judged without it"
            for path, reason in judgement.evidence.unusable
            if judgement.verdicts
        ),
        *(
            f"{path}: {reason}; recalls on val are left out"
            for one in judgement.recalls.values()
            for path, reason in one.unusable
        ),
        *recalls.notes(judgement),
        *profile_report.notes(judgement.profiles),
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


def _studies(judgement: Judgement) -> list[str]:
    """Runs of registered studies that can't be judged as one, and what a study lacks."""
    reason = registered.why_none(judgement.comparison.groups)
    lines = [f"not judged as a registered study: {reason}"] if reason else []
    race = judgement.race
    if race is None:
        return lines
    if race.needed:
        missing = [f"{name} seed {seed}" for name, seed in race.needed]
        lines.append(f"its next look lacks {counted(len(missing), 'run')}: {tables.names(missing)}")
    return lines


def _by_value(groups: Sequence[Group], values: Sequence[str]) -> str:
    """`20 (none, cutmix), 40 (mixup)`."""
    holders: dict[str, list[str]] = {}
    for group, value in zip(groups, values, strict=True):
        holders.setdefault(value, []).append(group.label)
    return tables.names([f"{value} ({tables.names(labels)})" for value, labels in holders.items()])


def _on_test(groups: Sequence[Group]) -> list[str]:
    told = {
        "best": "the best epoch was chosen on it, so its accuracy flatters",
        "last": "whatever is chosen by val is chosen on it, so its accuracy flatters",
    }
    on_test = {score: [one.label for one in groups if validated_on_test(one) and one.score == score] for score in told}
    return [
        f"validation = test set ({tables.names(labels)}): {told[score]}" for score, labels in on_test.items() if labels
    ]


def _looks_at_test(groups: Sequence[Group]) -> list[str]:
    counts = {group.label: sum(read.test_looks(run.path) for run in group.runs) for group in groups}
    told = [f"{label} {count}" for label, count in counts.items() if count]
    if not told:
        return []
    return [
        f"looks at the test split after training, by the logs: {tables.names(told)}; what was chosen after a look "
        "flatters itself"
    ]


def _collapsed(judgement: Judgement) -> list[str]:
    groups = {group.label: group for group in judgement.comparison.groups}
    return [
        f"{label} is unstable: {len(runs)} of {counted(len(groups[label].runs), 'run')} collapsed "
        f"({tables.names([f'seed {run.seed}: {100 * run.result.test.accuracy:.2f} %' for run in runs])}); they count, "
        "and no interval is sure with them"
        for label, runs in judgement.collapsed.items()
    ]


def _seeds(groups: Sequence[Group]) -> list[str]:
    if len({group.seeds for group in groups}) == 1:
        return []
    return [f"seeds differ: {_by_value(groups, [ranges(group.seeds) for group in groups])}"]


def _divided(judgement: Judgement) -> list[str]:
    """Groups whose seeds have test sets of their own."""
    contrasts = [verdict.contrast for verdict in judgement.verdicts if verdict.contrast is not None]
    overlaps = [contrast.overlap for contrast in contrasts if contrast.overlap]
    if not overlaps:
        return []
    return [
        "each seed was trained and tested on a split of its own: intervals are for other splits, images and seeds, and "
        f"widened for what the splits share ({max(overlaps):.2f} test images a train image; Nadeau and Bengio, 2003)"
    ]


def ranges(seeds: Sequence[int]) -> str:
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
        of_all = f"{early} of {counted(len(group.runs), 'run')}"
        lines.append(f"{group.label}: {of_all} ended before the epochs of their configuration")
    return lines


def _best_is_last(groups: Sequence[Group]) -> list[str]:
    late = [(group, best_is_last(group)) for group in groups]
    told = [f"{group.label} {count} of {counted(len(group.runs), 'run')}" for group, count in late if count]
    return [f"best epoch is the last one ({tables.names(told)}): more epochs may raise the accuracy"] if told else []
