from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.errors import OptionError
from muxcore.options.objects import (
    AuthzSimpleOptions,
    ObjectSpec,
    TlsPskOptions,
    TlsX509Options,
    object_from,
    parse_object,
    to_members,
)

X509 = ObjectSpec("t", TlsX509Options(dir="/a,b", endpoint="server", verify_peer=False))


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("tls-creds-x509,id=t,dir=/a,,b,endpoint=server,verify-peer=off", X509),
        ("qom-type=tls-creds-x509,id=t,dir=/x", ObjectSpec("t", TlsX509Options(dir="/x"))),
        ("tls-creds-psk,id=p,dir=/x", ObjectSpec("p", TlsPskOptions(dir="/x"))),
        (
            "authz-simple,id=a,identity=CN=me,,O=Us",
            ObjectSpec("a", AuthzSimpleOptions(identity="CN=me,O=Us")),
        ),
        (json.dumps(to_members(X509)), X509),
    ],
)
def test_an_object_is_written_as_in_qemu(text: str, spec: ObjectSpec) -> None:
    assert parse_object(text) == spec
    assert object_from(to_members(spec)) == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Parameter 'qom-type' is missing"),
        ("tls-creds-x509,dir=/x", "Parameter 'id' is missing"),
        ("tls-creds-x509,id=t", "Parameter 'dir' is missing"),
        ("secret,id=s", "Parameter 'qom-type' does not accept value 'secret'"),
        ("tls-creds-x509,id=1,dir=/x", "Parameter 'id' expects an identifier"),
        ("tls-creds-x509,id=t,dir=/x,on", "Expected '=' after parameter 'on'"),
        ("tls-creds-x509,id=t,dir=/x,priority=X", "Parameter 'priority' is unexpected"),
        (
            "tls-creds-x509,id=t,dir=/x,endpoint=both",
            "Parameter 'endpoint' does not accept value 'both'",
        ),
        (
            "tls-creds-x509,id=t,dir=/x,verify-peer=maybe",
            "Parameter 'verify-peer' expects 'on' or 'off'",
        ),
        ("{", "JSON parse error, "),
        ('{"qom-type":1}', "Invalid parameter type for 'qom-type', expected: string"),
        (
            '{"qom-type":"tls-creds-x509","id":"t","dir":"x","verify-peer":1}',
            "Invalid parameter type for 'verify-peer', expected: boolean",
        ),
        (
            '{"qom-type":"authz-simple","id":"t","identity":"a\\u0000"}',
            "Parameter 'identity' expects text without NUL",
        ),
    ],
)
def test_errors_have_qemus_words(text: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_object(text)
    assert str(caught.value).startswith(message)


def test_an_object_is_an_object() -> None:
    with pytest.raises(OptionError, match="expected: object"):
        object_from(["tls-creds-x509"])


@given(st.text(max_size=60) | st.text("tls-creds-x509,=id{}\"':[]", max_size=60))
def test_any_text_is_an_object_or_an_error(text: str) -> None:
    try:
        spec = parse_object(text)
    except OptionError:
        return
    assert object_from(to_members(spec)) == spec
