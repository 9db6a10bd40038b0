"""A judged comparison as CSV, JSON and Markdown: the same numbers, in full precision."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from augexp import files, tables
from augexp.compare import classes
from augexp.compare.confounders import differences
from augexp.compare.effects import Effect
from augexp.compare.groups import Group, best_is_last, ended_early, validated_on_test
from augexp.compare.judge import Judgement
from augexp.compare.summary import OTHER_METRICS, Spread, Summary, accuracies, summarize
from augexp.compare.verdicts import Verdict
from augexp.report import profiles as profile_report
from augexp.report import recalls, wording
from augexp.report.notes import notes, ranges
from augexp.report.terminal import limits, other_of, other_scores, percent_cell, reach_of, which_lines
from augexp.runs import limit
from augexp.runs.read import Run


def _of_limit(column: str, _: Group, summary: Summary) -> float | None:
    return summary.limit.row[column] if summary.limit else None


COLUMNS: dict[str, Callable[[Group, Summary], Any]] = {
    "label": lambda group, _: group.label,
    "strategy": lambda group, _: group.strategy,
    "runs": lambda group, _: len(group.runs),
    "seeds": lambda group, _: ranges(group.seeds),
    "best_epoch_median": lambda _, summary: summary.best_epoch[0],
    "best_epoch_lowest": lambda _, summary: summary.best_epoch[1],
    "best_epoch_highest": lambda _, summary: summary.best_epoch[2],
    "images_per_second": lambda _, summary: summary.images_per_second,
    **{name: partial(_of_limit, name) for name in limit.COLUMNS},
    "minutes": lambda _, summary: summary.minutes,
    "device": lambda group, _: " / ".join(dict.fromkeys(str(run.environment.device) for run in group.runs)),
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
    by_class = judgement.recalls[group.label]
    spreads |= recalls.spreads(by_class)
    row = {name: column(group, summary) for name, column in COLUMNS.items()} | recalls.worst_classes(by_class)
    if other_scores(judgement) is not None:
        row |= {"score": group.score, "other_score": other_of(group)}
        spreads["other_test_accuracy"] = summary.other_test
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
    here = contrast.seed_estimate if contrast and by_seed else None
    return {
        "group": verdict.group.label,
        "baseline": verdict.baseline.label,
        "verdict": verdict.status,
        "metric": verdict.metric,
        "method": contrast.method if contrast else None,
        "difference": contrast.difference if contrast else None,
        "low": contrast.interval[0] if contrast else None,
        "high": contrast.interval[1] if contrast else None,
        "counts_examples": contrast.counts_examples if contrast else None,
        "test_images_per_train_image": (contrast.overlap or None) if contrast else None,
        "low_on_this_test_set": by_seed[0] if by_seed else None,
        "high_on_this_test_set": by_seed[1] if by_seed else None,
        "p": contrast.p_value if contrast else None,
        "p_on_this_test_set": here.p_value if here else None,
        "p_holm": verdict.p_holm,
        "gained": contrast.gained if contrast and contrast.method == "mcnemar" else None,
        "lost": contrast.lost if contrast and contrast.method == "mcnemar" else None,
        "examples": contrast.examples if contrast else None,
        "confounders": "; ".join(verdict.confounders or ()) or None,
        "allowed": "; ".join(verdict.allowed) or None,
        "margin": verdict.margin,
        "sentence": wording.sentence(verdict),
    }


def json_text(judgement: Judgement) -> str:
    """`as_dict` as strict JSON; a number that is not finite becomes null."""
    return files.json_text(as_dict(judgement))


def as_dict(judgement: Judgement) -> dict[str, Any]:
    """The numbers of the CSVs, the runs behind them, and what the notes say, as plain values."""
    comparison = judgement.comparison
    groups = comparison.groups
    return {
        "groups": [
            _row(group, judgement) | {"seeds": list(group.seeds), "runs": _runs(group, judgement)} for group in groups
        ],
        "choice": _choice(judgement),
        "contrasts": [contrast_row(verdict) | _classes(verdict, judgement) for verdict in judgement.verdicts],
        "pairs": [contrast_row(verdict) for verdict in judgement.every],
        **_effects(judgement),
        "differences": {
            key: dict(zip((group.label for group in groups), values, strict=True))
            for key, values in differences(groups).items()
        },
        "repeated": [str(path) for path in comparison.repeated],
        "skipped": [{"folder": str(path), "reason": reason} for path, reason in comparison.skipped],
        "notes": notes(judgement),
        **({"profiles": profile_report.as_dict(judgement.profiles)} if judgement.profiles.families else {}),
    }


def _effects(judgement: Judgement) -> dict[str, Any]:
    """An ablation and doses, where the groups are some."""
    found = judgement.effects
    ops = [{"op": one.op, "alone": _effect(one.alone), "beside": _effect(one.beside)} for one in found.ops]
    doses = [
        {
            "parameter": doses.parameter,
            "baseline": doses.baseline.label,
            "doses": [
                {"dose": dose, "group": group.label, "effect": _effect(doses.effects.get(dose))}
                for dose, group in doses.groups.items()
            ],
        }
        for doses in found.doses
    ]
    return ({"ablation": ops} if ops else {}) | ({"doses": doses} if doses else {})


def _effect(effect: Effect | None) -> dict[str, Any] | None:
    if effect is None:
        return None
    (low, high), (low_here, high_here) = effect.interval, effect.seed_interval or (None, None)
    return {
        "group": effect.group.label,
        "baseline": effect.baseline.label,
        "verdict": effect.status,
        "difference": effect.difference,
        "low": low,
        "high": high,
        "low_on_this_test_set": low_here,
        "high_on_this_test_set": high_here,
    }


def _choice(judgement: Judgement) -> dict[str, Any] | None:
    """Which strategy to use; None where nothing says."""
    choice, race = judgement.choice, judgement.race
    if choice is None:
        return None
    return {
        "metric": choice.metric,
        "leader": choice.leader,
        "use": choice.settled,
        "rivals": {label: _finite(most) for label, most in choice.rivals},
        "out": {label: _finite(most) for label, most in choice.out},
        "baseline": choice.baseline,
        "margin": choice.margin,
        "seeds": choice.seeds,
        "study": None if race is None else race.study.model_dump(mode="json") | {
            "look": len(race.looks), "ended": race.ended, "incomplete": list(race.incomplete),
        },
        "sentence": wording.choice_sentence(choice),
    }  # fmt: skip


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


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


def _runs(group: Group, judgement: Judgement) -> list[dict[str, Any]]:
    by_class = recalls.of_runs(group, judgement.recalls)
    rows = zip(group.runs, accuracies(group, "val"), accuracies(group, "test"), by_class, strict=True)
    return [
        {
            "folder": str(run.path),
            "name": run.name,
            "seed": run.seed,
            "val_accuracy": val,
            "test_accuracy": test,
            **of_classes,
            "best_epoch": run.result.best_epoch,
            "epochs": run.result.epochs,
            **_scored(run),
        }
        for run, val, test, of_classes in rows
    ]


def _scored(run: Run) -> dict[str, Any]:
    """Whose weights are scored, and what the others reach, where a run says so."""
    other = run.result.other
    if other is None:
        return {}
    return {"score": run.result.score, "other_test_accuracy": other.test.accuracy}


def markdown(judgement: Judgement) -> str:
    """The tables and the verdicts for a README."""
    against = {verdict.group.label: verdict for verdict in judgement.verdicts} if judgement.baseline else {}
    of_classes = recalls.is_shown(judgement)
    headings = [
        *("strategy", "seeds", "val acc. %", "test acc. %"),
        *(("macro recall %", "worst class %") if of_classes else ()),
        *(
            f"difference{'' if judgement.metric == 'accuracy' else f' in {wording.TITLES[judgement.metric]}'} "
            "(95 % interval)",
            "verdict",
            "min",
        ),
    ]
    lines = [f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    for group in judgement.comparison.groups:
        summary = summarize(group)
        cells = (
            tables.escaped(group.label), str(len(group.seeds)),
            percent_cell(summary.val), percent_cell(summary.test) + _markdown_other(group, summary),
            *(recalls.percents(judgement.recalls[group.label].test) if of_classes else ()),
            *_markdown_contrast(against.get(group.label)), f"{summary.minutes:.1f}",
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    told = [f"- {tables.escaped(line)}" for line in [*map(wording.sentence, judgement.verdicts), *limits(judgement)]]
    which = list(map(tables.escaped, which_lines(judgement)))
    head = [f"**{which[0]}**", "", *(f"{line}  " for line in which[1:]), ""] if which else []
    return "\n".join([*head, *lines, *(["", *told] if told else []), *profile_report.markdown(judgement.profiles), ""])


def _markdown_other(group: Group, summary: Summary) -> str:
    other = summary.other_test
    return "" if other is None else f" ({other_of(group)} epoch {100 * other.mean:.2f})"


def _markdown_contrast(verdict: Verdict | None) -> tuple[str, str]:
    if verdict is None:
        return "", ""
    contrast = verdict.contrast
    if contrast is None:
        return "-", verdict.status
    low, high = contrast.interval
    return f"{100 * contrast.difference:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})", verdict.status
