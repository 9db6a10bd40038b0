"""TFDS's sets through its own builder, and every way they can't be had."""

import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augexp.config.schema import Data
from augexp.data import decode, grey, sources, tfds, tfds_features, tfds_reading
from augexp.data.examples import Examples
from augexp.errors import UserError
from tests import stanford_dogs
from tests.data.photos import encoded


@pytest.mark.slow
def test_stanford_dogs_through_the_real_builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stanford_dogs.install(tmp_path, monkeypatch)
    data = Data(data_dir=str(tmp_path))
    assert not sources.is_prepared(data)
    source = sources.open_source(data)
    assert sources.is_prepared(data)
    folders = stanford_dogs.class_folders()
    assert source.name == "stanford_dogs"
    assert source.class_names == tuple(folder.lower() for folder in folders)
    assert {name: examples.count for name, examples in source.splits.items()} == {"train": 360, "test": 120}
    for examples in source.splits.values():
        listing = examples.listing()
        assert len(set(listing.ids)) == examples.count
        assert [id_.split("/")[1] for id_ in listing.ids] == [folders[label] for label in listing.labels]
    assert_files_are_the_archive_s(tmp_path, source.splits["test"])


def assert_files_are_the_archive_s(data_dir: Path, examples: Examples) -> None:
    import tarfile

    ids = examples.listing().ids
    with tarfile.open(data_dir / "downloads" / "manual" / "images.tar") as archive:
        members = {name: archive.extractfile(name) for name in ids}
        for index, content in encoded(examples):
            member = members[ids[index]]
            assert member is not None
            assert content == member.read()


@pytest.mark.slow
def test_a_prepared_set_is_only_read(tmp_path: Path) -> None:
    stanford_dogs.prepare(tmp_path, train=2)
    (tmp_path / "downloads").rename(tmp_path / "elsewhere")
    data = Data(data_dir=str(tmp_path))
    first, second = sources.open_source(data), sources.open_source(data)
    assert first.version == second.version
    assert first.splits["train"].listing().ids == second.splits["train"].listing().ids
    assert not (tmp_path / "downloads").exists()


@pytest.mark.slow
def test_sets_from_different_archives_differ_in_version(tmp_path: Path) -> None:
    versions = set()
    for train in (1, 2):
        stanford_dogs.prepare(tmp_path / str(train), train=train)
        versions.add(sources.open_source(Data(data_dir=str(tmp_path / str(train)))).version)
    assert len(versions) == 2


def test_a_validation_split_is_used_beside_test(capsys: pytest.CaptureFixture[str]) -> None:
    data = Data(source="with_validation")
    assert tfds._splits(data, ["train", "test", "extra"]) == {"train": "train", "test": "test"}
    assert capsys.readouterr().err == "with_validation: split extra not used\n"
    three = ["test", "train", "validation"]
    assert tfds._splits(data, three) == {"train": "train", "val": "validation", "test": "test"}
    share = data.model_copy(update={"validation": 0.1})
    assert tfds._splits(share, three) == {"train": "train", "test": "test"}
    assert tfds._splits(data, ["train", "validation"]) == {"train": "train", "test": "validation"}
    assert tfds._splits(data, ["all"]) == {"all": "all"}
    assert tfds._splits(data, ["training", "dev", "testing"]) == {"train": "training", "val": "dev", "test": "testing"}
    assert tfds._splits(data, ["train", "dev", "val", "test"]) == {"train": "train", "test": "test"}
    assert tfds._splits(data, ["val", "validation", "train"]) == {"train": "train", "test": "validation"}


def refusal(name: str, data_dir: Path) -> str:
    with pytest.raises(UserError) as caught:
        sources.open_source(Data(source=name, data_dir=str(data_dir)))
    return str(caught.value).replace(str(data_dir), "DIR")


def test_misspelt_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = "data.source: TFDS has no data set 'stanford_dgos'; did you mean stanford_dogs?"
    assert refusal("stanford_dgos", tmp_path) == wanted
    assert refusal("digit", tmp_path) == "data.source: TFDS has no data set 'digit'; did you mean digits?"
    assert refusal("qqqqqqqq", tmp_path) == "data.source: TFDS has no data set 'qqqqqqqq'"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    assert refusal("fotos", tmp_path).endswith("'fotos'; did you mean the folder here, folder:photos?")


def test_unknown_version(tmp_path: Path) -> None:
    wanted = "data.source: TFDS can't open 'mnist:9.0.0': Dataset mnist cannot be loaded at version 9.0.0, only: 3.0.1"
    assert refusal("mnist:9.0.0", tmp_path) == wanted


