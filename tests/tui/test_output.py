"""What comes between Textual and the user's terminal."""

from __future__ import annotations

import pytest
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App, ComposeResult
from textual.containers import Container
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Label, Static

from tui.output import Places, erases, pieces


class Covered(App[None]):
    CSS = """
    Screen { layers: below above; }
    #view { layer: below; width: 20; height: 4; }
    #over { layer: above; width: 5; height: 1; display: none; offset: 2 1; }
    """

    def compose(self) -> ComposeResult:
        yield Static("view", id="view")
        yield Label("over", id="over")


async def test_a_widget_that_is_seen_whole_has_a_place() -> None:
    app = Covered()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        assert Places().of(app.query_one("#view")) == (0, 0, 20, 4)


async def test_a_widget_under_another_has_none_until_that_is_gone() -> None:
    app = Covered()
    places = Places()
    async with app.run_test(size=(40, 10)) as pilot:
        view, over = app.query_one("#view"), app.query_one("#over")
        over.display = True
        assert places.of(view) is None, "the layout is about to change"
        await pilot.pause()
        assert places.of(view) is None
        over.display = False
        await pilot.pause()
        assert places.of(view) is not None


async def test_a_widget_under_another_screen_has_none() -> None:
    app = Covered()
    async with app.run_test(size=(40, 10)) as pilot:
        view = app.query_one("#view")
        await app.push_screen(ModalScreen[None]())
        await pilot.pause()
        assert Places().of(view) is None


async def test_a_widget_that_a_container_cuts_off_has_none() -> None:
    class Cut(App[None]):
        CSS = "Container { height: 3; } #view { height: 9; }"

        def compose(self) -> ComposeResult:
            with Container():
                yield Static("view", id="view")

    app = Cut()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        assert Places().of(app.query_one("#view")) is None


def test_a_full_update_draws_its_strips_beside_each_other() -> None:
    strips = [[Strip.blank(3), Strip.blank(4)], [Strip.blank(7)]]
    update = LayoutUpdate([*strips], Region(0, 0, 7, 2))
    assert [(x, y, piece.cell_length) for x, y, piece in pieces(update)] == [
        (0, 0, 3),
        (3, 0, 4),
        (0, 1, 7),
    ]


def test_a_partial_update_draws_what_its_spans_touch() -> None:
    chops = [{0: Strip.blank(5), 5: None, 8: Strip.blank(2)}]
    update = ChopsUpdate(chops, [(0, 1, 6)], [[5, 8, 10]])
    assert [(x, y, piece.cell_length) for x, y, piece in pieces(update)] == [(0, 0, 5)]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/tmux-0/default,1,0"}, True),
        ({"TERM": "screen-256color"}, False),
        ({"TERM": "no-such-terminal"}, False),
        ({}, False),
    ],
)
def test_erasing_is_left_to_terminals_that_do_it_in_colour(
    environment: dict[str, str], expected: bool
) -> None:
    assert erases(environment, lambda term: term.startswith("xterm")) is expected
