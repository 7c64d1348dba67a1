from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from muxcore.errors import CommandError, OpenError, StreamError
from muxcore.options.objects import (
    AuthzListFileOptions,
    AuthzListOptions,
    AuthzRule,
    AuthzSimpleOptions,
    ObjectSpec,
    TlsX509Options,
    parse_object,
)
from muxcore.tls.authz import MAX_FILE, Authz, distinguished_name, glob
from muxcore.tls.objects import Objects


def certificate(*names: tuple[str, str]) -> dict[str, object]:
    return {"subject": tuple((name,) for name in names)}


CLIENT = certificate(("countryName", "GB"), ("organizationName", "A, B"), ("commonName", "me"))
NAME = r"C=GB,O=A\, B,CN=me"


# What QEMU 10.0.2 took these certificates' names for.
@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ((), ""),
        (
            ((("countryName", "GB"),), (("commonName", 'a,b+"\\<>;=/'),)),
            r"C=GB,CN=a\,b\+\"\\\<\>\;=/",
        ),
        (((("domainComponent", "org"),), (("userId", "u"),)), "DC=org,UID=u"),
        (((("commonName", "#lead"),),), r"CN=\#lead"),
        (((("commonName", " sp ace "),),), r"CN=\ sp ace\ "),
        (((("commonName", " "),),), r"CN=\ "),
        (((("commonName", "one"), ("organizationalUnitName", "two")),), "CN=one+OU=two"),
        (((("emailAddress", "a@b.c"),), (("surname", "S"),)), "EMAIL=a@b.c,surName=S"),
        (
            ((("jurisdictionCountryName", "GB"),), (("streetAddress", "x"),)),
            "jurisdictionOfIncorporationCountryName=GB,street=x",
        ),
    ],
)
def test_a_name_is_written_as_gnutls_writes_it_for_qemu(
    subject: tuple[object, ...], name: str
) -> None:
    assert distinguished_name({"subject": subject}) == name


def test_a_value_cannot_pass_for_more_of_a_name() -> None:
    forged = certificate(("commonName", "me,O=Boss"))
    assert distinguished_name(forged) != distinguished_name(
        certificate(("commonName", "me"), ("organizationName", "Boss"))
    )


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("a", ["a"], ["", "ab", "ba"]),
        ("*", ["", "a", "a\nb"], []),
        ("a*", ["a", "ab"], ["ba"]),
        ("*,CN=?", ["O=x,CN=a"], ["O=x,CN=ab", "CN=a"]),
        ("*ab*ab", ["abab", "xabyabab"], ["ab", "abx"]),
        ("a**b", ["ab", "axxb"], ["a"]),
        ("[a].*\\", ["[a].x\\"], ["a.x\\", "[a]x\\"]),
        ("?", ["\n", "\N{EURO SIGN}"], ["", "ab"]),
        ("*a?c*", ["abc", "xxabcabz", "aabc"], ["ac"]),
    ],
)
def test_a_pattern_knows_stars_and_question_marks_only(
    pattern: str, yes: list[str], no: list[str]
) -> None:
    assert [text for text in yes + no if glob(pattern).fullmatch(text)] == yes


def test_no_pattern_takes_long() -> None:
    # Backtracking would take this beyond the end of the universe.
    assert not glob("*a" * 30 + "b").fullmatch("a" * 5000)


ALLOW = AuthzRule(match="CN=*", policy="allow", format="glob")


def test_the_first_rule_that_matches_counts() -> None:
    deny = AuthzRule(match="CN=eve", policy="deny")
    closed = Authz(AuthzListOptions(rules=(deny, ALLOW)))
    assert [closed.allows(name) for name in ("CN=bob", "CN=eve", "O=x")] == [True, False, False]
    late = Authz(AuthzListOptions(rules=(ALLOW, deny)))
    assert late.allows("CN=eve")
    open_ = Authz(AuthzListOptions(policy="allow", rules=(deny,)))
    assert [open_.allows(name) for name in ("CN=bob", "CN=eve")] == [True, False]


def test_an_exact_rule_is_no_pattern() -> None:
    authz = Authz(AuthzListOptions(rules=(AuthzRule(match="CN=*", policy="allow"),)))
    assert authz.allows("CN=*")
    assert not authz.allows("CN=bob")


