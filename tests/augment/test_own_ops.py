"""An op of one's own is a spec and a function: everything that knows ops knows it from then on."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.figure import Figure
from rich.console import Console

from augexp.augment import strategy
from augexp.cli.shared import complete_strategy
from augexp.config import load
from augexp.config.ops import OPS, OneOf, default_op
from augexp.config.schema import Experiment
from augexp.conformance import check, determinism, libraries
from augexp.conformance.libraries import Setting
from augexp.data import pipeline
from augexp.data.splits import Splits
from augexp.errors import UserError
from augexp.evaluate.tta import read_tta
from augexp.report.ops import Listing
from augexp.train import gallery, preview
from augexp.train.task import recipe
from tests import registry
from tests.batches import changed, floats, make_images
from tests.conformance.reference import QUICK, find

MODULE = "tests.augment.own_ops"
OWN = ["fog", "halves", "left_part"]


@pytest.fixture
def own_ops() -> Iterator[None]:
    """fog, halves and left_part, as long as the test lasts."""
    with registry.restored():
        importlib.import_module(MODULE)
        yield
    del sys.modules[MODULE]


def read(strategy: str) -> Experiment:
    return load.experiment("digits.yaml", [f"strategy={strategy}"])


def refused(strategy: str) -> str:
    with pytest.raises(UserError) as caught:
        read(strategy)
    return str(caught.value)


def previewed(digits: Splits, strategy: str, examples: int = 6) -> Figure:
    return preview.picture(digits, recipe(read(strategy), digits), examples)


def titles(figure: Figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


# --- configurations ------------------------------------------------------------------------------------------------


def test_a_configuration_knows_an_op_while_it_is_defined() -> None:
    assert "unknown op 'fog'" in refused("[fog]")
    with registry.restored():
        importlib.import_module(MODULE)
        assert [spec.name for spec in read("basic+fog").strategy] == ["flip_left_right", "brightness", "fog"]
        assert complete_strategy("ha") == ["halves"]
    del sys.modules[MODULE]
    assert "unknown op 'fog'" in refused("[fog]")
    assert complete_strategy("ha") == []


@pytest.mark.usefixtures("own_ops")
def test_a_file_names_an_op_of_ones_own_and_is_written_as_it_was_read(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "strategy: [{name: fog, density: [0.1, 0.3]}, {name: one_of, ops: [halves, {name: fog, prob: 0.5}]}]\n", "utf-8"
    )
    experiment = load.experiment(tmp_path / "own.yaml")
    assert experiment.model_dump(mode="json")["strategy"] == [
        {"name": "fog", "density": [0.1, 0.3], "prob": 1.0},
        {
            "name": "one_of",
            "ops": [{"name": "halves", "prob": 1.0}, {"name": "fog", "density": [0.2, 0.6], "prob": 0.5}],
            "weights": None,
            "per": "batch",
        },
    ]
    (tmp_path / "again.yaml").write_text(experiment.to_yaml(), "utf-8")
    assert load.experiment(tmp_path / "again.yaml") == experiment
    assert hash(load.experiment(tmp_path / "again.yaml").strategy) == hash(experiment.strategy)


@pytest.mark.usefixtures("own_ops")
@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("[{name: fog, densty: 1}]", "strategy[0].densty: unknown key; did you mean density?"),
        ("[{name: fog, density: [0.1, 2]}]", "strategy[0].density[1]: less than or equal to 1 is needed, not 2"),
        ("[{name: one_of, ops: [{name: halves, prob: -1}]}]", "strategy[0].ops[0].prob: greater than or equal to 0"),
        ("[halvs]", "strategy[0]: unknown op 'halvs'; did you mean halves?"),
        ("fogg", "not 'fogg'; did you mean fog?"),
    ],
)
def test_a_mistake_in_it_is_told_as_any_other(strategy: str, message: str) -> None:
    assert message in refused(strategy)


@pytest.mark.usefixtures("own_ops")
def test_the_list_of_ops_ends_with_ones_own() -> None:
    console = Console(width=400)
    with console.capture() as captured:
        console.print(Listing())
    listed = captured.get()
    assert [line.split()[0] for line in listed.splitlines() if line[:1].strip()][-3:] == OWN
    assert "Blends each image towards white by U(density) (Nobody, 2024)." in listed
    assert "density: [0.2, 0.6], prob: 1" in listed


# --- pixels and labels ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("own_ops")
def test_fog_blends_towards_white() -> None:
    images = make_images(2, 3, 4)
    op = strategy.op(default_op("fog"))
    np.testing.assert_allclose(
        changed(op, images, density=floats([0.25, 1.0])),
        np.stack([0.75 * images[0] + 0.25 * 255, np.full((3, 4, 3), 255)]),
        rtol=0, atol=1e-4,
    )  # fmt: skip


@pytest.mark.usefixtures("own_ops")
def test_it_is_applied_with_its_chance_and_draws_the_same_after_other_ops() -> None:
    images, labels = tf.constant(make_images(64, 4, 6)), tf.eye(64)
    seed = tf.constant([3, 7], tf.int64)
    alone, chain = (strategy.build(read(text).strategy) for text in ("[halves]", "[cutmix, halves, fog]"))
    for name, values in alone.sample(seed, images)[0].items():
        np.testing.assert_array_equal(values, chain.sample(seed, images)[1][name])
    (drawn,) = strategy.build(read("[{name: halves, prob: 0.5}]").strategy).sample(seed, images)
    assert 16 < np.count_nonzero(drawn["applied"]) < 48
    mixed, soft = alone(images, labels, seed)
    partner = alone.sample(seed, images)[0]["partner"].numpy()
    np.testing.assert_array_equal(mixed[:, :, :3], images.numpy()[partner][:, :, :3])
    np.testing.assert_array_equal(mixed[:, :, 3:], images[:, :, 3:])
    np.testing.assert_array_equal(soft, (np.eye(64) + np.eye(64)[partner]) / 2)


# --- pictures ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("own_ops")
@pytest.mark.parametrize("strategy", ["halves", "[{name: one_of, ops: [halves]}]"])
def test_a_preview_shows_partner_and_label_weights(digits: Splits, strategy: str) -> None:
    batch = pipeline.batch_at(digits.train, recipe(read(strategy), digits))(tf.constant(0, tf.int64))
    drawn: dict[str, Any] = {name.removeprefix("0/"): values.numpy() for name, values in batch.params[0].items()}
    figure = previewed(digits, strategy)
    assert titles(figure).count("partner") == 2
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    texts = [axes.texts[0].get_text() for axes in figure.axes if axes.texts]
    for i, (partner, text) in enumerate(zip(shown[1::3], texts, strict=True)):
        np.testing.assert_array_equal(partner, batch.sources[int(drawn["partner"][i])])
        two_classes = np.count_nonzero(batch.labels[i]) == 2
        assert text.count("0.500  ") == (2 if two_classes else 0)
    assert "0.500  " in "".join(texts)
    assert not any(title.startswith("lam of") for title in titles(figure))


@pytest.mark.slow
@pytest.mark.usefixtures("own_ops")
def test_a_preview_shows_the_law_of_lam_of_any_op_that_draws_one(digits: Splits) -> None:
    figure = previewed(digits, "[{name: one_of, ops: [halves, {name: left_part, alpha: 0.4}]}, fog, mixup]", 2)
    assert [title for title in titles(figure) if title.startswith("lam of")] == ["lam of left_part", "lam of mixup"]
    (axes,) = [axes for axes in figure.axes if axes.get_title() == "lam of left_part"]
    assert [line.get_label() for line in axes.lines] == ["Beta(0.4, 0.4)"]


@pytest.mark.slow
@pytest.mark.usefixtures("own_ops")
def test_the_gallery_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from augexp.draw import images as draw_images

    seen: list[str] = []
    monkeypatch.setattr(draw_images, "sheet", lambda rows, title: seen.extend(name for name, _ in rows))
    gallery.picture(make_images(2, 16, 16))
    assert seen == ["as they are", *OPS]
    assert seen[-3:] == OWN


# --- what goes by labels -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("own_ops")
@pytest.mark.parametrize("ops", ["halves", "fog+halves", "[{name: one_of, ops: [rotate, halves]}]"])
def test_views_at_test_time_refuse_it_because_it_mixes(ops: str) -> None:
    with pytest.raises(UserError, match="halves mixes images, whose labels then differ"):
        read_tta(ops, 8)
    assert read_tta("fog", 8).ops == (default_op("fog"),)


@pytest.mark.usefixtures("own_ops")
def test_a_choice_of_it_can_be_told_to_mix() -> None:
    choice = OneOf(ops=(default_op("rotate"), OneOf(ops=(default_op("fog"), default_op("halves")))))
    assert [one.name for one in choice.alternatives() if one.mixes] == ["halves"]


# --- check mixing --------------------------------------------------------------------------------------------------

LABELS = ["label weight - pixel share", "label rows - 1"]
SIZES = [f"9 sizes, 1 to 640 px, {dtype}" for dtype in ("uint8", "float32")]


@pytest.mark.usefixtures("own_ops")
def test_check_mixing_takes_up_the_ops_that_mix() -> None:
    assert libraries.checked_ops()[-4:] == ("cutout", "random_erasing", "halves", "left_part")
    names = [asked.name for asked in check.properties("halves")]
    assert {*LABELS, *SIZES, "class numbers as labels", "steps unlike, 1 and 8 threads"} <= set(names)
    assert not any("lam ~" in name or "paper" in name or "partner" in name for name in names)
    assert check.count() == sum(len(check.properties(op)) for op in libraries.checked_ops())
    assert libraries.implementation("keras", "halves").start(Setting(), 0) is None


@pytest.mark.slow
@pytest.mark.usefixtures("own_ops")
def test_every_property_of_an_op_that_is_right_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    # The other ops are asked in another process by the tests of conformance.
    asked_elsewhere = determinism.PRINT_FINGERPRINTS.replace("libraries.checked_ops()", "['halves']")
    monkeypatch.setattr(determinism, "PRINT_FINGERPRINTS", asked_elsewhere)
    ours = libraries.implementation("augexp", "halves")
    findings = {asked.name: check.find(asked, ours, QUICK) for asked in check.properties("halves")}
    assert {name: finding for name, finding in findings.items() if finding is not None and not finding.ok} == {}
    # It has no alpha; another process imports the module that it is defined in.
    assert {name for name, finding in findings.items() if finding is None} == {"alpha 0 and -1"}


@pytest.mark.slow
@pytest.mark.usefixtures("own_ops")
def test_wrong_label_weights_are_caught() -> None:
    wrong, right = (libraries.implementation("augexp", op) for op in ("left_part", "halves"))
    for name in (LABELS[0], *SIZES):
        assert not find("left_part", name, wrong).ok
        assert find("halves", name, right).ok
    assert find("left_part", LABELS[1], wrong).ok
    assert find("left_part", "alpha 0 and -1", wrong).ok


@pytest.mark.usefixtures("own_ops")
def test_another_process_is_not_asked_for_what_it_can_not_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(determinism, "_fingerprints_elsewhere", lambda _library, _modules: {"mixup": "1"})
    (asked,) = [asked for asked in check.properties("halves") if asked.name == "same seed, other process"]
    assert check.find(asked, libraries.implementation("augexp", "halves"), QUICK) is None
