"""A judged comparison as one HTML page: no network, no script, light and dark, printable.

`page.html.jinja` says what stands where, `page.css` how it looks; here is what they are filled with.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from augexp import __version__
from augexp.compare.groups import Group
from augexp.compare.judge import Judgement
from augexp.compare.profiles import Profiles
from augexp.compare.summary import XAxis
from augexp.compare.verdicts import ALPHA, Verdict
from augexp.config import settings
from augexp.errors import counted, printable
from augexp.metrics.catalogue import FAMILIES
from augexp.report import effect_figures, figures, page_tables, profile_figures, recalls, terminal, wording
from augexp.report import profiles as profile_report
from augexp.report.curves import data_name
from augexp.report.notes import notes
from augexp.report.page_tables import Table
from augexp.report.pictures import data_uri
from augexp.runs import contents
from augexp.runs.records import BrokenRun

MOST_FIGURE_ROWS = 60
PREVIEW_WIDTH = 1100  # pixels
MOST_PICTURE = 64 * 2**20  # bytes of a `batch.png`
MOST_PIXELS = 50_000_000  # in it


def html(judgement: Judgement, x: XAxis = "epochs") -> str:
    """The whole page.

    Raises:
        UserError: if the runs don't record what `x` needs.
    """
    return environment().get_template("page.html.jinja").render(content(judgement, x))


def environment() -> Environment:
    """Where templates are read from and filled: what they are given is text, and what they aren't given is an error."""
    return Environment(
        loader=PackageLoader("augexp.report", ""),
        autoescape=True,
        finalize=_text,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _text(value: object) -> str:
    """What an expression of a template says, before it is escaped."""
    return value if isinstance(value, Markup) else printable(str(value))


def content(judgement: Judgement, x: XAxis) -> dict[str, Any]:
    """All that the template knows, by the names that it has there.

    Raises:
        UserError: if the runs don't record what `x` needs.
    """
    groups, measured = judgement.comparison.groups, judgement.profiles
    return {
        "title": _title(groups),
        "version": __version__,
        "runs": f"{counted(sum(len(group.runs) for group in groups), 'run')}, {counted(len(groups), 'strategy')}",
        "marks": figures.marks(groups),
        "baseline": judgement.baseline,
        "margin": judgement.options.margin if judgement.race is None else judgement.race.study.decide.margin,
        "alpha": ALPHA,
        "metric": wording.TITLES[judgement.metric],
        "which": terminal.which_lines(judgement),
        "settled": judgement.choice is not None and judgement.choice.settled,
        "pairs": _pairs(judgement),
        "verdicts": [(verdict, _sentence(verdict)) for verdict in judgement.verdicts],
        "effects": _effects(judgement),
        "strategies": page_tables.strategies(judgement),
        "caption": _caption(judgement),
        "curves": _curves(groups, x),
        "differences": _differences(judgement),
        "contrasts": page_tables.contrasts(judgement),
        "summaries": profile_report.summaries(measured),
        "panels": _panels(measured),
        "responses": _responses(measured),
        "families": [
            (_capital(profile.family), FAMILIES[profile.family], page_tables.family(measured, profile))
            for profile in measured.families
        ],
        "seeds": figures.svg(figures.seeds(groups[:MOST_FIGURE_ROWS]), "seeds"),
        "by_class": page_tables.by_class(judgement),
        "most_classes": page_tables.MOST_CLASSES,
        "false_discoveries": page_tables.FALSE_DISCOVERIES,
        "folders": [_folder(group) for group in groups],
        "notes": notes(judgement),
    }


def _title(groups: Sequence[Group]) -> str:
    sources = dict.fromkeys(
        data_name(str(settings.flatten(group.runs[0].config).get("data.source", "?"))) for group in groups
    )
    return f"Augmentations compared on {', '.join(list(sources)[:3])}"


def _caption(judgement: Judgement) -> str:
    of_classes = [recalls.caption(judgement)] if recalls.is_shown(judgement) else []
    return "; ".join([*terminal.caption(judgement), *of_classes])


def _sentence(verdict: Verdict) -> str:
    """With a capital, unless it starts with a name."""
    sentence = wording.sentence(verdict)
    return sentence if sentence.startswith(verdict.group.label) else _capital(sentence)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


# --- figures -------------------------------------------------------------------------------------------------------


def _curves(groups: Sequence[Group], x: XAxis) -> dict[str, Markup]:
    return {
        "whole": figures.svg(figures.curves(groups, x), "val accuracy, all epochs"),
        "zoomed": figures.svg(figures.curves(groups, x, zoomed=True), "val accuracy, later half"),
    }


def _pairs(judgement: Judgement) -> Markup | None:
    """None where the differences to the baseline are all there is, or the pairs are too many for a picture."""
    if not figures.has_pairs(judgement):
        return None
    return figures.svg(figures.pairs(judgement), "all pairs")


def _differences(judgement: Judgement) -> Markup | None:
    shown = [verdict for verdict in judgement.verdicts if verdict.contrast is not None]
    if not shown:
        return None
    drawn = figures.differences(shown[:MOST_FIGURE_ROWS], pairs=judgement.baseline is None)
    return figures.svg(drawn, "differences")


def _effects(judgement: Judgement) -> list[tuple[str, Markup, Table]]:
    """A heading, a figure and a table each."""
    found = judgement.effects
    unit = wording.unit_of(judgement.metric)
    tables = [page_tables.of_ops(found.ops, unit)] if found.ops else []
    tables += [page_tables.of_doses(doses, unit) for doses in found.doses]
    of = "" if judgement.metric == "accuracy" else f" in {wording.TITLES[judgement.metric]}"
    headings = [f"What each op adds{of}"] if found.ops else []
    headings += [f"Effect{of} against {doses.parameter}" for doses in found.doses]
    with figures.page_style():
        drawn = effect_figures.drawn(found, unit).items()
    pictures = [figures.svg(figure, f"effects {index} {name}") for index, (name, figure) in enumerate(drawn)]
    return list(zip(headings, pictures, tables, strict=True))


def _panels(measured: Profiles) -> list[Markup]:
    with figures.page_style():
        return [
            figures.svg(profile_figures.panel(measured, profile, metric), f"panel {metric.title}")
            for profile, metric in profile_figures.judged(measured)
        ]


def _responses(measured: Profiles) -> list[Markup]:
    with figures.page_style():
        return [
            figures.svg(profile_figures.response(one, measured.groups), f"accuracy against {one.title}")
            for one in measured.responses
        ]


# --- folders -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Folder:
    """What the first run of a group left: its configuration, its environment, and its first batch as a data URI."""

    label: str
    path: Path
    config: str
    environment: str
    picture: str | None


def _folder(group: Group) -> Folder:
    path = group.runs[0].path
    return Folder(
        group.label,
        path,
        _read(path / "config.yaml"),
        _read(path / "environment.json"),
        _picture(path / "batch.png"),
    )


def _read(path: Path) -> str:
    # Read before, when the run was loaded; a file that has gone since is no reason to fail.
    try:
        return contents.raw(path).decode("utf-8", errors="replace")
    except BrokenRun:
        return ""


def _picture(path: Path) -> str | None:
    """A picture as a small data URI; None where there is none, or one that is damaged or not ours by its size."""
    try:
        with Image.open(io.BytesIO(contents.raw(path, MOST_PICTURE)), formats=["PNG"]) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                return None
            picture = opened.convert("RGB")
    except Exception:
        return None
    picture.thumbnail((PREVIEW_WIDTH, PREVIEW_WIDTH))
    return data_uri(picture)
