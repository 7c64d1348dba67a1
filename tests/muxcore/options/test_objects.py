from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.errors import OptionError
from muxcore.options.objects import (
    MAX_RULES,
    AuthzListFileOptions,
    AuthzListOptions,
    AuthzRule,
    AuthzSimpleOptions,
    ObjectSpec,
    TlsPskOptions,
    TlsX509Options,
    format_object,
    object_from,
    parse_object,
    to_members,
)

SECOND = "rules.1.match=*,rules.1.policy=allow,rules.1.format=glob"
RULES = ObjectSpec(
    "a",
    AuthzListOptions(
        policy="allow",
        rules=(
            AuthzRule(match="CN=x,O=y", policy="deny"),
            AuthzRule(match="*", policy="allow", format="glob"),
        ),
    ),
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
        ("authz-list,id=a", ObjectSpec("a", AuthzListOptions())),
        (
            f"authz-list,id=a,policy=allow,{SECOND},rules.0.match=CN=x,,O=y,rules.0.policy=deny",
            RULES,
        ),
        (json.dumps(to_members(RULES)), RULES),
        (
            "authz-list-file,id=a,filename=/f,refresh=off",
            ObjectSpec("a", AuthzListFileOptions(filename="/f", refresh=False)),
        ),
    ],
)
def test_an_object_is_written_as_in_qemu(text: str, spec: ObjectSpec) -> None:
    assert parse_object(text) == spec
    assert object_from(to_members(spec)) == spec
    assert parse_object(format_object(spec)) == spec


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
        ("authz-list,id=a,rules.0.match=x", "Parameter 'rules[0].policy' is missing"),
        ("authz-list,id=a,rules.1.match=x", "Parameter 'rules.0' missing"),
        ("authz-list,id=a,rules.0.x=1,rules=y", "Parameters 'rules.*' used inconsistently"),
        ("authz-list,id=a,rules.x.match=a", "Parameter 'rules.x.match' is unexpected"),
        ("authz-list,id=a,rules=x", "Invalid parameter type for 'rules', expected: array"),
        ("authz-list,id=a,policy=x", "Parameter 'policy' does not accept value 'x'"),
        ("authz-list-file,id=a", "Parameter 'filename' is missing"),
        ("authz-simple,id=a", "Parameter 'identity' is missing"),
        (
            '{"qom-type":"authz-list","id":"a","rules":[1]}',
            "Invalid parameter type for 'rules[0]', expected: object",
        ),
        (
            '{"qom-type":"authz-list","id":"a","rules":[{"match":"x","policy":"allow","foo":1}]}',
            "Parameter 'rules[0].foo' is unexpected",
        ),
        (
            '{"qom-type":"authz-list","id":"a","rules":[{"match":"x","policy":"x"}]}',
            "Parameter 'policy' does not accept value 'x'",
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


def test_rules_are_bounded() -> None:
    rules = [{"match": "x", "policy": "deny"}] * (MAX_RULES + 1)
    with pytest.raises(OptionError, match="more than 1000 rules"):
        object_from({"qom-type": "authz-list", "id": "a", "rules": rules})


@given(st.text(max_size=60) | st.text("tls-creds-x509,=id{}\"':[]", max_size=60))
def test_any_text_is_an_object_or_an_error(text: str) -> None:
    try:
        spec = parse_object(text)
    except OptionError:
        return
    assert object_from(to_members(spec)) == spec
