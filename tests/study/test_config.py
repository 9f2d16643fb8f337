"""A configuration is refused with file, key, value and what is allowed, or understood."""

import pytest

from edgebnn.errors import ConfigError
from edgebnn.study.config import Study, parse_study
from edgebnn.study.switches import PRESETS, methods_of

EXPERIMENT = {"name": "a", "dataset": "digits", "model": "mlp", "methods": ["standard"]}


def study(**changes: object) -> Study:
    return parse_study({"study": "s", "experiments": [{**EXPERIMENT, **changes}]}, "my.yaml")


def test_short_forms_and_defaults() -> None:
    experiment = study(
        methods=["proposed", {"name": "f32", "preset": "proposed", "gradient_dtype": "f32"}]
    ).experiments[0]
    assert experiment.methods[0].switches == PRESETS["proposed"]
    assert experiment.methods[1].switches.gradient_dtype == "f32"
    assert experiment.optimizer.kind == "adam"
    assert experiment.seeds == (0,)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"datset": "x"}, ["my.yaml: experiments.0.datset", "did you mean 'dataset'"]),
        ({"emulate": {"epoch": 3}}, ["experiments.0.emulate.epoch", "did you mean 'epochs'"]),
        ({"emulate": {"epochs": 0}}, ["experiments.0.emulate.epochs", "found 0", "greater than or equal to 1"]),
        ({"emulate": {"epochs": "many"}}, ["experiments.0.emulate.epochs", "'many'"]),
        ({"methods": []}, ["experiments.0.methods"]),
        ({"methods": ["propsed"]}, ["unknown preset 'propsed'", "did you mean 'proposed'", "lean"]),
        ({"methods": [{"preset": "proposed", "name": "x", "gradient_type": "f32"}]}, ["unknown switch 'gradient_type'", "gradient_dtype"]),
        ({"methods": [{"preset": "proposed", "name": "x", "gradient_dtype": "f8"}]}, ["gradient_dtype", "'f8'", "'f16'"]),
        ({"methods": [{"preset": "proposed", "gradient_dtype": "f32"}]}, ["needs a 'name'"]),
        ({"methods": [{"preset": "proposed", "name": "x", "batch_norm": "l2"}]}, ["keeps no real activations"]),
        ({"methods": ["standard", "standard"]}, ["'standard' stands twice"]),
        ({"optimizer": {"schedule": {"kind": "cosine", "floor": 0.1}}}, ["schedule.floor: found 0.1", "0.001"]),
        ({"optimizer": {"schedule": {"kind": "cosine", "warmup": 3}}, "emulate": {"epochs": 3}}, ["schedule.warmup: found 3", "3 epochs of emulate"]),
        ({"optimizer": {"schedule": {"kind": "constant", "warmup": -1}}}, ["schedule", "warmup", "-1"]),
        ({"augmentation": {"fill": "zero"}}, ["experiments.0.augmentation", "fill: found 'zero'", "'shift'"]),
        ({"optimizer": {"kind": "adamw"}}, ["experiments.0.optimizer.kind", "'adam'", "'adamw'"]),
        ({"optimizer": {"schedule": {"kind": "step", "factor": 0.5}}}, ["every", "required"]),
        ({"optimizer": {"learning_rte": 1}}, ["learning_rte", "did you mean 'learning_rate'"]),
        ({"augmentation": {"shift": 0.5}}, ["experiments.0.augmentation.shift", "found 0.5", "less than 0.5"]),
        ({"augmentation": {"flp": True}}, ["experiments.0.augmentation.flp", "did you mean 'flip'"]),
        ({"name": "../up"}, ["experiments.0.name", "../up"]),
        ({"seeds": [-1]}, ["experiments.0.seeds.0", "found -1"]),
    ],
)  # fmt: skip
def test_mistakes_are_located_and_explained(changes: dict[str, object], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        study(**changes)
    for word in words:
        assert word.lower() in str(caught.value).lower()


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        study(seeds=[-1], nme="x", emulate={"epochs": 0})
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("document", [None, [], "text", 3])
def test_something_else_than_a_mapping(document: object) -> None:
    with pytest.raises(ConfigError, match=r"my\.yaml"):
        parse_study(document, "my.yaml")


def test_an_experiment_name_stands_once() -> None:
    with pytest.raises(ConfigError, match="'a' stands twice"):
        parse_study({"study": "s", "experiments": [EXPERIMENT, EXPERIMENT]}, "my.yaml")


def test_switches_from_the_command_line() -> None:
    methods = methods_of(["standard", "proposed"], ["gradient_dtype=i8"])
    assert methods["standard"] == PRESETS["standard"]
    assert methods["proposed gradient_dtype=i8"].gradient_dtype == "i8"
    with pytest.raises(ConfigError, match="did you mean 'ste'"):
        methods_of(["proposed"], ["stee=clip"])
    with pytest.raises(ConfigError, match="allowed are clip, identity"):
        methods_of(["proposed"], ["ste=soft"])
    with pytest.raises(ConfigError, match="proposed with batch_norm=l1: activations: bool keeps"):
        methods_of(["proposed"], ["batch_norm=l1"])


def test_a_path_begins_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/h/ann")
    keys = ("results", "farm", "models", "data_dir")
    read = parse_study({"study": "s", **{key: f"~/{key}" for key in keys}}, "my.yaml")
    assert [getattr(read, key) for key in keys] == [f"/h/ann/{key}" for key in keys]


@pytest.mark.parametrize(
    "path", ["a b", "it's", 'say "x"', "a;b", "a&b", "$HOME/x", "-rf", "*", "#1", "50%", "größe"]
)
def test_a_path_is_taken_as_it_is(path: str) -> None:
    assert parse_study({"study": "s", "results": path, "data_dir": path}, "my.yaml").results == path


@pytest.mark.parametrize(
    ("key", "path", "words"),
    [
        ("results", "a{b}", "without '{'"),
        ("results", "a}b", "without '}'"),
        ("results", "what?", "without '?'"),
        ("results", "", "empty"),
        ("data_dir", " ", "empty"),
        ("farm", "a\nb", "printable"),
        ("models", "a\tb", "printable"),
        ("data_dir", "~no-one-here/x", "no user 'no-one-here' here"),
        ("results", None, "a text is wanted"),
        ("results", ["a"], "a text is wanted"),
    ],
)
def test_a_path_that_cannot_be(key: str, path: object, words: str) -> None:
    with pytest.raises(ConfigError, match=f"my.yaml: {key}: ") as caught:
        parse_study({"study": "s", key: path}, "my.yaml")
    assert words in str(caught.value)


NOT_WHOLE = [True, "10", 1.5, 0, -1, None, float("nan"), float("inf"), 1 << 40]
NOT_RATES = [True, "0.1", 0, 0.0, -1e-3, None, float("nan"), float("inf"), 1e39, 1e-40]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        *(({part: {key: value}}, f"{part}.{key}") for value in NOT_WHOLE for part in ("emulate", "device") for key in ("epochs", "batch_size")),
        *(({"optimizer": {"schedule": {"kind": "step", "factor": 0.5, "every": value}}}, "every") for value in NOT_WHOLE),
        *(({"optimizer": {"learning_rate": value}}, "learning_rate") for value in NOT_RATES),
        *(({"optimizer": {"kind": "bop", "tau": value}}, "tau") for value in (True, "1", -1, float("inf"), None)),
        *(({"seeds": [value]}, "seeds.0") for value in (True, "1", 0.5, -1, 1 << 63, None)),
        ({"seeds": 3}, "seeds"),
        ({"augmentation": {"flip": 1}}, "flip"),
        ({"augmentation": {"flip": "yes"}}, "flip"),
        *(({part: {"profile": value}}, f"{part}.profile") for part in ("device", "baseline") for value in (1, "yes")),
        ({"augmentation": {"shift": False}}, "shift"),
        *(({"optimizer": {"kind": kind, key: 1e-3}}, f"'{key}' is a key of bop alone; kind is {kind}") for kind in ("sgd", "adam") for key in ("gamma", "tau")),
    ],
)  # fmt: skip
def test_a_number_is_a_number_within_its_bounds(changes: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError, match=r"my\.yaml: experiments\.0\.") as caught:
        study(**changes)
    assert key in str(caught.value)


def test_a_rate_without_a_point_is_a_number() -> None:
    assert study(optimizer={"learning_rate": "1e-3"}).experiments[0].optimizer.learning_rate == 1e-3
