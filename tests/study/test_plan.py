"""Run ids depend on what determines a result, and on nothing else."""

import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import ConfigError
from edgebnn.memory.emulation import emulation_mib
from edgebnn.study.config import Study, parse_study
from edgebnn.study.plan import Plan, make_plan
from edgebnn.study.run import canonical_json
from edgebnn.trainer.run_file import run_file
from tests.made_images import make_imagenet

MODELS = str(Path(__file__).parents[2] / "config" / "models")
EXPERIMENT = {
    "name": "a",
    "dataset": "digits",
    "model": "mlp",
    "methods": ["standard", "proposed"],
    "seeds": [0, 1],
    "emulate": {"batch_size": 100, "epochs": 2},
    "device": {"boards": ["virtual"], "batch_size": 200, "epochs": 2},
}
PROFILED = {"batch_size": 200, "epochs": 2, "profile": True}


def study(**changes: object) -> Study:
    document = {"study": "s", "models": MODELS, "experiments": [{**EXPERIMENT, **changes}]}
    return parse_study(document, "my.yaml")


def plan(**changes: object) -> Plan:
    return make_plan(study(**changes), {"virtual": ["v1"]})


def ids(planned: Plan) -> dict[str, set[str]]:
    return {stage: set(runs) for stage, runs in planned.runs.items()}


def test_every_combination_once() -> None:
    assert {stage: len(runs) for stage, runs in plan().runs.items()} == {
        "memory": 4,  # two methods at two batch sizes
        "emulate": 4,
        "device": 4,
        "baseline": 0,
        "profile": 0,
    }


def test_names_of_study_and_experiment_change_no_id() -> None:
    renamed = study(name="b").model_copy(update={"study": "other", "results": "elsewhere"})
    assert ids(make_plan(renamed, {"virtual": ["v1"]})) == ids(plan())


@pytest.mark.parametrize(
    ("method", "optimizer", "taken"),
    [
        ("bare", {"kind": "adam", "learning_rate": 0.01}, ("bop", 2e-3, 0.04)),
        ("bare", {"kind": "bop", "gamma": 0.1}, ("bop", 0.1, 0.04)),
        ("proposed", {"kind": "bop"}, ("bop", 2e-3, 0.04)),
        ("standard", {"kind": "bop"}, ("bop", 1e-4, 1e-8)),
    ],
)
def test_what_an_optimizer_becomes(method: str, optimizer: dict[str, Any], taken: object) -> None:
    """Signs without latent weights take bop; its defaults suit signs, or real gradients."""
    schedule = {"kind": "step", "factor": 0.5, "every": 1}
    asked = study(methods=[method], optimizer={**optimizer, "schedule": schedule})
    for runs in make_plan(asked, {"virtual": ["v1"]}).runs.values():
        for run in runs.values():
            assert (run.optimizer.kind, run.optimizer.gamma, run.optimizer.tau) == taken
            assert run.optimizer.schedule.kind == "step"
            assert run.optimizer.learning_rate == optimizer.get("learning_rate", 1e-3)


def test_augmentation_spelled_out_as_none_is_none() -> None:
    assert ids(plan(augmentation={"shift": 0, "flip": False})) == ids(plan())


def test_a_method_spelled_out_is_the_preset() -> None:
    spelled = [
        {"name": "mine", "preset": "standard"},
        {"name": "full", "preset": "standard", "batch_norm": "bnn", "activations": "bool",
         "gradient_dtype": "f16", "weight_dtype": "q15", "momentum_dtype": "q15",
         "pool_mask": "index", "weight_gradient": "bool"},
    ]  # fmt: skip
    assert ids(plan(methods=spelled)) == ids(plan())


