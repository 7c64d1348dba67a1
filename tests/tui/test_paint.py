"""How a guest's cells come to look on the user's terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.style import Style
from textual.strip import Strip
from textual.theme import Theme

from muxcore.vt.columns import text_width
from muxcore.vt.engine import PLAIN, CursorShape, Run, Underline
from muxcore.vt.engine import Style as Cell
from tui.cell_style import Plain, Themed, contrast, readable
from tui.colour_depth import Depth
from tui.paint import Painter, Span, cut
from tui.pens import UNDERLINE
from tui.themes import CONTRAST, DAY, NIGHT, STARK, THEMES, first_theme, usable_themes


def variables(theme: Theme) -> dict[str, str]:
    """A theme's CSS variables, as the app has them."""
    return {**theme.to_color_system().generate(), **theme.variables}


VARIABLES = variables(NIGHT)


def themed(**options: object) -> Themed:
    return Themed(VARIABLES, dark=True, **options)  # type: ignore[arg-type]


def ansi(style: Style, system: ColorSystem = ColorSystem.TRUECOLOR) -> str:
    """What is written for a style, but for the last reset."""
    return Strip.render_style(style, "x", system).removesuffix("\x1b[0m")


def day() -> Themed:
    return Themed(variables(DAY), dark=False)


# Colours.


def test_a_guests_sixteen_are_the_themes_and_all_others_xterms() -> None:
    cell = themed().resolve(Cell(fg=1, bg=208), reverse=False)
    assert cell.color is not None
    assert cell.bgcolor is not None
    assert cell.color.triplet == (0xEE, 0x7F, 0x7F)
    assert cell.bgcolor.triplet == (255, 135, 0)


def test_a_console_may_have_a_palette_of_its_own() -> None:
    cell = themed(palette="xterm").resolve(Cell(fg=2), reverse=False)
    assert cell.color is not None
    assert cell.color.triplet == (0, 0xCD, 0)


@pytest.mark.parametrize(("palette", "shown"), [("linux", (255, 85, 85)), ("xterm", (205, 0, 0))])
def test_bold_is_bright_where_the_palette_is_of_that_kind(
    palette: str, shown: tuple[int, int, int]
) -> None:
    cell = themed(palette=palette).resolve(Cell(fg=1, bg=0, bold=True), reverse=False)
    assert cell.color is not None
    assert cell.color.triplet == shown


def test_reverse_of_the_cell_and_of_the_screen_undo_each_other() -> None:
    plain = themed().resolve(PLAIN, reverse=False)
    both = themed().resolve(Cell(reverse=True), reverse=True)
    assert (plain.color, plain.bgcolor) == (both.color, both.bgcolor)
    once = themed().resolve(PLAIN, reverse=True)
    assert (once.color, once.bgcolor) == (plain.bgcolor, plain.color)


@pytest.mark.parametrize("colour", [230, 15, 11, (250, 250, 210)])
def test_pale_text_can_be_read_on_a_light_theme(colour: int | tuple[int, int, int]) -> None:
    cell = day().resolve(Cell(fg=colour), reverse=False)
    assert cell.color is not None
    assert contrast(cell.color.triplet or (0, 0, 0), day().background) >= CONTRAST


def test_the_themes_text_can_be_read_on_a_background_of_the_guests() -> None:
    cell = day().resolve(Cell(bg=(0, 0, 160)), reverse=False)
    assert cell.color is not None
    assert contrast(cell.color.triplet or (0, 0, 0), (0, 0, 160)) >= CONTRAST


def test_colours_that_the_guest_chose_together_are_left_alone() -> None:
    cell = day().resolve(Cell(fg=(1, 2, 3), bg=(9, 9, 9)), reverse=False)
    assert cell.color is not None
    assert cell.color.triplet == (1, 2, 3)


