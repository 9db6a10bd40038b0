"""A judged comparison as one HTML page: no network, no script, light and dark, printable. All text is escaped."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image

from augexp import __version__
from augexp.compare import classes
from augexp.compare.classes import ClassGain, Confusion
from augexp.compare.groups import Group
from augexp.compare.inference import LEVEL
from augexp.compare.judge import Judgement
from augexp.compare.summary import Axis, summarize
from augexp.compare.verdicts import Verdict
from augexp.config import settings
from augexp.errors import printable
from augexp.report import figures, profile_page, terminal, wording
from augexp.report.curves import data_name
from augexp.report.markup import figure, legend, section, spread, table, text
from augexp.report.notes import notes

MOST_CLASSES = 8  # on each side, before the rest is folded away
MOST_PAIRS = 6
MOST_FIGURE_ROWS = 60
PREVIEW_WIDTH = 1100  # pixels
FALSE_DISCOVERIES = 0.05

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --card: #f4f5f7; --ink: #1b1d21; --soft: #5a6069; --line: #d9dce1;
  --c0: #0072b2; --c1: #c94f00; --c2: #008a64; --c3: #b8558c; --c4: #b97f00; --c5: #2f8fc4; }
@media (prefers-color-scheme: dark) { :root { --paper: #15171a; --card: #1f2226; --ink: #e7e9ec; --soft: #a2a9b3;
  --line: #3a3f46; --c0: #4fb0ea; --c1: #ff9052; --c2: #35cfa0; --c3: #ea9cc7; --c4: #f2bd4b; --c5: #8fd0f5; } }
@media print { :root { --paper: #ffffff; --card: #ffffff; --ink: #000000; --soft: #444444; --line: #bbbbbb;
  --c0: #0072b2; --c1: #c94f00; --c2: #008a64; --c3: #b8558c; --c4: #b97f00; --c5: #2f8fc4; }
  li, figure, tr { break-inside: avoid; } h2, h3, summary { break-after: avoid; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.2rem; max-width: 74rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .4rem 0; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p, li { max-width: 75ch; } .soft, figcaption { color: var(--soft); font-size: .9rem; }
.verdicts { list-style: none; padding: 0; display: grid; gap: .7rem; }
.verdicts li { max-width: none; padding: .7rem .9rem; background: var(--card); border-left: .35rem solid var(--soft);
  border-radius: .2rem; }
.verdicts b { display: block; } .verdicts .better { border-color: var(--c2); }
.verdicts .worse { border-color: var(--c1); } .verdicts .equivalent { border-color: var(--c0); }
.verdicts .confounded, .verdicts .not-comparable { border-left-style: dashed; border-color: var(--c1); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top;
  overflow-wrap: normal; }
th { font-weight: 600; vertical-align: bottom; } th:first-child, td:first-child, .left { text-align: left; }
td { white-space: nowrap; } td:first-child { min-width: 8rem; white-space: normal; overflow-wrap: anywhere; }
td small { display: block; color: var(--soft); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem; }
figure { margin: 0; max-width: 36rem; } svg.figure { width: 100%; height: auto; display: block; }
svg.figure text { font-family: system-ui, sans-serif !important; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; padding: 0; list-style: none; font-size: .92rem; }
.legend svg { width: 2.4rem; height: .9rem; vertical-align: -.1rem; margin-right: .3rem; }
img { max-width: 100%; height: auto; border-radius: .2rem; background: #ffffff; }
details { border-top: 1px solid var(--line); padding: .5rem 0; } summary { cursor: pointer; }
pre { overflow-x: auto; font-size: .8rem; background: var(--card); padding: .7rem; }
/* Last, to replace the above: paper can't be scrolled, so wide tables shrink. */
@media print { body { padding: 0; max-width: none; font-size: 10pt; } .wide { overflow: visible; }
  table { font-size: 6.5pt; } th, td { padding: .15rem .3rem; } td:first-child { min-width: 4rem; }
  pre { white-space: pre-wrap; } }
"""


def html(judgement: Judgement, x: Axis = "epochs") -> str:
    """The whole page.

    Raises:
        UserError: if the runs don't record what `x` needs.
    """
    parts = [
        _header(judgement),
        _verdicts(judgement),
        _table(judgement),
        _curves(judgement, x),
        _differences(judgement),
        profile_page.sections(judgement.profiles),
        _seeds(judgement),
        _classes(judgement),
        _previews(judgement),
        _notes(judgement),
        _method(judgement),
        _settings(judgement),
    ]
    title = escape(_title(judgement))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{''.join(parts)}</body>\n</html>\n"
    )


def _title(judgement: Judgement) -> str:
    sources = dict.fromkeys(
        data_name(str(settings.flatten(group.runs[0].config).get("data.source", "?")))
        for group in judgement.comparison.groups
    )
    return f"Augmentations compared on {printable(', '.join(list(sources)[:3]))}"