@pytest.mark.parametrize(
    ("changes", "stages"),
    [
        ({"seeds": [2, 3]}, {"emulate", "device", "baseline", "profile"}),
        ({"emulate": {"batch_size": 100, "epochs": 3}}, {"emulate"}),
        ({"device": {**PROFILED, "epochs": 3}}, {"device", "baseline"}),
        ({"device": {**PROFILED, "batch_size": 100}}, {"device", "baseline", "profile"}),
        ({"optimizer": {"learning_rate": 0.002}}, {"memory", "emulate", "device", "baseline", "profile"}),
        ({"optimizer": {"schedule": {"kind": "cosine"}}}, {"memory", "emulate", "device"}),
        ({"augmentation": {"shift": 0.15}}, {"emulate", "device"}),
        ({"augmentation": {"flip": True}}, {"emulate", "device"}),
        ({"methods": [{"name": "standard", "preset": "standard", "ste": "identity"}, {"name": "proposed", "preset": "proposed", "ste": "identity"}]}, {"memory", "emulate", "device", "profile"}),
    ],
)  # fmt: skip
def test_what_determines_a_result_changes_its_id(
    changes: dict[str, object], stages: set[str]
) -> None:
    asked = {"baseline": {}, "device": PROFILED}
    before, after = ids(plan(**asked)), ids(plan(**{**asked, **changes}))
    for stage in before:
        assert before[stage].isdisjoint(after[stage]) == (stage in stages), stage


def test_the_layers_themselves_determine_the_id(tmp_path: Path) -> None:
    (tmp_path / "mlp.yaml").write_text(
        "input: [8, 8, 1]\nlayers: [flatten, {dense: 10}, batch_norm]\n"
    )
    other = study().model_copy(update={"models": str(tmp_path)})
    assert set(make_plan(other, {"virtual": ["v1"]}).runs["emulate"]).isdisjoint(
        plan().runs["emulate"]
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset": "digit"}, ["experiment 'a'", "unknown data set 'digit'", "did you mean 'digits'", "mnist"]),
        ({"model": "mpl"}, ["experiment 'a'", "model 'mpl'", "did you mean 'mlp'", "mpl.yaml", "binarynet"]),
        ({"device": {"boards": ["rpi9"]}}, ["device.boards", "'rpi9'", "config/farm.yaml", "virtual"]),
        ({"device": {"devices": ["v1x"]}}, ["device.devices", "no device 'v1x' in config/farm.yaml", "did you mean 'v1'"]),
        ({"device": {"devices": ["v1", "v1"]}}, ["device.devices: v1 stands twice"]),
        ({"dataset": "imagenet", "model": "resnete18"}, ["model 'resnete18'", "layer 1 (conv)", "not yet"]),
        ({"dataset": "imagenet"}, ["10 outputs", "1000 classes"]),
    ],
)  # fmt: skip
def test_what_cannot_run_is_refused_by_name(changes: dict[str, object], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(**changes)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("model", ["cnv", "binarynet"])
def test_convolutions_are_planned(model: str) -> None:
    planned = plan(dataset="cifar10", model=model)
    run = next(iter(planned.runs["device"].values()))
    assert "layer max_pool 2" in run_file(run)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ("{conv: 4}, {max_pool: 3}, batch_norm, sign, flatten, {dense: 10}, batch_norm", "layer 2 (max_pool): not yet"),
        ("{max_pool: 2}, flatten, {dense: 10}, batch_norm", "layer 1 (max_pool): not yet"),
        ("{conv: 4}, {max_pool: 2}, {max_pool: 2}, batch_norm, sign, flatten, {dense: 10}, batch_norm", "layer 3 (max_pool): not yet"),
        ("{conv: 4}, batch_norm, {avg_pool: 2}, sign, flatten, {dense: 10}, batch_norm", "layer 3 (avg_pool): not yet"),
        ("flatten, {dense: {units: 10, weights: real}}", "layer 2 (dense): not yet"),
        ("flatten, sign, {dense: 10}, batch_norm", "layer 2 (sign): on a device it stands behind a batch_norm"),
        ("sign, flatten, {dense: 10}, batch_norm", "mlp.yaml, line 2): layer 1 (sign): on a device it stands behind"),
        ("flatten, {dense: 8}, batch_norm, sign, sign, {dense: 10}, batch_norm", "layer 5 (sign): on a device it stands behind a batch_norm"),
        ("flatten, batch_norm, sign, {dense: 10}, batch_norm", "layer 2 (batch_norm): on a device it stands behind a dense or conv layer"),
        ("flatten, {dense: 10}, batch_norm, batch_norm", "layer 4 (batch_norm): on a device it stands behind a dense or conv layer"),
        ("{conv: 4}, batch_norm, sign, {max_pool: 2}, batch_norm, sign, flatten, {dense: 10}, batch_norm", "layer 5 (batch_norm): on a device"),
        ("{conv: 4}, batch_norm, {max_pool: 2}, sign, flatten, {dense: 10}, batch_norm", "layer 3 (max_pool): not yet"),
        ("{conv: {filters: 4, weights: real}}, batch_norm, sign, flatten, {dense: 10}, batch_norm", "layer 1 (conv): not yet"),
        ("flatten, {dense: 10}", "layer 2 (dense): on a device the last layer is a batch_norm"),
    ],
)  # fmt: skip
def test_layers_that_no_trainer_takes_yet(layers: str, words: str, tmp_path: Path) -> None:
    text = f"input: [8, 8, 1]\nlayers: [{layers}]\n"
    (tmp_path / "mlp.yaml").write_text(text)
    other = study().model_copy(update={"models": str(tmp_path)})
    with pytest.raises(ConfigError, match=re.escape(words)):
        make_plan(other, {"virtual": ["v1"]})


