"""A trained network leaves the trainer: predictions are those of evaluation, here and in ONNX."""

import json
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from edgebnn.data.datasets import Packed, Split, read_packed, write_packed
from edgebnn.errors import ConfigError
from edgebnn.trainer.export import export_onnx
from edgebnn.trainer.network_file import read_network
from edgebnn.weights import write_initial_weights

CASES: dict[str, dict[str, Any]] = {
    "mlp": {},
    "conv": {"network": "conv"},
    "stride": {"network": "stride"},
    "valid": {
        "layers": (
            "conv 7 3 1 valid", "batch_norm", "sign", "max_pool 2", "conv 65 1 1 same",
            "batch_norm", "sign", "flatten", "dense 4", "batch_norm",
        ),
    },
    "flat convolutions": {  # no dense layer: the last product is pooled to one position
        "layers": (
            "conv 70 3 1 same", "batch_norm", "sign", "conv 4 3 2 same", "max_pool 2",
            "batch_norm", "sign", "conv 4 1 1 same", "batch_norm",
        ),
    },
    "one layer": {"layers": ("flatten", "dense 4", "batch_norm")},
    "standard": {"network": "conv", "preset": "standard"},
    "l1": {"network": "stride", "keys": {"activations": "f32", "batch_norm": "l1"}},
    "l2": {"keys": {"activations": "f32", "batch_norm": "l2"}},
    "lean": {"network": "conv", "preset": "lean"},
    "bop": {"network": "conv", "keys": {"optimizer": "bop", "gamma": 0.01, "tau": 1e-4}},
}  # fmt: skip


@pytest.fixture(params=CASES, ids=str)
def exported(job: Any, request: pytest.FixtureRequest) -> Any:
    """A job that was trained, its record, and the network's file."""
    for name, value in CASES[request.param].items():
        setattr(job, name, value)
    job.keys = {"epochs": 2, **job.keys}
    network = job.folder / "network.ebn"
    return job, job.record("--export", network), network


def predict(
    job: Any, network: Path, *options: object, data: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = [job.program, "--predict", network, "--data", data or job.data, *options]
    return subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True)


def labels_of(job: Any, network: Path, *options: object) -> Any:
    """The predictions' labels, and the line that tells of them."""
    output = job.folder / "labels.txt"
    done = predict(job, network, "--output", output, *options)
    assert done.returncode == 0, done.stderr
    return np.array(output.read_text().split(), np.int64), json.loads(done.stdout)


def test_the_same_predictions(exported: Any) -> None:
    job, record, network = exported
    test = read_packed(job.data).test
    labels, line = labels_of(job, network)
    assert line["event"] == "predictions"
    assert line["images"] == len(labels) == len(test.labels)
    assert line["accuracy"] == record["metrics"]["test_accuracy"]
    assert line["accuracy"] == pytest.approx(np.mean(labels == test.labels))
    assert len(set(labels)) > 1
    again, _ = labels_of(job, network, "--threads", 3)
    assert (again == labels).all()
    model = job.folder / "network.onnx"
    export_onnx(network, model)
    logits, found = run_onnx(model, test.images)
    assert (found == labels).all()
    assert (logits.argmax(axis=1) == labels).all()


def run_onnx(model: Path, images: Any) -> Any:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(["logits", "label"], {"image": np.ascontiguousarray(images)})


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_onnx_is_standard_and_small(job: Any, network: str) -> None:
    job.network, job.keys = network, {"epochs": 1}
    trained, model = job.folder / "network.ebn", job.folder / "network.onnx"
    job.record("--export", trained)
    export_onnx(trained, model)
    loaded = onnx.load(model)
    onnx.checker.check_model(loaded, full_check=True)
    assert [entry.domain for entry in loaded.opset_import] == [""]
    assert {node.domain for node in loaded.graph.node} == {""}
    weights = [a for a in loaded.graph.initializer if a.name.endswith("_weights")]
    assert {a.data_type for a in weights} == {onnx.TensorProto.INT8}
    assert {v for a in weights for v in onnx.numpy_helper.to_array(a).flat} == {-1, 1}
    first = model.read_bytes()
    export_onnx(trained, model)
    assert model.read_bytes() == first


def test_any_number_of_images(job: Any) -> None:
    job.keys = {"epochs": 1}
    network, model = job.folder / "network.ebn", job.folder / "network.onnx"
    job.record("--export", network)
    export_onnx(network, model)
    images = np.array(read_packed(job.data).test.images)
    whole, _ = run_onnx(model, images)
    for count in 1, 7:
        part, _ = run_onnx(model, images[:count])
        assert (part == whole[:count]).all()
    data = job.folder / "few.ebd"
    packed = read_packed(job.data)
    for count in 0, 1, 7:
        test = Split(packed.test.images[:count], packed.test.labels[:count])
        write_packed(data, Packed(packed.classes, packed.train, packed.validation, test))
        line = json.loads(predict(job, network, data=data).stdout)
        assert line["images"] == count
        assert ("accuracy" in line) == (count > 0)


