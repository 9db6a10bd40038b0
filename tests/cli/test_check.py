"""`augexp check` as it is typed."""

from pathlib import Path

import pytest

from augexp.config import load
from augexp.data.splits import load_splits
from tests.cli.program import Augexp


def test_check_prints_a_line_a_finding_and_ends_with_1_if_one_fails(
    typed: Augexp, monkeypatch: pytest.MonkeyPatch
) -> None:
    from augexp.train import machine
    from augexp.train.machine import Finding

    looks = {
        "GPU": lambda: Finding("GPU", "note", "[1] unused; unset it"),
        "training": lambda: Finding("training", "ok", "yes"),
    }
    monkeypatch.setattr(machine, "LOOKS", looks)
    answer = typed("check")
    assert answer.status == 0
    assert answer.out == (
        "GPU          note  [1] unused; unset it\ntraining     ok    yes\n"
        "fit to train; augexp check mixing proves the mixing\n"
    )
    looks["training"] = lambda: Finding("training", "FAILS", "no")
    answer = typed("check")
    assert answer.status == 1
    assert answer.out.splitlines()[-1] == "not fit to train: training; augexp check mixing proves the mixing"


@pytest.mark.parametrize(("ours", "status"), [(True, 0), (False, 1)])
def test_check_mixing_ends_with_1_only_if_one_of_ours_fails(
    typed: Augexp, monkeypatch: pytest.MonkeyPatch, ours: bool, status: int
) -> None:
    from augexp.conformance import check
    from augexp.conformance.libraries import Implementation, checked_ops
    from augexp.conformance.property import Effort, Finding, Property

    def measure(one: Implementation, _effort: Effort) -> Finding | None:
        return Finding(ours if one.library == "augexp" else False, "p 0.5")

    asked = [Property("lam ~ Beta(0.1, 0.1) per example", "p 1e-04", measure), Property("x", "0", lambda *_: None)]
    monkeypatch.setattr(check, "properties", lambda _op: asked)
    answer = typed("check", "mixing", "--against", "keras")
    assert answer.status == status
    lines, ops = answer.out.splitlines(), len(checked_ops())
    assert max(map(len, lines)) <= 80
    word = "ok" if ours else "FAILS"
    expected = f"lam ~ Beta(0.1, 0.1) per example p 1e-04 {word} p 0.5 FAILS p 0.5"
    assert sum(" ".join(line.split()) == expected for line in lines) == ops
    assert sum(line.split() == ["x", "0", "-", "-"] for line in lines) == ops
    assert lines[-1] == f"augexp: {ops if ours else 0} of {ops} hold; keras: 0 of {ops} hold"


def test_check_refuses_what_it_can_not_compare(typed: Augexp) -> None:
    answer = typed("check", "mixing", "--against", "kears")
    assert answer.status == 2
    assert (
        "--against kears: one of keras, keras_cv, timm, torchvision, all is needed; did you mean keras?" in answer.err
    )
    answer = typed("check", "--against", "keras")
    assert answer.status == 2
    assert "use augexp check mixing --against keras" in answer.err


def test_check_names_a_library_that_is_not_installed(typed: Augexp, monkeypatch: pytest.MonkeyPatch) -> None:
    from augexp.conformance import libraries

    monkeypatch.setattr(libraries, "find_spec", lambda name: name == "augexp" or None)
    answer = typed("check", "mixing", "--against", "keras_cv")
    assert answer.status == 2
    assert "--against keras_cv: keras_cv is not installed; pip install keras-cv" in answer.err


@pytest.mark.slow
def test_check_cache_looks_at_every_entry(typed: Augexp, tmp_path: Path) -> None:
    settings = [load.experiment("digits.yaml", [f"data.cache_dir={tmp_path}", f"data.image_size={n}"]) for n in (8, 9)]
    for one in settings:
        load_splits(one)
    answer = typed("check", "cache", tmp_path)
    assert (answer.status, answer.out.splitlines()[-1]) == (0, "2 data sets")
    (damaged,) = tmp_path.glob("digits-8-*/all.npy")
    with damaged.open("r+b") as file:
        file.seek(5000)
        file.write(b"\x07")
    answer = typed("check", "cache", tmp_path)
    assert answer.status == 1
    first, second, last = answer.out.splitlines()
    assert "the pixels of" in first
    assert second.endswith(": whole")
    assert last == "2 data sets; 1 damaged, which the next run that needs them decodes again"
    answer = typed("check", "cache", tmp_path / "nowhere")
    assert (answer.status, answer.err) == (
        2,
        f"error: {tmp_path}/nowhere: no such folder; a cache is made by the first run\n",
    )
    assert "a folder is that of a cache" in typed("check", "mixing", tmp_path).err


@pytest.mark.slow
def test_check_op_proves_one_of_the_working_folder(
    typed: Augexp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from augexp.conformance import single

    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_ops.py").write_text("def mirror(image):\n    return image[:, ::-1]\n")
    monkeypatch.setattr(single, "SPEED_SECONDS", 0.05)
    monkeypatch.setattr(single, "SPEED_SIZE", 16)
    answer = typed("check", "op", "my_ops:mirror")
    assert answer.status == 0
    name, *rows = answer.out.splitlines()
    assert name == "my_ops:mirror"
    assert [row[:15].split() for row in rows] == [
        ["images", "ok"], ["labels", "ok"], ["same", "seed", "ok"], ["draws", "ok"], ["how", "ok"], ["speed", "ok"],
    ]  # fmt: skip
    monkeypatch.setattr(single, "prove", lambda _: iter([single.Proof("draws", ok=False, text="3 of 4")]))
    answer = typed("check", "op", "my_ops:mirror")
    assert (answer.status, answer.out) == (1, "my_ops:mirror\n  draws     FAILS 3 of 4\n")
    assert "has no function miror; did you mean mirror?" in typed("check", "op", "my_ops:miror").err
    assert "an op is needed" in typed("check", "op").err
