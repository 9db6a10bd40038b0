"""Run folders on their way home, and a sweep on a real Ray cluster of two nodes, one of which dies."""

import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import augexp
from augexp.config import load
from augexp.errors import UserError
from augexp.runs import folder as run_folder
from augexp.runs import read
from augexp.study import cluster, grid, processes, sweep
from augexp.train.run import train

FILES = (
    *("config.yaml", "checkpoint/state.npz", "result.json", "history.csv"),
    *("best.weights.h5", "last.weights.h5", "predictions-test.npz", "predictions-test-best.npz"),
)


def test_a_folder_comes_home_as_it_is(tmp_path: Path) -> None:
    away, home = tmp_path / "away", tmp_path / "home"
    (away / "checkpoint").mkdir(parents=True)
    for name in FILES:
        (away / name).write_bytes(name.encode())
    (away / "checkpoint" / ".12-state.npz").write_bytes(b"half")
    content = cluster.pack(away)
    assert content is not None
    cluster.unpack(content, home)
    assert {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()} == {
        name: name.encode() for name in FILES
    }


def test_a_folder_that_changes_while_it_is_read_is_read_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "history.csv").write_text("epoch\n1\n")
    real = Path.read_bytes

    def read(path: Path) -> bytes:
        content = real(path)
        path.write_text("epoch\n1\n2\n")
        return content

    monkeypatch.setattr(Path, "read_bytes", read)
    assert cluster.pack(tmp_path) is None


def test_a_cancelled_run_says_at_home_that_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(process: object, folder: Path, bring: object) -> str:
        folder.mkdir()
        run_folder.set_state(folder, "interrupted", "SIGTERM")
        raise KeyboardInterrupt

    monkeypatch.setattr(cluster, "_wait", interrupt)
    monkeypatch.setattr(processes, "Process", lambda *_, **__: None)
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(get=lambda answer: answer))
    home = SimpleNamespace(
        **{name: SimpleNamespace(remote=getattr(cluster.Home(), name)) for name in ("fetch", "bring")}
    )
    settings = load.experiment("digits.yaml", [f"runs_dir={tmp_path}"])
    with pytest.raises(KeyboardInterrupt):
        cluster.train(settings, ["augexp"], home, token=str(tmp_path / "elsewhere"))
    told = read.state(settings.run_dir)
    assert (told.state, told.reason) == ("interrupted", "SIGTERM")


def test_a_cluster_that_does_not_answer_is_named(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    with pytest.raises(UserError, match=r"--ray auto: no cluster answers \("):
        cluster.Cluster("auto", tmp_path)


def test_the_working_folder_is_none_of_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []

    def init(**_: object) -> None:  # where Ray takes down the folder that it gives to its workers
        seen.append(Path.cwd())
        raise ConnectionError

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no cluster answers"):
        cluster.Cluster("auto", tmp_path)
    assert seen == [Path(augexp.__file__).parents[1]]
    assert Path.cwd() == tmp_path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own
@pytest.mark.parametrize("shared", [False, True], ids=["own disks", "shared disk"])
def test_a_node_that_dies_loses_no_run(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster as Nodes

    mirror = "def mirror(image, rng):\n    return image[:, ::-1] if rng.random() < 0.5 else image\n"
    (tmp_path / "my_ops.py").write_text(mirror)

    def study(folder: Path) -> grid.Study:
        axes = ["strategy=my_ops:mirror", f"ops_dir={tmp_path}", "seed=0,1", "train.epochs=24"]
        axes += ["data.train_per_class=60", f"runs_dir={folder}"]
        return grid.Study("digits.yaml", grid.read_axes([*axes, f"data.cache_dir={cache_dir}"]))

    both = grid.experiments(study(tmp_path / "ray"))
    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 1})
    doomed = nodes.add_node(num_cpus=1)
    (tmp_path / "random.py").write_text("raise SystemExit('foreign')\n")
    monkeypatch.chdir(tmp_path)
    pool = cluster.Cluster(nodes.address, tmp_path / "ray")
    if not shared:
        pool._token.unlink()
    assert pool.places == 2

    def kill() -> None:
        deadline = time.monotonic() + 200
        while len(list(tmp_path.glob("ray/*/checkpoint/state.npz"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        (tmp_path / "my_ops.py").unlink()  # the run goes on where its own op never lay
        nodes.remove_node(doomed, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        standings = sweep.run(both, both, pool)
    finally:
        killer.join()
        pool.close()
        nodes.shutdown()
    assert [now.state for now in standings] == ["finished"] * 2, standings
    logs = [(now.folder / "log.txt").read_text() for now in standings]
    assert sum("going on after epoch" in log for log in logs) == 1
    (tmp_path / "my_ops.py").write_text(mirror)
    (seed, *_) = (now.folder for now in standings if "going on" in (now.folder / "log.txt").read_text())
    local = next(one for one in grid.experiments(study(tmp_path / "local")) if one.run_dir.name == seed.name)
    unbroken = train(local)
    for name in ("best.weights.h5", "last.weights.h5", "predictions-test.npz", "predictions-test-best.npz"):
        assert (seed / name).read_bytes() == (unbroken / name).read_bytes()
    assert read.load(seed).history["loss"].tolist() == read.load(unbroken).history["loss"].tolist()


def test_the_files_of_own_ops_and_networks_travel_where_they_do_not_lie(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "my_net.py").write_text("def tiny(shape):\n    return None\n")
    for name in ("my_ops.py", "more/ops.py"):
        (tmp_path / name).write_text(f"def flip(image):\n    return image[:, ::-1]  # {name}\n")
    overrides = ["strategy=[my_ops:flip, {name: one_of, ops: [more.ops:flip, cutmix]}]", f"ops_dir={tmp_path}"]
    settings = load.experiment("digits.yaml", [*overrides, "model.backbone=my_net:tiny"])
    own_files = cluster._own_files(settings)
    assert own_files == {name: (tmp_path / name).read_bytes() for name in ("my_ops.py", "more/ops.py", "my_net.py")}
    with cluster._own_ops(settings, own_files) as same:
        assert same == settings
    for path in tmp_path.rglob("*.py"):
        path.unlink()
    with cluster._own_ops(settings, own_files) as found:
        assert found.ops_dir != str(tmp_path)
        again = load.known_again(found.model_dump(mode="json"))
        assert again.model_dump(exclude={"ops_dir"}) == settings.model_dump(exclude={"ops_dir"})
    assert not Path(found.ops_dir or "").exists()
