from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from muxcore.chardev.socket_client import SocketClient
from muxcore.chardev.socket_server import SocketServer
from muxcore.options.objects import AuthzSimpleOptions, ObjectSpec, TlsX509Options
from muxcore.options.sets import SocketOptions
from muxcore.tls.objects import Objects
from tests.certificates import make_certificates
from tests.muxcore.chardev.owner import running
from tests.muxcore.chardev.tls_programs import converse, port_of, program
from tests.muxcore.consoles import bench
from tests.support import eventually

pytestmark = pytest.mark.needs("openssl")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls") / "pki")


@pytest.fixture
def objects(pki: Path) -> Objects:
    made = Objects()
    made.add(ObjectSpec("near", TlsX509Options(dir=str(pki), endpoint="server")))
    made.add(ObjectSpec("far", TlsX509Options(dir=str(pki))))
    made.add(ObjectSpec("client", AuthzSimpleOptions(identity=r"C=GB,O=Example\, Ltd,CN=client")))
    made.add(ObjectSpec("boss", AuthzSimpleOptions(identity="CN=boss")))
    return made


def tls_server(objects: Objects, *, websocket: bool = False, authz: str = "") -> SocketServer:
    options = SocketOptions(
        host="127.0.0.1",
        port="0",
        server=True,
        wait=False,
        tls_creds="near",
        tls_authz=authz,
        websocket=websocket,
    )
    return SocketServer("tls", options, objects)


def tls_client(objects: Objects, port: str, creds: str = "far") -> SocketClient:
    options = SocketOptions(host="127.0.0.1", port=port, tls_creds=creds, reconnect_ms=0)
    return SocketClient("c", options, objects)


async def test_two_of_ours_talk_tls(objects: Objects) -> None:
    server = tls_server(objects, authz="client")
    async with running(server) as near:
        async with running(tls_client(objects, port_of(server))) as far:
            (await far.stream()).write([b"typed" * 20_000])
            await near.has(b"typed" * 20_000)
            near.live[0].write([b"printed"])
            await far.has(b"printed")
        await eventually(lambda: not near.live)


async def test_a_client_that_is_not_the_one_is_refused(objects: Objects) -> None:
    server = tls_server(objects, authz="boss")
    async with running(server) as near, running(tls_client(objects, port_of(server))):
        await eventually(lambda: near.failed)
        assert "is denied" in near.failed[0]
        assert near.opened == []


async def test_a_client_without_tls_is_never_open(objects: Objects) -> None:
    server = tls_server(objects)
    async with running(server) as near:
        with socket.create_connection(("127.0.0.1", int(port_of(server)))) as client:
            client.sendall(b"hello, is anybody there?\r\n")
            await eventually(lambda: near.failed)
        assert near.failed[0].startswith("TLS handshake failed: ")
        assert (server.state, near.opened) == ("waiting", [])


@pytest.mark.parametrize(
    ("creds", "reason"),
    [
        ("gone", "No TLS credentials with id 'gone'"),
        ("boss", "Object with id 'boss' is not TLS credentials"),
        ("near", "Expected TLS credentials for a client endpoint"),
    ],
)
async def test_credentials_that_will_not_do_are_qemus_errors(
    objects: Objects, creds: str, reason: str
) -> None:
    client = tls_client(objects, "1", creds)
    async with running(client):
        assert (client.state, client.reason) == ("failed", reason)


async def test_a_server_waits_for_credentials_that_come_later(objects: Objects) -> None:
    late = Objects()
    server = tls_server(late)
    async with running(server):
        assert server.reason == "No TLS credentials with id 'near'"
        assert server.retry_at is not None
        late._options |= objects._options
        await eventually(lambda: server.state == "waiting")


async def test_a_far_end_that_is_no_server_of_tls_is_told(objects: Objects) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = tls_client(objects, str(listener.getsockname()[1]))
        async with running(client):
            with listener.accept()[0] as far:
                far.sendall(b"login: ")
                await eventually(lambda: client.state == "failed")
                assert (client.reason or "").startswith("TLS handshake failed: ")


# Real counterparts.


