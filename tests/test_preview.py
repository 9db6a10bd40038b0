"""The words and numbers beside a preview are those of the batch it shows."""

import numpy as np
import pytest
import tensorflow as tf

from augexp import config, plots, preview
from augexp.data import pipeline
from augexp.data.splits import Splits
from augexp.training import recipe


def recipe_of(digits: Splits, strategy: str) -> pipeline.Recipe:
    return recipe(config.load("digits.yaml", [f"strategy={strategy}"]), digits)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What `picture` hands to the plot."""
    seen: dict[str, object] = {}
    real = plots.preview

    def keep(rows: object, title: str = "", draws: object = ()) -> object:
        seen.update(rows=rows, title=title, draws=draws)
        return real(rows, title, draws)  # type: ignore[arg-type]

    monkeypatch.setattr(plots, "preview", keep)
    return seen


def test_rows_show_the_training_batch(digits: Splits, drawn: dict[str, object]) -> None:
    settings = recipe_of(digits, "cutmix")
    preview.picture(digits, settings, 4)
    batch = pipeline.batch_at(digits.train, settings)(tf.constant(0, tf.int64))
    rows: list[plots.PreviewRow] = drawn["rows"]  # type: ignore[assignment]
    assert len(rows) == 4
    for i, row in enumerate(rows):
        np.testing.assert_array_equal(row.mixed, batch.images[i])
        np.testing.assert_array_equal(row.source, batch.sources[i])
        np.testing.assert_array_equal(row.partner, batch.sources[int(batch.params[0]["partner"][i])])
        assert row.box == tuple(batch.params[0]["box"][i].numpy())
        assert sum(weight for _, weight in row.weights) == pytest.approx(1, abs=0.01)
        lam, weight = float(batch.params[0]["lam"][i]), float(batch.params[0]["weight"][i])
        assert row.lines == (f"cutmix lam {lam:.3f} drawn, {weight:.3f} used",)


def test_lam_is_drawn_2000_times_by_its_own_law(digits: Splits, drawn: dict[str, object]) -> None:
    preview.picture(digits, recipe_of(digits, "[{name: mixup, alpha: 0.4, prob: 0.1, per: batch}]"), 2)
    (draws,) = drawn["draws"]  # type: ignore[misc]
    assert (draws.op, draws.alpha, draws.lam.shape) == ("mixup", 0.4, (2000,))  # type: ignore[has-type]
    assert draws.lam.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.1)  # type: ignore[has-type]


def test_plain_strategies_have_no_histogram(digits: Splits, drawn: dict[str, object]) -> None:
    preview.picture(digits, recipe_of(digits, "basic"), 2)
    assert drawn["draws"] == []
    rows: list[plots.PreviewRow] = drawn["rows"]  # type: ignore[assignment]
    assert all(row.partner is None and row.box is None for row in rows)
    assert rows[0].lines[1].startswith("brightness delta ")


def test_more_rows_than_the_batch_holds_are_not_asked_for(digits: Splits, drawn: dict[str, object]) -> None:
    preview.picture(digits, recipe_of(digits, "none"), 100)
    assert len(drawn["rows"]) == 64  # type: ignore[arg-type]
