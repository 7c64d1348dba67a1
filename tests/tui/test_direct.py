"""Screens that draw what changed and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from tests.support import eventually
from tui.output import Places
from tui.screens.direct import DirectScreen


class Noting(Static):
    """Counts how often it was rendered."""

    rendered = 0

    def render_lines(self, crop: Region) -> list[Strip]:
        self.rendered += 1
        return super().render_lines(crop)


class ThreeRows(DirectScreen):
    def compose(self) -> ComposeResult:
        yield Static("top", id="top")
        yield Noting("middle", id="middle")
        yield Static("bottom", id="bottom")


class Direct(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.three = ThreeRows()
        self.three.draw_alone = self.draw_alone
        self.drawn: list[Widget] = []
        self.places = Places()

    def get_default_screen(self) -> Screen[None]:
        return self.three

    def draw_alone(self, widgets: Iterable[Widget]) -> set[Widget]:
        drawn = {widget for widget in widgets if self.places.of(widget) is not None}
        self.drawn += drawn
        return drawn


async def test_what_lies_between_two_changes_is_not_rendered_again() -> None:
    app = Direct()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        middle = app.three.query_one("#middle", Noting)
        app.drawn.clear()
        middle.rendered = 0
        ends = {app.three.query_one(name, Static) for name in ("#top", "#bottom")}
        for end in ends:
            end.update("other", layout=False)
        await eventually(lambda: set(app.drawn) == ends)
        assert not middle.rendered


async def test_what_could_not_be_drawn_alone_is_drawn_by_textual() -> None:
    app = Direct()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        app.three.draw_alone = lambda _: set()
        middle = app.three.query_one("#middle", Noting)
        middle.rendered = 0
        middle.update("other", layout=False)
        await eventually(lambda: middle.rendered)


async def test_widgets_that_move_are_drawn_by_textual() -> None:
    app = Direct()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        app.drawn.clear()
        app.three.query_one("#top", Static).update("two\nlines")
        await eventually(lambda: app.three.query_one("#middle").region.y == 2)
        assert not app.drawn
