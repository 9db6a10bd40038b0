"""Verdicts in words: each follows from the numbers of its contrast."""

from augexp.compare.contrasts import Contrast
from augexp.compare.inference import MOST_SEEDS, POWER
from augexp.compare.verdicts import ALPHA, Verdict
from augexp.config import settings


def sentence(verdict: Verdict) -> str:
    """The whole of a verdict."""
    return {
        "not comparable": _not_comparable,
        "confounded": _confounded,
        "models differ": _models,
        "equivalent": _equivalent,
        "better": _differs,
        "worse": _differs,
        "no evidence": _models if verdict.contrast and verdict.contrast.method == "mcnemar" else _nothing,
    }[verdict.status](verdict)


def _not_comparable(verdict: Verdict) -> str:
    return f"{verdict.group.label} and {verdict.baseline.label} are not comparable: {verdict.reason}."


def _confounded(verdict: Verdict) -> str:
    group, baseline = verdict.group.label, verdict.baseline.label
    differing = (verdict.confounders or {}).items()
    told = "; ".join(f"{key} is {settings.show(ours)} and {settings.show(theirs)}" for key, (ours, theirs) in differing)
    allow = " ".join(f"--allow {key}" for key, _ in differing)
    return (
        f"{group} and {baseline} differ in more than the strategy ({told}), so their difference of "
        f"{points(_contrast(verdict).difference)} can't be put down to it; {allow} judges it all the same."
    )


def _differs(verdict: Verdict) -> str:
    return (
        f"{verdict.group.label} is {verdict.status} than {verdict.baseline.label}: "
        f"{_numbers(verdict)}, {_scope(_contrast(verdict))}."
    )


def _equivalent(verdict: Verdict) -> str:
    return (
        f"{verdict.group.label} and {verdict.baseline.label} differ by less than the margin of "
        f"{verdict.margin:g} points (p {_relation(verdict.p_equivalent)}): {_numbers(verdict)}, "
        f"{_scope(_contrast(verdict))}."
    )


def _nothing(verdict: Verdict) -> str:
    contrast = verdict.contrast
    if contrast is None:
        names = f"{verdict.group.label} and {verdict.baseline.label}"
        return f"{names} have too few seeds for a test, and no predictions to compare two models by."
    return (
        f"no evidence at this size that {verdict.group.label} differs from {verdict.baseline.label}: "
        f"{_numbers(verdict)}, {_scope(contrast)}.{_here_only(contrast)} {_reach(verdict)}"
    )


def _here_only(contrast: Contrast) -> str:
    """For a difference that seeds bear out on this test set, but the test set's size does not beyond it."""
    if not contrast.counts_examples or contrast.seed_estimate is None or contrast.seed_estimate.p_value > ALPHA:
        return ""
    if contrast.p_value <= ALPHA:
        return ""
    return f" On these {contrast.examples:,} images the seeds agree that it does; on others like them it may not."


def _reach(verdict: Verdict) -> str:
    seeds = min(_contrast(verdict).seeds)
    size = f"{seeds} seeds" if _contrast(verdict).counts_examples else f"{seeds} seeds on this test set"
    power = f"find a true difference of {100 * (verdict.smallest or 0):.1f} points in {100 * POWER:.0f} % of studies"
    if verdict.seeds_needed is None:
        more = f"not even {MOST_SEEDS:,} would show one as small as that observed"
        if _contrast(verdict).example_variance > 0:
            more += " on a test set of this size"
    elif verdict.seeds_needed <= seeds:
        more = "one as large as that observed may well show with a few more"
    else:
        more = f"one as large as that observed would need about {verdict.seeds_needed:,} seeds"
    return f"{size} {power}; {more}."


def _models(verdict: Verdict) -> str:
    contrast = _contrast(verdict)
    low, high = contrast.interval
    verb = "differ" if verdict.status == "models differ" else "are not seen to differ"
    return (
        f"one seed: these two models of {verdict.group.label} and {verdict.baseline.label} {verb} "
        f"({points(contrast.difference)}, {100 * low:+.2f} to {100 * high:+.2f}; {contrast.gained:,} images gained, "
        f"{contrast.lost:,} lost, McNemar's p {_relation(verdict.p_holm)}). "
        "Of the strategies this says nothing: other seeds may differ as much."
    )


def _numbers(verdict: Verdict) -> str:
    contrast = _contrast(verdict)
    low, high = contrast.interval
    holm = f" by Holm over {verdict.tests} contrasts" if verdict.tests > 1 else ""
    return f"{points(contrast.difference)} ({100 * low:+.2f} to {100 * high:+.2f}, p {_relation(verdict.p_holm)}{holm})"


def _scope(contrast: Contrast) -> str:
    ours, theirs = contrast.seeds
    seeds = f"{ours} paired seeds" if contrast.method == "paired" else f"{ours} against {theirs} unpaired seeds"
    if not contrast.counts_examples:
        seeds += "; without predictions this holds for this test set only"
    return seeds


def _contrast(verdict: Verdict) -> Contrast:
    if verdict.contrast is None:
        raise ValueError("a verdict without numbers has no such words")
    return verdict.contrast


def points(difference: float) -> str:
    """A difference of accuracies in [0, 1] as signed points."""
    return f"{100 * difference:+.2f} points"


def _relation(p: float | None) -> str:
    text = p_text(p)
    return text if text.startswith("<") else f"= {text}"


def p_text(p: float | None) -> str:
    """A p value as it is read: 0.04, 0.0031, < 0.0001."""
    if p is None:
        return "-"
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"
