"""The answer, on made-up plans: what fits, the largest batch, and the ways in their order."""

from __future__ import annotations

import pytest

from edgebnn.errors import ConfigError
from edgebnn.fit.answer import PROCESS_BYTES, Plan, answer
from edgebnn.fit.choices import Choice, choices
from edgebnn.fit.places import place_of, size
from edgebnn.fit.speed import Asked
from edgebnn.memory.accounting import BITS, MIB
from edgebnn.memory.arena import Arena
from edgebnn.study.network import BatchNorm, Dense, Flatten, Network
from edgebnn.study.switches import PRESETS, Switches

PROPOSED = PRESETS["proposed"]
NETWORK = Network(input=(4, 4, 1), layers=(Flatten(), Dense(units=10), BatchNorm()))


def asked(batch_size: int = 100, switches: Switches = PROPOSED) -> Asked:
    return Asked("made", NETWORK, batch_size, "adam", switches)


def plan(image: int = 1000, most: int = 1 << 30) -> Plan:
    """Bytes: `image` for each image, and a thousand for each bit of weights and momenta."""

    def planned(batch_size: int, optimizer: str, switches: Switches) -> Arena:
        if batch_size > most:
            raise ConfigError(f"at most {most} is allowed")
        bits = BITS[switches.weight_dtype] + BITS[switches.momentum_dtype] * (optimizer == "adam")
        return Arena(arena_bytes=image * batch_size + 1000 * bits, blocks=1, buffers=())

    return planned


def changed(**values: str) -> Switches:
    return Switches(**{**PROPOSED.model_dump(), **values})


MEASURED = [
    Choice("adam", PROPOSED, 96.5, measured=True),
    Choice("adam", changed(momentum_dtype="i8"), 96.6, measured=True),
    Choice("adam", changed(weight_dtype="i8"), 95.9, measured=True),
    Choice("bop", PROPOSED, 96.4, measured=True),
    Choice("adam", changed(ste="identity"), 90.0, measured=True),
]


@pytest.mark.parametrize("free", [100_000, 132_000, 132_999, 133_000, 500_000])
@pytest.mark.parametrize("images", [None, 7, 250])
def test_the_largest_batch_fits_and_no_larger_one_does(free: int, images: int | None) -> None:
    found = answer(asked(), free + PROCESS_BYTES, images, plan(), MEASURED)
    by_memory = (free - 32_000) // 1000
    assert found.largest_batch == min(by_memory, images or by_memory)
    assert found.fits == (by_memory >= 100)
    assert found.limit == (
        f"there are {images} training images"
        if images and images <= by_memory
        else "it needs more memory"
    )


@pytest.mark.parametrize("free", [0, 32_000, 33_999])
def test_no_batch_fits_where_two_images_do_not(free: int) -> None:
    found = answer(asked(), free + PROCESS_BYTES, None, plan(), [])
    assert (found.fits, found.largest_batch, found.ways) == (False, 0, ())


def test_what_the_trainer_refuses_ends_the_batch_in_its_own_words() -> None:
    found = answer(asked(), 1 << 30, None, plan(most=300), MEASURED)
    assert (found.largest_batch, found.limit) == (300, "at most 300 is allowed")


def test_what_the_trainer_refuses_altogether_is_an_error() -> None:
    with pytest.raises(ConfigError, match="at most 50"):
        answer(asked(), 1 << 30, None, plan(most=50), MEASURED)


def test_ways_come_cheapest_first_and_none_does_more_than_it_must() -> None:
    found = answer(asked(), 124_000 + PROCESS_BYTES, None, plan(), choices(MEASURED))
    assert [(way.changes, round(way.lost or 0, 1)) for way in found.ways] == [
        ({"momentum_dtype": "i8"}, -0.1),
        ({"optimizer": "bop"}, 0.1),
    ]  # not weight_dtype: i8, which loses more than either and saves no more


def test_where_no_single_change_does_several_are_added_up() -> None:
    found = answer(asked(), 116_000 + PROCESS_BYTES, None, plan(), choices(MEASURED[:3]))
    (way,) = found.ways
    assert way.changes == {"momentum_dtype": "i8", "weight_dtype": "i8"}
    assert way.lost == pytest.approx(0.5)
    assert not way.choice.measured


def test_of_what_was_not_measured_the_cost_is_not_known() -> None:
    found = answer(
        asked(switches=PRESETS["lean"]), PROCESS_BYTES + 104_000, None, plan(), MEASURED[:2]
    )
    assert found.ways == ()
    found = answer(asked(switches=changed(weight_gradient="f32", momentum_dtype="f32")),
                   PROCESS_BYTES + 133_000, None, plan(), MEASURED[:2])  # fmt: skip
    assert {way.lost for way in found.ways} == {None}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("64MiB", 64 * MIB), ("1.5 GiB", 3 << 29), ("5mb", 5_000_000), ("1024", 1024), ("2 KiB", 2048)],
)  # fmt: skip
def test_a_size_has_a_unit(text: str, wanted: int) -> None:
    assert size(text) == wanted


@pytest.mark.parametrize("text", ["", "MiB", "-1MiB", "1TiB", "0", "0.1b", "1e3", "64 M i B"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--memory: found"):
        size(text)


def test_memory_of_the_inventory_comes_before_what_is_assumed() -> None:
    from edgebnn.farm.inventory import Device

    assert place_of("rpi3b+", None, 4, {}).free_bytes == 768 * MIB
    device = {"host": "a", "board": "rpi3b+", "target": "aarch64-linux", "memory_limit_mib": 100}
    declared = {"kind": "declared", "idle_w": 1.0, "load_w": 2.5}
    devices = {
        "one": Device(**device, meter=declared),
        "two": Device(**{**device, "memory_limit_mib": 90}),
    }
    place = place_of("rpi3b+", None, 4, devices)
    assert (place.free_bytes, place.watts) == (90 * MIB, 2.5)
    assert place_of("rpi3b+", "5MiB", 4, devices).free_bytes == 5 * MIB
    unknown = {"one": Device(host="a", board="mine", target="aarch64-linux")}
    with pytest.raises(ConfigError, match="the memory of 'mine' is not known"):
        place_of("mine", None, 1, unknown)
    assert place_of("mine", "1GiB", 1, unknown).speed is None
