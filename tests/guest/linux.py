"""The Linux guest: Debian's cloud kernel, busybox and the test programs of `rootfs/`.

Built without root from two Debian packages, fetched by `apt-get download` once, in 3 to 6 s; kept
in `.cache/` beside this file under a name that changes with what it is made of. Boots to a login
(root, password guest) in 3 to 5 s under TCG.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.guest.qemu import Guest

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
CACHE = HERE / ".cache"
APPEND = (
    "quiet console=hvc0 muxguest.quiet=1 panic=-1 tsc=reliable no_timer_check random.trust_cpu=on"
)
# The password is "guest", as md5crypt on purpose: sha512crypt takes long under TCG.
PASSWD = "root:$1$muxtui$223vq.nX8SMOyRArXd74S1:0:0:root:/root:/bin/sh\n"
DIRECTORIES = ("bin", "sbin", "proc", "sys", "dev", "tmp", "root", "lib/modules", "usr/bin")
# virtio_console and what it stands on, in load order: all are modules in the cloud kernel, and
# modules.dep is not in its package.
MODULES = (
    "virtio/virtio_ring",
    "virtio/virtio",
    "virtio/virtio_pci_legacy_dev",
    "virtio/virtio_pci_modern_dev",
    "virtio/virtio_pci",
    "char/virtio_console",
)


def linux(path: str, *extra: str, wait: bool = False) -> Guest:
    """Describe a Linux guest with its virtio console hvc0 at `path`, building it if needed."""
    image = build()
    arguments = (
        "-m",
        "128",
        *("-kernel", f"{image}/vmlinuz", "-initrd", f"{image}/initramfs.cpio", "-append", APPEND),
        *("-device", "virtio-serial-pci", "-device", "virtconsole,chardev=c0"),
        *extra,
    )
    return Guest(path, arguments, wait=wait)


def build() -> Path:
    """Return the directory of `vmlinuz` and `initramfs.cpio`, made now if they are not there.

    Raises:
        subprocess.CalledProcessError: apt-get or dpkg-deb failed, with its message on stderr.
    """
    image = CACHE / f"linux-{_digest()}"
    if image.exists():
        return image
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        work = Path(scratch)
        kernel = _kernel_package()
        for package in (kernel, "busybox-static"):
            _unpack(package, work / "packages")
        made = work / "image"
        made.mkdir()
        version = kernel.removeprefix("linux-image-")
        shutil.copy(work / f"packages/boot/vmlinuz-{version}", made / "vmlinuz")
        root = work / "root"
        _root(root, work / "packages", version)
        (made / "initramfs.cpio").write_bytes(b"".join(cpio(root)))
        try:
            made.rename(image)
        except OSError:
            # Another test run finished the same image first.
            if not image.exists():
                raise
    return image


def _digest() -> str:
    """Name what the image is made of, but for the packages: a new kernel alone is no reason."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted((HERE / "rootfs").rglob("*")):
        digest.update(str(path.relative_to(HERE)).encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _kernel_package() -> str:
    """Return the one real kernel that the meta package depends on."""
    command = ["apt-cache", "depends", "linux-image-cloud-amd64"]
    depends = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    match = re.search(r"Depends: (linux-image-[0-9]\S*-cloud-amd64)$", depends, re.MULTILINE)
    assert match, "apt knows no linux-image-cloud-amd64; has apt-get update been run?"
    return match[1]


def _unpack(package: str, into: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        # As root, apt would fetch as the user _apt, whom this directory keeps out.
        subprocess.run(
            ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package],
            check=True,
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        (deb,) = Path(scratch).glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", deb, into], check=True)


def _root(root: Path, packages: Path, version: str) -> None:
    """Lay out the guest's root file system."""
    shutil.copytree(HERE / "rootfs", root)
    for name in DIRECTORIES:
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "etc/passwd").write_text(PASSWD)
    lines = (f"line {n:03}: the quick brown fox jumps over the lazy dog\n" for n in range(1, 201))
    (root / "root/fox.txt").write_text("".join(lines))
    # Debian's merged /usr moved both, in one release or another.
    (busybox,) = (path for path in packages.glob("**/bin/busybox") if path.is_file())
    shutil.copy(busybox, root / "bin/busybox")
    (modules,) = packages.glob(f"**/lib/modules/{version}")
    for number, name in enumerate(MODULES):
        found = list((modules / "kernel/drivers").glob(f"{name}.ko*"))
        if not found:
            continue  # Built in.
        data = found[0].read_bytes()
        module = lzma.decompress(data) if found[0].suffix == ".xz" else data
        (root / "lib/modules" / f"{number:02}-{Path(name).name}.ko").write_bytes(module)
    # A link for every applet, so that no `busybox --install` costs boot time.
    applets = subprocess.run([busybox, "--list"], check=True, stdout=subprocess.PIPE, text=True)
    for applet in applets.stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "sbin/init").symlink_to("../bin/busybox")


def cpio(root: Path) -> Iterator[bytes]:
    """Pack `root` as the kernel's initramfs format "newc", all owned by root.

    Linux Documentation/driver-api/early-userspace/buffer-format.rst. /dev/console is in the
    kernel's own built-in archive, so no device node is needed, and no root to make it.
    """
    paths = sorted(root.rglob("*"))
    for inode, path in enumerate(paths, 1):
        status = path.lstat()
        data = b""
        if path.is_symlink():
            data = os.fsencode(os.readlink(path))
        elif path.is_file():
            data = path.read_bytes()
        # Not the checkout's own modes, which follow somebody's umask.
        mode = stat.S_IFMT(status.st_mode) | (0o755 if status.st_mode & stat.S_IXUSR else 0o644)
        yield _entry(str(path.relative_to(root)), inode, mode, data)
    yield _entry("TRAILER!!!", 0, 0, b"")


def _entry(name: str, inode: int, mode: int, data: bytes) -> bytes:
    path = os.fsencode(name) + b"\0"
    # ino, mode, uid, gid, nlink, mtime, filesize, maj, min, rmaj, rmin, namesize, check
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields) + path
    return _padded(header) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
