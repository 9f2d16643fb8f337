"""What experiments begin from, and what they freeze: found while planning, or refused by name."""

from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import ConfigError
from edgebnn.record import Artifact, Record, provenance
from edgebnn.study.config import parse_study
from edgebnn.study.plan import Plan, make_plan

MODELS = str(Path(__file__).parents[2] / "config" / "models")
BASE: dict[str, Any] = {
    "name": "base",
    "dataset": "digits",
    "model": "mlp",
    "methods": ["proposed", "lean"],
    "seeds": [0, 1],
    "emulate": {"epochs": 2},
}
BOARDS = {"virtual": ["v1"], "other": ["o1"]}


def plan(*experiments: dict[str, Any], results: Path = Path("results")) -> Plan:
    full = [{**BASE, **changes} for changes in experiments]
    document = {"study": "s", "models": MODELS, "results": str(results), "experiments": full}
    return make_plan(parse_study(document, "my.yaml"), BOARDS)


def refused(*experiments: dict[str, Any], results: Path = Path("results")) -> str:
    with pytest.raises(ConfigError) as error:
        plan(*experiments, results=results)
    return str(error.value)


def on_device(**changes: Any) -> dict[str, Any]:
    return {"name": "fine", "emulate": None, "device": {"epochs": 1}, **changes}


def test_an_experiment_goes_on_from_one_above() -> None:
    """Each run from that of its method and seed; the memory of a run does not depend on it."""
    planned = plan({}, on_device(init="base", freeze=[2]))
    sources = {(run.method, run.seed): run.id for run in planned.runs["emulate"].values()}
    for run in planned.runs["device"].values():
        assert run.init == sources[run.method, run.seed]
        assert planned.beginnings[run.init] == Path(f"results/emulate/{run.init}.json")
        assert run.parameters()["init"] == run.init
        assert run.parameters()["freeze"] == "2"
    assert len(planned.beginnings) == 4
    assert all(run.init is None for run in planned.runs["memory"].values())
    assert sum(run.freeze == (2,) for run in planned.runs["memory"].values()) == 2


def test_one_source_serves_all() -> None:
    """A source of one method and one seed is that of all methods and seeds."""
    planned = plan({"methods": ["standard"], "seeds": [7]}, on_device(init="base"))
    (source,) = planned.runs["emulate"]
    assert {run.init for run in planned.runs["device"].values()} == {source}


def test_a_chain(tmp_path: Path) -> None:
    planned = plan({}, on_device(init="base"), on_device(name="finer", init="fine"))
    inits = [run.init for run in planned.runs["device"].values()]
    assert sum(init in planned.runs["device"] for init in inits) == 4
    (run_id,) = (
        run.id for run in planned.runs["emulate"].values() if run.method == "lean" and run.seed
    )
    again = plan({}, on_device(init=run_id))
    assert {run.init for run in again.runs["device"].values()} == {run_id}


def test_ids_depend_on_what_a_training_begins_from() -> None:
    whole = plan({}, on_device(init="base", freeze=[2]))
    for other in (on_device(init="base"), on_device(), on_device(init="base", freeze=[2, 5])):
        assert not {*whole.runs["device"]} & {*plan({}, other).runs["device"]}
    renamed = plan({"name": "start"}, on_device(init="start", freeze=[2]))
    assert whole.runs == renamed.runs


def test_a_file_is_what_its_bytes_are(tmp_path: Path) -> None:
    for name in ("a.keras", "b.keras"):
        (tmp_path / name).write_bytes(b"same")
    (tmp_path / "c.ebn").write_bytes(b"same")
    inits = []
    for name in ("a.keras", "b.keras", "c.ebn"):
        planned = plan({"init": str(tmp_path / name)})
        inits.append({run.init for run in planned.runs["emulate"].values()})
        assert [*planned.beginnings.values()] == [tmp_path / name]
    assert inits[0] == inits[1]
    assert {Path(init or "").suffix for init in inits[2]} == {".ebn"}
    (tmp_path / "a.keras").write_bytes(b"other")
    planned = plan({"init": str(tmp_path / "a.keras")})
    assert {run.init for run in planned.runs["emulate"].values()} != inits[0]
    assert "init: nowhere.keras: No such file" in refused({"init": "nowhere.keras"})


def test_the_run_of_another_study(tmp_path: Path) -> None:
    """By its id, while its record and its network are there."""
    (source, *_) = plan({}).runs["emulate"].values()
    record = Record(
        stage="emulate",
        run_id=source.id,
        parameters={},
        metrics={},
        artifacts={"model": Artifact(path=f"{source.id}/model.keras", sha256="0" * 64)},
        provenance=provenance("now"),
    )
    record.write(tmp_path / "emulate" / f"{source.id}.json")
    asked = on_device(init=source.id)
    assert "model.keras: its trained network is not there" in refused(asked, results=tmp_path)
    model = tmp_path / "emulate" / source.id / "model.keras"
    model.parent.mkdir()
    model.write_bytes(b"")
    planned = plan(asked, results=tmp_path)
    assert planned.beginnings == {source.id: model}
    assert f"did you mean '{source.id}'" in refused(
        on_device(init=source.id[:-1]), results=tmp_path
    )
    record.model_copy(update={"artifacts": {}}).write(tmp_path / "emulate" / f"{source.id}.json")
    assert "left no trained network" in refused(asked, results=tmp_path)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"init": "bass"}, "found 'bass' (did you mean 'base'?); allowed are a file that ends in .keras or"),
        ({"init": "fine"}, "found 'fine' (it does not stand above)"),
        ({"init": "base", "seeds": [2]}, "no run of method 'proposed' and seed 2: it has methods proposed, lean and seeds 0, 1"),
        ({"init": "base", "methods": ["bare"]}, "no run of method 'bare' and seed 0"),
        ({"init": "base", "model": "cnv", "dataset": "cifar10"}, "5 layers with weights; model 'cnv' has 9"),
        ({"init": "base", "dataset": "mnist"}, "layer 2 has 256 units of 64 inputs there, and 256 of 784"),
        ({"freeze": [2]}, "freeze: goes with 'init:'"),
        ({"init": "base", "freeze": [3]}, "freeze: found 3; layers with weights of model 'mlp' are 2 (dense), 5 (dense), 8"),
        ({"init": "base", "freeze": [2, 5, 8, 11, 14]}, "freeze: found all layers with weights"),
        ({"init": "base", "freeze": [2, 2]}, "freeze: 2 stands twice"),
        ({"init": "base", "freeze": ["2"]}, "freeze"),
        ({"init": "base", "freeze": 2}, "freeze"),
        ({"init": ""}, "empty; a path is wanted"),
    ],
)  # fmt: skip
def test_what_is_refused(asked: dict[str, Any], said: str) -> None:
    message = refused({}, on_device(**asked))
    assert said in message


def test_a_run_on_several_boards_is_named() -> None:
    above = {"name": "base", "emulate": None, "device": {"epochs": 1, "boards": [*BOARDS]}}
    message = refused(above, on_device(init="base"))
    assert "trains on several boards: name one of its runs" in message
    source = next(iter(plan(above).runs["device"]))
    assert plan(above, on_device(init=source)).beginnings == {
        source: Path(f"results/device/{source}.json")
    }