def test_the_high_contrast_theme_makes_all_text_readable() -> None:
    styles = Themed(variables(STARK), dark=True)
    for cell in (Cell(dim=True), Cell(fg=4, bg=6), Cell(fg=8)):
        look = styles.resolve(cell, reverse=False)
        assert look.color is not None
        assert look.bgcolor is not None
        assert look.color.triplet is not None
        assert look.bgcolor.triplet is not None
        assert contrast(look.color.triplet, look.bgcolor.triplet) >= 7


@given(*[st.tuples(*[st.integers(0, 255)] * 3)] * 2, st.sampled_from([3.0, 4.5]))
def test_text_made_readable_is_readable(
    fore: tuple[int, int, int], back: tuple[int, int, int], least: float
) -> None:
    assert contrast(readable(fore, back, least), back) >= least


def test_a_terminal_of_256_colours_is_given_the_guests_indices() -> None:
    cell = themed(depth=Depth.INDEXED).resolve(Cell(fg=250, bg=17), reverse=False)
    assert ansi(cell, ColorSystem.EIGHT_BIT) == "\x1b[38;5;250;48;5;17mx"


# Attributes.


@pytest.mark.parametrize(
    ("kind", "sgr"),
    [
        (Underline.NONE, ""),
        (Underline.SINGLE, "4;"),
        (Underline.DOUBLE, "21;"),
        (Underline.CURLY, "4;"),
        (Underline.DOTTED, "4;"),
        (Underline.DASHED, "4;"),
    ],
)
def test_an_old_terminal_gets_plain_underlines(kind: Underline, sgr: str) -> None:
    cell = themed().resolve(Cell(underline=kind, underline_colour=1), reverse=False)
    assert ansi(cell).startswith(f"\x1b[{sgr}38;2;")


def test_a_modern_terminal_gets_the_kind_and_colour_of_an_underline_apart() -> None:
    curly = Cell(underline=Underline.CURLY, underline_colour=(1, 2, 3))
    look = themed(modern=True).resolve(curly, reverse=False)
    assert look.underline
    assert look.meta == {UNDERLINE: "4:3;58:2::1:2:3"}


def test_all_other_attributes_are_passed_on() -> None:
    cell = Cell(bold=True, italic=True, strike=True, overline=True, blink=True)
    written = ansi(Plain(Depth.SIXTEEN).resolve(cell, reverse=False))
    assert written == "\x1b[1;3;5;9;53mx"


def test_concealed_text_is_not_there_at_all() -> None:
    row = Painter(VARIABLES, dark=True).row([Run("secret", Cell(conceal=True), 6)])
    assert row.text == " " * 6


def test_a_link_is_passed_on_only_when_allowed() -> None:
    cell = Cell(link="https://example.org/")
    assert themed().resolve(cell, reverse=False).link is None
    assert themed(links=True).resolve(cell, reverse=False).link == "https://example.org/"


# Terminals with few colours or none.


def test_a_terminal_of_sixteen_colours_shows_its_own() -> None:
    styles = Plain(Depth.SIXTEEN)
    assert ansi(styles.resolve(PLAIN, reverse=False)) == "x"
    assert ansi(styles.resolve(Cell(fg=1, bg=12), reverse=False)) == "\x1b[31;104mx"
    written = ansi(styles.resolve(Cell(fg=(250, 1, 1)), reverse=False))
    assert written in ("\x1b[31mx", "\x1b[91mx")
    assert ansi(styles.resolve(Cell(reverse=True, dim=True), reverse=False)) == ("\x1b[2;7mx")


@pytest.mark.parametrize(
    ("cell", "reversed"),
    [
        (PLAIN, False),
        (Cell(fg=1), False),
        (Cell(bg=4), True),
        (Cell(bg=0), False),
        (Cell(reverse=True), True),
        (Cell(reverse=True, fg=2), False),
    ],
)
def test_without_colours_reverse_video_stands_for_a_background(cell: Cell, reversed: bool) -> None:
    look = Plain(Depth.NONE).resolve(cell, reverse=False)
    assert ansi(look) == ("\x1b[7mx" if reversed else "x")


