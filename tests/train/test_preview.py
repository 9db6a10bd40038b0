"""The words and numbers beside a preview are those of the batch it shows."""

import re

import numpy as np
import pytest
import tensorflow as tf

from augexp.augment.policies import OPERATIONS
from augexp.config import load
from augexp.config.ops import OPS
from augexp.data import pipeline
from augexp.data.splits import Splits
from augexp.draw import images as draw_images
from augexp.train import preview
from augexp.train.task import recipe


def recipe_of(digits: Splits, strategy: str) -> pipeline.Recipe:
    return recipe(load.experiment("digits.yaml", [f"strategy={strategy}"]), digits)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What `picture` hands to the plot."""
    seen: dict[str, object] = {}
    real = draw_images.preview

    def keep(rows: object, title: str = "", draws: object = ()) -> object:
        seen.update(rows=rows, title=title, draws=draws)
        return real(rows, title, draws)  # type: ignore[arg-type]

    monkeypatch.setattr(draw_images, "preview", keep)
    return seen


def test_rows_show_the_training_batch(digits: Splits, drawn: dict[str, object]) -> None:
    settings = recipe_of(digits, "cutmix")
    preview.picture(digits, settings, 4)
    batch = pipeline.batch_at(digits.train, settings)(tf.constant(0, tf.int64))
    rows: list[draw_images.PreviewRow] = drawn["rows"]  # type: ignore[assignment]
    assert len(rows) == 4
    for i, row in enumerate(rows):
        np.testing.assert_array_equal(row.mixed, batch.images[i])
        np.testing.assert_array_equal(row.source, batch.sources[i])
        np.testing.assert_array_equal(row.partner, batch.sources[int(batch.params[0]["partner"][i])])
        assert row.box == tuple(batch.params[0]["box"][i].numpy())
        assert sum(weight for _, weight in row.weights) == pytest.approx(1, abs=0.01)
        lam, weight = float(batch.params[0]["lam"][i]), float(batch.params[0]["weight"][i])
        assert row.lines == (f"cutmix lam {lam:.3f} drawn, {weight:.3f} used",)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cutmix", "mixup", "resizemix", "saliencymix"])
def test_a_weight_that_is_said_to_be_used_is_that_of_the_label(
    digits: Splits, drawn: dict[str, object], name: str
) -> None:
    preview.picture(digits, recipe_of(digits, f"[{{name: {name}, partner: other_class}}]"), 6)
    rows: list[draw_images.PreviewRow] = drawn["rows"]  # type: ignore[assignment]
    for row in rows:
        for used in re.findall(r"([\d.]+) used", row.lines[0]):
            assert min(abs(weight - float(used)) for _, weight in row.weights) < 0.001
        assert ("used" in row.lines[0]) == (name == "cutmix")


def test_lam_is_drawn_2000_times_by_its_own_law(digits: Splits, drawn: dict[str, object]) -> None:
    preview.picture(digits, recipe_of(digits, "[{name: mixup, alpha: 0.4, prob: 0.1, per: batch}]"), 2)
    (draws,) = drawn["draws"]  # type: ignore[misc]
    assert (draws.op, draws.alpha, draws.lam.shape) == ("mixup", 0.4, (2000,))  # type: ignore[has-type]
    assert draws.lam.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.1)  # type: ignore[has-type]


def test_plain_strategies_have_no_histogram(digits: Splits, drawn: dict[str, object]) -> None:
    preview.picture(digits, recipe_of(digits, "basic"), 2)
    assert drawn["draws"] == []
    rows: list[draw_images.PreviewRow] = drawn["rows"]  # type: ignore[assignment]
    assert all(row.partner is None and row.box is None for row in rows)
    assert rows[0].lines[1].startswith("brightness delta ")


@pytest.mark.slow
def test_more_rows_than_the_batch_holds_are_not_asked_for(digits: Splits, drawn: dict[str, object]) -> None:
    preview.picture(digits, recipe_of(digits, "none"), 100)
    assert len(drawn["rows"]) == 64  # type: ignore[arg-type]


def rows_of(drawn: dict[str, object]) -> list[draw_images.PreviewRow]:
    return drawn["rows"]  # type: ignore[return-value]


@pytest.mark.slow
def test_one_of_shows_the_op_that_was_drawn(digits: Splits, drawn: dict[str, object]) -> None:
    settings = recipe_of(digits, "[{name: one_of, ops: [cutmix, brightness], per: example}]")
    preview.picture(digits, settings, 16)
    choices = pipeline.batch_at(digits.train, settings)(tf.constant(0, tf.int64)).params[0]["choice"].numpy()[:16]
    assert set(choices) == {0, 1}
    for row, choice in zip(rows_of(drawn), choices, strict=True):
        assert row.lines[0].startswith(("cutmix lam", "brightness delta")[choice])
        assert (row.partner is not None) == (choice == 0)
    assert [one.op for one in drawn["draws"]] == ["cutmix"]  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_policy_names_the_ops_of_each_image(digits: Splits, drawn: dict[str, object]) -> None:
    settings = recipe_of(digits, "rand_augment")
    preview.picture(digits, settings, 8)
    ops = pipeline.batch_at(digits.train, settings)(tf.constant(0, tf.int64)).params[0]["op"].numpy()
    for row, numbers in zip(rows_of(drawn), ops[:8], strict=True):
        said = " ".join(row.lines)
        assert all(OPERATIONS[number] in said for number in numbers if number)


def test_an_op_that_was_not_applied_says_so(digits: Splits, drawn: dict[str, object]) -> None:
    preview.picture(digits, recipe_of(digits, "[{name: invert, prob: 0.0}]"), 2)
    assert [row.lines for row in rows_of(drawn)] == [("invert not applied",)] * 2


@pytest.mark.slow
@pytest.mark.parametrize("name", OPS)
def test_every_op_can_be_previewed(name: str, digits: Splits, drawn: dict[str, object]) -> None:
    preview.picture(digits, recipe_of(digits, name), 2)
    assert all(len(line) <= draw_images.TEXT_WIDTH for row in rows_of(drawn) for line in row.lines)
