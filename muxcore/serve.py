"""The daemon as a process: signals, limits, the log, and the word to whoever started it."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import os
import signal
import sys

from muxcore import launch, memory, paths
from muxcore.chardev.process import ProcessChardev
from muxcore.cli.exits import ExitCode
from muxcore.daemon import Daemon
from muxcore.errors import ConfigError, MuxError, describe_os_error, printable
from muxcore.limits import raise_open_files
from muxcore.loop import Loop

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
    _log_to(None if ready_fd is None else paths.log_file())
    ProcessChardev.nofile = raise_open_files()
    try:
        _run(Daemon(path, config_path), ready_fd)
    except MuxError as error:
        _tell_failure(str(error), ready_fd)
        return ExitCode.USAGE if isinstance(error, ConfigError) else ExitCode.ERROR
    except Exception:
        log.exception("the daemon failed")
        raise
    return ExitCode.OK


def _run(daemon: Daemon, ready_fd: int | None) -> None:
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(_live(daemon, ready_fd))


async def _live(daemon: Daemon, ready_fd: int | None) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stop, "host-signal")
    loop.add_signal_handler(signal.SIGHUP, lambda: daemon.spawn(_reload(daemon), "reload"))
    try:
        await daemon.start()
        log.info("listening on %s", printable(daemon.path))
        if ready_fd is not None:
            _say(ready_fd, launch.READY)
        memory.trim()
        log.info("stopping: %s", await daemon.stopped())
    finally:
        await daemon.aclose()


async def _reload(daemon: Daemon) -> None:
    try:
        result = await daemon.reload()
    except MuxError as error:
        for line in str(error).splitlines():
            log.error("reload: %s", printable(line))
    else:
        log.info("reloaded: %s", printable(str(result)))


def _log_to(file: str | None) -> None:
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
    logging.basicConfig(level=logging.INFO, format=_FORMAT, handlers=[handler])


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
