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
from edgebnn.farm.attempt import Picked, Unfit
from edgebnn.farm.enroll import enroll
from edgebnn.farm.inventory import Inventory
from edgebnn.farm.lease import lease
from edgebnn.farm.neighbours import Neighbours
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
    said: list[tuple[float, str]] = []
    with pytest.raises(
        InfrastructureError, match=r"no device .*'bench' is fit:\n  device hot: thr"
    ):
        on_a_device(farm, Chore("bench"), lambda line: said.append((farm.now(), line)))
    times, lines = zip(*said, strict=True)
    assert set(lines) == {"set aside: device hot: throttled now: times would be wrong"}
    # Until its five minutes are over.
    assert times == (0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303)
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
    assert farm.waits == [5, 5, 5]  # asked at 5, and, as it still was busy, at 15
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


def test_patience_begins_when_the_job_was_seen_at_work_last(
    inventory: Callable[..., Inventory], build: Callable[..., Path], tmp_path: Path
) -> None:
    """A connection that drops after hours is no device that has been silent for hours."""
    farm = Watched(inventory(only=VIRTUAL), build(), tmp_path)
    tried: list[str] = []

    def works_for_long(picked: Picked) -> str:
        tried.append(picked.name)
        farm.waits.append(10_000)
        if len(tried) < 3:
            raise PassingError("the connection dropped")
        return picked.name

    assert on_a_device(farm, Chore(does=works_for_long), lambda line: None) == "only"
    assert farm.waits == [10_000, 1, 10_000, 1, 10_000]


def test_a_device_that_was_silent_and_works_again_is_hoped_for(
    inventory: Callable[..., Inventory], build: Callable[..., Path], tmp_path: Path
) -> None:
    """From when a job is at work there, not from its end on."""
    farm = Watched(inventory(only=VIRTUAL), build(), tmp_path)
    neighbours = farm.neighbours(["only"], 0)
    other = Search(["only"], neighbours, 60, 0)
    assert other.take("", 0) == "only"
    other.fails("only", Unfit(PassingError("silent"), for_all=True), 0)
    neighbours.leave("only")
    assert other.hopeless(0, 100)

    def works_for_long(picked: Picked) -> bool:
        return bool(other.hopeless(0, 10_000))

    assert on_a_device(farm, Chore(does=works_for_long), pytest.fail) is False


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


@pytest.fixture
def searches(tmp_path: Path) -> Callable[..., tuple[Search, Neighbours]]:
    """What a job that came at a time knows of the devices one and two; its patience is a minute."""

    def make(came: float) -> tuple[Search, Neighbours]:
        names = ["one", "two"]
        neighbours = Neighbours(tmp_path, {name: name for name in names}, came)
        return Search(names, neighbours, 60, came), neighbours

    return make


def test_what_will_not_pass_by_itself_is_tried_again_ten_minutes_later(
    searches: Callable[..., tuple[Search, Neighbours]],
) -> None:
    search, neighbours = searches(0)
    for_this_job = Unfit(InfrastructureError("killed three times"), for_all=False)
    assert search.take("", 5) == "one"
    search.fails("one", for_this_job, 5)
    neighbours.leave("one")
    assert search.take("", 5) == "two"
    neighbours.leave("two")
    assert not search.hopeless(0, 1000)  # the other may become free
    assert search.take("one", 604) == ""
    assert search.take("one", 605) == "one"
    neighbours.leave("one")
    assert search.take("", 605) == "one"
    assert search.take("", 605) == "two"
    search.fails("two", Unfit(PassingError("silent"), for_all=True), 700)
    assert not search.hopeless(0, 1059)
    assert [str(error) for error in search.hopeless(0, 1061)] == ["killed three times", "silent"]
    search.works("two")
    assert not search.hopeless(0, 1500)


def test_what_a_neighbour_has_found_out_counts(
    searches: Callable[..., tuple[Search, Neighbours]],
) -> None:
    """From when the job came: before, the user may have mended it since."""
    finder, at_one = searches(0)
    early, at_early = searches(0)
    for name in ("one", "two"):
        assert finder.take(name, 1) == name
        finder.fails(name, Unfit(InfrastructureError(f"{name}: no flock"), for_all=True), 1)
        at_one.leave(name)
    late, _ = searches(2)
    assert early.take("", 3) == ""
    assert [str(error) for error in early.hopeless(0, 3)] == ["one: no flock", "two: no flock"]
    assert not late.hopeless(0, 3)
    at_early.close()
    at_one.close()
    assert late.take("", 3) == "one"


def test_a_job_of_this_machine_is_named_among_those_who_are_at_devices(
    searches: Callable[..., tuple[Search, Neighbours]],
) -> None:
    (search, ours), (_, theirs) = searches(0), searches(0)
    assert theirs.take("two")
    assert search.take("", 1) == "one"
    search.is_busy("one", "run x, me@there, for 5 s", 1)
    ours.leave("one")
    assert search.busy(2) == [
        "one (run x, me@there, for 5 s)",
        "two (a job of this machine)",
    ]
    assert search.take("", 3) == ""
    assert [search.pause(now) for now in (0, 3, 5)] == [5, 3, 1]
