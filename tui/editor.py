"""Text in the user's own editor, in the terminal that the app leaves to it meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from textual.app import SuspendNotSupported

from muxcore.errors import MuxError, describe_os_error, printable

if TYPE_CHECKING:
    from textual.app import App

FALLBACK = "vi"
"""POSIX has it everywhere."""


class EditorError(MuxError):
    """The editor cannot be run; the message is one line."""


def editor_command(environment: Mapping[str, str]) -> list[str]:
    """The user's editor with its arguments: $VISUAL, $EDITOR or vi.

    Raises:
        EditorError: there is no such program.
    """
    text = environment.get("VISUAL") or environment.get("EDITOR") or FALLBACK
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise EditorError(f"$VISUAL or $EDITOR: {printable(text)}: {error}") from error
    if not command or shutil.which(command[0], path=environment.get("PATH")) is None:
        raise EditorError(f"There is no editor {printable(text)}; set $VISUAL or $EDITOR.")
    return command


async def edit(app: App[Any], text: str) -> None:
    """Show a text in the user's editor until it ends; what is changed there is lost.

    The app goes on meanwhile, drawing nothing, so that the guest's output is still followed.

    Raises:
        EditorError: there is none, it cannot be run, or it failed.
    """
    command = editor_command(os.environ)
    with _file_with(text) as path:
        try:
            with _interrupts_ignored(), app.suspend():
                status = await _run([*command, path])
        except SuspendNotSupported as error:
            raise EditorError("An editor needs a terminal.") from error
        except OSError as error:
            why = describe_os_error(error)
            raise EditorError(f"{printable(command[0])}: {why}") from error
    if status:
        how = f"status {status}" if status > 0 else signal.Signals(-status).name
        raise EditorError(f"{printable(command[0])} ended with {how}.")


async def _run(command: list[str]) -> int:
    process = await asyncio.create_subprocess_exec(*command)
    try:
        return await process.wait()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        raise


@contextlib.contextmanager
def _file_with(text: str) -> Iterator[str]:
    """A file that only its owner can read, for as long as it is needed."""
    try:
        descriptor, path = tempfile.mkstemp(prefix="muxtui-", suffix=".txt")
        try:
            with open(descriptor, "wb") as file:
                file.write(text.encode("utf-8", "replace"))
        except OSError:
            os.unlink(path)
            raise
    except OSError as error:
        raise EditorError(f"No file for the editor: {describe_os_error(error)}") from error
    try:
        yield path
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Leave Ctrl-C to the editor; a handler of Python's is not inherited by it."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
