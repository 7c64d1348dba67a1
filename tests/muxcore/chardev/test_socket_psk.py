from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from muxcore.chardev.socket_client import SocketClient
from muxcore.chardev.socket_server import SocketServer
from muxcore.options.objects import AuthzListOptions, ObjectSpec, TlsPskOptions
from muxcore.options.sets import SocketOptions
from muxcore.tls.objects import Objects
from tests.muxcore.chardev.owner import running
from tests.muxcore.chardev.tls_programs import converse, port_of, program
from tests.support import eventually

pytestmark = pytest.mark.skipif(
    not hasattr(ssl.SSLContext, "set_psk_server_callback"), reason="PSK needs Python 3.13"
)

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    (tmp_path / "keys.psk").write_text(f"qemu:{KEY}\nann:{KEY[::-1]}\n")
    made = Objects()
    made.add(ObjectSpec("near", TlsPskOptions(dir=str(tmp_path), endpoint="server")))
    made.add(ObjectSpec("far", TlsPskOptions(dir=str(tmp_path), username="ann")))
    made.add(ObjectSpec("all", AuthzListOptions(policy="allow")))
    return made


def psk_server(objects: Objects, authz: str = "") -> SocketServer:
    options = SocketOptions(
        host="127.0.0.1", port="0", server=True, wait=False, tls_creds="near", tls_authz=authz
    )
    return SocketServer("psk", options, objects)


def psk_client(objects: Objects, port: str) -> SocketClient:
    options = SocketOptions(host="127.0.0.1", port=port, tls_creds="far", reconnect_ms=20)
    return SocketClient("c", options, objects)


async def test_two_of_ours_talk(objects: Objects) -> None:
    server = psk_server(objects)
    async with (
        running(server) as near,
        running(psk_client(objects, port_of(server))) as far,
    ):
        (await far.stream()).write([b"typed"])
        await near.has(b"typed")
        near.live[0].write([b"printed"])
        await far.has(b"printed")


async def test_a_key_is_no_certificate_that_a_rule_could_allow(objects: Objects) -> None:
    server = psk_server(objects, "all")
    async with running(server) as near, running(psk_client(objects, port_of(server))):
        await eventually(lambda: near.failed)
        assert near.failed[0] == (
            "TLS x509 authz check for a client without a certificate is denied"
        )
        assert near.opened == []


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_openssl_s_client_is_a_peer_like_any_other(
    objects: Objects, tmp_path: Path, version: str
) -> None:
    words = ["openssl", "s_client", "-quiet", version, "-connect", "127.0.0.1:PORT"]
    words += ["-psk_identity", "qemu", "-psk", KEY]
    await converse(psk_server(objects), *words, cwd=tmp_path)


@pytest.mark.needs("openssl")
async def test_openssl_s_client_with_another_key_is_never_open(
    objects: Objects, tmp_path: Path
) -> None:
    server = psk_server(objects)
    async with running(server) as near:
        words = ["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{port_of(server)}"]
        words += ["-psk_identity", "qemu", "-psk", "ff" * 16]
        async with program(*words, cwd=tmp_path):
            await eventually(lambda: near.failed, 20)
        assert near.failed[0].startswith("TLS handshake failed: ")
        assert (server.state, near.opened) == ("waiting", [])


@pytest.mark.needs("openssl")
async def test_a_guest_behind_openssl_s_server_is_reached(objects: Objects, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    words = ["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-nocert"]
    words += ["-psk_identity", "ann", "-psk", KEY[::-1]]
    async with program(*words, cwd=tmp_path) as server, running(psk_client(objects, port)) as owner:
        await eventually(lambda: owner.live, 20)
        assert server.stdin is not None
        server.stdin.write(b"login: \n")
        await owner.has(b"login: ")


@pytest.mark.needs("qemu-system-x86_64")
async def test_qemu_is_a_client_of_ours(objects: Objects, tmp_path: Path) -> None:
    server = psk_server(objects)
    async with running(server) as owner:
        chardev = f"socket,id=c,host=127.0.0.1,port={port_of(server)},tls-creds=t"
        words = ["qemu-system-x86_64", "-M", "none", "-display", "none", "-nodefaults"]
        words += ["-object", f"tls-creds-psk,id=t,endpoint=client,dir={tmp_path},username=ann"]
        words += ["-chardev", chardev, "-mon", "chardev=c,mode=control"]
        async with program(*words, cwd=tmp_path):
            await eventually(lambda: b'"QMP"' in owner.got or owner.failed, 30)
            assert owner.failed == []


@pytest.mark.needs("qemu-system-x86_64")
async def test_qemu_is_a_server_of_ours(objects: Objects, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    chardev = f"socket,id=c,host=127.0.0.1,port={port},server=on,wait=off,tls-creds=t"
    words = ["qemu-system-x86_64", "-M", "none", "-display", "none", "-nodefaults"]
    words += ["-object", f"tls-creds-psk,id=t,endpoint=server,dir={tmp_path}"]
    words += ["-chardev", chardev, "-mon", "chardev=c,mode=control"]
    async with program(*words, cwd=tmp_path), running(psk_client(objects, port)) as owner:
        await eventually(lambda: b'"QMP"' in owner.got, 30)
