from __future__ import annotations

import contextlib
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.chardev.layers.tls import Certificate, Tls
from muxcore.errors import OpenError, StreamError
from muxcore.options.objects import (
    AuthzSimpleOptions,
    Endpoint,
    ObjectSpec,
    TlsX509Options,
)
from muxcore.tls.credentials import tls_context
from muxcore.tls.objects import Objects
from tests.certificates import make_certificates

pytestmark = pytest.mark.needs("openssl")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls") / "pki")


def context(pki: Path, endpoint: Endpoint, *, verify_peer: bool = True) -> ssl.SSLContext:
    return tls_context(TlsX509Options(dir=str(pki), endpoint=endpoint, verify_peer=verify_peer))


def pair(
    pki: Path,
    *,
    hostname: str = "localhost",
    verify_peer: bool = True,
    admit: Callable[[Certificate], None] = lambda _: None,
) -> tuple[Tls, Tls]:
    near = Tls(context(pki, "server", verify_peer=verify_peer), server=True, admit=admit)
    far = Tls(context(pki, "client"), server=False, hostname=hostname)
    near.begin()
    far.begin()
    return near, far


def talk(near: Tls, far: Tls) -> None:
    """Pass on what each says until both are silent."""
    while (words := far.take()) or (answers := near.take()):
        if words:
            assert near.receive(words) == b""
        else:
            assert far.receive(answers) == b""


def test_two_ends_with_certificates_of_one_ca_agree(pki: Path) -> None:
    near, far = pair(pki)
    talk(near, far)
    assert near.ready
    assert far.ready
    far.send(b"typed" * 10_000)
    assert near.receive(far.take()) == b"typed" * 10_000
    near.send(b"printed")
    assert far.receive(near.take()) == b"printed"


def test_bytes_may_come_one_at_a_time(pki: Path) -> None:
    near, far = pair(pki)
    while words := far.take():
        for byte in words:
            near.receive(bytes((byte,)))
        far.receive(near.take())
    far.send(b"typed")
    assert b"".join(near.receive(bytes((byte,))) for byte in far.take()) == b"typed"


def test_an_end_is_told_and_is_the_end(pki: Path) -> None:
    near, far = pair(pki)
    talk(near, far)
    far.send(b"last")
    far.end()
    assert near.receive(far.take()) == b"last"
    assert near.closed
    near.end()
    near.send(b"late")
    assert far.closed is False


def test_a_server_of_another_name_is_refused(pki: Path) -> None:
    near, far = pair(pki, hostname="board.lab")
    near.receive(far.take())
    with pytest.raises(StreamError, match=r"handshake failed: certificate verify failed: Hostname"):
        far.receive(near.take())
    # The server is told why.
    with pytest.raises(StreamError, match="alert"):
        near.receive(far.take())


def test_a_server_of_another_ca_is_refused(pki: Path, tmp_path: Path) -> None:
    near, _ = pair(make_certificates(tmp_path / "other"))
    far = Tls(context(pki, "client"), server=False, hostname="localhost")
    far.begin()
    near.receive(far.take())
    with pytest.raises(StreamError, match="certificate verify failed"):
        far.receive(near.take())


def test_a_client_without_a_certificate_is_refused_unless_peers_are_not_verified(
    pki: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "ca-cert.pem").write_bytes((pki / "ca-cert.pem").read_bytes())
    for verify_peer in (True, False):
        near = Tls(context(pki, "server", verify_peer=verify_peer), server=True)
        far = Tls(context(alone, "client"), server=False, hostname="127.0.0.1")
        near.begin()
        far.begin()
        near.receive(far.take())
        far.receive(near.take())
        if verify_peer:
            with pytest.raises(StreamError, match="peer did not return a certificate"):
                near.receive(far.take())
        else:
            near.receive(far.take())
            assert near.ready


def test_a_client_that_is_not_allowed_is_refused_by_its_name(pki: Path) -> None:
    objects = Objects()
    objects.add(ObjectSpec("boss", AuthzSimpleOptions(identity="CN=boss")))
    objects.add(ObjectSpec("it", AuthzSimpleOptions(identity=r"C=GB,O=Example\, Ltd,CN=client")))
    for id, complaint in [
        ("boss", r"TLS x509 authz check for C=GB,O=Example\\, Ltd,CN=client is denied"),
        ("gone", "Cannot find QAuthZ object ID gone"),
    ]:
        near, far = pair(pki, admit=lambda found, id=id: objects.authorise(id, found))  # type: ignore[misc]
        with pytest.raises(StreamError, match=complaint):
            talk(near, far)
        assert not near.ready
    near, far = pair(pki, admit=lambda found: objects.authorise("it", found))
    talk(near, far)
    assert near.ready
    with pytest.raises(StreamError, match="without a certificate"):
        objects.authorise("it", {})


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + bytes(80)])
def test_what_is_no_tls_is_told_in_one_line(pki: Path, noise: bytes) -> None:
    near = Tls(context(pki, "server"), server=True)
    near.begin()
    with pytest.raises(StreamError, match=r"^TLS handshake failed: [a-z0-9 ]+$"):
        near.receive(noise + bytes(70_000))


@given(noise=st.binary(max_size=200), ready=st.booleans())
def test_nothing_but_a_stream_error_comes_of_noise(pki: Path, noise: bytes, ready: bool) -> None:
    near, far = pair(pki)
    if ready:
        talk(near, far)
    with contextlib.suppress(StreamError):
        assert near.receive(noise) == b""
    near.end()


def test_a_client_that_verifies_needs_a_name_that_a_host_can_have(pki: Path) -> None:
    with pytest.raises(StreamError, match=r"^No hostname for certificate validation$"):
        Tls(context(pki, "client"), server=False)
    with pytest.raises(StreamError, match=r"^TLS: "):
        Tls(context(pki, "client"), server=False, hostname=".lab")
    assert Tls(context(pki, "client", verify_peer=False), server=False)


# Files.


def test_a_missing_file_is_qemus_error(tmp_path: Path) -> None:
    with pytest.raises(OpenError) as caught:
        context(tmp_path, "server")
    expected = f"Unable to access credentials {tmp_path}/ca-cert.pem: No such file or directory"
    assert str(caught.value) == expected


def test_a_file_that_is_no_certificate_is_told(pki: Path, tmp_path: Path) -> None:
    for name in ("ca-cert.pem", "server-cert.pem", "server-key.pem"):
        (tmp_path / name).write_bytes((pki / name).read_bytes())
    (tmp_path / "server-cert.pem").write_text("nonsense")
    with pytest.raises(OpenError, match="Unable to import the certificates in "):
        context(tmp_path, "server")


def test_an_encrypted_key_never_asks_on_the_terminal(pki: Path, tmp_path: Path) -> None:
    for name in ("ca-cert.pem", "server-cert.pem"):
        (tmp_path / name).write_bytes((pki / name).read_bytes())
    words = ["openssl", "ec", "-aes128", "-passout", "pass:secret"]
    words += ["-in", str(pki / "server-key.pem"), "-out", str(tmp_path / "server-key.pem")]
    subprocess.run(words, check=True, capture_output=True)
    with pytest.raises(OpenError, match="Unable to import"):
        context(tmp_path, "server")
