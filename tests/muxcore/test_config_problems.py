"""What is wrong with a configuration: every problem told at once, in which words, of which line."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muxcore.config import console_config, load, read
from muxcore.errors import ConfigError
from muxcore.options.sets import (
    CONFIGURABLE,
)
from muxcore.options.values import IDENTIFIER_HINT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


TYPES = ", ".join(sorted(CONFIGURABLE))


def problems(use: Callable[[], object]) -> list[str]:
    """What is wrong, a line a problem."""
    with pytest.raises(ConfigError) as caught:
        use()
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return [str(problem) for problem in caught.value.problems]


def file_problems(text: str) -> list[str]:
    return problems(lambda: load(text, "c.toml"))


def console_problems(body: str) -> list[str]:
    """The problems of one console `c`, its first key on line 2."""
    return file_problems(f"[console.c]\n{body}")


def test_a_duplicate_id_names_both_places() -> None:
    text = """
[console.a]
backends = [
  "pty,id=x",
]
[console.b]
backends = ["null,id=x"]
[console.x]
"""
    assert file_problems(text) == [
        (
            "c.toml: line 7, console.b.backends[0]: Duplicate ID 'x' for chardev "
            "(first used at line 4, console.a.backends[0])"
        ),
        (
            "c.toml: line 8, console.x: Duplicate ID 'x' for chardev "
            "(first used at line 4, console.a.backends[0])"
        ),
    ]


def test_a_chardev_may_not_have_its_consoles_name() -> None:
    assert console_problems('guest = "pty,id=c"') == [
        (
            "c.toml: line 2, console.c.guest: Duplicate ID 'c' for chardev "
            "(first used at line 1, console.c)"
        )
    ]


def test_an_omitted_guest_id_may_not_be_somebody_elses() -> None:
    assert console_problems('guest = "pty"\nbackends = ["null,id=c.guest"]') == [
        (
            "c.toml: line 2, console.c.guest: Duplicate ID 'c.guest' for chardev "
            "(first used at line 3, console.c.backends[0])"
        )
    ]


def test_a_console_name_is_an_identifier() -> None:
    assert file_problems('[console."1 bad"]') == [
        f"c.toml: line 1, console.1 bad: Parameter 'name' expects an identifier ({IDENTIFIER_HINT})"
    ]


def test_every_problem_is_told_at_once() -> None:
    text = """