def test_no_image_classification(tmp_path: Path) -> None:
    assert refusal("iris", tmp_path) == (
        "iris: no image classification set: its features can't be read as an image; it has features (float32 of shape "
        "(4,)), label (3 classes); set data.image_key if another one is"
    )
    assert refusal("wider_face", tmp_path) == (
        "wider_face: no image classification set: nothing in it is a class; it has faces (sequence), image (uint8 "
        "image), image/filename (text)"
    )


def test_no_network_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown_host(*_: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown_host)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    assert refusal("stanford_dogs", tmp_path) == (
        "stanford_dogs: TFDS can't download and prepare the data set: "
        "http://vision.stanford.edu/aditya86/ImageNetDogs/annotation.tar: vision.stanford.edu can't be reached "
        "(Name or service not known). What helps: put annotation.tar, images.tar, lists.tar into DIR/downloads/manual, "
        "set data.data_dir= to a folder where TFDS has prepared it, or use images of your own with "
        "data.source=folder:PATH"
    )


def test_wrong_archive_is_refused(tmp_path: Path) -> None:
    stanford_dogs.write_archives(tmp_path / "downloads" / "manual", train=1)
    said = refusal("stanford_dogs", tmp_path)
    assert said.startswith("stanford_dogs: TFDS can't download and prepare the data set: Artifact http://vision")
    assert "has wrong checksum" in said


@pytest.mark.slow
def test_damaged_records_are_said(tmp_path: Path) -> None:
    stanford_dogs.prepare(tmp_path, train=1)
    records = next(tmp_path.glob("stanford_dogs/*/*-test.tfrecord*"))
    records.write_bytes(records.read_bytes()[:-500])
    with pytest.raises(UserError, match=r"^stanford_dogs: the files of the split test are damaged: .*truncated"):
        sources.open_source(Data(data_dir=str(tmp_path))).splits["test"].listing()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_each_type_of_image_feature(tmp_path: Path, dtype: str) -> None:
    """TFDS keeps floats as a PNG of their bits: only TFDS can read that."""
    import tensorflow_datasets as tfds

    ramp = np.tile(np.arange(256, dtype=np.dtype(dtype)), (256, 1))[..., None]
    image = tfds.features.Image(shape=(256, 256, 1), dtype=np.dtype(dtype))
    features = tfds.features.FeaturesDict({"image": image, "label": tfds.features.ClassLabel(num_classes=2)})
    with tfds.core.registered.skip_registration():

        class Ramps(tfds.core.GeneratorBasedBuilder):  # type: ignore[misc]
            VERSION = tfds.core.Version("1.0.0")

            def _info(self) -> Any:
                return tfds.core.DatasetInfo(builder=self, features=features, supervised_keys=("image", "label"))

            def _split_generators(self, _: Any) -> Any:
                return {"train": self._generate_examples()}

            def _generate_examples(self) -> Any:
                yield from ((i, {"image": ramp, "label": i}) for i in range(2))

    builder = Ramps(data_dir=tmp_path)
    builder.download_and_prepare()
    keys = tfds_features.keys(Data(source="ramps"), builder.info.features, builder.info.supervised_keys)
    labels = tfds_reading.Labels(builder, ["train"], keys.label)
    examples = tfds_reading.Reading(builder, keys, ["train"]).examples("train", labels)
    extents = {str(index): extent for index, extent in decode.extents(examples)}
    kinds = {"uint8": set(), "uint16": {"16-bit"}, "float32": {"float"}}
    assert {extent.kind for extent in extents.values()} == kinds[dtype]
    data = Data(source="digits", image_size=256)
    (chunk,) = decode.decode(examples, data, grey.ranges("ramps", extents))
    assert np.array_equal(chunk.images[..., 0], [ramp[..., 0]] * 2)


def test_foreign_code_is_fetched_only_where_the_environment_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("tensorflow_datasets.builder", lambda source, **_: asked.append(source))
    monkeypatch.setenv(tfds.NAMESPACES, "huggingface,other")
    with pytest.raises(
        UserError, match=r"'kubric:movi_a' is of the namespace kubric: .* AUGEXP_TFDS_NAMESPACES=kubric"
    ):
        tfds._builder(Data(source="kubric:movi_a"))
    for source in ("huggingface:mnist/mnist", "mnist:3.0.1", "mnist:3.*.*", "mnist/full:*.*.*"):
        tfds._builder(Data(source=source))
    assert asked == ["huggingface:mnist/mnist", "mnist:3.0.1", "mnist:3.*.*", "mnist/full:*.*.*"]
