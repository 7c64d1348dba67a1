"""muxtui's version, once as text and once in QMP's shape."""

from __future__ import annotations

import importlib.metadata
from typing import Any

_UNKNOWN = "0.0.0"


def package_version() -> str:
    """The installed version, e.g. `0.1.0`; `0.0.0` when muxtui is not installed."""
    try:
        return importlib.metadata.version("muxtui")
    except importlib.metadata.PackageNotFoundError:
        return _UNKNOWN


def qemu_version() -> dict[str, Any]:
    """The version as QEMU's VersionInfo: clients read numbers from `qemu`, `package` is ours."""
    text = package_version()
    numbers = [int(part) for part in text.split(".")[:3] if part.isdigit()] + [0, 0, 0]
    major, minor, micro = numbers[:3]
    return {
        "qemu": {"major": major, "minor": minor, "micro": micro},
        "package": f"muxtui {text}",
    }
