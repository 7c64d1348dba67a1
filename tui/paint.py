"""From an engine's cells to Textual's strips, with what lies over them. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from muxcore.vt.columns import columns
from muxcore.vt.engine import CursorShape, Run
from tui.cell_style import CellStyles, GuestColours, Plain, Themed, mix, readable, rgb, style_of
from tui.colour_depth import Depth
from tui.themes import has_colours

if TYPE_CHECKING:
    from muxcore.vt.engine import Style as CellStyle

_CACHE = 8192
_MUTED = 0.45
_BAR = "▏"

SpanKind: TypeAlias = Literal["selection", "match", "current", "cursor"]
"""What lies over cells: what is selected, what was found, which of it is meant, copy mode's place.

A later one lies over an earlier one.
"""

KINDS: tuple[SpanKind, ...] = ("selection", "match", "current", "cursor")


class Span(NamedTuple):
    """Columns `start` up to `stop` of a line have something over them."""

    start: int
    stop: int
    kind: SpanKind


class Painter:
    """Paints rows for one theme, terminal and console.

    Args:
        variables: the theme's CSS variables.
        dark: whether it is a dark theme.
        depth: the colours of the user's terminal.
        palette: the guest's palette, a name of `muxcore.palettes`.
        links: whether the guest's hyperlinks are passed on.
        modern: whether the terminal takes kinds and colours of underlines.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        *,
        dark: bool,
        depth: Depth = Depth.TRUE,
        palette: str = "",
        links: bool = False,
        modern: bool = False,
    ) -> None:
        self._styles: tuple[dict[int, tuple[CellStyle, Style]], ...] = ({}, {})
        self._cells: CellStyles
        if has_colours(depth):
            themed = Themed(
                variables, dark=dark, palette=palette, depth=depth, links=links, modern=modern
            )
            self._cells = themed
            self.guest_colours: GuestColours | None = themed.guest_colours
            """What a guest is told that asks; None where only the user's terminal knows."""
            self._prepare(themed, variables)
        else:
            self._cells = Plain(depth, links=links)
            self.guest_colours = None
            self._prepare_plain()

    def _prepare(self, themed: Themed, variables: Mapping[str, str]) -> None:
        fore, back = themed.foreground, themed.background
        primary, warning = rgb(variables["primary"]), rgb(variables["warning"])
        self.surround = style_of(fore, rgb(variables["surface"]))
        """Where the view is larger than the guest's screen."""
        self.muted = style_of(readable(mix(fore, back, _MUTED), back, themed.contrast), back)
        """Every cell of a view that is not live."""
        self.idle_cursor = Style(color=style_of(primary, back).color, underline=True)
        selected = mix(primary, back, 0.4)
        self._over: dict[SpanKind, Style] = {
            "selection": style_of(readable(fore, selected, themed.contrast), selected),
            "match": style_of(readable(back, warning, themed.contrast), warning),
            "current": style_of(readable(back, primary, 4.5), primary)
            + Style(bold=True, underline=True),
            "cursor": style_of(back, primary),
        }
        self._track = style_of(mix(fore, back, 0.2), back)
        self._thumb = style_of(mix(fore, back, 0.6), back)
        self._mark = style_of(warning, back)

    def _prepare_plain(self) -> None:
        self.surround = self.muted = self._track = self._mark = Style()
        self._thumb = Style(reverse=True)
        self.idle_cursor = Style(underline=True)
        self._over = {}

    @property
    def bar_styles(self) -> tuple[Style, Style, Style]:
        """The scroll bar's track, thumb and marks."""
        return self._track, self._thumb, self._mark

    # Rows.

    def row(
        self,
        runs: Sequence[Run],
        *,
        reverse: bool = False,
        live: bool = True,
        spans: Sequence[Span] = (),
    ) -> Strip:
        """One row.

        Args:
            runs: its cells.
            reverse: DECSCNM: default foreground and background are exchanged.
            live: a row that is not loses its colours.
            spans: what lies over it.
        """
        width = sum(run.width for run in runs)
        if spans:
            parts = _covered(runs, spans)
            return Strip([self._covered(run, kind, reverse, live) for run, kind in parts], width)
        return Strip([self._segment(run, reverse, live) for run in runs], width)

    def _segment(self, run: Run, reverse: bool, live: bool) -> Segment:
        text = " " * run.width if run.style.conceal else run.text
        return Segment(text, self.style(run.style, reverse=reverse) if live else self.muted)

    def _covered(self, run: Run, kind: SpanKind | None, reverse: bool, live: bool) -> Segment:
        text, style, _ = self._segment(run, reverse, live)
        return Segment(text, self.over(style or Style(), kind) if kind else style)

    def style(self, cell: CellStyle, *, reverse: bool = False) -> Style:
        """The look of a cell that has nothing over it."""
        # By identity: engines intern their styles, and hashing one costs more than all else here.
        styles = self._styles[reverse]
        known = styles.get(id(cell))
        if known is not None:
            return known[1]
        if len(styles) >= _CACHE:
            styles.clear()
        style = self._cells.resolve(cell, reverse=reverse)
        styles[id(cell)] = cell, style
        return style

    def over(self, style: Style, kind: SpanKind) -> Style:
        """The look of a cell with something over it: reverse video where there are no colours."""
        if self._over:
            return style + self._over[kind]
        strong = True if kind in ("match", "current") else None
        bold = True if kind == "current" else None
        return style + Style(reverse=not style.reverse, underline=strong, bold=bold)

    # The cursor, where the terminal's own is not used.

    def with_cursor(self, strip: Strip, col: int, shape: CursorShape, *, focused: bool) -> Strip:
        """A row with a cursor drawn on it: as a block, a line below, or one at the left."""
        under = strip.crop(col, col + 2)
        span = 1 if under.cell_length < 2 or len(under.text) > 1 else 2
        cell = [self._cursor_on(part, shape, focused) for part in strip.crop(col, col + span)]
        return Strip.join([strip.crop(0, col), Strip(cell, span), strip.crop(col + span)])

    def _cursor_on(self, part: Segment, shape: CursorShape, focused: bool) -> Segment:
        text, style, _ = part
        style = style or Style()
        if focused and shape is CursorShape.BLOCK:
            return Segment(text, self.over(style, "cursor"))
        if focused and shape is CursorShape.BAR and not text.strip():
            text = _BAR + text[1:]
            return Segment(text, style + Style(color=self.idle_cursor.color))
        return Segment(text, style + self.idle_cursor)


def _covered(runs: Sequence[Run], spans: Sequence[Span]) -> Iterator[tuple[Run, SpanKind | None]]:
    """Runs cut where spans begin and end, each with the uppermost span over it."""
    spans = sorted(spans, key=lambda span: KINDS.index(span.kind))
    edges = sorted({edge for span in spans for edge in (span.start, span.stop)})
    at = 0
    for run in runs:
        inside = [edge - at for edge in edges if at < edge < at + run.width]
        for part in cut(run, inside):
            over = [span.kind for span in spans if span.start <= at < span.stop]
            yield part, over[-1] if over else None
            at += part.width


def cut(run: Run, edges: Sequence[int]) -> Iterator[Run]:
    """A run in parts that begin at these of its columns, in ascending order.

    A wide character over an edge stays whole, with what is left of it.
    """
    starts = columns(run.text)
    if starts[-1] != run.width:
        # Characters of another version of Unicode: where each stands is not known.
        yield run
        return
    char = 0
    for edge in (*edges, run.width):
        until = bisect_left(starts, edge, char)
        while until < len(run.text) and starts[until] == starts[until + 1]:
            until += 1
        if until > char:
            yield Run(run.text[char:until], run.style, starts[until] - starts[char])
            char = until
