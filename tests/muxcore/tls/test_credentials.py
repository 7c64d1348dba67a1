"""Keys that both sides know; certificates are tested with the layer that uses them."""

from __future__ import annotations

import platform
import ssl
from pathlib import Path

import pytest

from muxcore.chardev.layers.tls import Tls
from muxcore.errors import OpenError, StreamError
from muxcore.options.objects import Endpoint, TlsPskOptions
from muxcore.tls.credentials import MAX_KEY, MAX_NAME, tls_context
from tests.certificates import make_certificates

HAS_PSK = hasattr(ssl.SSLContext, "set_psk_server_callback")
KEY = "00112233445566778899aabbccddeeff"

with_psk = pytest.mark.skipif(not HAS_PSK, reason="PSK needs Python 3.13")


def options(directory: Path, endpoint: Endpoint, username: str = "") -> TlsPskOptions:
    return TlsPskOptions(dir=str(directory), endpoint=endpoint, username=username)


def pair(near: Path, far: Path, username: str = "") -> tuple[Tls, Tls]:
    server = Tls(tls_context(options(near, "server")), server=True)
    client = Tls(tls_context(options(far, "client", username)), server=False)
    server.begin()
    client.begin()
    return server, client


def talk(near: Tls, far: Tls) -> None:
    while (words := far.take()) or (answers := near.take()):
        if words:
            near.receive(words)
        else:
            far.receive(answers)


def keys(directory: Path, text: str) -> Path:
    directory.mkdir(exist_ok=True)
    (directory / "keys.psk").write_text(text)
    return directory


@pytest.mark.skipif(HAS_PSK, reason="this Python has PSK")
def test_an_older_python_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OpenError) as caught:
        tls_context(options(keys(tmp_path, f"qemu:{KEY}\n"), "server"))
    assert str(caught.value) == (
        f"tls-creds-psk needs Python 3.13 or later, this is {platform.python_version()}: "
        "run muxtui on a newer one, or use tls-creds-x509"
    )


@with_psk
def test_who_knows_the_key_is_in(tmp_path: Path) -> None:
    directory = keys(tmp_path, f"ann:{'ab' * 32}\n\nqemu:{KEY}\nann:00\n")
    for username in ("", "ann"):
        near, far = pair(directory, directory, username)
        talk(near, far)
        assert near.ready
        assert far.ready
        far.send(b"typed")
        assert near.receive(far.take()) == b"typed"
        near.send(b"printed")
        assert far.receive(near.take()) == b"printed"


@with_psk
@pytest.mark.parametrize("theirs", [f"qemu:{'ff' * 16}", f"eve:{KEY}"])
def test_who_does_not_is_not(tmp_path: Path, theirs: str) -> None:
    near, far = pair(
        keys(tmp_path / "near", f"qemu:{KEY}"),
        keys(tmp_path / "far", theirs),
        theirs.partition(":")[0],
    )
    with pytest.raises(StreamError, match="TLS handshake failed: "):
        talk(near, far)
    assert not near.ready
    assert not far.ready


@with_psk
@pytest.mark.needs("openssl")
def test_a_server_that_shows_a_certificate_instead_is_refused(tmp_path: Path) -> None:
    pki = make_certificates(tmp_path / "pki")
    impostor = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    impostor.load_cert_chain(pki / "server-cert.pem", pki / "server-key.pem")
    near = Tls(impostor, server=True)
    far = Tls(tls_context(options(keys(tmp_path, f"qemu:{KEY}"), "client")), server=False)
    near.begin()
    far.begin()
    with pytest.raises(StreamError, match="TLS handshake failed: "):
        talk(near, far)
    assert not far.ready


@with_psk
def test_a_client_without_a_key_is_refused(tmp_path: Path) -> None:
    near = Tls(tls_context(options(keys(tmp_path, f"qemu:{KEY}"), "server")), server=True)
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    plain.check_hostname = False
    plain.verify_mode = ssl.CERT_NONE
    far = Tls(plain, server=False)
    near.begin()
    far.begin()
    with pytest.raises(StreamError, match="TLS handshake failed: "):
        talk(near, far)
    assert not near.ready


@with_psk
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("qemu", "line 1 is not NAME:HEX"),
        ("\nqemu:xyz", "line 2 is not NAME:HEX"),
        (":00", "line 1 is not NAME:HEX"),
        ("qemu:", "line 1 is not NAME:HEX"),
        ("qemu:" + "00" * (MAX_KEY + 1), "line 1 has a key of more than 256 bytes"),
        ("x" * (MAX_NAME + 1) + ":00", "line 1 has a name of more than 255 bytes"),
    ],
)
def test_a_file_that_will_not_do_is_told_without_its_keys(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(OpenError) as caught:
        tls_context(options(keys(tmp_path, text), "server"))
    assert str(caught.value) == f"Unable to access credentials {tmp_path}/keys.psk: {complaint}"


@with_psk
def test_the_rest_is_told_in_qemus_words(tmp_path: Path) -> None:
    with pytest.raises(OpenError, match=r"keys\.psk: No such file or directory$"):
        tls_context(options(tmp_path, "server"))
    keys(tmp_path, f"qemu:{KEY}")
    with pytest.raises(OpenError, match=r"^Username ann not found in PSK file .*/keys\.psk$"):
        tls_context(options(tmp_path, "client", "ann"))
    with pytest.raises(OpenError, match=r"^username should not be set when endpoint=server$"):
        tls_context(options(tmp_path, "server", "ann"))
    (tmp_path / "keys.psk").write_bytes(b"\xff:00")
    with pytest.raises(OpenError, match="it is not UTF-8"):
        tls_context(options(tmp_path, "server"))


@with_psk
def test_the_longest_name_and_key_work(tmp_path: Path) -> None:
    name = "n" * MAX_NAME
    directory = keys(tmp_path, f"{name}:{'5a' * MAX_KEY}")
    near, far = pair(directory, directory, name)
    talk(near, far)
    assert near.ready
