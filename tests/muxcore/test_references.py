from __future__ import annotations

import pytest

from muxcore.config import load
from muxcore.errors import ConfigError
from muxcore.references import leads_to


def problems(*consoles: str) -> list[str]:
    """What is wrong with consoles that are written `name guest? backend backend...`."""
    text = ""
    for console in consoles:
        name, *words = console.split()
        guests = [word for word in words if word == "null"]
        backends = [word for word in words if word != "null"]
        text += f"[console.{name}]\nbackends = {backends!r}\n"
        text += "guest = 'null'\n" if guests else ""
    try:
        load(text, "f")
    except ConfigError as error:
        return [f"{problem.where.split(', ')[1]}: {problem.message}" for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "consoles",
    [
        ("a null null,id=m,mux=on", "b null chardev:m"),
        ("b null chardev:m", "a null null,id=m,mux=on"),
        ("a null chardev:h", "h pty"),
        ("a null mux,id=m,chardev=h", "h pty", "b null chardev:m"),
        ("a null mux,id=m,chardev=n", "b null pty,id=n,mux=on"),
        ("a null chardev:h", "h chardev:i", "i chardev:j", "j"),
        ("a null chardev:h", "h chardev:m", "b null null,id=m,mux=on"),
        ("a null hub,id=h,chardevs.0=m", "b null null,id=m,mux=on"),
    ],
)
def test_any_nesting_is_allowed(consoles: tuple[str, ...]) -> None:
    assert problems(*consoles) == []


@pytest.mark.parametrize(
    ("consoles", "problem"),
    [
        (
            ("a chardev:b", "b chardev:a"),
            "console.b.backends[0]: chardev 'a' cannot be a backend of 'b': it leads back to it",
        ),
        (
            ("a chardev:b", "b chardev:c", "c pty mux,id=m,chardev=a"),
            "console.c.backends[1]: chardev 'a' cannot be a backend of 'm': it leads back to it",
        ),
        (
            ("a null chardev:b", "b null"),
            "console.a.backends[0]: chardev 'b' is already in use",
        ),
        (
            ("a null chardev:h", "b null chardev:h", "h"),
            "console.b.backends[0]: chardev 'h' is already in use",
        ),
        (("a null chardev:x",), "console.a.backends[0]: Chardev 'x' not found"),
        (("a null mux,id=m,chardev=x",), "console.a.backends[0]: mux: base chardev x not found"),
    ],
)
def test_a_reference_that_cannot_be_is_told_in_one_line(
    consoles: tuple[str, ...], problem: str
) -> None:
    assert problems(*consoles) == [problem]


def test_the_base_of_a_mux_is_a_name_that_is_taken() -> None:
    assert problems("a null pty,id=m,mux=on null,id=m-base") == [
        "console.a.backends[1]: Duplicate ID 'm-base' for chardev"
    ]


def test_the_way_along_links_ends_though_they_go_in_a_circle() -> None:
    links = {"a": {"b", "c"}, "b": {"a"}, "c": {"d"}}
    assert leads_to(links, "a", "d")
    assert leads_to(links, "b", "b")
    assert not leads_to(links, "d", "a")
