"""A mistake is named with its file, its line and its key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebnn.errors import ConfigError
from edgebnn.study.config import load_study, parse_study
from edgebnn.study.model_file import load_network
from edgebnn.study.plan import make_plan
from edgebnn.study.yaml_lines import line_of

STUDY = """\
# a study
study: s

experiments:
  - name: a
    dataset: digits
    model: mlp
    methods:
      - standard
      - {name: x, preset: proposed, gradient_dtype: f8}
    seeds: [0,
      -1]
    optimizer:
      learning_rate: fast
      schedule:
        kind: step
        factor: 2.0
        every: 1
    emulate: &emulation
      epochs: 0
"""


def mistakes(text: str, folder: Path) -> list[str]:
    path = folder / "my.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_study(path)
    return [line.removeprefix(f"{path}: ") for line in str(caught.value).splitlines()]


def test_each_mistake_has_its_line(tmp_path: Path) -> None:
    said = [line.split(": ")[:2] for line in mistakes(STUDY, tmp_path)]
    assert said == [
        ["line 10", "experiments.0.methods.1.switches.gradient_dtype"],
        ["line 12", "experiments.0.seeds.1"],
        ["line 14", "experiments.0.optimizer.learning_rate"],
        ["line 17", "experiments.0.optimizer.schedule.factor"],
        ["line 20", "experiments.0.emulate.epochs"],
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("study: s\nexperiment: []\n", "line 2: experiment: unknown key"),
        ("study: s\nexperiments:\n- name: a\n", "line 3: experiments.0.dataset: Field required"),
        ("experiments: []\n", "study: Field required"),  # stands nowhere
        ("study: s\r\nresults: 3\r\n", "line 2: results: "),
        ("\ufeffstudy: s\nresults: 3\n", "line 2: results: "),
        ('{"study": "s",\n "results": 3}\n', "line 2: results: "),
        ("study: s\nmemory:\n- &m {dataset: d, model: m, batch_size: 0}\n- *m\n", "line 3: memory.0.batch_size: "),
        ("study: s\nmemory:\n- &m\n  batch_size: 0\n- {<<: *m, dataset: d, model: m}\n", "line 3: memory.0.dataset"),
        ("", "a mapping of keys is wanted (found nothing)"),
        ("- a\n", "a mapping of keys is wanted (found ['a'])"),
    ],
)  # fmt: skip
def test_mistakes(text: str, words: str, tmp_path: Path) -> None:
    assert mistakes(text, tmp_path)[0].startswith(words)


def test_a_merged_key_has_the_line_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("a: &a\n  x: 1\nb:\n  <<: *a\n  y: 2\nc:\n  <<: [*a]\n")
    assert [line_of(place, path) for place in ("bx", "by", "cx", "b", "z")] == [2, 5, 2, 3, None]


def test_of_several_files_the_last_that_has_the_key(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("study: s\nmemory:\n- {dataset: d}\nresults: 3\n")
    second.write_text("# more\n\n\nmemory:\n- {dataset: d, model: m, batch_size: 0}\n")
    merged: dict[str, Any] = {
        **yaml.safe_load(first.read_text()),
        **yaml.safe_load(second.read_text()),
    }
    with pytest.raises(ConfigError) as caught:
        parse_study({**merged, "farm": 4}, "both", [first, second])
    assert [re.split(": (?:Input|a text)", line)[0] for line in str(caught.value).splitlines()] == [
        f"{second}: line 5: memory.0.batch_size",
        f"{first}: line 4: results",
        "both: farm",  # of the command line
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- name: a\n  dataset: digit\n", "line 3: experiment 'a': unknown data set 'digit'"),
        ("- {name: a, dataset: digits, seeds: [1, 1]}\n", "line 3: experiment 'a': seeds: 1 stands twice"),
        ("- {name: a, dataset: digits}\n- {name: b, dataset: mnist, model: m}\n", "line 4: experiment 'b': model 'm'"),
    ],
)  # fmt: skip
def test_what_the_plan_refuses_has_the_line_of_its_experiment(
    text: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(f"study: s\nexperiments:\n{text}")
    document = yaml.safe_load(path.read_text())
    usual = {"model": "mlp", "methods": ["lean"], "emulate": {}}
    document["experiments"] = [usual | experiment for experiment in document["experiments"]]
    with pytest.raises(ConfigError, match=f"^{path}: {words}"):
        make_plan(parse_study(document, "my.yaml"), {}, [path])


def test_a_value_of_the_command_line_has_no_line(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("study: s\nresults: x\n")
    with pytest.raises(ConfigError, match=rf"^{path}: results: "):
        parse_study({"study": "s", "results": 3}, str(path), [path])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("input: [8, 8, 1]\nlayers:\n- flatten\n- dense: 0\n- batch_norm\n", "line 4: layer 2 (dense): units: "),
        ("input: [8, 8, 1]\nlayers:\n- flatten\n- dens: 3\n", "line 4: layer 2: unknown layer 'dens'"),
        ("input: [8, 8]\nlayers: [flatten, dense: 10, batch_norm]\n", "line 1: input: "),
        ("input: [8, 8, 1]\nlayers:\n- dense: 3\n- batch_norm\n", "line 3: layer 1 (dense): needs flat"),
        ("input: [8, 8, 1]\nlayers:\n- flatten\n- dense: 3\n- sign\n", "line 5: layer 3 (sign): the last layer"),
        ("input: [8, 8, 1]\nlayer: 3\nlayers: []\n", "line 2: unknown key 'layer'"),
        ("input: [8, 8, 1]\nlayers:\n- residual:\n    layers:\n    - conv: 4\n    - conv: {filters: 4, kernel: 2}\n", "line 6: layer 1.2 (conv): kernel 2 is even"),
        ("input: [8, 8, 1]\nlayers:\n- residual:\n    layers: [{conv: 4}]\n    shortcut:\n    - conv: 0\n", "line 6: layer 1.s1 (conv): filters"),
        ("", "a model is a mapping"),
    ],
)  # fmt: skip
def test_a_model_files_mistakes_have_their_line(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_network("m", tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/m.yaml: {words}")