async def test_openssl_s_client_is_a_peer_like_any_other(objects: Objects, pki: Path) -> None:
    words = ["openssl", "s_client", "-quiet", "-verify_return_error"]
    words += ["-connect", "127.0.0.1:PORT", "-CAfile", "ca-cert.pem"]
    words += ["-cert", "client-cert.pem", "-key", "client-key.pem"]
    await converse(tls_server(objects, authz="client"), *words, cwd=pki)


@pytest.mark.needs("socat")
async def test_socats_openssl_is_a_peer_like_any_other(objects: Objects, pki: Path) -> None:
    address = "OPENSSL:127.0.0.1:PORT,cafile=ca-cert.pem,cert=client-cert.pem,key=client-key.pem"
    await converse(tls_server(objects), "socat", "-", address, cwd=pki)


async def test_websocket_goes_within_tls(objects: Objects, pki: Path) -> None:
    context = ssl.create_default_context(cafile=str(pki / "ca-cert.pem"))
    context.load_cert_chain(pki / "client-cert.pem", pki / "client-key.pem")
    server = tls_server(objects, websocket=True)
    async with (
        bench(server) as made,
        connect(f"wss://localhost:{port_of(server)}/", ssl=context) as client,
    ):
        await client.send("ls\r")
        await eventually(lambda: made.guest.sent == b"ls\r")
        await made.print(b"out")
        assert await client.recv() == b"out"


async def test_a_guest_behind_openssl_s_server_is_reached(objects: Objects, pki: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    words = ["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-Verify", "1"]
    words += ["-CAfile", "ca-cert.pem", "-cert", "server-cert.pem", "-key", "server-key.pem"]
    options = SocketOptions(host="127.0.0.1", port=port, tls_creds="far", reconnect_ms=20)
    client = SocketClient("c", options, objects)
    async with program(*words, cwd=pki) as server, running(client) as owner:
        await eventually(lambda: owner.live, 20)
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(b"login: \n")
        await owner.has(b"login: ")
        owner.live[0].write([b"root\n"])
        async with asyncio.timeout(20):
            assert await server.stdout.readexactly(5) == b"root\n"


@pytest.mark.needs("qemu-system-x86_64")
async def test_qemu_has_the_same_name_for_a_certificate(objects: Objects, pki: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    chardev = f"socket,id=c,host=127.0.0.1,port={port},server=on,wait=off,tls-creds=t,tls-authz=a"
    words = ["qemu-system-x86_64", "-M", "none", "-display", "none", "-nodefaults"]
    words += ["-object", f"tls-creds-x509,id=t,endpoint=server,dir={pki}"]
    words += ["-object", r"authz-simple,id=a,identity=C=GB,,O=Example\,, Ltd,,CN=client"]
    words += ["-chardev", chardev, "-mon", "chardev=c,mode=control"]
    options = SocketOptions(host="127.0.0.1", port=port, tls_creds="far", reconnect_ms=50)
    async with (
        program(*words, cwd=pki),
        running(SocketClient("c", options, objects)) as owner,
    ):
        await eventually(lambda: b'"QMP"' in owner.got, 30)


@pytest.mark.needs("qemu-system-x86_64")
async def test_qemu_is_a_tls_client_of_ours(objects: Objects, pki: Path) -> None:
    server = tls_server(objects, authz="client")
    async with running(server) as owner:
        chardev = f"socket,id=c,host=127.0.0.1,port={port_of(server)},tls-creds=t"
        words = ["qemu-system-x86_64", "-M", "none", "-display", "none", "-nodefaults"]
        words += ["-object", f"tls-creds-x509,id=t,endpoint=client,dir={pki}"]
        words += ["-chardev", chardev, "-mon", "chardev=c,mode=control"]
        async with program(*words, cwd=pki):
            await eventually(lambda: b'"QMP"' in owner.got or owner.failed, 30)
            assert owner.failed == []
            (await owner.stream()).write([b'{"execute":"qmp_capabilities"}{"execute":"quit"}'])
            await owner.has(b'"SHUTDOWN"')
        await eventually(lambda: not owner.live)
