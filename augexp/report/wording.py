"""Verdicts in words: each is read off the interval of its contrast."""

import math
from collections.abc import Mapping

from augexp import tables
from augexp.compare import choice, critical
from augexp.compare.choice import Choice
from augexp.compare.contrasts import Contrast
from augexp.compare.race import Race
from augexp.compare.verdicts import Verdict
from augexp.config import settings
from augexp.config.decide import JudgedBy, Registered
from augexp.config.schema import Score
from augexp.errors import counted

NOT_REGISTERED = "not registered: right only if the number of seeds was fixed beforehand and no run was left out"
TITLES: Mapping[JudgedBy, str] = {"accuracy": "accuracy", "macro_recall": "macro recall"}
UNREGISTERED_MARGIN = " The margin stands in no study file: it must have been chosen before the results were seen."


# --- which to use --------------------------------------------------------------------------------------------------


def choice_sentence(found: Choice) -> str:
    """Which strategy to use, or what stands in the way of saying so."""
    return f"{_which(found)}{_reservations(found)}"


def _which(found: Choice) -> str:
    leads = f"{found.leader} leads{'' if found.metric == 'accuracy' else f' in {TITLES[found.metric]}'}"
    if found.settled:
        return f"Use {found.leader}. With 95 % confidence {_rest(found)}{_against(found)}."
    if not found.rivals:
        return f"Undecided: {leads}{_against(found)}, with 95 % confidence."
    most = [f"{label} ({_above(most, found.metric)})" for label, most in found.rivals]
    return f"Undecided: {leads}, and can't be told from {tables.names(most)}{_against(found)}."


def _reservations(found: Choice) -> str:
    """What a choice leaves out, and what the reader chose beside the runs."""
    barred = f" Not judged, and not among these: {tables.names(found.barred)}." if found.barred else ""
    margin = UNREGISTERED_MARGIN if found.margin is not None and not found.is_registered else ""
    allowed = f" Allowed to differ: {tables.names(found.allowed)}." if found.allowed else ""
    return f"{barred}{margin}{allowed}"


def _rest(found: Choice) -> str:
    most, unit = 100 * found.most_above, unit_of(found.metric)
    if most < 0:
        return f"every other strategy is {-most:.2f} {unit} or more below it"
    return f"no other strategy is {most:.2f} {unit} or more above it"


def _above(most: float, metric: JudgedBy) -> str:
    return "nothing known" if math.isinf(most) else f"at most {100 * most:.2f} {unit_of(metric)} above it"


def _against(found: Choice) -> str:
    if found.against is None:
        return ""
    (low, high), unit = (100 * end for end in found.against), unit_of(found.metric)
    if math.isinf(low):
        return f", and nothing tells it from {found.baseline}"
    if low > 0:
        return f", and it is {low:.2f} to {high:.2f} {unit} above {found.baseline}"
    told = f", and it is {low:+.2f} to {high:+.2f} {unit} from {found.baseline}"
    if found.settled:
        return f"{told}, less than the margin of {found.margin:g} above it"
    return told


def race_sentence(race: Race) -> str:
    """How a registered study stands: which look, how many runs, who is out, who trains on."""
    looks = race.study.decide.looks
    if not race.looks:
        return f"before the first look at {looks[0]} seeds of each strategy: {counted(len(race.needed), 'run')} to do"
    look = race.looks[-1]
    out = [name for name in look.above if name not in look.race]
    on = [name for name in race.study.strategies if name in {run[0] for run in race.needed}]
    metric = race.study.decide.metric
    told = [f"{name} is out ({_below(look.above[name], look.leader, metric)})" for name in out]
    if race.incomplete:
        told.append(f"{tables.names(race.incomplete)} {'is' if len(race.incomplete) == 1 else 'are'} incomplete")
    if on:
        told.append(f"{tables.names(on)} train{'s' if len(on) == 1 else ''} on")
    elif look.is_last and not look.settled:
        told.append("the last look; a new study needs new seeds")
    return f"look {look.number} of {len(looks)}, {look.seeds} seeds: {'; '.join(told) or 'the end'}"


