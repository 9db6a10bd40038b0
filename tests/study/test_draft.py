"""A study as a commented file, read back as what it says."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp.config import yamlfile
from augexp.config.schema import Model
from augexp.study import design, draft
from augexp.study import plan as study_plan
from augexp.study.design import SMALL, Photos
from augexp.study.grid import read_study

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20) | st.sampled_from(
    [
        "null",
        "yes",
        "1e3",
        "0..4",
        "folder:a b",
        "folder:ph#otos",
        "~",
        "- a",
        "a: b",
        "folder:ü",
        "\x7f",
    ]
)


@given(texts)
def test_any_text_is_read_back_in_one_line(text: str) -> None:
    written = draft.scalar(text)
    assert len(written.splitlines()) == 1
    assert yamlfile.parse(f"a: {written}") == {"a": text}


@pytest.mark.parametrize("value", [None, 1.0, 0.05, 96, [3, 5, 8], {"alpha": 0.35}])
def test_so_is_any_value(value: Any) -> None:
    assert yamlfile.parse(f"a: {draft.scalar(value)}  # why") == {"a": value}


@pytest.mark.parametrize(
    ("source", "model", "short"),
    [
        ("folder:photos", Model(backbone="MobileNetV2", backbone_args={"alpha": 0.35}, weights="a b.h5"), 320),
        ("csv:Fotos/Hündin #1.csv", Model(), 100),
        ("folder:Mü\nx", SMALL, 28),
        ("cifar10", SMALL, 32),
    ],
)
def test_a_sweep_takes_it_and_every_value_says_why(tmp_path: Path, source: str, model: Model, short: float) -> None:
    photos = Photos(source, classes=10, train=900, val=100, test=500, short=short)
    recipe = design.recipe(photos, model, gpu=False)
    found = design.fitting(photos, recipe, lambda size, epochs: size * epochs / 10, 10**6)
    assert found is not None
    file = tmp_path / "study.yaml"
    runs = str(tmp_path / "runs")
    text = draft.text(found, photos, hours=3, machine="CPU, 2 cores", out=file, runs_dir=runs)
    file.write_text(text, "utf-8")
    study = read_study(str(file))
    told = design.settings(photos, recipe, found.image_size, found.epochs) | {"runs_dir": runs}
    assert study.axes == {key: [value] for key, value in told.items()}
    plan = study_plan.plan(study)
    assert plan.study.strategies == tuple(found.candidates)
    assert plan.study.decide.looks == found.looks
    assert len(plan.runs) == found.runs[1]
    unsaid = [line for line in text.splitlines() if line.startswith("  ") and "  # " not in line]
    assert unsaid == ([f"  data.source: {source}"] if source == "cifar10" else [])
