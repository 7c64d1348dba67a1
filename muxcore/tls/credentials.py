"""TLS credentials out of files, as QEMU names them (crypto/tlscredsx509.c, tlscredspsk.c)."""

from __future__ import annotations

import os
import platform
import ssl

from muxcore.errors import OpenError, describe_os_error
from muxcore.options.objects import TlsPskOptions, TlsX509Options

MAX_KEY = 256
"""Bytes of a key at most (OpenSSL's PSK_MAX_PSK_LEN)."""

MAX_NAME = 255
"""Bytes of a name at most (OpenSSL's PSK_MAX_IDENTITY_LEN, and a NUL)."""

MAX_FILE = 1 << 20
"""Characters of `keys.psk` that are looked at."""

_PSK_CIPHERS = "kECDHEPSK+CHACHA20:kDHEPSK+AESGCM:kDHEPSK+CHACHA20:kPSK+AESGCM:kPSK+CHACHA20"
"""With a key of their own for every connection first; those of TLS 1.3 all have one."""


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
    """Have `context` use keys that both sides know, and nothing else.

    Python has them since 3.13. Before, there is no way to the SSL_CTX but to
    read it out of the object's memory, and the packages that have PSK do that,
    use private bindings, or bring a second TLS library.
    """
    if not hasattr(context, "set_psk_server_callback"):
        raise OpenError(
            f"tls-creds-psk needs Python 3.13 or later, this is {platform.python_version()}: "
            "run muxtui on a newer one, or use tls-creds-x509"
        )
    if not hasattr(context, "set_psk_client_callback"):
        raise OpenError("tls-creds-psk: this Python has no PSK")
    if server and options.username:
        raise OpenError("username should not be set when endpoint=server")
    path = _file(options, "keys.psk")
    keys = _keys(path)
    context.check_hostname = False
    # Who does not know the key has nothing else to show: no certificate is ever good.
    context.verify_mode = ssl.CERT_NONE if server else ssl.CERT_REQUIRED
    context.set_ciphers(_PSK_CIPHERS)
    if server:
        context.set_psk_server_callback(lambda name: keys.get(name or "", b""))
        return
    username = options.username or "qemu"
    if username not in keys:
        raise OpenError(f"Username {username} not found in PSK file {path}")
    client = (username, keys[username])
    context.set_psk_client_callback(lambda _: client)


def _keys(path: str) -> dict[str, bytes]:
    """The keys by name, of lines `NAME:HEX` as psktool writes them. Raises OpenError."""
    trouble = f"Unable to access credentials {path}"
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read(MAX_FILE).splitlines()
    except OSError as error:
        raise OpenError(f"{trouble}: {describe_os_error(error)}") from error
    except UnicodeDecodeError as error:
        raise OpenError(f"{trouble}: it is not UTF-8") from error
    keys: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        name, _, text = line.strip().partition(":")
        try:
            key = bytes.fromhex(text)
        except ValueError:
            key = b""
        # What is wrong with a key is told without the key.
        if line.strip() and not (name and key):
            raise OpenError(f"{trouble}: line {number} is not NAME:HEX")
        if len(key) > MAX_KEY:
            raise OpenError(f"{trouble}: line {number} has a key of more than {MAX_KEY} bytes")
        if len(name.encode()) > MAX_NAME:
            raise OpenError(f"{trouble}: line {number} has a name of more than {MAX_NAME} bytes")
        keys.setdefault(name, key)
    return keys


def _file(options: TlsX509Options | TlsPskOptions, name: str) -> str:
    path = os.path.join(options.dir, name)
    try:
        with open(path, "rb"):
            return path
    except OSError as error:
        reason = describe_os_error(error)
        raise OpenError(f"Unable to access credentials {path}: {reason}") from error