def _header(judgement: Judgement) -> str:
    groups = judgement.comparison.groups
    count = sum(len(group.runs) for group in groups)
    return (
        f"<header><h1>{text(_title(judgement))}</h1>\n"
        f'<p class="soft">{count} runs, {len(groups)} strategies; augexp {text(__version__)}</p></header>\n'
    )


# --- verdicts and table --------------------------------------------------------------------------------------------


def _verdicts(judgement: Judgement) -> str:
    if not judgement.verdicts:
        return ""
    items = "".join(
        f'<li class="{verdict.status.replace(" ", "-")}"><b>{text(_headline(verdict))}</b>'
        f"{text(_capital(verdict))}</li>\n"
        for verdict in judgement.verdicts
    )
    return section("Is the difference real?", f'<ul class="verdicts">\n{items}</ul>\n')


def _capital(verdict: Verdict) -> str:
    """The sentence with a capital, unless it starts with a name."""
    sentence = wording.sentence(verdict)
    return sentence if sentence.startswith(verdict.group.label) else sentence[:1].upper() + sentence[1:]


def _headline(verdict: Verdict) -> str:
    return f"{verdict.group.label} against {verdict.baseline.label}: {verdict.status}"


def _table(judgement: Judgement) -> str:
    headings = (
        *("strategy", "seeds", "val acc. %", "test acc. %", "top-5 %", "cross-entropy", "best epoch"),
        *("last epoch, val %", "images/s", "minutes a run", "seconds to baseline"),
    )
    rows = [_group_cells(group, judgement) for group in judgement.comparison.groups]
    return section(
        "Accuracy and cost",
        table(headings, rows),
        f'<p class="soft">{text("; ".join(terminal.caption(judgement).splitlines()))}. '
        "Small: 95 % interval for the mean (Student), lowest and "
        "highest seed. Top-5 and cross-entropy are of the test set.</p>\n",
    )


def _group_cells(group: Group, judgement: Judgement) -> tuple[str, ...]:
    summary = summarize(group)
    middle, low, high = summary.best_epoch
    return (
        text(group.label),
        str(len(group.seeds)),
        spread(summary.val),
        spread(summary.test),
        spread(summary.others.get("test_top5_accuracy")),
        spread(summary.others.get("test_cross_entropy"), 1, 3),
        f"{middle:g}" + ("" if low == high else f"<small>{low}-{high}</small>"),
        spread(summary.others.get("last_val_accuracy")),
        f"{summary.images_per_second:,.0f}",
        f"{summary.minutes:.1f}",
        text(terminal.reached(terminal.reach_of(group, judgement))),
    )


# --- pictures ------------------------------------------------------------------------------------------------------


def _curves(judgement: Judgement, x: Axis) -> str:
    groups = judgement.comparison.groups
    drawn = (
        figure(figures.curves(groups, x), "val accuracy, all epochs", "All epochs. Band: lowest to highest seed."),
        figure(figures.curves(groups, x, zoomed=True), "val accuracy, later half", "The later half of the epochs."),
    )
    return section("Curves", legend(groups), f'<div class="charts">{"".join(drawn)}</div>\n')


def _differences(judgement: Judgement) -> str:
    shown = [verdict for verdict in judgement.verdicts if verdict.contrast is not None]
    if not shown:
        return ""
    shared = judgement.baseline
    caption = (
        "Thin: the interval for other seeds and other images of the kind, which the verdict goes by. Thick: for other "
        "seeds on this very test set."
    )
    return section(
        "Differences" if shared is None else f"Differences to {shared.label}",
        '<div class="charts">',
        figure(figures.differences(shown[:MOST_FIGURE_ROWS], pairs=shared is None), "differences", caption),
        "</div>",
        _contrast_table(judgement),
    )


def _contrast_table(judgement: Judgement) -> str:
    headings = ("contrast", "points", "95 %: other seeds and images", "95 %: other seeds", "p (Holm)", "verdict",
                "found in 80 % of studies", "seeds needed")  # fmt: skip
    rows = [
        (
            text(f"{verdict.group.label} - {verdict.baseline.label}"),
            *map(text, terminal.contrast_cells(verdict)),
            text(verdict.status),
            "-" if verdict.smallest is None else f"{100 * verdict.smallest:.2f}",
            text(terminal.seeds_text(verdict)),
        )
        for verdict in judgement.verdicts
    ]
    return table(headings, rows)


def _seeds(judgement: Judgement) -> str:
    groups = judgement.comparison.groups[:MOST_FIGURE_ROWS]
    caption = "Runs that differ in the seed alone differ this much."
    return section("Every seed", '<div class="charts">', figure(figures.seeds(groups), "seeds", caption), "</div>\n")


# --- classes -------------------------------------------------------------------------------------------------------


def _classes(judgement: Judgement) -> str:
    parts = [_of_classes(verdict, judgement) for verdict in judgement.verdicts if verdict.status != "not comparable"]
    explained = (
        f'<p class="soft">q: of all classes with a q as small, that share is expected to be chance (Benjamini and '
        f"Hochberg); bold: at most {FALSE_DISCOVERIES:g}. Mistakes are counted per run.</p>\n"
    )
    return section("Class by class", *([explained, *parts] if any(parts) else []))


