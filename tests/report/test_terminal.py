"""A comparison on the terminal: 80 columns, the numbers of the summaries, names as text."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from augexp import files
from augexp.compare.groups import load_groups
from augexp.compare.judge import Judgement, judge
from augexp.report import export, page_tables, terminal
from augexp.report.notes import notes
from augexp.report.wording import NOT_REGISTERED
from augexp.runs.limit import COLUMNS, Limit
from tests.factories import forget, make_run

STRATEGIES = ("none", "basic", "cutmix", "mixup")


def judged(paths: Sequence[Path]) -> Judgement:
    return judge(load_groups(paths))


def rendered(judgement: Judgement, width: int = 80) -> list[str]:
    text = io.StringIO()
    # The settings of augexp.console.out in a pipe.
    Console(file=text, width=width, highlight=False, soft_wrap=True).print(terminal.table(judgement))
    return [line.rstrip() for line in text.getvalue().splitlines()]


@pytest.fixture
def study(tmp_path: Path) -> Judgement:
    return judged(
        [
            make_run(
                tmp_path / f"{strategy}{seed}", strategy=strategy, seed=seed, accuracy=0.8 + 0.01 * seed + 0.02 * i
            )
            for i, strategy in enumerate(STRATEGIES)
            for seed in range(3)
        ]
    )


def test_the_four_strategies_fit_into_80_columns(study: Judgement) -> None:
    assert rendered(study) == [
        "                          val          test   best  images       s to",
        "strategy  seeds        acc. %        acc. %  epoch      /s  min  base",
        "─" * 69,
        "none          3  81.00 ± 1.00  79.00 ± 1.00      4   1,000  1.5   2/3",
        "basic         3  83.00 ± 1.00  81.00 ± 1.00      4   1,000  1.5    72",
        "cutmix        3  85.00 ± 1.00  83.00 ± 1.00      4   1,000  1.5    54",
        "mixup         3  87.00 ± 1.00  85.00 ± 1.00      4   1,000  1.5    54",
    ]


def test_one_seed_is_said_and_never_plus_minus_zero(tmp_path: Path) -> None:
    comparison = judged([make_run(tmp_path / "a", strategy="basic+cutmix", best_epoch=3)])
    assert rendered(comparison)[-1] == "basic+cutmix      1  80.00 one seed  78.00 one seed      3   1,000  1.5"
    assert terminal.caption(comparison) == [
        "accuracy of the best epoch's weights: mean over seeds",
        "best epoch: median; min: minutes of training a run (CPU)",
    ]


def test_what_is_not_comparable_reaches_nothing(tmp_path: Path) -> None:
    paths = [make_run(tmp_path / f"none-{seed}", strategy="none", seed=seed) for seed in (0, 1)]
    others = [make_run(tmp_path / f"mixup-{seed}", strategy="mixup", seed=seed, accuracy=0.9) for seed in (0, 1)]
    assert rendered(judged([*paths, *others]))[-1].split()[-1] != "-"
    for folder in others:
        result = json.loads((folder / "result.json").read_text())
        result["test"]["examples"] = 50
        files.write_json(folder / "result.json", result)
        (folder / "predictions-test.npz").unlink()
    assert rendered(judged([*paths, *others]))[-1].split()[-1] == "-"


def test_long_names_stay_whole_in_80_columns(tmp_path: Path) -> None:
    names = ["cutmix", "cutmix", "[bold]x-" + "long" * 13]
    rates = [0.001, 0.002, 0.003]
    comparison = judged(
        [
            make_run(tmp_path / f"{i}{seed}", seed=seed, overrides=[f"name='{name}'", f"train.learning_rate={rate}"])
            for i, (name, rate) in enumerate(zip(names, rates, strict=True))
            for seed in range(2)
        ]
    )
    lines = rendered(comparison)
    assert max(map(len, lines)) <= 80
    assert all(name in lines for name in ("cutmix train.learning_rate=0.001", names[2]))
    assert sum("80.00 ± 0.00  78.00 ± 0.00" in line for line in lines) == 3


def test_best_epoch_is_median_and_range(tmp_path: Path) -> None:
    paths = [make_run(tmp_path / str(i), seed=i, epochs=30, best_epoch=best) for i, best in enumerate((14, 9, 30, 15))]
    assert " 14.5 (9-30) " in rendered(judged(paths))[-1]


def test_the_contrasts_fit_into_80_columns_and_hold_the_numbers(study: Judgement) -> None:
    grid = terminal.contrast_table(study)
    assert grid is not None
    text = io.StringIO()
    Console(file=text, width=80, highlight=False).print(grid)
    lines = [line.rstrip() for line in text.getvalue().splitlines()]
    assert max(map(len, lines)) <= 80
    assert lines[1].split() == ["against", "none", "points", "seeds,", "images", "seeds", "alone", "verdict"]
    for line, verdict in zip(lines[3:], study.verdicts, strict=True):
        assert verdict.contrast is not None
        low, high = (f"{100 * end:+.2f}" for end in verdict.contrast.interval)
        assert line.split()[:4] == [verdict.group.label, f"{100 * verdict.contrast.difference:+.2f}", low, high]
        assert line.endswith(verdict.status)


def test_names_that_command_the_terminal_are_shown_as_text(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("name: cutmix", 'name: "\\e[31mred"', 1))
    judgement = judged([folder, make_run(tmp_path / "b", strategy="none")])
    everything = "\n".join(rendered(judgement))
    assert "\x1b" not in everything
    assert "\\x1b[31mred" in everything


@pytest.mark.parametrize("given", [["none"], ["none", "none-again"]])
def test_one_group_has_no_verdict_and_says_why(tmp_path: Path, given: list[str]) -> None:
    paths = [make_run(tmp_path / name, strategy="none", seed=seed) for seed, name in enumerate(given)]
    judgement = judged(paths)
    assert terminal.contrast_table(judgement) is None
    assert export.contrasts_csv_text(judgement) == "\n"
    assert "one group: nothing to compare it with; give runs of another strategy too" in notes(judgement)


def scored(folder: Path, strategy: str, seed: int, *overrides: str, other: float | None = 0.79) -> Path:
    path = folder / f"{strategy}{seed}"
    reached = {"accuracy": 0.8 + 0.01 * seed, "test_accuracy": 0.78, "other_test": other}
    return make_run(path, strategy=strategy, seed=seed, overrides=overrides, **reached)  # type: ignore[arg-type]


def test_the_accuracy_of_the_other_weights_stands_beside(tmp_path: Path) -> None:
    last = "train.score=last"
    study = judged([scored(tmp_path, name, seed, last) for name in ("none", "cutmix") for seed in range(3)])
    assert rendered(study) == [
        "                         val         test   best   best  images       s to",
        "strategy  seeds       acc. %       acc. %  ep. %  epoch      /s  min  base",
        "─" * 74,
        "none          3  80.19 ±0.99  78.00 ±0.00  79.00      4   1,000  1.5   2/3",
        "cutmix        3  80.19 ±0.99  78.00 ±0.00  79.00      4   1,000  1.5   2/3",
    ]
    assert terminal.caption(study)[:2] == [
        "accuracy of the last epoch's weights: mean ± standard deviation over seeds",
        "best ep. %: test accuracy of the best epoch's weights, mean over seeds",
    ]
    assert "78.00 ± 0.00 (best epoch 79.00)" in export.markdown(study)
    row = export.as_dict(study)["groups"][0]
    assert (row["score"], row["other_score"], row["other_test_accuracy_mean"]) == ("last", "best", pytest.approx(0.79))
    assert (row["runs"][0]["score"], row["runs"][0]["other_test_accuracy"]) == ("last", 0.79)
    cell = page_tables.strategies(study).rows[0][3]
    assert (cell.text, cell.small[-1]) == ("78.00 ± 0.00", "best epoch 79.00")


def test_groups_that_score_other_weights_are_told_apart(tmp_path: Path) -> None:
    study = judged(
        [
            *(scored(tmp_path, "none", seed, other=None) for seed in range(2)),  # an earlier version's
            *(scored(tmp_path, "basic", seed) for seed in range(2)),
            *(scored(tmp_path, "cutmix", seed, "train.score=last") for seed in range(2)),
        ]
    )
    assert [line.split()[6] for line in rendered(study)[3:]] == ["-", "79.00", "79.00"]
    assert rendered(study)[0].split() == ["val", "test", "other", "best", "images", "s", "to"]
    assert terminal.caption(study)[:2] == [
        "accuracy of the last (cutmix) and best (none, basic) epoch's weights: mean ± standard deviation over seeds",
        "other ep. %: test accuracy of the other weights, of the best epoch or the last, mean over seeds",
    ]
    assert [verdict.status for verdict in study.verdicts] == ["undecided", "confounded"]


def test_a_long_range_of_best_epochs_beside_them_goes_to_a_second_line(tmp_path: Path) -> None:
    paths = [
        make_run(
            tmp_path / f"{strategy}{seed}", seed=seed, epochs=30, best_epoch=best, strategy=strategy,
            images_per_second=1e6, overrides=["train.score=last"], other_test=0.7,
        )
        for strategy in ("none", "basic+cutmix")
        for seed, best in enumerate((14, 9, 30, 15))
    ]  # fmt: skip
    lines = rendered(judged(paths))
    assert max(map(len, lines)) <= 80


def test_earlier_versions_are_compared_as_they_were(tmp_path: Path) -> None:
    paths = [scored(tmp_path, name, seed, other=None) for name in ("none", "cutmix") for seed in range(2)]
    before = export.as_dict(judged(paths))
    study = judged([forget(path, "score", "ema") for path in paths])
    assert export.as_dict(study) == before
    assert "score" not in before["groups"][0]
    assert "accuracy of the best epoch's weights" in terminal.caption(study)[0]
    assert len(terminal.caption(study)) == 3


def test_what_limits_runs_stands_with_their_speed(tmp_path: Path) -> None:
    fast, slow = Limit(9100, 1001, 0.001), Limit(400, 1900, 0.8)
    paths = [
        make_run(tmp_path / f"{name}{seed}", strategy=name, seed=seed, limit=found)
        for name, found in (("none", fast), ("rand_augment", slow), ("mixup", None))
        for seed in range(2)
    ]
    study = judged(paths)
    line = (
        "input path alone, images/s: none 9,100, rand_augment 400; the limit of rand_augment: more processor cores, "
        "other ops, or a smaller data.image_size would help"
    )
    assert terminal.caption(study)[-1] == line
    assert line.replace("_", r"\_") in export.markdown(study)
    rows = export.as_dict(study)["groups"]
    assert [tuple(row[name] for name in COLUMNS) for row in rows] == [
        (9100, 1001, 0.001), (400, 1900, 0.8), (None, None, None),
    ]  # fmt: skip
    table = page_tables.strategies(study)
    place = table.headings.index("input path, images/s")
    assert [row[place].text for row in table.rows] == ["9,100", "400", "-"]
    assert [row[place].small for row in table.rows] == [("limit: network",), ("limit: input",), ()]
    # Rates are no difference between runs.
    assert [verdict.status for verdict in study.verdicts] == ["undecided", "undecided"]
    assert terminal.caption(judged(paths[:2]))[-1].endswith("none 9,100; the network is the limit")
    assert "input path" not in "".join(terminal.caption(judged(paths[4:])))


# --- which to use --------------------------------------------------------------------------------------------------


def test_the_box_says_which_to_use_what_it_costs_and_what_that_rests_on(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / f"{name}{seed}", strategy=name, seed=seed, test_accuracy=mean + noise)
        for name, mean in (("none", 0.6), ("cutmix", 0.9))
        for seed, noise in enumerate((0.01, -0.01, 0.0) if name == "none" else (0.0, 0.01, -0.01))
    ]
    judgement = judge(load_groups(paths))
    use, collapses, cost, rests_on = terminal.which_lines(judgement)
    assert use.startswith("Use cutmix. With 95 % confidence every other strategy is ")
    assert collapses == "no run of cutmix collapsed; 3 runs can't rule out that up to 63 % do"
    assert cost == "images/s in training: none 1,000, cutmix 1,000"
    assert rests_on == NOT_REGISTERED
    text = io.StringIO()
    Console(file=text, width=80, highlight=False, soft_wrap=True).print(terminal.Box(judgement))
    assert {len(line) for line in text.getvalue().splitlines()} == {80}


def test_one_seed_has_no_box(tmp_path: Path) -> None:
    paths = [make_run(tmp_path / name, strategy=name) for name in ("none", "cutmix")]
    assert terminal.which_lines(judge(load_groups(paths))) == []
