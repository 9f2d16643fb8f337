"""A study asks for something, once, in plain numbers and names; else it is told so before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebnn.errors import ConfigError
from edgebnn.study.config import load_study
from edgebnn.study.plan import make_plan

MODELS = Path(__file__).parents[2] / "config" / "models"
STUDY = f"""\
study: s
models: {MODELS}
experiments:
- name: a
  dataset: digits
  model: mlp
  methods: [proposed]
  seeds: [0]
  emulate: {{epochs: 2}}
  device: {{boards: [virtual]}}
memory:
- {{dataset: digits, model: mlp}}
"""


def said(text: str, folder: Path) -> str:
    """What is said against a study; empty if it is planned."""
    path = folder / "my.yaml"
    path.write_text(text, newline="")
    try:
        make_plan(load_study(path), {"virtual": ["v1"]})
    except ConfigError as error:
        return str(error).replace(str(path), "F")
    return ""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("methods: [proposed]", "methods: [bare]\n  optimizer: {kind: sgd}",
         "experiment 'a': method 'bare': weight_dtype: bool keeps no weight that optimizer.kind: sgd could move; allowed are bop"),
        ("  device: {boards: [virtual]}\n", "  baseline: {}\n", "experiment 'a': 'baseline:' takes its boards and its batch size from 'device:', which is not there"),
        ("seeds: [0]", "baseline: {networks: [float32, float32]}", "experiment 'a': baseline.networks: float32 stands twice"),
        ("seeds: [0]", "baseline: {networks: [binary]}", "baseline.networks.0: Input should be 'standard' or 'float32'"),
        ("seeds: [0]", "baseline: {batches: 0}", "experiments.0.baseline.batches: Input should be greater than or equal to 1"),
        ("seeds: [0]", "baseline: {}\n  optimizer: {kind: bop}", "experiment 'a': optimizer.kind: found 'bop', which plain Keras does not have; with 'baseline:' allowed are adam, sgd"),
        ("seeds: [0]", "seeds: [1, 0, 1]", "experiment 'a': seeds: 1 stands twice"),
        ("boards: [virtual]", "boards: [virtual, virtual]", "experiment 'a': device.boards: virtual stands twice"),
        ("  emulate: {epochs: 2}\n  device: {boards: [virtual]}\n", "", "experiment 'a': trains nothing"),
        ("- {dataset: digits, model: mlp}\n", 2 * "- {dataset: digits, model: mlp}\n", "memory: row 2 (digits mlp)"),
        ("name: a", "name: memory-digits-mlp", "a row under 'memory:' has this name"),
        ("epochs: 2", "epochs: 010", "F: line 9: found 010, which YAML reads as 8; write a plain number"),
        ("epochs: 2", "epochs: 1:30", "F: line 9: found 1:30, which YAML reads as 90; write"),
        ("epochs: 2", "epochs: 1:30.5", "F: line 9: found 1:30.5, which YAML reads as 90.5"),
        ("epochs: 2", "epochs: 1e3", "epochs: a whole number is wanted, without point, exponent and quotes (found 1000.0)"),
        ("seeds: [0]", "seeds: 0-9", "F: line 8: experiments.0.seeds: a list is wanted, as in [0, 1, 2] (found '0-9')"),
        ("seeds: [0]", "seeds: [0-9]", "F: line 8: experiments.0.seeds.0: a whole number is wanted"),
        ("[virtual]", "virtual", "device.boards: a list is wanted, as in [a, b] (found 'virtual')"),
        ("study: s", "study: no", "F: line 1: study: a text is wanted, and YAML reads something else here: put it in quotes (found False)"),
        ("study: s", "study: 2021", "study: a text is wanted"),
        ("study: s", "study: 2026-11-26", "study: a text is wanted"),
        ("name: a", "name: größe", "experiments.0.name: a name is of letters without accents"),
        ("name: a", "name: a/b", "experiments.0.name: a name is of letters without accents"),
        ("name: a", f"name: {'x' * 65}", "at most 64 characters"),
        ("[proposed]", "[{name: x, preset: [a]}]", "unknown preset '['a']'"),
        ("[proposed]", "[{name: x}]", "experiments.0.methods.0: a 'preset' is missing; presets are standard"),
        ("[proposed]", "[{name: x, preset: lean, switches: {ste: clip}}]", "unknown switch 'switches'"),
        ("[proposed]", "[{name: x, preset: lean, 3: 4}]", "unknown switch '3'"),
        ("seeds: [0]", "optimizer: {schedule: step}", "schedule: a mapping of keys is wanted (found 'step')"),
        ("seeds: [0]", "optimizer: {schedule: {factor: 0.5, every: 3}}", "schedule: 'kind' is missing"),
        ("seeds: [0]", "optimizer: {learning_rate: .nan}", "learning_rate: a finite number is wanted (found nan)"),
        ("seeds: [0]", "optimizer: {learning_rate: '0.1'}", "learning_rate: a number is wanted, without quotes (found '0.1')"),
        ("study: s\n", "study: s\nresults: [a]\n", "results: a text is wanted (found ['a'])"),
        ("  model: mlp\n", "  model: mlp.yaml\n", "mlp.yaml.yaml (say 'mlp', without the ending)"),
        ("study: s\n", "study: s\ndata_dir: /nowhere\n", "data_dir: /nowhere: No such file or directory; wanted is a folder"),
        ("study: s\n", f"study: s\ndata_dir: {__file__}\n", "Not a directory; wanted is a folder"),
        (f"models: {MODELS}", "models: /nowhere", "model 'mlp': no such file /nowhere/mlp.yaml"),
    ],
)  # fmt: skip
def test_refused(
    old: str, new: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGEBNN_DATA_DIR", raising=False)
    assert old in STUDY
    found = said(STUDY.replace(old, new), tmp_path)
    assert words in found
    assert "\n" not in found


@pytest.mark.parametrize("rest", ["", "experiments: []\n", "experiments: []\nmemory: []\n"])
def test_a_study_of_nothing(rest: str, tmp_path: Path) -> None:
    assert "study 's' asks for nothing: list an experiment" in said(f"study: s\n{rest}", tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n", "\r\n"),
        ("epochs: 2", "epochs: 1_000"),
        ("epochs: 2", "epochs: 0x10"),
        ("seeds: [0]", "seeds: [0, 10]"),
        ("name: a", "name: 'no'"),
        ("name: a", f"name: {'x' * 64}"),
        ("methods: [proposed]", "methods: [proposed, {name: again, preset: proposed}]"),
        ("  emulate: {epochs: 2}\n", "  emulate: {}\n"),
    ],
)
def test_taken(old: str, new: str, tmp_path: Path) -> None:
    assert said(STUDY.replace(old, new), tmp_path) == ""


def test_a_model_file_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "mlp.yaml").mkdir()
    text = STUDY.replace(str(MODELS), str(tmp_path))
    assert "mlp.yaml: Is a directory" in said(text, tmp_path)


def test_a_model_file_of_another_ending(tmp_path: Path) -> None:
    (tmp_path / "mlp.yml").touch()
    text = STUDY.replace(str(MODELS), str(tmp_path))
    assert "mlp.yaml (rename mlp.yml); models there: " in said(text, tmp_path)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("{dense: true}", "layer 2 (dense): units: a whole number is wanted, without point, exponent and quotes (found True)"),
        ("{dense: '10'}", "layer 2 (dense): units: a whole number"),
        ("dense", "layer 2 (dense): units: Field required"),
        ("{conv: {filter: 3}}", "layer 2 (conv): filter: unknown key (did you mean 'filters'?); keys here are filters, "),
        ("{flatten: 3}", "layer 2 (flatten): found 3 for its arguments"),
        ("{dense: 10, batch_norm: }", "layer 2: found {'dense': 10, 'batch_norm': None}; a layer is one name"),
    ],
)  # fmt: skip
def test_a_layer(layer: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "mlp.yaml").write_text(
        f"input: [8, 8, 1]\nlayers: [flatten, {layer}, batch_norm]\n"
    )
    text = STUDY.replace(str(MODELS), str(tmp_path))
    assert f"mlp.yaml: line 2: {words}" in said(text, tmp_path)


def test_a_data_folder_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEBNN_DATA_DIR", str(tmp_path / "no"))
    assert said(STUDY, tmp_path).startswith(f"EDGEBNN_DATA_DIR: {tmp_path}/no: No such file")
