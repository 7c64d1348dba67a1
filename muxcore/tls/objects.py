"""The daemon's objects: TLS credentials, and who may use them (QEMU's `-object`)."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

from muxcore.errors import CommandError, OpenError, StreamError, printable
from muxcore.options.objects import (
    AuthzOptions,
    Endpoint,
    ObjectOptions,
    ObjectSpec,
    TlsPskOptions,
    TlsX509Options,
)
from muxcore.tls.authz import Authz, distinguished_name
from muxcore.tls.credentials import tls_context


def load(spec: ObjectSpec) -> Authz | None:
    """See that an object's files will do; what it says on who may connect. Raises OpenError."""
    if isinstance(spec.options, TlsX509Options | TlsPskOptions):
        tls_context(spec.options)
    if not isinstance(spec.options, AuthzOptions):
        return None
    authz = Authz(spec.options)
    authz.load()
    return authz


class Objects:
    """Objects by id; what they refer to is read when it is used."""

    def __init__(self) -> None:
        self._options: dict[str, ObjectOptions] = {}
        self._authz: dict[str, Authz] = {}
        self._configured: set[str] = set()

    def add(self, spec: ObjectSpec) -> None:
        """Add an object. Reads files.

        Raises:
            CommandError: the id is taken.
            OpenError: its files will not do.
        """
        self.put(spec, load(spec))

    def put(self, spec: ObjectSpec, authz: Authz | None) -> None:
        """Add an object; `authz` is what `load` made of it. Raises CommandError."""
        if spec.id in self._options:
            raise CommandError(
                f"attempt to add duplicate property '{spec.id}' to object (type 'container')"
            )
        if authz is not None:
            self._authz[spec.id] = authz
        self._options[spec.id] = spec.options

    def remove(self, id: str) -> None:
        """Forget an object; a connection that used it goes on. Raises CommandError."""
        if id not in self._options:
            raise CommandError(f"object '{id}' not found")
        self._forget(id)
        self._configured.discard(id)

    def configure(self, specs: Iterable[ObjectSpec]) -> None:
        """Have what a configuration file asks for, in the place of what it asked for before.

        A file that is missing is told by who needs it, and may come later.
        """
        wanted = {spec.id: spec.options for spec in specs}
        for id in self._configured - wanted.keys():
            self._forget(id)
        for id, options in wanted.items():
            if self._options.get(id) != options:
                self._authz.pop(id, None)
                if isinstance(options, AuthzOptions):
                    self._authz[id] = Authz(options)
        self._options |= wanted
        self._configured = set(wanted)

    def _forget(self, id: str) -> None:
        del self._options[id]
        self._authz.pop(id, None)

    def tls(self, id: str, endpoint: Endpoint) -> ssl.SSLContext:
        """The credentials `id` for one side. Reads files.

        Raises:
            OpenError: they are not there, or will not do; with QEMU's texts.
        """
        options = self._options.get(id)
        if options is None:
            raise OpenError(f"No TLS credentials with id '{id}'")
        if not isinstance(options, TlsX509Options | TlsPskOptions):
            raise OpenError(f"Object with id '{id}' is not TLS credentials")
        if options.endpoint != endpoint:
            raise OpenError(f"Expected TLS credentials for a {endpoint} endpoint")
        return tls_context(options)

    def rules(self, id: str) -> Authz | None:
        """The authz object `id`, if its file of rules is to be looked at first (`Authz.look`)."""
        authz = self._authz.get(id)
        return authz if authz is not None and authz.to_look_at else None

    def authorise(self, id: str, certificate: dict[str, Any]) -> None:
        """Let the bearer of `certificate` in; it has none that was verified if that is empty.

        Raises:
            StreamError: the authz object `id` does not allow it, or is not there.
        """
        authz = self._authz.get(id)
        if authz is None:
            if id in self._options:
                raise StreamError(f"Object '{id}' is not a QAuthZ subclass")
            raise StreamError(f"Cannot find QAuthZ object ID {id}")
        name = distinguished_name(certificate)
        # QEMU lets in whoever knows a key, or whom it did not ask for a certificate.
        if not name or not authz.allows(name):
            who = printable(name) or "a client without a certificate"
            why = f": {authz.trouble}" if authz.trouble else ""
            raise StreamError(f"TLS x509 authz check for {who} is denied{why}")