def _of_classes(verdict: Verdict, judgement: Judgement) -> str:
    couple = (verdict.group, verdict.baseline, judgement.evidence)
    gains = classes.gains(*couple)
    if not gains:
        return ""
    found = sum(gain.q_value <= FALSE_DISCOVERIES for gain in gains)
    shown = gains if len(gains) <= 2 * MOST_CLASSES else [*gains[:MOST_CLASSES], *gains[-MOST_CLASSES:]]
    which = "all" if shown is gains else f"the {MOST_CLASSES} largest gains and losses of {len(gains)}"
    rest = (
        "" if shown is gains else f"<details><summary>all {len(gains)} classes</summary>{_gain_table(gains)}</details>"
    )
    return (
        f"<details{' open' if len(judgement.verdicts) <= 4 else ''}><summary>{text(_headline(verdict))} "
        f"({found} of {len(gains)} classes differ)</summary>\n"
        f"<h3>Accuracy in each class: {which}</h3>\n{_gain_table(shown)}{rest}"
        f"{_pairs(classes.confusions(*couple))}</details>\n"
    )


def _gain_table(gains: Sequence[ClassGain]) -> str:
    rows = []
    for gain in gains:
        low, high = gain.contrast.interval
        q = f"{gain.q_value:.2g}"
        rows.append(
            (
                text(gain.name),
                f"{gain.contrast.examples}",
                f"{100 * gain.baseline_accuracy:.1f}",
                f"{100 * gain.contrast.difference:+.1f}",
                f"{100 * low:+.1f} {100 * high:+.1f}",
                f"<b>{q}</b>" if gain.q_value <= FALSE_DISCOVERIES else q,
            )
        )
    return table(("class", "examples", "baseline %", "points", f"{100 * LEVEL:.0f} % interval", "q"), rows)


def _pairs(changed: Sequence[Confusion]) -> str:
    repaired = [pair for pair in changed[:MOST_PAIRS] if pair.change < 0]
    broken = [pair for pair in changed[::-1][:MOST_PAIRS] if pair.change > 0]
    tables = [
        _pair_table(f"Mistakes most {word}", pairs) for word, pairs in (("repaired", repaired), ("broken", broken))
    ]
    return f'<div class="charts">{"".join(tables)}</div>\n'


def _pair_table(heading: str, pairs: Sequence[Confusion]) -> str:
    rows = [
        (
            f"{text(pair.true)} taken for {text(pair.said)}",
            f"{pair.before:.1f}",
            f"{pair.after:.1f}",
            f"{pair.change:+.1f}",
        )
        for pair in pairs
    ]
    body = table(("pair", "before", "after", "change"), rows) if rows else "<p>none</p>"
    return f"<div><h3>{heading}</h3>\n{body}</div>"


# --- the rest ------------------------------------------------------------------------------------------------------


def _previews(judgement: Judgement) -> str:
    pictured = [(group, _picture(group.runs[0].path / "batch.png")) for group in judgement.comparison.groups]
    return section(
        "What each network saw",
        *(
            f'<h3>{text(group.label)}</h3>\n<img alt="first training batch of {text(group.label)}" src="{source}">\n'
            for group, source in pictured
            if source
        ),
    )


def _picture(path: Path) -> str | None:
    """A picture as a small data URI; None where there is none."""
    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    picture.thumbnail((PREVIEW_WIDTH, PREVIEW_WIDTH))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _notes(judgement: Judgement) -> str:
    lines = "".join(f"<li>{text(note)}</li>\n" for note in notes(judgement))
    return section("What to know before trusting this", f"<ul>\n{lines}</ul>\n" if lines else "")


def _method(judgement: Judgement) -> str:
    margin = judgement.options.margin
    equivalence = "" if margin is None else (
        f" Equivalent: two one-sided tests against a margin of {margin:g} points, by Holm."
    )  # fmt: skip
    return section(
        "How this was judged",
        "<p>Test accuracy of the weights of the best val epoch. Two groups with the same seeds are paired seed by "
        f"seed, else compared by Welch's test. Better or worse needs a p below {1 - LEVEL:.2g}, by Holm over all "
        "contrasts here, both over seeds alone (this test set) and over seeds and images, by the random-effects "
        "analysis of Obuchowski and Rockette with the degrees of freedom of Hillis. One seed: McNemar's exact test, a "
        "claim about two models. Found in 80 % of studies: the true difference that as many seeds find that often."
        f"{text(equivalence)}</p>\n",
    )


def _settings(judgement: Judgement) -> str:
    parts = [
        f"<details><summary>{text(group.label)}: {text(group.runs[0].path)}</summary>\n"
        f"<pre>{text(_file(group, 'config.yaml'))}</pre><pre>{text(_file(group, 'environment.json'))}</pre></details>\n"
        for group in judgement.comparison.groups
    ]
    return section("Configurations and environment", *parts)


def _file(group: Group, name: str) -> str:
    # Both were read when the run was loaded; a file that has gone since is no reason to fail.
    try:
        return (group.runs[0].path / name).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