def weights(score: Score | None) -> str:
    """Which weights a study scores."""
    return "each run scores what it says" if score is None else f"the {score} epoch's weights are scored"


def outcome(race: Race, judged: Choice | None = None) -> str:
    """The last sentence of a study: what to use, or that it can't be told; `judged`: with what is held against it."""
    found = judged or choice.of_race(race)
    if found is None:
        return f"Undecided: {tables.names(race.incomplete)} failed before two strategies were complete."
    return choice_sentence(found)


def settles(study: Registered, overlap: float = 0.0) -> str:
    """What differences the looks of a study will tell, in standard deviations of a run over seeds.

    Args:
        study: as registered.
        overlap: test images for each train image, where each seed has a test set of its own.
    """
    looks, constants = study.decide.looks, critical.constants(len(study.strategies), study.decide.looks)
    reach = [
        f"{c * math.sqrt(2 * (1 / seeds + overlap)):.1f} at {seeds} seeds"
        for seeds, c in zip(looks, constants, strict=True)
    ]
    test_set = "" if overlap else ", and the finite test set adds to that"
    return (
        f"intervals reach, in standard deviations of a run over seeds, +-{', +-'.join(reach)}{test_set}; a strategy "
        "twice as far above all others is surely told"
    )


def _below(most: float, leader: str, metric: JudgedBy) -> str:
    points = f"{abs(100 * most):.2f} {unit_of(metric)}"
    return f"at most {points} above {leader}" if most >= 0 else f"{points} or more below {leader}"


# --- one against the other -----------------------------------------------------------------------------------------


def sentence(verdict: Verdict) -> str:
    """The whole of a verdict."""
    of_models = verdict.contrast is not None and verdict.contrast.method == "mcnemar"
    if of_models and verdict.status in ("models differ", "undecided"):
        return _models(verdict)
    return {
        "not comparable": _not_comparable,
        "confounded": _confounded,
        "incomplete": _incomplete,
        "models differ": _models,
        "equivalent": _equivalent,
        "better": _differs,
        "worse": _differs,
        "undecided": _undecided,
    }[verdict.status](verdict)


def _not_comparable(verdict: Verdict) -> str:
    return f"{verdict.group.label} and {verdict.baseline.label} are not comparable: {verdict.reason}."


def _confounded(verdict: Verdict) -> str:
    group, baseline = verdict.group.label, verdict.baseline.label
    differing = (verdict.confounders or {}).items()
    told = "; ".join(f"{key} is {_both(*map(settings.show, both))}" for key, both in differing)
    allow = " ".join(f"--allow {key}" for key, _ in differing)
    found = "" if verdict.contrast is None else f" of {points(verdict.contrast.difference, verdict.metric)}"
    unlike = any(settings.show(ours) != settings.show(theirs) for _, (ours, theirs) in differing)
    what = "differ in more than the strategy" if unlike else "don't show what the strategy does"
    return (
        f"{group} and {baseline} {what} ({told}), so their difference{found} can't be put down to it; {allow} judges "
        "it all the same."
    )


def _both(ours: str, theirs: str) -> str:
    return f"{ours} in both" if ours == theirs else f"{ours} and {theirs}"


def _incomplete(verdict: Verdict) -> str:
    found = "" if verdict.contrast is None else f"; so far {_numbers(verdict)}"
    return (
        f"{verdict.group.label} and {verdict.baseline.label} are incomplete ({verdict.reason}): neither is called "
        f"better, and the two not equivalent{found}.{_conditions(verdict)}"
    )


def _differs(verdict: Verdict) -> str:
    found = f"{verdict.group.label} is {verdict.status} than {verdict.baseline.label}"
    return f"{found}: {_numbers(verdict)}.{_conditions(verdict)}"


