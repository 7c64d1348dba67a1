"""What is a query and what is its answer: the forms that terminals and guests exchange."""

from __future__ import annotations

import pytest

from muxcore.answers.queries import FAMILIES, LONGEST, QUERY, Kind, key_of, questions

ASKED = [
    (b"\x1b[6n", b"\x1b[20;1R", "cpr", 0),
    (b"\x1b[?6n", b"\x1b[?20;1R", "decxcpr", 0),
    (b"\x1b[?6n", b"\x1b[?20;1;1R", "decxcpr", 0),
    (b"\x1b[5n", b"\x1b[0n", "status", 0),
    (b"\x1b[c", b"\x1b[?62;22c", "da1", 0),
    (b"\x1b[0c", b"\x1b[?6c", "da1", 0),
    (b"\x1bZ", b"\x1b[?1;2c", "da1", 0),
    (b"\x1b[>c", b"\x1b[>41;390;0c", "da2", 0),
    (b"\x1b[>0c", b"\x1b[>0;10;1c", "da2", 0),
    (b"\x1b[=c", b"\x1bP!|00000000\x1b\\", "da3", 0),
    (b"\x1b[4$p", b"\x1b[4;2$y", "decrqm", 4),
    (b"\x1b[?2026$p", b"\x1b[?2026;2$y", "decrqm?", 2026),
    (b"\x1bP$q q\x1b\\", b"\x1bP1$r2 q\x1b\\", "decrqss", 0),
    (b"\x1bP$qx\x1b\\", b"\x1bP0$r\x1b\\", "decrqss", 0),
    (b"\x1b[1$w", b"\x1bP1$u1;1;1;@;@;@;0;2;@;BBBB\x1b\\", "decrqpsr", 1),
    (b"\x1b[>q", b"\x1bP>|XTerm(390)\x1b\\", "xtversion", 0),
    (b"\x1b[>0q", b"\x1bP>|kitty(0.39)\x1b\\", "xtversion", 0),
    (b"\x1bP+q544e\x1b\\", b"\x1bP1+r544e=787465726D\x1b\\", "xtgettcap", 0),
    (b"\x1bP+q544e\x1b\\", b"\x1bP0+r\x1b\\", "xtgettcap", 0),
    (b"\x1b[x", b"\x1b[2;1;1;112;112;1;0x", "decreqtparm", 0),
    (b"\x1b[1x", b"\x1b[3;1;1;112;112;1;0x", "decreqtparm", 0),
    (b"\x1b[11t", b"\x1b[1t", "window11", 0),
    (b"\x1b[13t", b"\x1b[3;10;-4t", "window13", 0),
    (b"\x1b[14t", b"\x1b[4;600;800t", "window14", 0),
    (b"\x1b[14;2t", b"\x1b[4;600;800t", "window14", 0),
    (b"\x1b[15t", b"\x1b[5;1080;1920t", "window15", 0),
    (b"\x1b[16t", b"\x1b[6;16;8t", "window16", 0),
    (b"\x1b[18t", b"\x1b[8;24;80t", "window18", 0),
    (b"\x1b[19t", b"\x1b[9;60;200t", "window19", 0),
    (b"\x1b[20t", b"\x1b]Lname\x1b\\", "icon", 0),
    (b"\x1b[21t", b"\x1b]l\xc3\xa4\x1b\\", "title", 0),
    (b"\x1b]4;17;?\x07", b"\x1b]4;17;rgb:0000/0000/5f5f\x07", "osc4", 17),
    (b"\x1b]5;1;?\x1b\\", b"\x1b]5;1;rgb:0/0/0\x1b\\", "osc5", 1),
    (b"\x1b]10;?\x1b\\", b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\", "osc10", 0),
    (b"\x1b]11;?\x07", b"\x1b]11;rgb:0000/0000/0000\x07", "osc11", 0),
    (b"\x1b]12;?\x07", b"\x1b]12;rgb:0000/0000/0000\x1b\\", "osc12", 0),
    (b"\x1b]19;?\x07", b"\x1b]19;rgb:0000/0000/0000\x07", "osc19", 0),
    (b"\x1b]21;cursor=?\x1b\\", b"\x1b]21;cursor=rgb:00/00/00\x1b\\", "osc21", 0),
    (b"\x1b]22;?__current__\x1b\\", b"\x1b]22;text\x1b\\", "osc22", 0),
    (b"\x1b]50;?\x07", b"\x1b]50;fixed\x07", "osc50", 0),
    (b"\x1b]52;c;?\x07", b"\x1b]52;c;aGVsbG8=\x07", "osc52", 0),
    (b"\x1b[?u", b"\x1b[?5u", "keyboard", 0),
    (b"\x1b[7;1;1;1;2;2*y", b"\x1bP7!~FFA3\x1b\\", "checksum", 7),
    (b"\x1b[?63;7n", b"\x1bP7!~0000\x1b\\", "checksum", 7),
    (b"\x1b[?15n", b"\x1b[?13n", "report15", 0),
    (b"\x1b[?25n", b"\x1b[?20n", "report25", 0),
    (b"\x1b[?26n", b"\x1b[?27;1;0;0n", "report26", 0),
    (b"\x1b[?53n", b"\x1b[?50n", "report53", 0),
    (b"\x1b[?55n", b"\x1b[?50n", "report55", 0),
    (b"\x1b[?56n", b"\x1b[?57;1n", "report56", 0),
    (b"\x1b[?75n", b"\x1b[?70n", "report75", 0),
    (b"\x1b[?85n", b"\x1b[?83n", "report85", 0),
    (b"\x1b[?996n", b"\x1b[?997;1n", "report996", 0),
    (b"\x1b[?4m", b"\x1b[>4;2m", "xtqmodkeys", 4),
    (b"\x1b[?2;1;0S", b"\x1b[?2;0;800;600S", "xtsmgraphics", 2),
    (b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\", b"\x1b_Gi=31;OK\x1b\\", "graphics", 0),
]
IDS = [f"{query!r}-{answer!r}" for query, answer, _, _ in ASKED]


def asked(output: bytes) -> list[Kind]:
    """Everything that `output` asks."""
    return [kind for match in QUERY.finditer(output) for kind in questions(match)]


@pytest.mark.parametrize(("query", "answer", "family", "key"), ASKED, ids=IDS)
def test_a_query_is_noticed_in_the_middle_of_anything(
    query: bytes, answer: bytes, family: str, key: int
) -> None:
    assert asked(b"text" + query + b"more") == [Kind(family, key)]
    assert asked(b"\x1b[31m\x1b" + query + b"\x1b[0m") == [Kind(family, key)]


@pytest.mark.parametrize(("query", "answer", "family", "key"), ASKED, ids=IDS)
def test_its_answer_is_known_whole_and_by_each_of_its_beginnings(
    query: bytes, answer: bytes, family: str, key: int
) -> None:
    shape = FAMILIES[family]
    match = shape.whole.fullmatch(answer)
    assert match is not None
    assert key_of(match) == key
    assert shape.count(match) == 1
    assert shape.part.match(answer) is None
    for end in range(1, len(answer)):
        assert shape.part.match(answer[:end]), answer[:end]
        assert shape.whole.match(answer[:end]) is None


@pytest.mark.parametrize(("query", "answer", "family", "key"), ASKED, ids=IDS)
def test_no_answer_asks_anything_when_a_guest_echoes_it(
    query: bytes, answer: bytes, family: str, key: int
) -> None:
    assert asked(answer) == []


@pytest.mark.parametrize(
    "output",
    [
        b"\x1b[m",
        b"\x1b[38;2;1;2;3m",
        b"\x1b[?25h",
        b"\x1b[1;1H",
        b"\x1b[2 q",
        b"\x1b[u",
        b"\x1b[>1u",
        b"\x1b[22;0;0t",
        b"\x1b[8;24;80t",
        b"\x1b[!p",
        b"\x1b[61\x22p",
        b"\x1b[>4;2m",
        b"\x1b[?6c",
        b"\x1b[?1;2;6n",
        b"\x1b[3S",
        b"\x1b]0;what?\x07",
        b"\x1b]2;?\x07",
        b"\x1b]4;1;rgb:00/00/00\x07",
        b"\x1b]52;c;aGVsbG8=\x07",
        b"\x1b]8;;http://host/?q\x1b\\",
        b"\x1bP0;1|17/ab\x1b\\",
        b"\x1b_Ga=T,f=100;AAAA\x1b\\",
        b"\x1b[6\x18n",
        b"\x1b[6\x1an",
        b"\x1b[6\x1b[1mn",
        b"\x1b]10;?\x18\x07",
        b"\x1bP$qm\x1bm\\",
        b"\x9b6n",
        b"\xc3\x9b6n",
        b"\x05",
        b"[6n",
    ],
)
def test_what_only_looks_like_a_query_is_none(output: bytes) -> None:
    assert asked(output) == []


def test_a_string_broken_off_by_a_query_is_none_but_the_query_is() -> None:
    assert asked(b"\x1b]10;?\x1b[6n") == [Kind("cpr")]


def test_one_sequence_may_ask_for_several_answers() -> None:
    assert asked(b"\x1b]4;1;?;2;red;3;?\x07") == [Kind("osc4", 1), Kind("osc4", 3)]
    assert asked(b"\x1b]10;?;?;?\x07") == [Kind("osc10"), Kind("osc11"), Kind("osc12")]
    assert asked(b"\x1b]19;?;?\x07") == [Kind("osc19")]
    assert asked(b"\x1bP+q544e;524742\x1b\\") == [Kind("xtgettcap")] * 2


def test_one_answer_may_be_for_several_questions() -> None:
    shape = FAMILIES["xtgettcap"]
    match = shape.whole.match(b"\x1bP1+r544e=78;524742=38\x1b\\")
    assert match is not None
    assert shape.count(match) == 2


def test_a_string_longer_than_any_query_is_none() -> None:
    assert asked(b"\x1b]10;?" + b";" * LONGEST + b"\x07") == []


@pytest.mark.parametrize(
    ("family", "keys"),
    [
        ("cpr", b"\x1b[A"),
        ("cpr", b"\x1b[1;2A"),
        ("cpr", b"\x1b[<0;1;2M"),
        ("cpr", b"\x1bOR"),
        ("cpr", b"\x1b[R"),
        ("cpr", b"\x1b[200~"),
        ("status", b"\x1b[4n"),
        ("keyboard", b"\x1b[97;5u"),
        ("osc11", b"\x1b]12;rgb:0/0/0\x07"),
        ("da1", b"\x1b[>1;2c"),
    ],
)
def test_a_key_is_no_answer(family: str, keys: bytes) -> None:
    assert FAMILIES[family].whole.match(keys) is None
    assert FAMILIES[family].part.match(keys) is None