@pytest.mark.parametrize("engine", ["emulate", "device"])
def test_a_batch_of_one_under_batch_norm_is_refused(engine: str) -> None:
    words = r"experiment 'a': batch_size 1: layer 3 \(batch_norm\) averages over the batch"
    with pytest.raises(ConfigError, match=words):
        plan(**{engine: {"batch_size": 1}})
    plan(**{engine: {"batch_size": 2}})


def test_a_batch_beyond_the_trainers_sums_is_refused_where_a_device_is_asked_for(
    tmp_path: Path,
) -> None:
    wide = {"batch_size": 1 << 19, "epochs": 1}
    images = {"dataset": "imagenet", "model": "wide", "methods": ["lean"]}
    layers = "input: [8, 8, 1]\nlayers: [{conv: 4}, batch_norm, sign, flatten, {dense: 1000}, batch_norm]\n"
    words = r"method 'lean': model 'wide' \(.*wide.yaml\): device.batch_size: found 524288, .* at most 337 is"
    (tmp_path / "wide.yaml").write_text(layers)
    models = {"models": str(tmp_path)}
    with pytest.raises(ConfigError, match=words):
        make_plan(
            study(**images, device=wide, emulate=wide).model_copy(update=models),
            {"virtual": ["v1"]},
        )
    alone = study(**images, device=None, emulate=wide).model_copy(update=models)
    with pytest.raises(ConfigError, match="data set 'imagenet' is not at hand"):
        make_plan(alone, {})  # nothing but the images is wanting


def test_a_baseline_is_one_run_for_each_network_board_and_seed() -> None:
    device = {"boards": ["virtual", "pi"], "batch_size": 100, "epochs": 2, "batches": 7}
    asked = study(device=device, baseline={}, augmentation={"flip": True})
    planned = make_plan(asked, {"virtual": ["v1"], "pi": ["p1"]})
    runs = planned.runs["baseline"].values()
    found = {(run.keras, run.board, run.seed) for run in runs}
    assert found == set(product(("standard", "float32"), ("virtual", "pi"), (0, 1)))
    assert len(runs) == 8
    assert {(run.batch_size, run.epochs, run.batches) for run in runs} == {(100, 2, 7)}
    assert all(run.id.startswith(f"digits-mlp-keras-{run.keras}-b100-s") for run in runs)
    told = next(iter(runs)).parameters()
    assert (told["method"], told["augmentation_flip"]) == ("keras-standard", "false")
    assert "ste" not in told  # a switch of the engines
    named = {r.method for r in planned.experiments["a"] if r.stage == "baseline"}
    assert named == {"keras-standard", "keras-float32"}
    other = {"methods": ["lean"], "augmentation": {}, "optimizer": {"schedule": {"kind": "cosine"}}}
    again = make_plan(study(device=device, baseline={}, **other), {"virtual": ["v1"], "pi": ["p1"]})
    assert ids(again)["baseline"] == ids(planned)["baseline"]


@pytest.mark.parametrize(
    ("baseline", "batches", "epochs"),
    [({}, None, 2), ({"batches": 5}, 5, None), ({"networks": ["float32"], "batches": 9}, 9, None)],
)
def test_a_baseline_trains_as_many_batches_as_are_said(
    baseline: dict[str, object], batches: int | None, epochs: int | None
) -> None:
    runs = plan(baseline=baseline).runs["baseline"].values()
    assert {(run.batches, run.epochs) for run in runs} == {(batches, epochs)}
    assert {run.keras for run in runs} == set(baseline.get("networks", ("standard", "float32")))  # type: ignore[call-overload]