top = 1
[consoles.x]
[console.vm1]
guest = "socket,path=/x,reconect-ms=1000"
history = "1K"
backendz = 1
backends = [
  "socket,id=s,path=/s,server=on",
  "bogus",
  "file,id=s,path=/l",
]
size = "0x4"
answer = "bogus"
[console.b]
size = 3
"""
    where = "c.toml: line"
    assert sorted(file_problems(text)) == sorted(
        [
            f"{where} 2, top: unknown table 'top' (a console is a table [console.NAME])",
            f"{where} 3, consoles: unknown table 'consoles' (did you mean 'console'?)",
            f"{where} 7, console.vm1.backendz: unknown key 'backendz' (did you mean 'backends'?)",
            (
                f"{where} 5, console.vm1.guest: Invalid parameter 'reconect-ms' "
                "(did you mean 'reconnect-ms'?)"
            ),
            (
                f"{where} 10, console.vm1.backends[1]: 'bogus' is not a valid char driver name "
                f"(one of {TYPES})"
            ),
            (
                f"{where} 11, console.vm1.backends[2]: Duplicate ID 's' for chardev "
                "(first used at line 9, console.vm1.backends[0])"
            ),
            f"{where} 6, console.vm1.history: Parameter 'history' expects a size from 64K to 1G",
            (
                f"{where} 13, console.vm1.size: Parameter 'size' expects a width and a height in "
                'character cells such as "120x40" (each from 1 to 10000)'
            ),
            (
                f"{where} 16, console.b.size: Parameter 'size' expects a width and a height in "
                'character cells such as "120x40" (in quotation marks)'
            ),
        ]
    )


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("guest = 5", 'guest: expects a chardev (a string such as "pty,id=pty0", or a table)'),
        ("guest = {type = 'pty'}", "guest: Parameter 'backend' is missing"),
        ("backends = 'pty'", "backends: expects a list of chardevs"),
        (
            "backends = [[]]",
            'backends[0]: expects a chardev (a string such as "pty,id=pty0", or a table)',
        ),
        (
            "guest = 'hub,id=h,chardevs.0=a'",
            (
                "guest: hub: multiplexers and hub devices can't be stacked, check chardev 'h', "
                "chardev should not be a hub device or have 'mux=on' enabled"
            ),
        ),
        (
            "guest = 'null,id=g,mux=on'",
            (
                "guest: hub: multiplexers and hub devices can't be stacked, check chardev 'g', "
                "chardev should not be a hub device or have 'mux=on' enabled"
            ),
        ),
        (
            "guest = 'chardev:h'",
            (
                "guest: hub: multiplexers and hub devices can't be stacked, check chardev 'link', "
                "chardev should not be a hub device or have 'mux=on' enabled"
            ),
        ),
        (
            "backends = ['mux-be,chardevs.0=a']",
            "backends[0]: hub: chardev can't be found by id 'a'",
        ),
        ("backends = ['chardev:a']", "backends[0]: Chardev 'a' not found"),
        (
            "backends = ['chardev:c']",
            "backends[0]: chardev 'c' cannot be a backend of 'c': it leads back to it",
        ),
        ("backends = ['mux,id=m,chardev=a']", "backends[0]: mux: base chardev a not found"),
        ("backends = ['mux,id=m']", "backends[0]: chardev: mux: no chardev given"),
        (
            "backends = ['mux,id=m,chardev=a,escape=256']",
            (
                "backends[0]: Parameter 'escape' expects a number from 0 to 255 "
                "(code of the escape character)"
            ),
        ),
        (
            "history = 65536",
            "history: Parameter 'history' expects a size such as \"1M\" (in quotation marks)",
        ),
        (
            "history = '2G'",
            "history: Parameter 'history' expects a size from 64K to 1G",
        ),
        (
            "history = 'x'",
            (
                "history: Parameter 'history' expects a non-negative number below 2^64 (Optional "
                "suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta- and exabytes, "
                "respectively.)"
            ),
        ),
        (
            "answer = 1",
            "answer: Parameter 'answer' expects a backend's id, or 'first' (in quotation marks)",
        ),
        (
            "answer = 'x'",
            "answer: no backend of this console has the id 'x' (a backend's id, or 'first')",
        ),
        (
            "answer = 'pty00'\nbackends = ['pty,id=pty0']",
            "answer: no backend of this console has the id 'pty00' (did you mean 'pty0'?)",
        ),
        (
            '"x\\u001by" = 1',
            (
                "x\\x1by: unknown key 'x\\x1by' (one of guest, backends, history, size, answer, "
                "scrollback, scrollback-bytes, newline, backspace, delete, palette, allow)"
            ),
        ),
        (
            "palette = 'solarised'",
            (
                "palette: Parameter 'palette' does not accept value 'solarised' (did you mean "
                "'solarized'? one of theme, xterm, linux, vga, tango, solarized, gruvbox, nord)"
            ),
        ),
        (
            "allow = ['title', 'bell']",
            (
                "allow: Parameter 'allow' does not accept value 'bell' "
                "(one of title, clipboard, links, notifications)"
            ),
        ),
        (
            "scrollback = -1",
            "scrollback: Parameter 'scrollback' expects a number of lines from 0 to 1000000",
        ),
    ],
)
def test_each_problem_has_its_words(body: str, problem: str) -> None:
    (found,) = console_problems(body)
    assert (
        found.removeprefix("c.toml: ").removeprefix("line 2, ").removeprefix("line 1, ")
        == f"console.c.{problem}"
    )


@pytest.mark.parametrize(
    "size", ["", "80", "80x", "x24", "80x0", "080x24", "80X24", "10001x1", "1x99999"]
)
def test_a_size_is_two_numbers_from_1_to_10000(size: str) -> None:
    (found,) = console_problems(f"size = '{size}'")
    assert "Parameter 'size' expects a width and a height" in found


@pytest.mark.parametrize("backends", ["5", "['bogus,id=x']"])
def test_an_answer_that_may_be_a_broken_backend_is_no_second_problem(backends: str) -> None:
    assert len(console_problems(f"backends = {backends}\nanswer = 'x'")) == 1


def test_console_must_hold_tables() -> None:
    assert file_problems("console = 1") == [
        "c.toml: line 1, console: expects tables [console.NAME]"
    ]
    assert file_problems("[console]\na = 1") == ["c.toml: line 2, console.a: expects a table"]


@pytest.mark.parametrize(
    "text",
    [
        '[console.a]\n\nguest = "x"',
        '["console".\'a\']  # a comment\n\n guest="x"',
        '\n\nconsole.a.guest = "x"',
        '[console]\n\na.guest = "x"',
        '[console]\n\na = {guest = "x"}',
        '[console . a]\n\n"guest" = """x"""',
    ],
)
def test_lines_are_found_however_a_key_is_written(text: str) -> None:
    (found,) = file_problems(text)
    assert found.startswith("c.toml: line 3, console.a.guest: 'x' is not a valid char driver name")


def test_a_key_written_beyond_recognition_has_its_path_alone() -> None:
    (found,) = file_problems('"con\\u0073ole".a.guest = "x"')
    assert found.startswith("c.toml: console.a.guest: 'x' is not a valid")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = \n", "c.toml: line 1, column 5: not valid TOML: Invalid value"),
        ("\n[console.a]\nx = [", "c.toml: end of file: not valid TOML: Invalid value"),
        (
            "[console.a]\n[console.a]",
            "c.toml: line 2, column 11: not valid TOML: Cannot declare ('console', 'a') twice",
        ),
        ("a = " + "[" * 100_000, "c.toml: not valid TOML: nested too deeply"),
    ],
)
def test_a_syntax_error_has_its_line_and_column(text: str, problem: str) -> None:
    (found,) = file_problems(text)
    assert found == problem


def test_a_number_too_long_for_python_is_a_problem() -> None:
    (found,) = file_problems("a = " + "9" * 5000)
    assert found.startswith("c.toml: not valid TOML: ")


def test_problems_never_hold_control_characters() -> None:
    (found,) = problems(lambda: load("[console.c]\nguest = '\t'", "a\x1bb"))
    assert found.isprintable()
    assert found.startswith("a\\x1bb: line 2, console.c.guest: '\\t' is not a valid")


toml_values = st.recursive(
    st.text() | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300)
@given(st.text() | st.text("[]={}.'\"ab1,\n console"))
def test_no_text_raises_anything_but_a_config_error(text: str) -> None:
    try:
        config = load(text, "c.toml")
    except ConfigError as error:
        lines = str(error).split("\n")
    else:
        lines = [repr(config)]
    assert all(line.isprintable() for line in lines)


@settings(max_examples=300)
@given(
    st.text(max_size=5),
    st.none() | st.text() | st.dictionaries(st.text(), toml_values, max_size=2),
    st.lists(st.text() | st.dictionaries(st.text(), toml_values, max_size=2), max_size=3),
    st.dictionaries(st.sampled_from(["history", "size", "answer", "x", "guest"]), st.text()),
)
def test_no_command_raises_anything_but_a_config_error(
    name: str, guest: str | dict[str, Any] | None, backends: list[Any], settings: dict[str, str]
) -> None:
    with contextlib.suppress(ConfigError):
        console_config(name, guest, backends, settings)


def test_a_file_that_is_not_utf_8_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"# caf\xe9\n")
    assert problems(lambda: read(os.fspath(path))) == [f"{path}: is not UTF-8: byte 5 is 0xe9"]


def test_a_commands_problems_have_the_files_words_and_the_consoles_name() -> None:
    found = problems(
        lambda: console_config("c", "process", ["pty,id=c", "x"], {"histori": "1M", "size": "1"})
    )
    assert found == [
        "c: histori: unknown key 'histori' (did you mean 'history'?)",
        "c: guest: chardev: process: no command given",
        "c: backends[0]: Duplicate ID 'c' for chardev (first used at the console's name)",
        (f"c: backends[1]: 'x' is not a valid char driver name (one of {TYPES})"),
        (
            "c: size: Parameter 'size' expects a width and a height in character cells such as "
            '"120x40" (each from 1 to 10000)'
        ),
    ]
