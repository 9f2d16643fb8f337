"""Which device gets the job: fit, free, of the right board; when it is tried again, and when given up."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from edgebnn.errors import ConfigError, EdgebnnError, InfrastructureError, PassingError
from edgebnn.farm.attempt import Picked
from edgebnn.farm.enroll import enroll
from edgebnn.farm.inventory import Inventory
from edgebnn.farm.lease import lease
from edgebnn.farm.pick import Search, on_a_device
from edgebnn.farm.reach import reach
from tests.farm.chores import Chore, Watched

VIRTUAL = {"kind": "virtual"}


def test_a_device_that_is_unfit_is_set_aside(
    inventory: Callable[..., Inventory], build: Callable[..., Path], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listed = inventory(busy={**VIRTUAL, "port": port}, good=VIRTUAL)
        farm = Watched(listed, build(), tmp_path)
        said: list[str] = []
        for number in range(4):  # each begins with another device
            chore = Chore(folder=f"chore{number}", does=lambda picked: picked.host.run(["pwd"]))
            assert on_a_device(farm, chore, said.append).stdout == f"{tmp_path}/good\n"
    assert 1 <= len(said) <= 3
    for line in said:
        assert line.startswith(f"set aside: {listed.path}: devices.busy.port: {port}")


def test_a_failed_check_sets_aside_and_is_made_again(
    inventory: Callable[..., Inventory],
    throttled_board: dict[str, Any],
    build: Callable[..., Path],
    tmp_path: Path,
) -> None:
    listed = inventory(hot=throttled_board)
    enroll(listed, "hot", lambda text: True)
    farm = Watched(listed, build(), tmp_path)
    said: list[str] = []
    with pytest.raises(
        InfrastructureError, match=r"no device .*'bench' is fit:\n  device hot: thr"
    ):
        on_a_device(farm, Chore("bench"), said.append)
    assert set(said) == {"set aside: device hot: throttled now: times would be wrong"}
    assert farm.waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]  # until its five minutes are over
    (tmp_path / "bin" / "vcgencmd").write_text("#!/bin/sh\necho throttled=0x0\n")
    assert on_a_device(farm, Chore("bench"), pytest.fail) == "hot"


def test_a_busy_device_is_passed_over_and_waited_for(
    inventory: Callable[..., Inventory], build: Callable[..., Path], tmp_path: Path
) -> None:
    listed = inventory(one=VIRTUAL, two=VIRTUAL)
    said: list[str] = []
    with ExitStack() as held:
        for name in listed.devices:
            host = held.enter_context(reach(name, listed, tmp_path))
            assert held.enter_context(lease(host, f"run of {name}")).ours

        def waited() -> None:
            if len(farm.waits) == 2:
                held.close()

        farm = Watched(listed, build(), tmp_path, waited=waited)
        assert on_a_device(farm, Chore(), said.append) in listed.devices
    assert farm.waits == [5, 5]
    (line,) = said
    for name in listed.devices:
        assert re.search(rf"{name} \(run of {name}, .+@.+, for \d+ s\)", line)


@pytest.mark.parametrize("error", [InfrastructureError, PassingError])
def test_an_error_in_the_job_is_not_taken_for_the_device(
    error: type[EdgebnnError],
    inventory: Callable[..., Inventory],
    build: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """But one that may pass is tried again there, and nowhere else while there is hope."""
    tried: list[str] = []

    def fail(picked: Picked) -> str:
        tried.append(picked.name)
        if len(tried) < 3:
            raise error("in the job")
        return picked.name

    farm = Watched(inventory(one=VIRTUAL, two=VIRTUAL), build(), tmp_path)
    if error is PassingError:
        assert on_a_device(farm, Chore(does=fail), lambda line: None, "two") == "two"
        assert tried == ["two", "two", "two"]
        return
    with pytest.raises(InfrastructureError, match=r"^in the job$"):
        on_a_device(farm, Chore(does=fail), pytest.fail)
    assert len(tried) == 1


def test_a_device_that_is_asked_for_by_name(
    inventory: Callable[..., Inventory], build: Callable[..., Path], tmp_path: Path
) -> None:
    names = [f"v{number}" for number in range(5)]
    listed = inventory(**dict.fromkeys(names, VIRTUAL), pi={**VIRTUAL, "board": "pi"})
    farm = Watched(listed, build(), tmp_path)
    for name in names:
        assert on_a_device(farm, Chore(devices=(name,)), pytest.fail) == name
        assert on_a_device(farm, Chore(devices=(name,)), pytest.fail, at="v0") == name
    with pytest.raises(ConfigError, match="none of the devices pi, v7 has board 'virtual'"):
        on_a_device(farm, Chore(devices=("pi", "v7")), pytest.fail)


def test_a_board_that_nobody_has(
    inventory: Callable[..., Inventory], build: Callable[..., Path], tmp_path: Path
) -> None:
    farm = Watched(inventory(one=VIRTUAL), build(), tmp_path)
    with pytest.raises(ConfigError, match=r"board 'virtul' \(did you mean 'virtual'\?\)"):
        on_a_device(farm, Chore("virtul"), pytest.fail)


def test_what_will_not_pass_by_itself_is_tried_again_ten_minutes_later() -> None:
    search = Search(["one", "two"], patience_s=60, began=0)
    search.fails("one", InfrastructureError("no flock"), 5)
    assert search.due(5) == ["two"]
    assert not search.hopeless(1000)  # the other may become free
    assert search.due(604) == ["two"]
    assert search.due(605) == ["one", "two"]
    search.fails("two", PassingError("silent"), 700)
    assert not search.hopeless(750 - 700)
    assert search.hopeless(761)
    search.works("two", 800)
    assert not search.hopeless(900)
