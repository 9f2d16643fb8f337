"""A recipe by JAX alone: the rows of the study, and the steps that the stage `emulate` takes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgebnn.bench.recipes.__main__ import main, recipe, write_curves
from edgebnn.errors import ConfigError

ROOT = Path(__file__).parents[2]

SAME_STEPS = """
import sys
sys.modules["tensorflow"] = None  # whoever imports it fails
from edgebnn.emulation.backend import prepare_jax
prepare_jax(1)
import numpy as np
from edgebnn.bench.recipes.__main__ import recipe
from edgebnn.bench.recipes.train import train
from edgebnn.data.datasets import Split
from edgebnn.emulation.batches import training_images
from edgebnn.emulation.model import compiled_model
from edgebnn.study.model_file import parse_network

layers = ["flatten", {"dense": 32}, "batch_norm", "sign", {"dense": 10}, "batch_norm"]
network = parse_network({"input": [8, 8, 3], "layers": layers}, "test")
run = recipe("cifar10-cnv", epochs=6)
run = run.model_copy(update={"network": network, "batch_size": 50, "epochs": 2})
rng = np.random.default_rng(7)
images, labels = rng.integers(0, 256, (330, 8, 8, 3), np.uint8), rng.integers(0, 10, 330, np.uint8)
split = Split(images, labels)
rows = list(train(run, split, {"validation": Split(images[:70], labels[:70])}))
assert [row["epoch"] for row in rows] == [1, 2]
model = compiled_model(run)
for epoch, row in enumerate(rows):
    model.optimizer.learning_rate = row["learning_rate"]
    losses = []
    for x, y in training_images(run, split, epoch, epoch + 1):
        model.reset_metrics()
        losses.append(model.train_on_batch(x.astype("float32") * 2 - 255, y.astype("int32"))[0])
    assert len(losses) == 6
    np.testing.assert_allclose(row["loss"], np.mean(losses), rtol=1e-5)
logits = np.asarray(model(images[:70].astype("float32") * 2 - 255, training=False))
assert rows[-1]["validation"] == np.mean(logits.argmax(1) == labels[:70])
"""


@pytest.mark.slow
def test_it_takes_the_steps_of_the_emulation_and_no_tensorflow():
    environment = {k: v for k, v in os.environ.items() if k != "PJRT_NPROC"}
    done = subprocess.run(
        [sys.executable, "-c", SAME_STEPS],
        env={**environment, "KERAS_BACKEND": "jax"},
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_a_recipe_is_the_studys(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    run = recipe("cifar10-binarynet")
    assert (run.model, run.method, run.epochs, run.backend) == ("binarynet", "proposed", 100, "jax")
    assert (run.augmentation.shift, run.optimizer.schedule.warmup) == (0.125, 5)
    assert recipe("cifar10-cnv", "lean", 7).epochs == 7
    with pytest.raises(
        ConfigError, match="recipe: found 'cnv', allowed are mnist-mlp, cifar10-cnv, "
    ):
        recipe("cnv")
    with pytest.raises(ConfigError, match="--method: found 'bare', allowed are proposed, lean"):
        recipe("cifar10-cnv", "bare")


def test_a_line_an_epoch(tmp_path, capsys):
    rows = [{"epoch": 1, "loss": 1 / 3}, {"epoch": 2, "loss": 0.25}]
    write_curves(tmp_path / "curves.csv", "a GPU", iter(rows))
    assert (tmp_path / "curves.csv").read_text() == "# a GPU\nepoch,loss\n1,0.33333\n2,0.25\n"
    assert capsys.readouterr().err == "epoch 1, loss 0.33333\nepoch 2, loss 0.25\n"
    with pytest.raises(ConfigError, match=r"--output: .*curves\.csv: File exists"):
        write_curves(tmp_path / "curves.csv", "another", iter(rows))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--epochs", "0"], "--epochs: found 0, allowed are 1 to 1000000"),
        ([], "none.ebd: cannot be read"),
    ],
)
def test_what_is_wrong_is_told_before_it_trains(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    files = ["--data", str(tmp_path / "none.ebd"), "--output", str(tmp_path / "curves.csv")]
    monkeypatch.setattr(os, "environ", dict(os.environ))  # main() sets what JAX reads
    assert main(["cifar10-cnv", *files, *words]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "curves.csv").exists()