def test_a_profile_makes_runs_of_their_own() -> None:
    with_one, without = (plan(baseline={"profile": flag}) for flag in (True, False))
    assert ids(with_one) == ids(plan(baseline={}))
    assert ids(with_one)["baseline"].isdisjoint(ids(without)["baseline"])
    assert "profile" not in canonical_json(next(iter(without.runs["device"].values())))


def test_a_baseline_changes_no_other_run() -> None:
    without, beside = ids(plan()), ids(plan(baseline={}))
    assert {**beside, "baseline": set()} == without


def test_a_profile_is_one_run_for_each_method_with_the_first_seed() -> None:
    asked = {"seeds": [3, 1], "augmentation": {"flip": True}, "device": PROFILED}
    runs = plan(**asked).runs["profile"].values()
    assert [(run.method, run.seed) for run in runs] == [("standard", 3), ("proposed", 3)]
    for run in runs:
        assert run.board is None
        assert run.epochs is None
        assert run.batch_size == 200
        assert run.pack is not None
        assert not run.augmentation.flip
    named = [r.method for r in plan(**asked).experiments["a"] if r.stage == "profile"]
    assert named == ["standard", "proposed"]
    assert {**ids(plan(**asked)), "profile": set()} == ids(
        plan(**{**asked, "device": {**PROFILED, "profile": False}})
    )


PI = {"virtual": ["v1", "v2"], "pi": ["p1", "p2", "p3"]}


def named(*devices: str, boards: tuple[str, ...] = ("pi",)) -> Plan:
    asked = {"boards": list(boards), "devices": list(devices), "epochs": 2}
    return make_plan(study(device=asked, baseline={}), PI)


def test_devices_that_are_named_make_ids_of_their_own_whatever_their_order() -> None:
    runs = [
        *named("p3", "p1").runs["device"].values(),
        *named("p3", "p1").runs["baseline"].values(),
    ]
    assert {run.devices for run in runs} == {("p1", "p3")}
    assert {run.parameters()["devices"] for run in runs} == {"p1, p3"}
    assert ids(named("p1", "p3")) == ids(named("p3", "p1"))
    for stage in ("device", "baseline"):
        assert ids(named("p1"))[stage].isdisjoint(ids(named("p2"))[stage] | ids(named())[stage])
    assert all(ids(named("p1"))[stage] == ids(named())[stage] for stage in ("memory", "emulate"))
    (any_device, *_) = named().runs["device"].values()
    assert "devices" not in canonical_json(any_device)
    assert "devices" not in any_device.parameters()


def test_each_board_has_those_of_its_own_that_are_named() -> None:
    runs = named("p2", "v1", boards=("pi", "virtual")).runs["device"].values()
    assert {(run.board, run.devices) for run in runs} == {("pi", ("p2",)), ("virtual", ("v1",))}
    with pytest.raises(ConfigError, match=r"none of these has board 'virtual'.*with it: v1, v2"):
        named("p2", boards=("pi", "virtual"))
    with pytest.raises(ConfigError, match=r"'v1' has board 'virtual', which is not in .*\(pi\)"):
        named("v1")


def test_batches_make_ids_of_their_own_and_none_where_there_are_none() -> None:
    asked = {"boards": ["virtual"], "batch_size": 200, "epochs": 2}
    planned = plan(device={**asked, "batches": 3})
    assert ids(planned)["device"].isdisjoint(ids(plan())["device"])
    assert ids(planned)["emulate"] == ids(plan())["emulate"]
    (run, *_), (whole, *_) = (p.runs["device"].values() for p in (planned, plan()))
    assert run.parameters()["batches"] == 3
    assert "batches" not in canonical_json(whole)
    assert "batches" not in whole.parameters()


def test_what_keras_trains_alone_is_planned_without_a_device(tmp_path: Path) -> None:
    for layers in (
        "flatten, {dense: {units: 10, weights: real}}",
        "flatten, sign, {dense: 10}, batch_norm",
    ):
        (tmp_path / "mlp.yaml").write_text(f"input: [8, 8, 1]\nlayers: [{layers}]\n")
        other = study(device=None).model_copy(update={"models": str(tmp_path)})
        planned = make_plan(other, {})
        assert (len(planned.runs["emulate"]), len(planned.runs["device"])) == (4, 0)


@pytest.fixture
def imagenet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_imagenet(tmp_path / "imagenet")
    monkeypatch.setenv("EDGEBNN_DATA_DIR", str(tmp_path))


