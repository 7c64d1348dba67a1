"""What `logfile` asks for: a file beside a chardev that gets what the guest prints.

It is a backend of the console like any other, with a cursor, its own failure
and its own lag, so that a full disk ends nobody's connection (chardev/char.c,
`qemu_chr_write_log`, ignores the error and loses the bytes).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from muxcore.chardev.file import FileChardev
from muxcore.chardev.file_writer import open_log
from muxcore.options.sets import ChardevOptions, FileOptions


class LogChardev(FileChardev):
    """The log of the chardev `of`, which asked for it in `options`.

    Its id is `ID/log`: no chardev that anybody names can have such a one.
    """

    def __init__(self, of: str, options: ChardevOptions) -> None:
        wanted = FileOptions(path=options.logfile, append=options.logappend)
        super().__init__(f"{of}/log", wanted)
        self.of = of
        self._stamp = Stamper() if options.logtimestamp else None

    def open_output(self) -> int:
        """See `FileChardev.open_output`; permissions and words are QEMU's."""
        return open_log(self.options.path, truncate=self._truncate, mode=0o666, verb="create")

    def edit(self) -> Callable[[bytes], bytes] | None:
        """Puts the time before each line, if that was asked for."""
        return self._stamp


class Stamper:
    """Puts the time, ISO 8601 in UTC, before each line (chardev/char.c, do_write_log_timestamps).

    A line begins with its first byte, and has the time at which that is logged.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._fresh = True

    def __call__(self, data: bytes) -> bytes:
        """`data` with its stamps."""
        stamp = self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ ").encode()
        lines = data.split(b"\n")
        # What follows the last newline has its stamp when it is there.
        begun = [
            line if index == 0 and not self._fresh else stamp + line
            for index, line in enumerate(lines[:-1])
        ]
        rest = lines[-1]
        if rest and (begun or self._fresh):
            rest = stamp + rest
        self._fresh = data.endswith(b"\n")
        return b"\n".join([*begun, rest])
