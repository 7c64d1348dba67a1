"""muxtui's version, once as text and once in QMP's shape.

The package is built with it (pyproject.toml). It stands here rather than being
read from the installed metadata, which costs the daemon 2.4 MB and is not there
in a checkout.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def qemu_version() -> dict[str, Any]:
    """The version as QEMU's VersionInfo: clients read numbers from `qemu`, `package` is ours."""
    major, minor, micro = map(int, __version__.split("."))  # noqa: RUF048 - ours is three numbers
    return {
        "qemu": {"major": major, "minor": minor, "micro": micro},
        "package": f"muxtui {__version__}",
    }