def test_a_theme_is_offered_where_its_colours_can_be_shown() -> None:
    themes = {theme.name: theme for theme in THEMES}
    assert usable_themes(themes, ansi=True) == ["muxtui-terminal"]
    assert usable_themes(themes, ansi=False) == [
        "muxtui-day",
        "muxtui-high-contrast",
        "muxtui-night",
    ]
    assert first_theme(Depth.NONE) == "muxtui-terminal"
    assert first_theme(Depth.INDEXED) == "muxtui-night"


# What lies over a row.


def shown(strip: Strip) -> list[tuple[str, bool]]:
    """The segments of a strip, and whether each is in reverse video."""
    return [(segment.text, bool(segment.style and segment.style.reverse)) for segment in strip]


def test_spans_are_in_reverse_video_where_there_are_no_colours() -> None:
    painter = Painter({}, dark=True, depth=Depth.NONE)
    runs = [Run("abc", PLAIN, 3), Run("de", Cell(reverse=True), 2)]
    row = painter.row(runs, spans=[Span(1, 4, "selection")])
    assert shown(row) == [("a", False), ("bc", True), ("d", False), ("e", True)]
    assert row.cell_length == 5


def test_the_current_match_lies_over_the_others() -> None:
    painter = Painter(VARIABLES, dark=True)
    spans = [Span(0, 2, "current"), Span(0, 4, "match")]
    row = list(painter.row([Run("abcdef", PLAIN, 6)], spans=spans))
    assert [part.text for part in row] == ["ab", "cd", "ef"]
    assert len({part.style for part in row}) == 3


def test_wide_and_combining_characters_are_not_torn() -> None:
    run = Run("a\u4e2de\u0301b", PLAIN, 5)
    assert [part[0::2] for part in cut(run, [2, 4])] == [
        ("a\u4e2d", 3),
        ("e\u0301", 1),
        ("b", 1),
    ]


def test_a_run_of_unknown_columns_is_left_whole() -> None:
    run = Run("abc", PLAIN, 5)
    assert list(cut(run, [1, 2])) == [run]


@given(
    st.text(st.sampled_from("ab \u4e2d\u0301\U0001f600\u200d"), min_size=1),
    st.sets(st.integers(1, 20)),
)
def test_a_cut_run_is_the_same_text(text: str, edges: set[int]) -> None:
    run = Run(text, PLAIN, text_width(text))
    parts = list(cut(run, sorted(edge for edge in edges if edge < run.width)))
    assert "".join(part.text for part in parts) == text
    assert sum(part.width for part in parts) == run.width
    assert all(text_width(part.text) == part.width for part in parts)


@pytest.mark.parametrize(
    ("shape", "text"), [(CursorShape.BLOCK, "a "), (CursorShape.UNDERLINE, "a ")]
)
def test_a_drawn_cursor_leaves_the_text(shape: CursorShape, text: str) -> None:
    painter = Painter(VARIABLES, dark=True)
    row = painter.row([Run("a ", PLAIN, 2)])
    assert painter.with_cursor(row, 0, shape, focused=True).text == text


def test_a_drawn_bar_stands_in_a_blank_and_under_a_character() -> None:
    painter = Painter(VARIABLES, dark=True)
    row = painter.row([Run("a ", PLAIN, 2)])
    assert painter.with_cursor(row, 1, CursorShape.BAR, focused=True).text == "a▏"
    assert painter.with_cursor(row, 0, CursorShape.BAR, focused=True).text == "a "


def test_a_cursor_covers_a_wide_character() -> None:
    painter = Painter(VARIABLES, dark=True)
    row = painter.row([Run("\u4e2dx", PLAIN, 3)])
    marked = list(painter.with_cursor(row, 0, CursorShape.BLOCK, focused=True))
    assert [part.text for part in marked] == ["\u4e2d", "x"]
