"""The commands of the control socket: QEMU's in `qemu`, muxtui's own in `mux`."""

from __future__ import annotations

from muxcore.daemon.commands import mux, objects, qemu
from muxcore.daemon.commands.base import Call, Command, check_arguments

__all__ = ["COMMANDS", "Call", "Command", "check_arguments"]

COMMANDS: dict[str, Command] = {**qemu.COMMANDS, **objects.COMMANDS, **mux.COMMANDS}