def _equivalent(verdict: Verdict) -> str:
    return (
        f"{verdict.group.label} and {verdict.baseline.label} differ by less than the margin of "
        f"{verdict.margin:g} {unit_of(verdict.metric)}: {_numbers(verdict)}.{_conditions(verdict)}"
    )


def _conditions(verdict: Verdict) -> str:
    """What the reader chose, beside the runs, on which a verdict rests."""
    margin = "" if verdict.status != "equivalent" or verdict.is_margin_registered else UNREGISTERED_MARGIN
    allowed = f" Allowed to differ: {tables.names(verdict.allowed)}." if verdict.allowed else ""
    return f"{margin}{allowed}"


def _undecided(verdict: Verdict) -> str:
    names = f"{verdict.group.label} and {verdict.baseline.label}"
    contrast = verdict.contrast
    if contrast is None:
        return f"{names} have too few common seeds for an interval, and no two models to compare."
    return f"{names} are not told apart: {_numbers(verdict)}.{_here_only(contrast)}{_conditions(verdict)}"


def _here_only(contrast: Contrast) -> str:
    """For a difference that seeds bear out on this test set, but the test set's size does not beyond it."""
    if contrast.overlap:
        return ""
    if contrast.seed_interval is None or contrast.seed_interval[0] <= 0 <= contrast.seed_interval[1]:
        return ""
    images = counted(contrast.examples, "image")
    return f" On these {images} the seeds agree that they differ; on others like them they may not."


def _models(verdict: Verdict) -> str:
    contrast = _contrast(verdict)
    low, high = contrast.interval
    verb = "differ" if verdict.status == "models differ" else "are not seen to differ"
    return (
        f"one seed: these two models of {verdict.group.label} and {verdict.baseline.label} {verb} "
        f"({points(contrast.difference)}, {100 * low:+.2f} to {100 * high:+.2f}; "
        f"{counted(contrast.gained, 'image')} gained, {contrast.lost:,} lost, by McNemar's exact test). "
        "Of the strategies this says nothing: other seeds may differ as much."
    )


def _numbers(verdict: Verdict) -> str:
    contrast = _contrast(verdict)
    seeds = _seeds(contrast)
    if contrast.overlap:
        return f"{points(contrast.difference)} ({_ends(contrast.interval)} for other splits), {seeds}"
    if contrast.seed_interval is None or not contrast.counts_examples:
        scope = "; without predictions this holds for this test set only"
        return f"{points(contrast.difference, verdict.metric)} ({_ends(contrast.interval)}), {seeds}{scope}"
    return (
        f"{points(contrast.difference, verdict.metric)} ({_ends(contrast.interval)}; for other seeds alone "
        f"{_ends(contrast.seed_interval)}), {seeds}"
    )


def _ends(interval: tuple[float, float]) -> str:
    return f"{100 * interval[0]:+.2f} to {100 * interval[1]:+.2f}"


def _seeds(contrast: Contrast) -> str:
    ours, theirs = contrast.seeds
    if contrast.overlap:
        return f"{ours} common splits"
    return f"{ours} common seeds" if contrast.method == "paired" else f"{ours} against {theirs} unpaired seeds"


def _contrast(verdict: Verdict) -> Contrast:
    if verdict.contrast is None:
        raise ValueError("a verdict without numbers has no such words")
    return verdict.contrast


def points(difference: float, metric: JudgedBy = "accuracy") -> str:
    """A difference of scores in [0, 1] as signed points; those of another score than accuracy name it."""
    return f"{100 * difference:+.2f} {unit_of(metric)}"


def unit_of(metric: JudgedBy) -> str:
    """`points`, or `points of macro recall`."""
    return "points" if metric == "accuracy" else f"points of {TITLES[metric]}"


def p_text(p: float | None) -> str:
    """A p value as it is read: 0.04, 0.0031, < 0.0001."""
    if p is None:
        return "-"
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"
