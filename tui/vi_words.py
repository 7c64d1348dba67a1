"""Words as vi's motions have them: letters, digits and underscores, or other signs, or blanks."""

from __future__ import annotations

from tui.rows import Place, Rows


class Walk:
    """A walk over the cells, from one to the next over the ends of lines."""

    def __init__(self, rows: Rows, place: Place, big: bool) -> None:
        self._rows = rows
        self.place = place
        self._big = big

    async def kind(self) -> int:
        """0: a blank or the end of a line, 1: a sign, 2: a letter; all that is no blank: 2."""
        row = await self._rows.row(self.place.line)
        cell = row.cells[self.place.col]
        if cell == " ":
            return 0
        return 2 if self._big or cell[0].isalnum() or cell[0] == "_" else 1

    async def step(self, sign: int) -> bool:
        """Go to the next cell; False at the end of all lines, where it stays."""
        line, col = self.place
        if sign > 0:
            after = (await self._rows.cell(self.place)).stop.col
            row = await self._rows.row(line)
            limit = self._rows.cols if row.wrapped else row.used
            if after < max(limit, 1):
                self.place = Place(line, after)
                return True
        elif col > 0:
            self.place = (await self._rows.cell(Place(line, col - 1))).start
            return True
        line += sign
        if not self._rows.first <= line < self._rows.end:
            return False
        row = await self._rows.row(line)
        end = 0 if sign > 0 else max(0, (self._rows.cols if row.wrapped else row.used) - 1)
        self.place = (await self._rows.cell(Place(line, end))).start
        return True

    async def crossed(self, before: Place) -> bool:
        """Whether the last step went over the end of a line that does not go on."""
        if self.place.line == before.line:
            return False
        return not (await self._rows.row(min(self.place.line, before.line))).wrapped


async def word_forward(walk: Walk) -> None:
    """To the beginning of the next word."""
    kind = await walk.kind()
    while True:
        before = walk.place
        if not await walk.step(1):
            return
        now = await walk.kind()
        if now and (now != kind or await walk.crossed(before)):
            return
        kind = now


async def word_end(walk: Walk) -> None:
    """To the end of this word, or from there of the next one."""
    await _far_end(walk, 1)


async def word_back(walk: Walk) -> None:
    """To the beginning of this word, or from there of the one before."""
    await _far_end(walk, -1)


async def _far_end(walk: Walk, sign: int) -> None:
    if not await walk.step(sign):
        return
    while not await walk.kind():
        if not await walk.step(sign):
            return
    kind = await walk.kind()
    while True:
        before = walk.place
        if not await walk.step(sign):
            return
        if await walk.kind() != kind or await walk.crossed(before):
            walk.place = before
            return
