"""From a console's stream to the worker that keeps its screen, one request at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from muxcore.errors import ScreenError
from muxcore.screen.codec import FED, Plain
from muxcore.screen.items import Attached, Item, Output
from muxcore.screen.service import pack_item
from muxcore.vt.engine import DEFAULT_SCROLLBACK_BYTES
from tui.keeper import Keeper, Starter
from tui.recovery import Recovery

if TYPE_CHECKING:
    from muxcore.screen.frame import Place
    from muxcore.screen.worker import Worker
    from tui.model import Source
    from tui.state import Size

FRAME = 1 / 60
"""Seconds between two frames at least."""

FLOODED_FRAME = 1 / 40
"""Seconds between two frames at least while output waits: it is obeyed the sooner."""

SEND = 1 << 20
"""Bytes of output passed to the worker with one request at most.

As many as it obeys for one: on a busy machine each request waits for a processor twice.
"""

FLOOD = 256 * 1024
"""Bytes of output passed with one request from which on more is taken to wait."""

MAX_QUERIES = 64
"""Questions that wait for the worker at most."""


class Feed:
    """Pulls a source, passes on what it has, and asks for a frame when it is time for one.

    Args:
        source: where the console's output comes from.
        start: starts the worker that keeps the screen.
        worker: one that was started already.
        scrollback: lines kept above the screen.
        size: the size to begin with.
        worked: called with a packed progress, and a packed frame where there is one.
        restarted: called when another worker takes over.
    """

    def __init__(
        self,
        source: Source,
        start: Starter,
        worker: Worker | None,
        scrollback: int,
        size: Size,
        worked: Callable[[Plain, Plain], None],
        restarted: Callable[[], None],
    ) -> None:
        self.engine = ""
        self.console = ""
        """The console whose stream it is."""
        self._source = source
        self._first_worker = worker
        self._scrollback = scrollback, DEFAULT_SCROLLBACK_BYTES
        self._links = False
        self._worked = worked
        self._restarted = restarted
        self._keeper = Keeper(start, self._died)
        self.size = size
        self._colours: Plain = None
        self._commands: dict[str, Plain] = {}
        self._queries: deque[tuple[asyncio.Future[Plain], Plain]] = deque()
        self._asked: asyncio.Future[Plain] | None = None
        self._query_next = False
        self._turn: asyncio.Handle | None = None
        self._recovery = Recovery()
        self._cut: deque[Item] = deque()
        """Items of the source in the pieces they are to be sent in."""
        self._stale = True
        """Whether what comes is of a stream that began before the worker did."""
        self._output = False
        self._left = False
        self._undrawn = False
        self._flooded = False
        self._next_frame = 0.0
        self._closed = False

    # Life.

    def open(self) -> None:
        """Begin; the loop runs."""
        self._begin_worker()

    def close(self) -> None:
        """End: nothing is called any more, questions are not answered."""
        self._closed = True
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self._keeper.close()
        if self._first_worker is not None:
            self._first_worker.close()
        self._cancel_question()
        self._cancel_questions()

    def _cancel_question(self) -> None:
        if self._asked is not None:
            self._asked.cancel()

    def _cancel_questions(self) -> None:
        while self._queries:
            self._queries.popleft()[0].cancel()

    def _begin_worker(self) -> None:
        worker, self._first_worker = self._first_worker, None
        self._stale = True
        try:
            self._keeper.restart(self._recovery.engine, worker)
        except ScreenError as error:
            self._died(str(error))
            return
        request = ("start", self.size.rows, self.size.cols, *self._scrollback)
        self._keeper.ask(self._started, *request, first=True)

    def _started(self, engine: Plain) -> None:
        self.engine = engine
        self._undrawn = True
        if self._colours is not None:
            self._commands["colours"] = self._colours
        self._commands["links"] = (self._links,)
        self._go_on()

    def _died(self, reason: str) -> None:
        """Have another worker begin the stream anew, unless too many ended."""
        self._recovery.ended(reason, asyncio.get_running_loop().time())
        if not self._recovery.given_up:
            self._start_over()
            return
        self._restarted()
        self._cancel_question()
        self._cancel_questions()

    def _start_over(self) -> None:
        """Begin the stream anew with another worker."""
        self._left = False
        self._cut.clear()
        self._cancel_question()
        self._restarted()
        self._begin_worker()
        self._source.reattach()

    # Told by the view.

    @property
    def trouble(self) -> str:
        """What went wrong with the engine; empty when nothing did."""
        return self._recovery.trouble

    @property
    def busy(self) -> bool:
        """Whether anything is still to be obeyed, drawn or answered."""
        return self._keeper.busy or self._turn is not None

    def wake(self) -> None:
        """The source has output: it is pulled soon."""
        self._output = True
        self._go_on()

    def resize(self, size: Size, epoch: int, places: Sequence[Place]) -> None:
        """Take another size, and have places followed: `Screen.resize`."""
        self.size = size
        self.command("resize", (size.rows, size.cols, epoch, places))

    def set_scrollback(self, lines: int, size: int) -> None:
        """Keep so many lines and bytes above the screen: another worker does, from the history."""
        if (lines, size) == self._scrollback:
            return
        self._scrollback = lines, size
        if self._keeper.there:
            self._start_over()

    def reset(self, *, leave: bool) -> None:
        """Bring the terminal to its power-on state; engines that were given up are tried again.

        See `Screen.reset`.
        """
        if self._recovery.given_up:
            self._recovery.retry()
            self._start_over()
        else:
            self.command("reset", (leave,))

    def set_colours(self, colours: Plain) -> None:
        """Tell the colours, now and to every worker that comes."""
        self._colours = colours
        self.command("colours", colours)

    def set_links(self, obeyed: bool) -> None:
        """Have hyperlinks obeyed from now on, or not."""
        if obeyed != self._links:
            self._links = obeyed
            self.command("links", (obeyed,))

    def command(self, name: str, arguments: Plain = ()) -> None:
        """Have the screen do something, once, before it obeys more output."""
        self._commands[name] = arguments
        self._go_on()

    def ask(self, *request: Plain) -> asyncio.Future[Plain]:
        """Ask the worker; the future is cancelled when it cannot answer. See `Service`."""
        future: asyncio.Future[Plain] = asyncio.get_running_loop().create_future()
        if self._closed or self._recovery.given_up or len(self._queries) >= MAX_QUERIES:
            future.cancel()
        else:
            self._queries.append((future, request))
            self._go_on()
        return future

    # One request at a time.

    def _go_on(self) -> None:
        """See to it that the worker is asked for what is wanted, now or when it is time."""
        if self._keeper.busy or not self._keeper.there:
            return
        now = asyncio.get_running_loop().time()
        if self._queries or self._commands or self._output or self._left or self._cut:
            self._turn_at(now)
        elif self._undrawn:
            self._turn_at(self._next_frame)

    def _turn_at(self, when: float) -> None:
        loop = asyncio.get_running_loop()
        if self._turn is not None:
            if not isinstance(self._turn, asyncio.TimerHandle) or when > loop.time():
                return
            self._turn.cancel()
        if when > loop.time():
            self._turn = loop.call_at(when, self._ask)
        else:
            self._turn = loop.call_soon(self._ask)

    def _ask(self) -> None:
        self._turn = None
        if self._keeper.busy or not self._keeper.there:
            # A question was asked after this turn was wanted; the answer brings the next one.
            return
        # Questions and output take turns: neither waits for the end of the other.
        self._query_next = bool(self._queries) and not self._query_next
        if self._query_next or not self._work():
            self._ask_query()

    def _ask_query(self) -> None:
        if not self._queries:
            return
        future, request = self._queries.popleft()

        def answered(answer: Plain) -> None:
            if not future.done():
                future.set_result(answer)
            self._go_on()

        self._asked = future
        self._keeper.ask(answered, *request)

    def _work(self) -> bool:
        """Ask for work if there is any."""
        now = asyncio.get_running_loop().time()
        commands = [(name, *arguments) for name, arguments in self._commands.items()]
        self._commands.clear()
        if not self._left:
            commands += map(pack_item, self._take())
        self._undrawn = self._undrawn or self._left or bool(commands)
        draw = self._undrawn and now >= self._next_frame
        if not (commands or self._left or draw):
            self._go_on()
            return False
        if draw:
            self._undrawn = False
            self._next_frame = now + (FLOODED_FRAME if self._flooded else FRAME)
        self._keeper.ask(self._obeyed, "work", draw, commands)
        return True

    def _take(self) -> list[Item]:
        """Items of the source, `SEND` bytes at most; a piece to be careful with by itself."""
        items: list[Item] = []
        left = SEND
        while left > 0 and (item := self._next(left)) is not None:
            careful = self._recovery.careful(item)
            if careful and items:
                self._cut.appendleft(item)
                break
            items.append(item)
            if isinstance(item, Attached):
                self.console = item.console
                self._recovery.attached(item)
                continue
            self._recovery.sent(item)
            if isinstance(item, Output):
                left -= len(item.data)
            if careful:
                break
        self._flooded = left <= SEND - FLOOD
        return items

    def _next(self, limit: int) -> Item | None:
        while not self._cut and self._output:
            item = self._source.take(limit)
            if item is None:
                self._output = False
            elif isinstance(item, Attached):
                self._stale = False
                self._cut.append(item)
            elif not self._stale:
                self._cut += self._recovery.cut(item) if isinstance(item, Output) else (item,)
        return self._cut.popleft() if self._cut else None

    def _obeyed(self, answer: Plain) -> None:
        progress, self._left, held, frame = answer
        self._undrawn = self._undrawn or held
        self._recovery.obeyed(progress[FED])
        self._go_on()
        self._worked(progress, frame)
