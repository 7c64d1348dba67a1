"""The daemon's objects: TLS credentials, and who may use them (QEMU's `-object`)."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from typing import Any

from muxcore.errors import CommandError, OpenError, StreamError, describe_os_error
from muxcore.options.objects import (
    AuthzSimpleOptions,
    Endpoint,
    ObjectOptions,
    ObjectSpec,
    TlsPskOptions,
    TlsX509Options,
)

_NO_PSK = "tls-creds-psk needs Python 3.13 or later"

_SHORT = {
    "commonName": "CN",
    "countryName": "C",
    "domainComponent": "DC",
    "emailAddress": "EMAIL",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
    "userId": "UID",
}
"""The attributes' names in a distinguished name (RFC 4514), and GnuTLS's for mail."""


class Objects:
    """Objects by id; what they refer to is read when it is used."""

    def __init__(self) -> None:
        self._options: dict[str, ObjectOptions] = {}
        self._configured: set[str] = set()

    def add(self, spec: ObjectSpec) -> None:
        """Add an object.

        Raises:
            CommandError: the id is taken.
            OpenError: its files will not do.
        """
        if spec.id in self._options:
            raise CommandError(
                f"attempt to add duplicate property '{spec.id}' to object (type 'container')"
            )
        if isinstance(spec.options, TlsX509Options | TlsPskOptions):
            tls_context(spec.options)
        self._options[spec.id] = spec.options

    def remove(self, id: str) -> None:
        """Forget an object; a connection that used it goes on. Raises CommandError."""
        if id not in self._options:
            raise CommandError(f"object '{id}' not found")
        del self._options[id]
        self._configured.discard(id)

    def configure(self, specs: Iterable[ObjectSpec]) -> None:
        """Have what a configuration file asks for, in the place of what it asked for before.

        A file that is missing is told by who needs it, and may come later.
        """
        wanted = {spec.id: spec.options for spec in specs}
        for id in self._configured - wanted.keys():
            del self._options[id]
        self._options |= wanted
        self._configured = set(wanted)

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

    def authorise(self, id: str, certificate: dict[str, Any]) -> None:
        """Let the bearer of `certificate` in.

        Raises:
            StreamError: the authz object `id` does not allow it, or is not there.
        """
        options = self._options.get(id)
        if not isinstance(options, AuthzSimpleOptions):
            raise StreamError(f"Cannot find QAuthZ object ID {id}")
        names = distinguished_names(certificate)
        if options.identity not in names:
            who = names[0] if names else "a client without a certificate"
            raise StreamError(f"TLS x509 authz check for {who} is denied")


def distinguished_names(certificate: dict[str, Any]) -> list[str]:
    """A certificate's subject, as RFC 4514 has it and in the order of the certificate.

    GnuTLS, and so QEMU, wrote the latter before 3.5 and writes the former since.
    """
    parts = [
        "+".join(f"{_SHORT.get(name, name)}={_escaped(value)}" for name, value in item)
        for item in certificate.get("subject", ())
    ]
    return [",".join(reversed(parts)), ",".join(parts)] if parts else []


def tls_context(options: TlsX509Options | TlsPskOptions) -> ssl.SSLContext:
    """The credentials that `options` name. Raises OpenError."""
    server = options.endpoint == "server"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A far end cannot make us work for nothing, nor be left with bytes to read at the end.
    context.options |= ssl.OP_NO_RENEGOTIATION
    if server:
        context.num_tickets = 0
    if isinstance(options, TlsPskOptions):
        _load_keys(context, options, server=server)
    else:
        _load_certificates(context, options, server=server)
    return context


def _load_certificates(context: ssl.SSLContext, options: TlsX509Options, *, server: bool) -> None:
    if not options.verify_peer:
        context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if options.verify_peer else ssl.CERT_NONE
    try:
        context.load_verify_locations(_file(options, "ca-cert.pem"))
        if os.path.exists(crl := os.path.join(options.dir, "ca-crl.pem")):
            context.load_verify_locations(crl)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        side = options.endpoint
        own = [os.path.join(options.dir, f"{side}-{what}.pem") for what in ("cert", "key")]
        if server or all(map(os.path.exists, own)):
            cert, key = (_file(options, os.path.basename(path)) for path in own)
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(cert, key, password="")
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).lower().replace("_", " ")
        text = f"Unable to import the certificates in {options.dir}: {reason}"
        raise OpenError(text) from error


def _load_keys(context: ssl.SSLContext, options: TlsPskOptions, *, server: bool) -> None:
    if not hasattr(context, "set_psk_server_callback"):
        raise OpenError(_NO_PSK)
    if not hasattr(context, "set_psk_client_callback"):
        raise OpenError(_NO_PSK)
    keys = _keys(_file(options, "keys.psk"))
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # The callbacks are those of TLS 1.2; certificates are none to fall back to.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("PSK")
    if server:
        context.set_psk_server_callback(lambda name: keys.get(name or "", b""))
        return
    if options.username not in keys:
        raise OpenError(f"No key for '{options.username}' in {options.dir}/keys.psk")
    key = keys[options.username]
    client = (options.username, key)
    context.set_psk_client_callback(lambda _: client)


def _keys(path: str) -> dict[str, bytes]:
    keys = {}
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                name, colon, key = line.strip().partition(":")
                if colon:
                    keys[name] = bytes.fromhex(key)
    except (OSError, ValueError) as error:
        reason = describe_os_error(error) if isinstance(error, OSError) else "not NAME:HEX lines"
        raise OpenError(f"Unable to access credentials {path}: {reason}") from error
    return keys


def _file(options: TlsX509Options | TlsPskOptions, name: str) -> str:
    path = os.path.join(options.dir, name)
    try:
        with open(path, "rb"):
            return path
    except OSError as error:
        reason = describe_os_error(error)
        raise OpenError(f"Unable to access credentials {path}: {reason}") from error


def _escaped(value: str) -> str:
    text = "".join(f"\\{c}" if c in ',+"\\<>;' else c for c in value)
    return f"\\{text}" if text[:1] in ("#", " ") else text
