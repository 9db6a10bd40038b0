"""Groups, summaries and curves, against NumPy and by hand."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augexp.compare.groups import Group, best_is_last, duplicates, ended_early, grouped, load_groups, validated_on_test
from augexp.compare.summary import Reach, Spread, curve, reach, summarize
from augexp.errors import UserError
from augexp.runs import read
from augexp.runs.read import Run
from augexp.runs.records import Environment, Result
from tests.factories import make_run


def load(folder: Path) -> Run:
    return read.load(folder)


def in_memory(name: str = "a", seed: int = 0, accuracy: float = 0.5, epochs: int = 20) -> Run:
    config = {"name": name, "seed": seed, "strategy": [], "train": {"epochs": epochs}, "runs_dir": f"runs/{seed}"}
    metrics = {"accuracy": accuracy}
    result = {"val": metrics, "test": metrics, "best_epoch": 1, "epochs": 1, "seconds": 60, "images_per_second": 1.0}
    return Run(
        Path(f"{name}-{seed}"),
        config,
        Environment(),
        Result.model_validate(result),
        {"val_accuracy": np.array([accuracy])},
    )


# --- grouping ------------------------------------------------------------------------------------------------------


def test_seeds_folders_and_names_do_not_split_a_group(tmp_path: Path) -> None:
    free = ["runs_dir=elsewhere", "data.cache_dir=/scratch", "data.data_dir=/tfds", "name=again"]
    paths = [
        make_run(tmp_path / "b", seed=1, overrides=free),
        make_run(tmp_path / "a", seed=0),
        make_run(tmp_path / "c", seed=2),
    ]
    (group,) = load_groups(paths).groups
    assert group.seeds == (0, 1, 2)
    assert [run.path.name for run in group.runs] == ["a", "b", "c"]


def test_locks_that_a_glob_finds_beside_runs_are_no_runs(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "none-seed0")
    (tmp_path / ".none-seed0.lock").touch()
    (tmp_path / ".other.lock").touch()
    comparison = load_groups(sorted(tmp_path.glob("*")))
    assert [run.path for group in comparison.groups for run in group.runs] == [folder]
    assert [path.name for path, _ in comparison.skipped] == [".other.lock"]


@pytest.mark.parametrize(
    "override",
    [
        *("strategy=mixup", "strategy=[{name: cutmix, alpha: 0.5}]", "strategy=cutmix+basic"),
        *("train.epochs=7", "model.weights=null", "model.backbone_args={alpha: 0.35}", "data.image_size=32"),
    ],
)
def test_every_other_key_splits(tmp_path: Path, override: str) -> None:
    paths = [make_run(tmp_path / "a"), make_run(tmp_path / "b", overrides=[override])]
    assert [len(group.runs) for group in load_groups(paths).groups] == [1, 1]


def test_what_was_done_about_copies_splits_where_something_was_done(tmp_path: Path) -> None:
    dropped = {"copies": {"across": 3, "dropped": {"train": 3, "val": 0}}, "data_fingerprint": "fewer"}
    kept = make_run(tmp_path / "keep", overrides=["data.duplicates=keep"])
    sound = make_run(tmp_path / "drop", seed=1)  # nothing was dropped
    fewer = make_run(tmp_path / "fewer", environment=dropped)
    groups = load_groups([kept, sound, fewer]).groups
    assert [[run.path for run in group.runs] for group in groups] == [[kept, sound], [fewer]]
    assert [group.label for group in groups] == ["cutmix data.duplicates=keep", "cutmix data.duplicates=drop"]


def test_the_baseline_comes_first_and_the_rest_as_given(tmp_path: Path) -> None:
    paths = [make_run(tmp_path / name, strategy=name) for name in ("mixup", "none", "basic", "cutmix")]
    comparison = load_groups(paths)
    assert [group.label for group in comparison.groups] == ["none", "mixup", "basic", "cutmix"]
    assert [group.strategy for group in comparison.groups] == [
        *("none", "mixup", "flip_left_right+brightness", "cutmix"),
    ]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.sampled_from([20, 40])), min_size=1, max_size=8))
def test_grouping_loses_and_doubles_nothing(made: list[tuple[str, int, int]]) -> None:
    loaded = [in_memory(name, seed, epochs=epochs) for name, seed, epochs in made]
    groups = grouped(loaded)
    assert sorted(map(id, loaded)) == sorted(id(run) for group in groups for run in group.runs)
    assert len(groups) == len({epochs for _, _, epochs in made})
    assert len({group.label for group in groups}) == len(groups)


@pytest.mark.parametrize(
    ("variants", "labels"),
    [
        ([["train.epochs=20"], ["train.epochs=40"]], ["x train.epochs=20", "x train.epochs=40"]),
        ([["strategy=none"], ["strategy=mixup"]], ["x strategy=none", "x strategy=mixup"]),
        (
            [["strategy=cutmix"], ["strategy=[{name: cutmix, alpha: 0.5}]"], ["strategy=mixup"]],
            ["x strategy=cutmix cutmix.alpha=1.0", "x strategy=cutmix cutmix.alpha=0.5", "x strategy=mixup"],
        ),
        ([["model.weights=null"], ["model.weights=w.h5"]], ["x model.weights=null", "x model.weights=w.h5"]),
        ([[], ["model.backbone_args={alpha: 0.35}"]], ["x", "x model.backbone_args.alpha=0.35"]),
        (
            [["strategy=[brightness, brightness]"], ["strategy=[brightness, {name: brightness, max_delta: 0.5}]"]],
            ["x brightness[2].max_delta=0.2", "x brightness[2].max_delta=0.5"],
        ),
    ],
)
def test_namesakes_are_told_apart(tmp_path: Path, variants: list[list[str]], labels: list[str]) -> None:
    paths = [make_run(tmp_path / str(i), overrides=["name=x", *keys]) for i, keys in enumerate(variants)]
    assert [group.label for group in load_groups(paths).groups] == labels


# --- loading -------------------------------------------------------------------------------------------------------


def test_a_folder_counts_once_whatever_leads_to_it(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    link = tmp_path / "link"
    link.symlink_to(folder)
    dotted = tmp_path / "x" / ".." / "run"
    (tmp_path / "x").mkdir()
    comparison = load_groups([folder, link, dotted, folder])
    assert [run.path for run in comparison.groups[0].runs] == [folder]
    assert comparison.repeated == (link, dotted, folder)


def test_what_is_no_finished_run_is_skipped_with_its_reason(tmp_path: Path) -> None:
    good = make_run(tmp_path / "good")
    broken = make_run(tmp_path / "broken")
    (broken / "history.csv").unlink()
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    comparison = load_groups([broken, good, tmp_path / "none", loop])
    assert [run.path for run in comparison.groups[0].runs] == [good]
    assert comparison.skipped == (
        (broken, "history.csv is missing"),
        (tmp_path / "none", "no such folder"),
        (loop, "no such folder"),
    )


def test_nothing_left_is_an_error_that_lists_every_folder(tmp_path: Path) -> None:
    broken = make_run(tmp_path / "broken")
    (broken / "result.json").write_text("{")
    with pytest.raises(UserError) as caught:
        load_groups([broken, tmp_path / "none", tmp_path])
    assert str(caught.value) == (
        "no finished run to compare:\n"
        f"  {broken}: result.json is not valid JSON\n"
        f"  {tmp_path / 'none'}: no such folder\n"
        f"  {tmp_path}: not a run folder; it holds some: give {tmp_path}/*"
    )


def test_no_folder_at_all_is_an_error() -> None:
    with pytest.raises(UserError) as caught:
        load_groups([])
    assert str(caught.value) == "no finished run to compare; give run folders, such as runs/*"


# --- numbers -------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1), min_size=2, max_size=10))
def test_spread_is_numpys_mean_and_sample_deviation(values: list[float]) -> None:
    group = Group("a", tuple(in_memory(seed=seed, accuracy=value) for seed, value in enumerate(values)))
    spread = summarize(group).val
    assert spread.mean == pytest.approx(np.mean(values))
    assert spread.sd == pytest.approx(np.std(values, ddof=1), abs=1e-12)
    assert spread.interval is not None
    assert 0 <= spread.interval[0] <= spread.interval[1] <= 1
    assert (spread.lowest, spread.highest) == (min(values), max(values))


def test_other_metrics_and_the_end_of_the_curve(tmp_path: Path) -> None:
    curve = [0.1, 0.5, 0.9, 0.6, 0.7, 0.8, 0.4]
    paths = [make_run(tmp_path / str(seed), seed=seed, val_accuracy=curve) for seed in range(2)]
    others = summarize(load_groups(paths).groups[0]).others
    assert others["last_val_accuracy"].values == (0.4, 0.4)
    assert others["late_val_accuracy"].values == (0.7, 0.7)
    assert others["test_cross_entropy"].values == pytest.approx((1.5 - 0.88, 1.5 - 0.88))
    assert others["val_top5_accuracy"].mean == 1


def test_a_metric_that_was_not_finite_is_left_out(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    result = json.loads((folder / "result.json").read_text())
    result["test"]["cross_entropy"] = None
    (folder / "result.json").write_text(json.dumps(result))
    assert "test_cross_entropy" not in summarize(load_groups([folder]).groups[0]).others


def test_reach_is_the_first_epoch_that_is_good_enough(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / "0", seed=0, val_accuracy=[0.2, 0.8, 0.7, 0.9], seconds=40),
        make_run(tmp_path / "1", seed=1, val_accuracy=[0.2, 0.3, 0.4, 0.8], seconds=80),
        make_run(tmp_path / "2", seed=2, val_accuracy=[0.2, 0.3, 0.4, 0.5]),
    ]
    (group,) = load_groups(paths).groups
    assert reach(group, 0.75) == Reach(seconds=50.0, epoch=3.0, runs=2, of=3)
    never = reach(group, 0.95)
    assert (never.runs, never.of, np.isnan(never.seconds)) == (0, 3, True)


def test_curves_against_examples_and_seconds(tmp_path: Path) -> None:
    known = {"train_examples": 100}
    paths = [
        make_run(tmp_path / "0", seed=0, epochs=2, seconds=10, environment=known, overrides=["train.batch_size=32"]),
        make_run(tmp_path / "1", seed=1, epochs=2, seconds=30, environment=known, overrides=["train.batch_size=32"]),
    ]
    (group,) = load_groups(paths).groups
    np.testing.assert_array_equal(curve(group, x="examples").x, [96, 192])
    np.testing.assert_array_equal(curve(group, x="seconds").x, [10, 20])
    np.testing.assert_array_equal(curve(group).x, [1, 2])


def test_runs_that_do_not_record_their_examples_say_so(tmp_path: Path) -> None:
    (group,) = load_groups([make_run(tmp_path / "run")]).groups
    with pytest.raises(UserError, match=r"--x examples: .*run doesn't record how many examples .* choose --x epochs"):
        curve(group, x="examples")


def test_a_run_that_ended_early_is_seen(tmp_path: Path) -> None:
    short = make_run(tmp_path / "a", val_accuracy=[0.5, 0.6])
    whole = make_run(tmp_path / "b", strategy="none", epochs=2)
    none, cutmix = load_groups([short, whole]).groups
    assert (ended_early(cutmix), ended_early(none)) == (1, 0)


def test_one_seed_has_no_deviation_even_in_two_folders() -> None:
    one = Group("a", (in_memory(accuracy=0.5),))
    twice = Group("a", (in_memory(accuracy=0.5), in_memory(accuracy=0.6)))
    assert summarize(one).test == Spread((0.5,))
    assert summarize(twice).test == Spread((0.55,))
    for group in (one, twice):
        assert (summarize(group).test.sd, summarize(group).test.interval) == (None, None)


def test_summary_by_hand(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / "0", seed=0, accuracy=0.8, test_accuracy=0.7, best_epoch=2, seconds=60),
        make_run(tmp_path / "1", seed=1, accuracy=0.9, test_accuracy=0.7, best_epoch=5, seconds=120),
        make_run(tmp_path / "2", seed=2, accuracy=0.7, test_accuracy=0.7, best_epoch=4, images_per_second=10),
    ]
    summary = summarize(load_groups(paths).groups[0])
    assert (summary.val.mean, summary.val.sd) == pytest.approx((0.8, 0.1))
    assert (summary.test.mean, summary.test.sd) == pytest.approx((0.7, 0.0))
    assert summary.images_per_second == 1000
    assert summary.minutes == pytest.approx((60 + 120 + 90) / 3 / 60)
    assert summary.best_epoch == (4, 2, 5)


def test_a_curve_holds_runs_of_unequal_length(tmp_path: Path) -> None:
    short = load(make_run(tmp_path / "0", seed=0, val_accuracy=[0.2, 0.6]))
    long = load(make_run(tmp_path / "1", seed=1, val_accuracy=[0.4, 0.5, 0.9]))
    drawn = curve(Group("a", (short, long)))
    np.testing.assert_array_equal(drawn.epochs, [1, 2, 3])
    np.testing.assert_array_equal(drawn.values, [[0.2, 0.4], [0.6, 0.5], [np.nan, 0.9]])
    np.testing.assert_allclose(drawn.mean, [0.3, 0.55, 0.9])
    np.testing.assert_array_equal(drawn.low, [0.2, 0.5, 0.9])
    np.testing.assert_array_equal(drawn.high, [0.4, 0.6, 0.9])


# --- what a reader must know ---------------------------------------------------------------------------------------


def test_one_seed_in_two_folders_is_kept_and_told(tmp_path: Path) -> None:
    paths = [make_run(tmp_path / name, seed=seed) for name, seed in (("a", 0), ("b", 1), ("c", 0))]
    (group,) = load_groups(paths).groups
    assert len(group.runs) == 3
    assert duplicates(group) == {0: (tmp_path / "a", tmp_path / "c")}


def test_validation_on_test_and_a_best_last_epoch_are_seen(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / "a", strategy="none", best_epoch=5),
        make_run(tmp_path / "b", overrides=["data.validation=test"]),
    ]
    clean, tutorial = load_groups(paths).groups
    assert (validated_on_test(clean), validated_on_test(tutorial)) == (False, True)
    assert (best_is_last(clean), best_is_last(tutorial)) == (1, 0)


@pytest.mark.slow
def test_comparing_loads_neither_tensorflow_nor_pyplot() -> None:
    code = (
        "import sys; from augexp.report import curves, export, notes, page, profiles, terminal;"
        "print({'tensorflow', 'keras', 'jax', 'matplotlib.pyplot', 'scipy.stats', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_groups_of_runs_with_arrays_can_be_told_apart() -> None:
    """`==` and `in` compared histories once, of which NumPy can't say whether they are equal."""
    long = in_memory("a", epochs=9)
    longer = dataclasses.replace(long, path=Path("b-1"), history={"val_accuracy": np.array([0.1, 0.2])})
    ours, theirs = Group("a", (long,)), Group("b", (longer,))
    assert ours in [theirs, ours]
    assert theirs not in (ours, ours)
    assert ours != theirs
    assert len({ours, theirs, Group("a", (long,))}) == 2


def test_runs_of_one_op_for_other_classes_are_told_apart(tmp_path: Path) -> None:
    texts = ["cutmix", "[{name: cutmix, only: [a]}]", "[{name: cutmix, only: [a, b]}]"]
    paths = [make_run(tmp_path / str(i), strategy=text, overrides=["name=x"]) for i, text in enumerate(texts)]
    labels = [group.label for group in load_groups(paths).groups]
    assert labels == ["x", 'x cutmix.only=["a"]', 'x cutmix.only=["a", "b"]']
