"""What `-object` makes: TLS credentials, and who may use them (qapi/crypto.json, authz.json).

Written `TYPE,id=ID,name=value,...` (util/keyval.c: `,,` is a comma in a value),
as JSON `{"qom-type": TYPE, "id": ID, ...}` as object-add takes it, or as a table
`[object.ID]` with `qom-type` in the configuration file. The texts are QEMU's.
"""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, ClassVar, Literal

from muxcore.errors import OptionError, printable
from muxcore.options.values import check_identifier, parse_bool

Endpoint = Literal["client", "server"]

_WORD = re.compile(r"((?:[^,]|,,)*)(?:,|$)")


@dataclass(frozen=True, kw_only=True)
class ObjectOptions:
    """The options of one type of object."""

    TYPE: ClassVar[str] = ""


@dataclass(frozen=True, kw_only=True)
class TlsX509Options(ObjectOptions):
    """X.509 certificates in a directory, named as QEMU does (docs/system/tls.rst).

    `ca-cert.pem`, and `server-cert.pem` with `server-key.pem` or, as far as they
    are there, `client-cert.pem` with `client-key.pem`; `ca-crl.pem` if it is there.
    """

    TYPE = "tls-creds-x509"

    dir: str
    endpoint: Endpoint = "client"
    verify_peer: bool = True


@dataclass(frozen=True, kw_only=True)
class TlsPskOptions(ObjectOptions):
    """Keys that both sides know: `keys.psk` in a directory, `NAME:HEX` a line."""

    TYPE = "tls-creds-psk"

    dir: str
    endpoint: Endpoint = "client"
    username: str = "qemu"


@dataclass(frozen=True, kw_only=True)
class AuthzSimpleOptions(ObjectOptions):
    """The one distinguished name that may connect (authz/simple.c)."""

    TYPE = "authz-simple"

    identity: str


OBJECTS: dict[str, type[ObjectOptions]] = {
    options.TYPE: options for options in (AuthzSimpleOptions, TlsPskOptions, TlsX509Options)
}


@dataclass(frozen=True)
class ObjectSpec:
    """An object as asked for."""

    id: str
    options: ObjectOptions


def parse_object(text: str) -> ObjectSpec:
    """The object that the text of `-object` asks for.

    Raises:
        OptionError: with QEMU's text.
    """
    if text.lstrip().startswith("{"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise OptionError(f"JSON parse error, {printable(str(error))}") from None
        return object_from(value)
    members: dict[str, str] = {}
    for at, word in enumerate(_words(text)):
        name, equals, value = word.partition("=")
        if at == 0 and not equals:
            name, value = "qom-type", word
        elif not equals:
            raise OptionError(f"Expected '=' after parameter '{printable(name)}'", option=name)
        members[name] = value
    return object_from(members)


def object_from(value: object) -> ObjectSpec:
    """The object that members ask for, as JSON or TOML have them; a boolean may be text.

    Raises:
        OptionError: with QEMU's text.
    """
    if not isinstance(value, dict):
        raise OptionError("Invalid parameter type for 'object', expected: object")
    members = dict(value)
    type = _text("qom-type", _take(members, "qom-type"))
    id = _text("id", _take(members, "id"))
    options = OBJECTS.get(type)
    if options is None:
        text = f"Parameter 'qom-type' does not accept value '{printable(type)}'"
        raise OptionError(text, hint=f"one of {', '.join(OBJECTS)}", option="qom-type")
    check_identifier("id", id)
    values: dict[str, Any] = {}
    for item in fields(options):
        name = item.name.replace("_", "-")
        if name in members:
            values[item.name] = _value(name, item.default, members.pop(name))
        elif item.default is MISSING:
            raise OptionError(f"Parameter '{name}' is missing", option=name)
    for name in members:
        hint = "it is a GnuTLS string; OpenSSL has its own defaults" if name == "priority" else ""
        text = f"Parameter '{printable(name)}' is unexpected"
        raise OptionError(text, hint=hint, option=name)
    return ObjectSpec(id, options(**values))


def to_members(spec: ObjectSpec) -> dict[str, Any]:
    """`spec` as object-add takes it."""
    members = {name.replace("_", "-"): value for name, value in asdict(spec.options).items()}
    return {"qom-type": spec.options.TYPE, "id": spec.id, **members}


def format_object(spec: ObjectSpec) -> str:
    """`spec` as `parse_object` reads it."""
    words = []
    for name, value in to_members(spec).items():
        text = ("off", "on")[value] if isinstance(value, bool) else value
        words.append(f"{name}={text.replace(',', ',,')}")
    return ",".join(words).removeprefix("qom-type=")


def _words(text: str) -> list[str]:
    words = []
    at = 0
    while at < len(text) and (match := _WORD.match(text, at)):
        words.append(match[1].replace(",,", ","))
        at = match.end()
    return words


def _take(members: dict[str, Any], name: str) -> object:
    if name not in members:
        raise OptionError(f"Parameter '{name}' is missing", option=name)
    return members.pop(name)


def _value(name: str, default: object, value: object) -> object:
    if isinstance(default, bool):
        if isinstance(value, str):
            return parse_bool(name, value)
        if not isinstance(value, bool):
            raise OptionError(f"Invalid parameter type for '{name}', expected: boolean")
        return value
    text = _text(name, value)
    if name == "endpoint" and text not in ("client", "server"):
        message = f"Parameter 'endpoint' does not accept value '{printable(text)}'"
        raise OptionError(message, hint="client or server", option=name)
    return text


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise OptionError(f"Invalid parameter type for '{name}', expected: string", option=name)
    if "\0" in value:
        raise OptionError(f"Parameter '{name}' expects text without NUL", option=name)
    return value
