"""Selecting with the mouse, and what becomes of it."""

from __future__ import annotations

import pytest

from tests.tui.screens import Background, Screen, View
from tui.rows import Place
from tui.selecting import TWICE, Selecting
from tui.selection import Selection

TEXT = ("one /two/x", "three\\", "four 中", "five")


class Rig:
    def __init__(self, *texts: str) -> None:
        self.screen = Screen(*(texts or TEXT))
        self.view = View(self.screen)
        self.background = Background()
        self.copied: list[Selection] = []
        self.now = 0.0
        self.selecting = Selecting(
            self.view, self.background.run, self.copied.append, lambda: self.now
        )

    async def drag(self, *places: tuple[int, int], block: bool = False) -> None:
        first, *rest = (Place(*place) for place in places)
        self.selecting.press(first, block=block)
        for place in rest:
            self.selecting.drag(place)
        await self.background.idle()
        self.selecting.release()
        await self.background.idle()

    @property
    def area(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        selection = self.selecting.selection
        return None if selection is None else selection.area


async def test_a_drag_selects_the_cells_between() -> None:
    rig = Rig()
    await rig.drag((0, 1), (0, 5), (1, 2))
    assert rig.area == ((0, 1), (1, 3))
    assert rig.copied == [rig.selecting.selection]


async def test_a_click_selects_nothing_and_ends_what_was_selected() -> None:
    rig = Rig()
    await rig.drag((0, 1), (0, 5))
    rig.now += 9
    await rig.drag((0, 1))
    assert rig.area is None
    assert len(rig.copied) == 1


async def test_a_drag_back_to_its_beginning_selects_one_cell() -> None:
    rig = Rig()
    await rig.drag((0, 1), (0, 5), (0, 1))
    assert rig.area == ((0, 1), (0, 2))


async def test_a_wide_character_is_selected_whole() -> None:
    rig = Rig()
    await rig.drag((2, 3), (2, 5))
    assert rig.area == ((2, 3), (2, 7))


async def test_two_clicks_select_words_and_three_lines() -> None:
    rig = Rig()
    await rig.drag((0, 6))
    await rig.drag((0, 6))
    assert rig.area == ((0, 4), (0, 10))
    await rig.drag((0, 6))
    assert rig.area == ((0, 0), (0, 10))
    await rig.drag((0, 6))
    assert rig.area is None


async def test_a_double_click_draws_by_words() -> None:
    rig = Rig()
    await rig.drag((0, 6))
    await rig.drag((0, 6), (2, 1))
    assert rig.area == ((0, 4), (2, 4))
    rig.now += 9
    await rig.drag((2, 1))
    await rig.drag((2, 1), (0, 1))
    assert rig.area == ((0, 0), (2, 4))


@pytest.mark.parametrize(("place", "later"), [((0, 6), 2 * TWICE), ((0, 7), 0.0)])
async def test_two_clicks_apart_are_none(place: tuple[int, int], later: float) -> None:
    rig = Rig()
    await rig.drag((0, 6))
    rig.now += later
    await rig.drag(place)
    assert rig.area is None


async def test_a_block_is_drawn_as_one() -> None:
    rig = Rig()
    await rig.drag((1, 3), (0, 1), block=True)
    assert rig.area == ((0, 1), (1, 4))
    assert rig.copied[0].block


async def test_a_selection_stays_on_its_lines() -> None:
    rig = Rig()
    await rig.drag((0, 1), (0, 5))
    rig.screen.print("more", "and more")
    rig.selecting.check()
    assert rig.area == ((0, 1), (0, 6))


async def test_a_selection_ends_when_lines_have_other_numbers() -> None:
    rig = Rig()
    await rig.drag((0, 1), (0, 5))
    rig.screen.epoch += 1
    rig.selecting.check()
    assert rig.area is None


async def test_other_numbers_in_the_midst_of_a_drag_end_it() -> None:
    rig = Rig()
    rig.selecting.press(Place(0, 1), block=False)
    rig.selecting.drag(Place(1, 1))
    rig.screen.epoch += 1
    await rig.background.idle()
    rig.selecting.release()
    assert rig.area is None
    assert not rig.copied


async def test_the_other_button_draws_it_further() -> None:
    rig = Rig()
    await rig.drag((0, 1), (0, 5))
    rig.selecting.extend(Place(1, 1))
    await rig.background.idle()
    rig.selecting.release()
    assert rig.area == ((0, 1), (1, 2))
    assert len(rig.copied) == 2
    rig.selecting.clear()
    rig.selecting.extend(Place(1, 1))
    await rig.background.idle()
    assert rig.area is None


async def test_a_release_before_the_lines_have_come_still_copies() -> None:
    rig = Rig()
    rig.selecting.press(Place(0, 1), block=False)
    rig.selecting.drag(Place(0, 3))
    rig.selecting.release()
    await rig.background.idle()
    assert rig.area == ((0, 1), (0, 4))
    assert len(rig.copied) == 1


async def test_places_outside_are_brought_inside() -> None:
    rig = Rig()
    await rig.drag((-5, -5), (99, 99))
    assert rig.area == ((0, 0), (3, 10))