def test_a_simple_one_allows_its_name_alone() -> None:
    authz = Authz(AuthzSimpleOptions(identity="CN=bob"))
    assert [authz.allows(name) for name in ("CN=bob", "CN=bobby", "")] == [True, False, False]


def test_objects_let_in_who_is_allowed_and_tell_others_in_qemus_words() -> None:
    objects = Objects()
    objects.add(parse_object("authz-simple,id=me,identity=C=GB,,O=A\\,, B,,CN=me"))
    objects.add(parse_object("authz-list,id=list,rules.0.match=*CN=me,rules.0.policy=allow,"
                             "rules.0.format=glob"))  # fmt: skip
    objects.add(parse_object("authz-list,id=all,policy=allow"))
    objects.configure([ObjectSpec("creds", TlsX509Options(dir="/x"))])
    for id in ("me", "list", "all"):
        objects.authorise(id, CLIENT)
    for id, who, complaint in [
        ("me", certificate(("commonName", "x")), "TLS x509 authz check for CN=x is denied"),
        ("gone", CLIENT, "Cannot find QAuthZ object ID gone"),
        ("creds", CLIENT, "Object 'creds' is not a QAuthZ subclass"),
        # Whom nobody verified has no name, even where the policy is to allow.
        ("all", {}, "TLS x509 authz check for a client without a certificate is denied"),
        ("list", certificate(("commonName", "\x1b[2J")), r"check for CN=\x1b[2J is denied"),
    ]:
        with pytest.raises(StreamError) as caught:
            objects.authorise(id, who)
        assert complaint in str(caught.value)
    objects.remove("all")
    with pytest.raises(StreamError, match="Cannot find QAuthZ object ID all"):
        objects.authorise("all", CLIENT)
    with pytest.raises(CommandError, match="not found"):
        objects.remove("all")


# Files.


def write(path: Path, *rules: dict[str, str], **more: object) -> None:
    # A new file: its time stamp may be the old one's.
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"rules": rules, **more}))
    os.replace(new, path)


ME = {"match": NAME, "policy": "allow"}


def test_a_file_that_changes_is_read_again_and_a_broken_one_lets_nobody_in(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    write(path, ME)
    objects = Objects()
    objects.add(ObjectSpec("f", AuthzListFileOptions(filename=str(path))))
    authz = objects.rules("f")
    assert authz is not None
    objects.authorise("f", CLIENT)
    write(path, policy="deny")
    authz.look()
    assert not authz.allows(NAME)
    path.unlink()
    authz.look()
    complaint = f"TLS x509 authz check for .* is denied: Unable to read '{path}': No such file"
    with pytest.raises(StreamError, match=complaint):
        objects.authorise("f", CLIENT)
    write(path, ME)
    authz.look()
    objects.authorise("f", CLIENT)


def test_a_file_is_read_once_where_no_refresh_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    write(path, ME)
    objects = Objects()
    spec = ObjectSpec("f", AuthzListFileOptions(filename=str(path), refresh=False))
    objects.add(spec)
    assert objects.rules("f") is None
    # A configuration file's may not be there yet.
    later = Objects()
    path.unlink()
    later.configure([spec])
    authz = later.rules("f")
    assert authz is not None
    authz.look()
    with pytest.raises(StreamError, match="Unable to read"):
        later.authorise("f", CLIENT)
    write(path, ME)
    authz.look()
    later.authorise("f", CLIENT)
    assert later.rules("f") is None
    # As it was, it is not read again with the rest of the configuration.
    later.configure([spec])
    later.authorise("f", CLIENT)
    later.configure([])
    with pytest.raises(StreamError, match="Cannot find"):
        later.authorise("f", CLIENT)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "is not JSON: "),
        ("[]", "must contain a JSON object"),
        ('{"rules": 1}', "Invalid parameter type for 'rules', expected: array"),
        ('{"rules": [{"match": "x"}]}', r"Parameter 'rules\[0\]\.policy' is missing"),
        ('{"bogus": 1}', "Parameter 'bogus' is unexpected"),
        ("[" * 100_000, "is not JSON: "),
        (" " * (MAX_FILE + 1), "has more than"),
    ],
)
def test_a_file_that_will_not_do_is_told_when_it_is_added(
    tmp_path: Path, content: str, complaint: str
) -> None:
    path = tmp_path / "rules.json"
    path.write_text(content)
    with pytest.raises(OpenError, match=complaint):
        Objects().add(ObjectSpec("f", AuthzListFileOptions(filename=str(path))))
