"""Certificates as QEMU names them, made with openssl, for tests of TLS."""

from __future__ import annotations

import subprocess
from pathlib import Path

_CONFIG = "[req]\ndistinguished_name = name\n[name]\n"
_CA = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
_LEAF = [
    "basicConstraints=critical,CA:FALSE",
    "keyUsage=critical,digitalSignature,keyEncipherment",
    "subjectAltName=DNS:localhost,IP:127.0.0.1",
]


def make_certificates(directory: Path) -> Path:
    """A directory with a CA, and a certificate of it for the server and for the client."""
    directory.mkdir()
    (directory / "req.conf").write_text(_CONFIG)
    _make(directory, "ca", "CA", _CA)
    for side in ("server", "client"):
        signed = ("-CA", "ca-cert.pem", "-CAkey", "ca-key.pem")
        _make(directory, side, side, [*_LEAF, f"extendedKeyUsage={side}Auth"], *signed)
    return directory


def _make(directory: Path, file: str, name: str, extensions: list[str], *more: str) -> None:
    words = ["openssl", "req", "-x509", "-config", "req.conf", "-days", "30", *more]
    words += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"]
    words += ["-keyout", f"{file}-key.pem", "-out", f"{file}-cert.pem"]
    words += ["-subj", f"/C=GB/O=Example, Ltd/CN={name}"]
    for extension in extensions:
        words += ["-addext", extension]
    subprocess.run(words, cwd=directory, check=True, capture_output=True)
