from __future__ import annotations

import pytest

from muxcore.chardev.vc import VcChardev, grid
from muxcore.options.sets import VcOptions
from tests.muxcore.consoles import ScriptedChardev, bench


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (VcOptions(), None),
        (VcOptions(cols=100, rows=30), (30, 100)),
        (VcOptions(width=800, height=600), (37, 100)),
        (VcOptions(width=800, height=600, rows=50), (50, 100)),
        (VcOptions(cols=100), None),
    ],
)
def test_its_size_is_in_characters_or_in_pixels(
    options: VcOptions, size: tuple[int, int] | None
) -> None:
    assert grid(options) == size


async def test_it_takes_all_output_and_gives_the_guest_its_size() -> None:
    async with bench(VcChardev("vc0", VcOptions(cols=100, rows=30))) as made:
        assert made.guest.sizes == [(30, 100)]
        await made.print(b"x" * 100_000)
        vc = made.describe("vc0")
        assert (vc["state"], vc["filename"], vc["lag"]) == ("open", "vc", 0)
        assert vc["sent"] == 100_000
        assert made.console.size == (30, 100)


async def test_one_that_is_added_later_gives_its_size_then() -> None:
    async with bench(ScriptedChardev("b")) as made:
        await made.console.add_backend(VcChardev("vc0", VcOptions(cols=132, rows=50)))
        assert made.guest.sizes == [(50, 132)]


async def test_without_a_size_the_guest_is_told_none() -> None:
    async with bench(VcChardev("vc0", VcOptions())) as made:
        assert made.guest.sizes == []