def test_a_network_of_another_shape_is_refused(job: Any) -> None:
    job.keys = {"epochs": 1}
    network, data = job.folder / "network.ebn", job.folder / "other.ebd"
    job.record("--export", network)
    rng = np.random.default_rng(0)
    for shape, classes, said in (
        ((6, 5, 1), 4, "takes images of 6x5x2, but"),
        ((6, 5, 2), 5, "tells 4 classes apart, but"),
    ):
        split = Split(
            rng.integers(0, 256, (9, *shape)).astype(np.uint8), np.zeros(9, dtype=np.uint8)
        )
        write_packed(data, Packed(classes, split, split, split))
        done = predict(job, network, "--output", job.folder / "labels.txt", data=data)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert str(network) in done.stderr and said in done.stderr and str(data) in done.stderr
        assert not list(job.folder.glob("labels*"))


def test_damaged_and_foreign_files_are_refused(job: Any) -> None:
    job.keys = {"epochs": 1}
    network, bad = job.folder / "network.ebn", job.folder / "bad.ebn"
    job.record("--export", network)
    good = network.read_bytes()
    flipped = [bytes([*good[:at], good[at] ^ 4, *good[at + 1 :]]) for at in range(len(good))]
    for at, content in enumerate(flipped):  # the trainer's unit tests do the same on its side
        bad.write_bytes(content)
        with pytest.raises(ConfigError, match=str(bad)):
            read_network(bad)
        if at % 100:
            continue
        done = predict(job, bad)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert str(bad) in done.stderr
    for content, said in (
        (good[:-9], "cut short"), (good[:20], "cut short"), (b"", "cut short"),
        (job.data.read_bytes(), "not a trained network"),
        (forged(good, 8, b"\3"), "version 3"),
        (forged(good, 8, b"\1"), "its layers need"),
        (forged(good, 24, b"\7"), "7 classes, but its layers give 4"),
        (forged(good, 32, b"x"), "layer 1"),
        (forged(good, 28, b"\xff\xff"), "65535 layers do not fit into it"),
    ):  # fmt: skip
        bad.write_bytes(content)
        with pytest.raises(ConfigError, match=said):
            read_network(bad)
        done = predict(job, bad)
        assert done.returncode == 2
        assert said in done.stderr
    done = predict(job, job.folder / "none.ebn")
    assert (done.returncode, "none.ebn: cannot be read: No such file" in done.stderr) == (2, True)


def forged(content: bytes, at: int, value: bytes) -> bytes:
    """Some bytes changed, the checksum set right."""
    body = content[:at] + value + content[at + len(value) : -4]
    return body + zlib.crc32(body).to_bytes(4, "little")


def test_products_beyond_float32_are_refused_by_onnx(job: Any, tmp_path: Path) -> None:
    """Images of 65,800 pixels: sums of up to 255 times that."""
    rng = np.random.default_rng(0)
    split = Split(
        rng.integers(0, 256, (4, 200, 329, 1)).astype(np.uint8), np.arange(4, dtype=np.uint8)
    )
    job.data = tmp_path / "large.ebd"
    write_packed(job.data, Packed(4, split, split, split))
    job.keys = {"epochs": 1, "batch_size": 4, "input": "200 329 1"}
    job.layers = ("flatten", "dense 4", "batch_norm")
    network, model = tmp_path / "network.ebn", tmp_path / "network.onnx"
    job.record("--export", network)
    labels, _ = labels_of(job, network)
    assert len(labels) == 4
    with pytest.raises(ConfigError, match=r"product 1: 65800 inputs .* beyond 2\^24"):
        export_onnx(network, model)
    assert not model.exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--run", "a.run"),
        ("--steps", "1"),
        ("--plan",),
        ("--json",),
        ("--dump", "d"),
        ("--profile", "p"),
        ("--export", "e"),
    ],
    ids=lambda options: options[0],
)
def test_predicting_is_not_training(job: Any, options: tuple[str, ...]) -> None:
    done = predict(job, Path("network.ebn"), *options)
    assert done.returncode == 2
    assert "--predict: goes with --data, --output and --threads alone" in done.stderr


def test_an_export_that_cannot_be_written_is_refused_before_work(job: Any) -> None:
    done = job.train("--export", job.folder / "none" / "network.ebn")
    assert done.returncode == 2
    assert "network.ebn: cannot be written: No such file" in done.stderr
    assert done.stdout == ""


def test_a_file_of_version_1(job: Any) -> None:
    """It ended behind the last block: predictions are the same, but nothing can begin from it."""
    job.keys = {"epochs": 1}
    network, old = job.folder / "network.ebn", job.folder / "old.ebn"
    job.record("--export", network)
    good = network.read_bytes()
    statistics = 12 * (33 + 65 + 4)
    body = good[:8] + b"\1" + good[9 : -4 - statistics]
    old.write_bytes(body + zlib.crc32(body).to_bytes(4, "little"))
    assert (labels_of(job, old)[0] == labels_of(job, network)[0]).all()
    export_onnx(old, job.folder / "old.onnx")
    assert read_network(old).statistics == ()
    with pytest.raises(ConfigError, match="version 1 has no statistics"):
        write_initial_weights(old, job.folder / "a.ebw")