@pytest.mark.usefixtures("imagenet")
@pytest.mark.parametrize("model", ["resnete18", "bireal18"])
def test_real_weights_are_emulated(model: str) -> None:
    assert len(plan(dataset="imagenet", model=model, device=None).runs["emulate"]) == 4


def test_augmentation_is_told_to_the_trainer_and_to_the_record() -> None:
    planned = plan(augmentation={"shift": 0.15, "flip": True}).runs
    for stage in ("emulate", "device"):
        run = next(iter(planned[stage].values()))
        told = {
            "augmentation_shift": 0.15,
            "augmentation_fill": "edge",
            "augmentation_flip": "true",
        }
        assert told.items() <= run.parameters().items()
    assert {"shift 0.15 edge", "flip true"} <= set(run_file(run).splitlines())
    assert "augmentation_shift" not in next(iter(planned["memory"].values())).parameters()


def test_summary_names_each_experiments_runs() -> None:
    summary = json.loads(plan().summary())
    assert summary["study"] == "s"
    assert {run["stage"] for run in summary["experiments"]["a"]} == {"memory", "emulate", "device"}


@pytest.mark.usefixtures("imagenet")
def test_builds_are_those_of_the_boards_and_of_the_memory_model() -> None:
    targets = {"virtual": ["native"], "pi": ["aarch64-linux", "armv7-linux"], "other": ["x"]}
    device = {"boards": ["pi"], "batch_size": 200, "epochs": 2}
    planned = make_plan(study(device=device), {board: ["one"] for board in targets}).with_builds(
        targets
    )
    assert planned.builds == ("aarch64-linux", "armv7-linux", "native")
    assert json.loads(planned.summary())["builds"] == list(planned.builds)
    images = {"dataset": "imagenet", "model": "resnete18", "device": None}
    assert plan(**images).with_builds(targets).builds == ()


def test_run_file_has_every_key_of_the_format() -> None:
    run = next(
        iter(
            plan(optimizer={"schedule": {"kind": "step", "factor": 0.5, "every": 4}})
            .runs["device"]
            .values()
        )
    )
    lines = run_file(run).splitlines()
    assert lines[0] == "edgebnn-run 1"
    assert f"run_id {run.id}" in lines
    assert "schedule step 0.5 4" in lines
    warmed = {"kind": "cosine", "floor": 1e-5, "warmup": 1}
    asked = plan(optimizer={"schedule": warmed}, device={"epochs": 2}).runs["device"].values()
    assert all("schedule cosine 1e-05 warmup 1" in run_file(run).splitlines() for run in asked)
    assert {"shift 0.0 edge", "flip false"} <= set(lines)
    assert "input 8 8 1" in lines
    assert [line for line in lines if line.startswith("layer ")][:3] == [
        "layer flatten",
        "layer dense 256",
        "layer batch_norm",
    ]


def test_micro_batches_make_ids_of_their_own_and_none_where_there_are_none() -> None:
    parts = {"batch_size": 100, "epochs": 2, "micro_batch": 50}
    planned = plan(emulate=parts)
    assert ids(planned)["emulate"].isdisjoint(ids(plan())["emulate"])
    assert ids(plan(emulate={**parts, "micro_batch": 100})) == ids(plan())
    (run, *_), (whole, *_) = (p.runs["emulate"].values() for p in (planned, plan()))
    assert (run.micro_batches, run.parameters()["micro_batch"]) == (2, 50)
    large = whole.model_copy(update={"batch_size": 4000})
    assert emulation_mib(large) > emulation_mib(whole)
    assert emulation_mib(large.model_copy(update={"micro_batch": 100})) == emulation_mib(whole)
    assert whole.micro_batches == 1
    assert "micro_batch" not in canonical_json(whole)
    assert "micro_batch" not in whole.parameters()
    assert ids(planned)["device"] == ids(plan())["device"]


@pytest.mark.parametrize(
    ("micro_batch", "says"),
    [
        (30, "micro_batch: found 30; a divisor of batch_size, 100, is wanted"),
        (200, "micro_batch: found 200; a divisor of batch_size, 100, is wanted"),
        (1, r"micro_batch 1: layer \d \(batch_norm\) averages over the batch"),
    ],
)
def test_micro_batches_that_cannot_be(micro_batch: int, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        plan(emulate={"batch_size": 100, "micro_batch": micro_batch})
