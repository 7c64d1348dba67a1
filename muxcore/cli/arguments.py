"""Chardevs, objects and settings as a command line has them, for a daemon in another directory."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from muxcore.cli.narration import complain
from muxcore.errors import OptionError
from muxcore.options.grammar import format_chardev, help_wanted, parse_chardev
from muxcore.options.objects import (
    AuthzListFileOptions,
    ObjectSpec,
    TlsPskOptions,
    TlsX509Options,
    parse_object,
    to_members,
)
from muxcore.options.sets import ChardevSpec, SerialOptions, SocketOptions
from muxcore.options.values import rfc2217_address

__all__ = ["absolute", "absolute_object", "chardev", "help_wanted", "object_members", "setting"]

_PATHS = ("path", "input_path", "logfile", "cwd")
"""Every option of a chardev that is a path."""


def chardev(text: str) -> str:
    """A CHARDEV as the user wrote it, for a daemon whose directory is another one.

    Raises:
        OptionError: it is wrong.
    """
    spec = parse_chardev(text)
    for warning in spec.warnings:
        complain(f"warning: {' '.join(warning.split())}")
    return format_chardev(absolute(spec))


def absolute(spec: ChardevSpec) -> ChardevSpec:
    """`spec` with its paths as a daemon whose directory is another one has to be given them."""
    options = spec.options
    names = [name for name in _PATHS if getattr(options, name, "")]
    if isinstance(options, SocketOptions) and options.abstract:
        names.remove("path")
    if isinstance(options, SerialOptions) and rfc2217_address(options.path):
        names.remove("path")
    paths: dict[str, Any] = {name: _absolute(getattr(options, name)) for name in names}
    return replace(spec, options=replace(options, **paths))


def absolute_object(spec: ObjectSpec) -> ObjectSpec:
    """`spec`, likewise."""
    options = spec.options
    if isinstance(options, TlsX509Options | TlsPskOptions):
        return replace(spec, options=replace(options, dir=_absolute(options.dir)))
    if isinstance(options, AuthzListFileOptions):
        return replace(spec, options=replace(options, filename=_absolute(options.filename)))
    return spec


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def object_members(text: str) -> dict[str, Any]:
    """An object as object-add takes it, for a daemon whose directory is another one."""
    return to_members(absolute_object(parse_object(text)))


def setting(text: str) -> tuple[str, str]:
    """The key and the value of a console's setting. Raises OptionError."""
    key, equals, value = text.partition("=")
    if not equals:
        raise OptionError(f"--set takes KEY=VALUE, not '{text}'")
    return key, value
