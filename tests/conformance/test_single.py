"""What `augexp check op` says of ops that are right, and of ops that are planted to be wrong."""

from pathlib import Path

import pytest

from augexp.config import load
from augexp.conformance import single
from augexp.conformance.single import Proof

HEAD = "import numpy as np\n\n"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single, "SPEED_SECONDS", 0.05)
    monkeypatch.setattr(single, "SPEED_SIZE", 16)
    monkeypatch.setattr(single, "THREADS_STEPS", 16)
    monkeypatch.setattr(single, "DRAWS_STEPS", 16)


def proofs(folder: Path, body: str) -> dict[str, Proof]:
    (folder / "my_ops.py").write_text(f"{HEAD}state = []\n\ndef op(image, rng):\n    {body}\n")
    (spec,) = load.experiment("digits.yaml", ["strategy=[my_ops:op]", f"ops_dir={folder}"]).strategy
    return {proof.what: proof for proof in single.prove(spec)}


@pytest.mark.slow
def test_an_op_that_is_right_is_proven(tmp_path: Path) -> None:
    found = proofs(tmp_path, "return np.where(rng.random(image.shape[:2])[..., None] < 0.5, 0, image).astype(np.uint8)")
    assert list(found) == ["images", "labels", "same seed", "draws", "how", "speed"]
    assert all(proof.ok for proof in found.values())
    assert found["labels"].text == "unchanged"
    assert found["draws"].text == "0 of 16 batches are repetitions"
    assert "outside of TensorFlow" in found["how"].text
    assert "images/s at 16 px" in found["speed"].text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "row", "text"),
    [
        ("return image[:2]", "images", "it returned an image of shape (2, 32, 3)"),
        ("return np.roll(image, np.random.randint(30), 0)", "same seed", "of 16 batches unlike"),
        ("state.append(1); return np.roll(image, len(state), 0)", "same seed", "it draws from a randomness of its own"),
        ("return np.roll(image, int(rng.integers(300) == 0), 0)", "draws", "batches are repetitions"),
        ("return image", "draws", "it changed no image"),
    ],
)  # fmt: skip
def test_faults_are_found(tmp_path: Path, body: str, row: str, text: str) -> None:
    proof = proofs(tmp_path, body)[row]
    assert not proof.ok
    assert text in proof.text


def test_a_fault_is_told_once(tmp_path: Path) -> None:
    found = proofs(tmp_path, "return image * 1.0")
    assert [proof.text for proof in found.values() if "float64" in proof.text] == [found["images"].text]


@pytest.mark.slow
def test_an_op_may_draw_nothing(tmp_path: Path) -> None:
    proof = proofs(tmp_path, "return image[::-1]")["draws"]
    assert proof == Proof("draws", ok=True, text="none: it does the same to every batch")


@pytest.mark.slow
def test_label_weights_are_said_of_one_that_mixes(tmp_path: Path) -> None:
    (tmp_path / "my_ops.py").write_text(
        "from augexp.augment import own_op\n\n@own_op(mixes=True, compiled=False)\ndef op(images, labels, seed):\n"
        "    return images // 2 + images[::-1] // 2, labels / 2 + labels[::-1] / 2\n"
    )
    (spec,) = load.experiment("digits.yaml", ["strategy=[my_ops:op]", f"ops_dir={tmp_path}"]).strategy
    found = {proof.what: proof for proof in single.prove(spec)}
    assert all(proof.ok for proof in found.values())
    assert found["labels"].text == "rows sum to 1 within 0e+00; weights of the image's own label 0.50 to 0.50"
    assert found["how"].text == "TensorFlow, not compiled by XLA"
