"""Hours and disk of a grid: counted, estimated, or read from a run that is finished."""

from pathlib import Path

import pytest

from augexp import files
from augexp.config import load
from augexp.errors import UserError
from augexp.study import cost, grid
from tests.factories import make_run


@pytest.mark.slow
def test_a_finished_neighbour_tells_the_time(tmp_path: Path, cache_dir: Path) -> None:
    here = [f"runs_dir={tmp_path}", f"data.cache_dir={cache_dir}"]
    neighbour = load.experiment("digits.yaml", [*here, "strategy=mixup", "seed=3"])
    make_run(neighbour.run_dir, epochs=12, seconds=36.0)
    files.write_text(neighbour.run_dir / "config.yaml", neighbour.to_yaml())
    experiments = grid.experiments(grid.Study("digits.yaml", grid.read_axes([*here, "seed=0..9"])))
    training, _ = cost.lines(experiments)
    assert training.startswith("training: about 6 min one after the other on ")
    other = load.experiment("digits.yaml", [*here, "train.epochs=13"])
    assert cost.measured_seconds(other) is None


@pytest.mark.slow
def test_disk_counts_weights_moments_and_the_images_that_are_not_decoded_yet(tmp_path: Path) -> None:
    settings = load.experiment("digits.yaml", [f"runs_dir={tmp_path}", f"data.cache_dir={tmp_path / 'cache'}"])
    told = cost.cost(settings)
    # 93,248 + 448 of batch norm's gammas, betas + 448 of its moments, 1,290 of the head: weights thrice, momentum once.
    assert 4 * 4 * 90_000 < told.disk < 4 * 4 * 100_000
    assert told.seconds is not None
    assert told.seconds > 0
    assert cost._cache_bytes([settings, settings]) == 1797 * 16 * 16 * 3
    assert not (tmp_path / "cache").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [["train.batch_size=1"], ["model.backbone=MobileNetV3Small", "model.preprocessing=unit", "data.image_size=32"]],
)
def test_a_grid_in_which_nothing_can_be_learnt_is_refused(tmp_path: Path, overrides: list[str]) -> None:
    axes = grid.read_axes(["strategy=none,cutmix", f"runs_dir={tmp_path}", *overrides])
    with pytest.raises(UserError, match=r"^(train\.batch_size 1|model\.preprocessing unit): "):
        cost.lines(grid.experiments(grid.Study("digits.yaml", axes)))
