"""What `-object` makes: TLS credentials, and who may use them (qapi/crypto.json, authz.json).

Written `TYPE,id=ID,name=value,...` (util/keyval.c: `,,` is a comma in a value,
`rules.0.match=` a member of the first of several rules), as JSON
`{"qom-type": TYPE, "id": ID, ...}` as object-add takes it, or as a table
`[object.ID]` with `qom-type` in the configuration file. The texts are QEMU's.
"""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, ClassVar, Literal, get_args

from muxcore.errors import OptionError, printable
from muxcore.options.values import check_identifier, parse_bool

Endpoint = Literal["client", "server"]
Policy = Literal["deny", "allow"]
Format = Literal["exact", "glob"]

MAX_RULES = 1000
"""Rules of one list at most."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "endpoint": get_args(Endpoint),
    "policy": get_args(Policy),
    "format": get_args(Format),
}
_WORD = re.compile(r"((?:[^,]|,,)*)(?:,|$)")
_RULE = re.compile(r"rules\.([0-9]{1,9})\.(.*)", re.DOTALL)


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
    """Keys that both sides know: `keys.psk` in a directory, `NAME:HEX` a line.

    `username` is a client's, `qemu` where it is empty.
    """

    TYPE = "tls-creds-psk"

    dir: str
    endpoint: Endpoint = "client"
    username: str = ""


@dataclass(frozen=True, kw_only=True)
class AuthzSimpleOptions(ObjectOptions):
    """The one distinguished name that may connect (authz/simple.c)."""

    TYPE = "authz-simple"

    identity: str


@dataclass(frozen=True, kw_only=True)
class AuthzRule:
    """What becomes of who has a name that matches: all of it, or as a pattern with `*` and `?`."""

    match: str
    policy: Policy
    format: Format = "exact"


@dataclass(frozen=True, kw_only=True)
class AuthzListOptions(ObjectOptions):
    """The first rule that matches counts, `policy` where none does (authz/list.c)."""

    TYPE = "authz-list"

    policy: Policy = "deny"
    rules: tuple[AuthzRule, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AuthzListFileOptions(ObjectOptions):
    """A list in a file, as JSON: `{"policy": "deny", "rules": [...]}` (authz/listfile.c).

    With `refresh` a file that changed is read again for the next client.
    """

    TYPE = "authz-list-file"

    filename: str
    refresh: bool = True


AuthzOptions = AuthzSimpleOptions | AuthzListOptions | AuthzListFileOptions

_TYPES = (
    AuthzListOptions,
    AuthzListFileOptions,
    AuthzSimpleOptions,
    TlsPskOptions,
    TlsX509Options,
)
OBJECTS: dict[str, type[ObjectOptions]] = {options.TYPE: options for options in _TYPES}


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
    return object_from(_nested(_named(_words(text))))


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
    return ObjectSpec(id, options(**_values(options, members)))


def list_from(value: object) -> AuthzListOptions:
    """The list that a file of rules holds. Raises OptionError."""
    if not isinstance(value, dict):
        raise OptionError("Invalid parameter type for 'list', expected: object")
    return AuthzListOptions(**_values(AuthzListOptions, dict(value)))


def to_members(spec: ObjectSpec) -> dict[str, Any]:
    """`spec` as object-add takes it."""
    members = {name.replace("_", "-"): value for name, value in asdict(spec.options).items()}
    if "rules" in members:
        members["rules"] = list(members["rules"])
    return {"qom-type": spec.options.TYPE, "id": spec.id, **members}


def format_object(spec: ObjectSpec) -> str:
    """`spec` as `parse_object` reads it."""
    members = to_members(spec)
    for at, rule in enumerate(members.pop("rules", ())):
        members |= {f"rules.{at}.{name}": value for name, value in rule.items()}
    words = []
    for name, value in members.items():
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


def _named(words: list[str]) -> dict[str, str]:
    """The words by name; the first may be the type alone."""
    members: dict[str, str] = {}
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        if at == 0 and not equals:
            name, value = "qom-type", word
        elif not equals:
            raise OptionError(f"Expected '=' after parameter '{printable(name)}'", option=name)
        members[name] = value
    return members


def _nested(members: dict[str, str]) -> dict[str, Any]:
    """`members` with those of the rules where JSON has them (keyval_listify)."""
    rules: dict[int, dict[str, str]] = {}
    nested: dict[str, Any] = {}
    for name, value in members.items():
        if found := _RULE.fullmatch(name):
            rules.setdefault(int(found[1]), {})[found[2]] = value
        else:
            nested[name] = value
    if not rules:
        return nested
    if "rules" in nested:
        raise OptionError("Parameters 'rules.*' used inconsistently", option="rules")
    for at in range(len(rules)):
        if at not in rules:
            raise OptionError(f"Parameter 'rules.{at}' missing", option="rules")
    return nested | {"rules": [rules[at] for at in range(len(rules))]}


def _take(members: dict[str, Any], name: str) -> object:
    if name not in members:
        raise OptionError(f"Parameter '{name}' is missing", option=name)
    return members.pop(name)


def _values(
    options: type[ObjectOptions | AuthzRule], members: dict[str, Any], where: str = ""
) -> dict[str, Any]:
    """The values of the fields of `options`; `where` stands before a member's name in errors."""
    values: dict[str, Any] = {}
    for item in fields(options):
        name = item.name.replace("_", "-")
        if name in members:
            values[item.name] = _value(where + name, name, item.default, members.pop(name))
        elif item.default is MISSING:
            raise OptionError(f"Parameter '{where}{name}' is missing", option=name)
    for name in members:
        hint = "it is a GnuTLS string; OpenSSL has its own defaults" if name == "priority" else ""
        text = f"Parameter '{where}{printable(str(name))}' is unexpected"
        raise OptionError(text, hint=hint, option=str(name))
    return values


def _value(where: str, name: str, default: object, value: object) -> object:
    if name == "rules":
        return _rules(value)
    if isinstance(default, bool):
        if isinstance(value, str):
            return parse_bool(name, value)
        if not isinstance(value, bool):
            raise OptionError(f"Invalid parameter type for '{where}', expected: boolean")
        return value
    text = _text(where, value)
    choices = _CHOICES.get(name)
    if choices and text not in choices:
        message = f"Parameter '{name}' does not accept value '{printable(text)}'"
        raise OptionError(message, hint=" or ".join(choices), option=name)
    return text


def _rules(value: object) -> tuple[AuthzRule, ...]:
    if not isinstance(value, list):
        raise OptionError("Invalid parameter type for 'rules', expected: array", option="rules")
    if len(value) > MAX_RULES:
        raise OptionError(f"Parameter 'rules' has more than {MAX_RULES} rules", option="rules")
    rules = []
    for at, rule in enumerate(value):
        if not isinstance(rule, dict):
            text = f"Invalid parameter type for 'rules[{at}]', expected: object"
            raise OptionError(text, option="rules")
        rules.append(AuthzRule(**_values(AuthzRule, dict(rule), f"rules[{at}].")))
    return tuple(rules)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise OptionError(f"Invalid parameter type for '{name}', expected: string", option=name)
    if "\0" in value:
        raise OptionError(f"Parameter '{name}' expects text without NUL", option=name)
    return value
