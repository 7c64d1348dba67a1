"""What the code as a whole must keep: who imports whom, what starts quickly, what is not named."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("textual", "qemu.qmp", "muxcore.chardev")


def _run(*command: str) -> str:
    done = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _tracked() -> list[Path]:
    """Files of the repository, as git knows them; of an unpacked archive, all but the hidden."""
    if (ROOT / ".git").exists():
        names = _run("git", "-c", "safe.directory=*", "ls-files", "-z").split("\0")
        return [ROOT / name for name in names if name and (ROOT / name).is_file()]
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not any(part[0] == "." for part in path.relative_to(ROOT).parts)
    ]


def test_import_contracts_hold() -> None:
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
    _run(sys.executable, "-c", code)


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(option: str) -> None:
    code = f"""
import sys
from tui.__main__ import main
try:
    status = main([{option!r}])
except SystemExit as end:
    status = end.code
print("loaded:", *(name for name in {HEAVY!r} if name in sys.modules))
sys.exit(status)
"""
    output = _run(sys.executable, "-c", code).splitlines()
    assert len(output) > 1, "nothing was printed"
    assert output[-1].split() == ["loaded:"]


def _package_hosts() -> set[str]:
    """Hosts that this machine's apt and pip fetch packages from."""
    configs = [
        *Path("/etc/apt").glob("sources.list"),
        *Path("/etc/apt/sources.list.d").glob("*.[ls]*"),
        *Path("/etc").glob("pip.conf"),
    ]
    urls = (re.findall(r"https?://([\w.-]+)", path.read_text("utf-8")) for path in configs)
    return {host for hosts in urls for host in hosts}


def test_no_file_names_this_machine_or_where_it_gets_packages() -> None:
    names = {str(ROOT), sys.prefix, *_package_hosts()}
    pattern = re.compile("|".join(f"{re.escape(name)}(?![\\w.-])" for name in names).encode())
    found = [
        f"{path.relative_to(ROOT)}: {match[0]!r}"
        for path in _tracked()
        if (match := pattern.search(path.read_bytes()))
    ]
    assert not found
