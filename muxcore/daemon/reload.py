"""Applying a configuration file again."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from muxcore import config
from muxcore.chardev.thread import in_thread
from muxcore.config import ConsoleConfig
from muxcore.daemon.origin import Origin
from muxcore.errors import CommandError, MuxError, printable
from muxcore.references import backend_id, is_nested

if TYPE_CHECKING:
    from muxcore.daemon.daemon import Daemon
    from muxcore.daemon.nesting import Wanted

log = logging.getLogger(__name__)


class Reload:
    """What the file asked for last, and what becomes of it.

    Only consoles whose configuration changed are touched, of these only what
    changed, and never one that was made by a command.
    """

    def __init__(self, daemon: Daemon) -> None:
        self.configured: dict[str, ConsoleConfig] = {}
        self._daemon = daemon
        self._lock = asyncio.Lock()

    async def run(self) -> dict[str, list[str]]:
        """Apply the file; returns the names of what was touched.

        Raises:
            CommandError: there is no file.
            ConfigError: the file is bad; nothing was touched.
            OpenError: there is no thread to read it in; nothing was touched.
        """
        path = self._daemon.config_path
        if path is None:
            raise CommandError("the daemon was started without a configuration file")
        async with self._lock:
            # A disk may hang, and a thousand consoles take half a second to be understood.
            file = await in_thread(lambda: config.read(path), f"read {path}")
            self._daemon.objects.configure(file.objects)
            return await self._apply({item.name: item for item in file.consoles})

    async def _apply(self, wanted: dict[str, ConsoleConfig]) -> dict[str, list[str]]:
        old = self.configured
        touched = [name for name in {**old, **wanted} if old.get(name) != wanted.get(name)]
        self.configured = {name: old[name] for name in old if name not in touched}
        added: list[ConsoleConfig] = []
        nested: list[Wanted] = []
        failed: dict[str, MuxError] = {}
        for name in touched:
            try:
                await self._change(name, old.get(name), wanted.get(name), added, nested)
            except MuxError as error:
                failed[name] = error
        failed |= await self._daemon.add_consoles(added, Origin(), nested)
        result: dict[str, list[str]] = {"added": [], "removed": [], "changed": [], "failed": []}
        for name in touched:
            if name in failed:
                reason = printable(str(failed[name]))
                log.error("reload: console %s: %s", printable(name), reason)
                result["failed"].append(name)
                continue
            if name in wanted:
                self.configured[name] = wanted[name]
            kind = "removed" if name not in wanted else "changed" if name in old else "added"
            result[kind].append(name)
        return result

    async def _change(
        self,
        name: str,
        old: ConsoleConfig | None,
        new: ConsoleConfig | None,
        added: list[ConsoleConfig],
        nested: list[Wanted],
    ) -> None:
        """Make the console `name` what `new` says, but for what is added to the two lists."""
        if old is not None and name in self._daemon.consoles:
            if new is not None and new.history == old.history:
                await self._change_console(old, new)
                fresh = [spec for spec in new.backends if spec not in old.backends]
                nested += [(name, spec) for spec in fresh if is_nested(spec)]
                return
            await self._daemon.remove_console(name)
        if new is not None:
            added.append(new)

    async def _change_console(self, old: ConsoleConfig, new: ConsoleConfig) -> None:
        daemon = self._daemon
        console = daemon.console(new.name)
        async with daemon.lock(console):
            for spec in old.backends:
                if (
                    spec not in new.backends
                    and (id := backend_id(old.name, spec)) in console.backends
                ):
                    await daemon.remove_backend(id)
            if new.guest != old.guest:
                await daemon.change_guest(console, new.guest, Origin())
            fresh = [spec for spec in new.backends if spec not in old.backends]
            plain = [spec for spec in fresh if not is_nested(spec)]
            with daemon.reserved(*(str(spec.id) for spec in plain)):
                for spec in plain:
                    await console.add_backend(Origin().make(spec, self._daemon.objects))
            console.answer = new.answer
            console.settings = new.settings
            if new.size is not None and new.size != old.size:
                console.resize(*new.size)
