"""Where a request came from: what the programs it starts inherit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from muxcore.chardev.base import Chardev
from muxcore.chardev.log import LogChardev
from muxcore.chardev.process import ProcessChardev
from muxcore.chardev.registry import make, make_socket
from muxcore.options.sets import ChardevOptions, ChardevSpec, ProcessOptions, SocketOptions
from muxcore.tls.objects import Objects


@dataclass(frozen=True)
class Origin:
    """The asking client's directory and environment; None for the daemon's own."""

    cwd: str | None = None
    environment: Mapping[str, str] | None = None

    def make(self, spec: ChardevSpec, objects: Objects | None = None) -> Chardev:
        """The chardev that `spec` (which has an id) asks for, not started.

        `objects` are those that it may name.
        """
        assert spec.id is not None
        chardev = self._make(spec.id, spec.options, objects)
        if spec.options.logfile:
            chardev.log = LogChardev(spec.id, spec.options)
        return chardev

    def _make(self, id: str, options: ChardevOptions, objects: Objects | None) -> Chardev:
        if isinstance(options, SocketOptions):
            return make_socket(id, options, objects)
        if isinstance(options, ProcessOptions):
            environment = None if self.environment is None else dict(self.environment)
            return ProcessChardev(id, options, environment, self.cwd)
        return make(id, options)
