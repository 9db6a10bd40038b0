"""augexp in a notebook: `augexp.train`, `augexp.compare` and `augexp.load_run`.

What they give are the values that the command line prints from, and a notebook shows them as pictures and tables.
"""

import base64
import html
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from augexp.compare import judge
from augexp.compare.groups import load_groups
from augexp.compare.verdicts import Options
from augexp.config import load
from augexp.config.decide import checked_margin, checked_metric
from augexp.errors import UserError
from augexp.network import device
from augexp.runs import read
from augexp.runs.records import BrokenRun
from augexp.runs.records import Scores as Reached

PAGE_HEIGHT = 900  # pixels; the page scrolls inside


class Run(read.Run):
    """A finished run: its settings, history, result and environment."""

    @property
    def val(self) -> Reached:
        """Accuracy in [0, 1] and cross-entropy on val, of the weights that were scored."""
        return self.result.val

    @property
    def test(self) -> Reached:
        """The same on test."""
        return self.result.test

    def _repr_html_(self) -> str:
        curves = self.path / "curves.png"
        picture = base64.b64encode(curves.read_bytes()).decode() if curves.is_file() else ""
        drawn = f'<img alt="curves" style="max-width: 100%" src="data:image/png;base64,{picture}">' if picture else ""
        told = (
            f"val accuracy {self.val.accuracy:.4f}, test accuracy {self.test.accuracy:.4f}, {self.result.epochs} epochs"
        )
        return f"<p><b>{html.escape(str(self.path))}</b>: {told}</p>{drawn}"


class Comparison(judge.Judgement):
    """Verdicts on the groups of some runs: `verdicts`, `choice`, `comparison`, `profiles` and what they rest on."""

    def _repr_html_(self) -> str:
        from augexp.report import page

        # A frame keeps the page's style and the notebook's apart.
        inside = html.escape(page.html(self), quote=True)
        return f'<iframe srcdoc="{inside}" style="width: 100%; height: {PAGE_HEIGHT}px; border: 0"></iframe>'


def train(
    config: str | Path,
    *overrides: str,
    settings: dict[str, Any] | None = None,
    overwrite: bool = False,
    resume: bool = False,
) -> Run:
    """Trains one experiment, as `augexp train --config CONFIG KEY=VALUE...` does, in this process.

    Args:
        config: a YAML file, or the name of a shipped one.
        *overrides: `"train.epochs=5"`.
        settings: the same as values, `{"train.epochs": 5}`; they come last.
        overwrite: replaces a finished run of this name and seed.
        resume: goes on from the last checkpoint, if there is one; a finished run is left as it is.

    Raises:
        UserError: for whatever a user can mend.
    """
    experiment = load.experiment(config, overrides, settings)
    device.load_tensorflow(deterministic=experiment.train.deterministic)
    from augexp.train import run

    folder = run.train(experiment, overwrite=overwrite, resume=resume, command=[Path(sys.argv[0]).name or "notebook"])
    return load_run(folder)


def load_run(folder: str | Path) -> Run:
    """A finished run by its folder.

    Raises:
        UserError: if it is none, or unfinished, with the reason.
    """
    try:
        return Run(**vars(read.load(Path(folder))))
    except BrokenRun as reason:
        raise UserError(f"{folder}: {reason}") from None


def compare(
    runs: str | Path | read.Run | Iterable[str | Path | read.Run],
    *,
    baseline: str | None = None,
    all_pairs: bool = False,
    margin: float | None = None,
    allow: str | Sequence[str] = (),
    metric: str | None = None,
) -> Comparison:
    """Holds finished runs against each other, as `augexp compare` does.

    Args:
        runs: run folders, or runs; one, or several.
        baseline: the group that all others are held against; None: that of a study, else the strategy none.
        all_pairs: each against each.
        margin: in points; differences surely smaller count as none.
        allow: keys in which groups may differ.
        metric: accuracy or macro_recall, that verdicts are about; None: that of a study, else accuracy.

    Raises:
        UserError: if no run can be read, the baseline, the metric or a key is unknown, or the margin isn't above 0.
    """
    given = [runs] if isinstance(runs, str | Path | read.Run) else runs
    folders = [run.path if isinstance(run, read.Run) else Path(run) for run in given]
    keys = (allow,) if isinstance(allow, str) else tuple(allow)
    options = Options(baseline, all_pairs, checked_margin(margin), keys, checked_metric(metric))
    return Comparison(**vars(judge.judge(load_groups(folders), options)))
