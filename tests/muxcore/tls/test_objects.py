from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from muxcore import config
from muxcore.errors import ConfigError
from muxcore.options.objects import ObjectSpec, TlsX509Options
from tests import support
from tests.certificates import make_certificates
from tests.muxcore.daemons import ROOT, cli, raw_client, running, served
from tests.support import eventually

pytestmark = pytest.mark.needs("openssl")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls") / "pki")


SOCKET = {
    "type": "socket",
    "data": {
        "addr": {"type": "inet", "data": {"host": "127.0.0.1", "port": "0"}},
        "tls-creds": "tls0",
    },
}


async def test_objects_are_added_used_and_removed_over_qmp(tmp_path: Path, pki: Path) -> None:
    async with running(tmp_path) as daemon, raw_client(daemon.path) as client:
        added = await client.execute("chardev-add", id="s", backend=SOCKET)
        assert added == "Failed to add chardev 's': No TLS credentials with id 'tls0'"
        members = {"qom_type": "tls-creds-x509", "id": "tls0", "endpoint": "server"}
        assert await client.execute("object-add", **members, dir=str(pki), verify_peer=True) == {}
        assert await client.execute("object-add", **members, dir=str(pki)) == (
            "attempt to add duplicate property 'tls0' to object (type 'container')"
        )
        assert await client.execute("chardev-add", id="s", backend=SOCKET) == {}
        in_use = "object 'tls0' is in use, can not be deleted"
        assert await client.execute("object-del", id="tls0") == in_use
        await client.execute("mux-add-console", console="vm")
        await client.execute("mux-add-backend", console="vm", id="s")
        assert await client.execute("object-del", id="tls0") == in_use
        await client.execute("mux-remove-console", console="vm")
        assert await client.execute("object-del", id="tls0") == {}
        assert await client.execute("object-del", id="tls0") == "object 'tls0' not found"


async def test_an_object_whose_files_will_not_do_is_not_added(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, raw_client(daemon.path) as client:
        members = {"qom_type": "tls-creds-x509", "id": "tls0", "dir": "/nowhere"}
        assert await client.execute("object-add", **members) == (
            "Unable to access credentials /nowhere/ca-cert.pem: No such file or directory"
        )
        assert await client.execute("object-add", **members, bogus="1") == (
            "Parameter 'bogus' is unexpected"
        )
        assert await client.execute("object-add", qom_type="secret", id="x") == (
            "Parameter 'qom-type' does not accept value 'secret'"
        )


async def test_rules_are_added_over_qmp(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, raw_client(daemon.path) as client:
        rules: list[object] = [{"match": "CN=*", "policy": "allow", "format": "glob"}]
        members = {"qom_type": "authz-list", "id": "a"}
        assert await client.execute("object-add", **members, rules=[{"match": "x"}]) == (
            "Parameter 'rules[0].policy' is missing"
        )
        assert await client.execute("object-add", **members, policy="deny", rules=rules) == {}
        daemon.objects.authorise("a", {"subject": ((("commonName", "x"),),)})
        listed = {"qom_type": "authz-list-file", "id": "f", "filename": "/nowhere"}
        assert await client.execute("object-add", **listed) == (
            "Unable to read '/nowhere': No such file or directory"
        )
        assert await client.execute("object-del", id="a") == {}
        assert daemon.objects._authz == {}


CONFIG = """
[console.vm]
backends = ["socket,id=s,port=0,server=on,wait=off,tls-creds=tls0"]

[object.tls0]
qom-type = "tls-creds-x509"
dir = "{dir}"
endpoint = "server"
verify-peer = false
"""


def test_a_configuration_file_has_objects_and_their_problems() -> None:
    objects = config.load(CONFIG.format(dir="/x"), "f").objects
    wanted = TlsX509Options(dir="/x", endpoint="server", verify_peer=False)
    assert objects == (ObjectSpec("tls0", wanted),)
    with pytest.raises(ConfigError) as caught:
        config.load('object.a = 1\n[object.b]\nqom-type = "tls-creds-x509"\n', "f")
    assert len(caught.value.problems) == 2
    with pytest.raises(ConfigError, match="expects tables"):
        config.load("object = 1", "f")


async def test_objects_of_the_configuration_come_and_go_with_it(tmp_path: Path, pki: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(CONFIG.format(dir="/nowhere"))
    async with running(tmp_path, str(file)) as daemon:
        backend = daemon.console("vm").backends["s"]
        assert "/nowhere/ca-cert.pem" in (backend.reason or "")
        file.write_text(CONFIG.format(dir=pki))
        await daemon.reload()
        await eventually(lambda: backend.state == "waiting")
        file.write_text("")
        await daemon.reload()
        assert daemon.objects._options == {}


@pytest.mark.needs("socat")
def test_a_console_is_added_with_its_credentials(tmp_path: Path, pki: Path) -> None:
    control = support.unix_path(tmp_path, "c")
    os.symlink(pki, Path(os.environ["HOME"]) / "pki")
    made = "tls-creds-x509,id=tls0,dir=pki,endpoint=server"
    backend = "socket,id=s,port=0,server=on,wait=off,tls-creds=tls0"
    with served(control):
        words = ["-s", control, "add", "vm", "--object", made, "-b", backend]
        bad = cli(*words, "-b", "socket,id=s,path=/tmp/x")
        assert bad.returncode != 0
        done = cli(*words, "-g", "process,command=cat")
        assert (done.returncode, done.stderr) == (0, "")
        assert cli(*words, "--object", "tls-creds-x509").returncode == 2
        address = cli("-s", control, "ls", "--json").stdout.split('"address": "127.0.0.1:')[1]
        port = address.split('"')[0]
        socat = f"OPENSSL:127.0.0.1:{port},cafile={pki}/ca-cert.pem"
        socat += f",cert={pki}/client-cert.pem,key={pki}/client-key.pem"
        with subprocess.Popen(
            ["socat", "-", socat], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as client:
            assert client.stdin is not None
            assert client.stdout is not None
            client.stdin.write(b"echo\n")
            client.stdin.flush()
            support.read_until(client.stdout.fileno(), b"echo", 20)
            client.kill()
