"""Which device gets the job: fit, free, and of the right board."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import ConfigError, InfrastructureError
from edgebnn.farm.enroll import enroll
from edgebnn.farm.inventory import Inventory
from edgebnn.farm.lease import lease
from edgebnn.farm.pick import Wanted, pick
from edgebnn.farm.reach import reach

VIRTUAL = {"kind": "virtual"}


def never() -> None:
    pytest.fail("waited")


def test_a_device_that_is_unfit_is_set_aside(
    inventory: Callable[..., Inventory], build: Callable[..., Path], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        farm = inventory(busy={**VIRTUAL, "port": port}, good=VIRTUAL, other=VIRTUAL)
        said: list[str] = []
        with pick(farm, Wanted("virtual", build(), tmp_path), said.append, never) as picked:
            assert picked.name == "good"
            assert picked.host.run(["pwd"]).stdout == f"{tmp_path}/good\n"
        assert len(said) == 1
        assert said[0].startswith(f"set aside: {farm.path}: devices.busy.port: {port}")


def test_a_failed_check_sets_aside(
    inventory: Callable[..., Inventory],
    throttled_board: dict[str, Any],
    build: Callable[..., Path],
    tmp_path: Path,
) -> None:
    farm = inventory(hot=throttled_board, good={**VIRTUAL, "board": "bench"})
    enroll(farm, "hot", lambda text: True)
    said: list[str] = []
    with pick(farm, Wanted("bench", build(), tmp_path), said.append, never) as picked:
        assert picked.name == "good"
    assert said == ["set aside: device hot: throttled now: times would be wrong"]
    only = farm.model_copy(update={"devices": {"hot": farm.devices["hot"]}})
    with (
        pytest.raises(InfrastructureError, match=r"no device .*'bench' is fit:\n  device hot: thr"),
        pick(only, Wanted("bench", build(), tmp_path), said.append, never),
    ):
        pass


def test_a_busy_device_is_passed_over_and_waited_for(
    inventory: Callable[..., Inventory], build: Callable[..., Path], tmp_path: Path
) -> None:
    farm = inventory(one=VIRTUAL, two=VIRTUAL)
    said: list[str] = []
    with ExitStack() as held:
        host = held.enter_context(reach("one", farm, tmp_path))
        assert held.enter_context(lease(host, "run 1")).ours
        with pick(farm, Wanted("virtual", build(), tmp_path), said.append, never) as picked:
            assert picked.name == "two"
            rounds: list[None] = []

            def wait() -> None:
                rounds.append(None)
                if len(rounds) == 2:
                    held.close()

            with pick(farm, Wanted("virtual", build(), tmp_path), said.append, wait) as other:
                assert other.name == "one"
    (line,) = said
    assert re.fullmatch(r"busy: one \(run 1, .+@.+, for \d+ s\), two \(a job, .+\); waiting", line)


def test_an_error_in_the_job_is_not_taken_for_the_device(
    inventory: Callable[..., Inventory], build: Callable[..., Path], tmp_path: Path
) -> None:
    farm = inventory(one=VIRTUAL, two=VIRTUAL)
    with (
        pytest.raises(InfrastructureError, match=r"^in the job$"),
        pick(farm, Wanted("virtual", build(), tmp_path), pytest.fail, never),
    ):
        raise InfrastructureError("in the job")


def test_a_board_that_nobody_has(
    inventory: Callable[..., Inventory], build: Callable[..., Path], tmp_path: Path
) -> None:
    with (
        pytest.raises(ConfigError, match=r"board 'virtul' \(did you mean 'virtual'\?\)"),
        pick(inventory(one=VIRTUAL), Wanted("virtul", build(), tmp_path), pytest.fail, never),
    ):
        pass
