"""Who may use a socket with TLS: the name in a client's certificate, and rules on it (authz/)."""

from __future__ import annotations

import json
import os
import re
from typing import Any

from muxcore.errors import OpenError, OptionError, describe_os_error
from muxcore.options.objects import (
    AuthzListFileOptions,
    AuthzListOptions,
    AuthzOptions,
    AuthzRule,
    AuthzSimpleOptions,
    list_from,
)

MAX_FILE = 1 << 20
"""Bytes of a file of rules at most."""

_NAMES = {
    "commonName": "CN",
    "countryName": "C",
    "domainComponent": "DC",
    "emailAddress": "EMAIL",
    "jurisdictionCountryName": "jurisdictionOfIncorporationCountryName",
    "jurisdictionLocalityName": "jurisdictionOfIncorporationLocalityName",
    "jurisdictionStateOrProvinceName": "jurisdictionOfIncorporationStateOrProvinceName",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
    "streetAddress": "street",
    "surname": "surName",
    "userId": "UID",
}
"""What GnuTLS calls the attributes of a name, by OpenSSL's name, where the two differ."""

_STAR = re.compile(r"\*+")


def distinguished_name(certificate: dict[str, Any]) -> str:
    """A certificate's subject as QEMU's rules have it, empty without one.

    In the order of the certificate, its values escaped as in RFC 4514: the form
    of gnutls_x509_crt_get_dn, such as `C=GB,O=Example\\, Ltd,CN=client`.

    Args:
        certificate: as `SSLSocket.getpeercert` gives it.
    """
    return ",".join(
        "+".join(f"{_NAMES.get(name, name)}={_escaped(value)}" for name, value in item)
        for item in certificate.get("subject", ())
    )


def _escaped(value: str) -> str:
    text = "".join(f"\\{c}" if c in ',+"\\<>;' else c for c in value)
    if value[:1] in ("#", " "):
        text = f"\\{text}"
    return f"{text[:-1]}\\ " if value.endswith(" ") and len(value) > 1 else text


class Authz:
    """One object that says who may connect."""

    def __init__(self, options: AuthzOptions) -> None:
        self.trouble = ""
        """Why nobody may: the file of rules is of no use."""
        self._options = options
        self._list: AuthzListOptions | None = None
        self._stamp: tuple[int, ...] | None = None
        if isinstance(options, AuthzListOptions):
            self._list = options
        elif isinstance(options, AuthzSimpleOptions):
            self._list = AuthzListOptions(
                rules=(AuthzRule(match=options.identity, policy="allow"),)
            )

    @property
    def to_look_at(self) -> bool:
        """Whether its rules are in a file that `look` is to be called for before a client's."""
        return isinstance(self._options, AuthzListFileOptions) and (
            self._options.refresh or self._list is None
        )

    def allows(self, identity: str) -> bool:
        """Whether `identity` may connect."""
        if self._list is None:
            return False
        for rule in self._list.rules:
            if _matches(rule, identity):
                return rule.policy == "allow"
        return self._list.policy == "allow"

    def load(self) -> None:
        """Read the file of rules, if there is one. Raises OpenError."""
        if isinstance(self._options, AuthzListFileOptions):
            self._list = None
            # Taken first: what changes in the meantime is read again.
            self._stamp = _stamp(self._options.filename)
            self._list = _read(self._options.filename)

    def look(self) -> None:
        """Read the file of rules unless it is as it was; see `trouble`."""
        assert isinstance(self._options, AuthzListFileOptions)
        try:
            if self._list is None or _stamp(self._options.filename) != self._stamp:
                self.load()
            self.trouble = ""
        except OpenError as error:
            self._list = None
            self.trouble = str(error)


def _matches(rule: AuthzRule, identity: str) -> bool:
    if rule.format == "exact":
        return rule.match == identity
    return glob(rule.match).fullmatch(identity) is not None


def glob(pattern: str) -> re.Pattern[str]:
    """A pattern of g_pattern_match: `*` is anything, `?` one character, the rest itself.

    What one star took is not reconsidered, so that no pattern takes long.
    """
    first, *rest = (
        "".join("." if c == "?" else re.escape(c) for c in part) for part in _STAR.split(pattern)
    )
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    stars = "".join(f"(?>.*?{part})" for part in middle)
    return re.compile(f"{first}{stars}.*{last}", re.DOTALL)


def _stamp(path: str) -> tuple[int, ...]:
    """What tells a file from a changed one. Raises OpenError."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise OpenError(f"Unable to read '{path}': {describe_os_error(error)}") from error
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _read(path: str) -> AuthzListOptions:
    """The rules in a file. Raises OpenError."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise OpenError(f"Unable to read '{path}': {describe_os_error(error)}") from error
    if len(data) > MAX_FILE:
        raise OpenError(f"File '{path}' has more than {MAX_FILE} bytes")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise OpenError(f"File '{path}' is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise OpenError(f"File '{path}' must contain a JSON object")
    try:
        return list_from(value)
    except OptionError as error:
        raise OpenError(f"File '{path}': {error}") from error
