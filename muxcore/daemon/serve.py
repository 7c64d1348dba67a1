"""The daemon as a process: signals, limits, the log, and the word to whoever started it."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import os
import signal
import sys

from muxcore import launch, paths
from muxcore.chardev.process import ProcessChardev
from muxcore.daemon import memory
from muxcore.daemon.daemon import Daemon
from muxcore.daemon.journal import Journal
from muxcore.daemon.limits import raise_open_files
from muxcore.errors import ConfigError, MuxError, describe_os_error, printable
from muxcore.exits import ExitCode
from muxcore.flow.loop import Loop

LOG_SIZE = 1 << 20
LOG_FILES = 2
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

log = logging.getLogger(__name__)


def serve(path: str, config_path: str | None, ready_fd: int | None) -> ExitCode:
    """Be the daemon on the control socket `path` until it is told to stop.

    Args:
        path: the control socket.
        config_path: the configuration file; None for the user's own, where it exists.
        ready_fd: where a starter waits for `launch.READY` or the reason; with it
            the daemon leaves the terminal and writes its log to a file.
    """
    if config_path is None and os.path.exists(paths.config_file()):
        config_path = paths.config_file()
    if ready_fd is not None:
        os.set_inheritable(ready_fd, False)
        launch.detach()
    ProcessChardev.umask = os.umask(0o077)
    journal = _log_to(None if ready_fd is None else paths.log_file())
    ProcessChardev.nofile = raise_open_files()
    code = _exit_code(path, config_path, ready_fd)
    if not journal.end():
        # The interpreter would wait for what hangs.
        os._exit(code)
    return code


def _exit_code(path: str, config_path: str | None, ready_fd: int | None) -> ExitCode:
    """Be the daemon, and return how it ended."""
    try:
        _run(Daemon(path, config_path), ready_fd)
    except MuxError as error:
        _tell_failure(str(error), ready_fd)
        return ExitCode.USAGE if isinstance(error, ConfigError) else ExitCode.ERROR
    except Exception:
        log.exception("the daemon failed")
        return ExitCode.ERROR
    return ExitCode.OK


def _run(daemon: Daemon, ready_fd: int | None) -> None:
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(_live(daemon, ready_fd))


async def _live(daemon: Daemon, ready_fd: int | None) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stop, "host-signal")
    loop.add_signal_handler(signal.SIGHUP, Hangups(daemon).heard)
    try:
        await daemon.start()
        log.info("listening on %s", printable(daemon.path))
        if ready_fd is not None:
            _say(ready_fd, launch.READY)
        memory.trim()
        log.info("stopping: %s", await daemon.stopped())
    finally:
        await daemon.aclose()


class Hangups:
    """Reads the configuration file again at SIGHUP.

    Any number of signals that come while it is read are one more reading: the
    file is the same for all of them.
    """

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._due = False
        self._reading = False

    def heard(self) -> None:
        """A signal came."""
        self._due = True
        if not self._reading:
            self._reading = True
            self._daemon.spawn(self._read(), "reload")

    async def _read(self) -> None:
        try:
            while self._due:
                self._due = False
                await self._reload()
        finally:
            self._reading = False

    async def _reload(self) -> None:
        try:
            result = await self._daemon.reload()
        except MuxError as error:
            for line in str(error).splitlines():
                log.error("reload: %s", printable(line))
        else:
            log.info("reloaded: %s", printable(str(result)))


def _log_to(file: str | None) -> Journal:
    handler: logging.Handler = logging.StreamHandler()
    if file is not None:
        try:
            os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
            handler = logging.handlers.RotatingFileHandler(
                file, maxBytes=LOG_SIZE, backupCount=LOG_FILES - 1
            )
        except OSError:
            # Without a place for its log the daemon works all the same.
            handler = logging.NullHandler()
    # A log that cannot be written (disk full) is no reason to write a traceback elsewhere.
    logging.raiseExceptions = False
    handler.setFormatter(logging.Formatter(_FORMAT))
    journal = Journal(handler)
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[journal])
    return journal


def _tell_failure(text: str, ready_fd: int | None) -> None:
    lines = [printable(line) for line in text.splitlines()]
    if ready_fd is None:
        for line in lines:
            print(f"muxtui: {line}", file=sys.stderr)
        return
    for line in lines:
        log.error("%s", line)
    _say(ready_fd, "\n".join(lines).encode())


def _say(ready_fd: int, words: bytes) -> None:
    try:
        os.write(ready_fd, words)
    except OSError as error:
        log.warning("the starter is gone: %s", describe_os_error(error))
    finally:
        os.close(ready_fd)
