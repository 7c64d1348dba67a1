"""TLS over the bytes of a socket: the `ssl` module on its memory buffers."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from typing import Any

from muxcore.chardev.layers.base import Layer
from muxcore.errors import StreamError, printable

READ = 64 * 1024

Certificate = dict[str, Any]
"""What SSLObject.getpeercert gives; empty where there is none that was verified."""


class Tls(Layer):
    """One TLS connection; it is the layer at the wire.

    Args:
        context: the credentials.
        server: which side we are.
        hostname: the name that a server's certificate must be for.
        admit: called with the far end's certificate once the handshake is over;
            it raises StreamError unless that may go on.

    Raises:
        StreamError: there is no `hostname` to verify, or no host can be called that.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        server: bool,
        hostname: str | None = None,
        admit: Callable[[Certificate], None] = lambda _: None,
    ) -> None:
        super().__init__()
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        if context.check_hostname and hostname is None:
            raise StreamError("No hostname for certificate validation")
        try:
            self._ssl = context.wrap_bio(
                self._in, self._out, server_side=server, server_hostname=hostname
            )
        except ValueError as error:
            raise StreamError(f"TLS: {error}") from error
        self._admit = admit

    def begin(self) -> None:
        """See `Layer.begin`."""
        self._shake()

    def receive(self, data: bytes) -> bytes:
        """See `Layer.receive`."""
        self._in.write(data)
        if not self.ready:
            self._shake()
        plain = bytearray()
        try:
            while self.ready and not self.closed:
                data = self._ssl.read(READ)
                plain += data
                # A far end that said goodbye is read as nothing, for ever.
                self.closed = not data
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            raise StreamError(f"TLS: {words(error)}") from error
        finally:
            self._collect()
        return bytes(plain)

    def send(self, data: bytes) -> None:
        """See `Layer.send`."""
        rest = memoryview(data)
        # It may have ended in the meantime: reading tells.
        with contextlib.suppress(ssl.SSLError):
            while rest:
                # A record at a time.
                rest = rest[self._ssl.write(rest) :]
        self._collect()

    def end(self) -> None:
        """See `Layer.end`; an answer is not waited for."""
        if self.ready:
            with contextlib.suppress(ssl.SSLError):
                self._ssl.unwrap()
            self._collect()

    def _shake(self) -> None:
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            raise StreamError(f"TLS handshake failed: {words(error)}") from error
        else:
            self._admit(self._ssl.getpeercert() or {})
            self.ready = True
        finally:
            self._collect()

    def _collect(self) -> None:
        self._outgoing += self._out.read()


def words(error: ssl.SSLError) -> str:
    """What `error` says, without OpenSSL's codes and places in its source."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {printable(error.verify_message)}"
    return (error.reason or str(error)).lower().replace("_", " ")
