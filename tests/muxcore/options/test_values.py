"""Booleans, numbers, sizes and identifiers as QEMU 10.0 and 7.2 read them on their command line."""

from __future__ import annotations

import re
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.errors import OptionError
from muxcore.options.values import (
    check_identifier,
    format_size,
    is_identifier,
    parse_bool,
    parse_number,
    parse_size,
    rfc2217_address,
)
from tests.muxcore.options.strategies import complaint


@pytest.mark.parametrize("text", ["on", "yes", "true", "y"])
def test_words_for_on(text: str) -> None:
    assert parse_bool("x", text) is True


@pytest.mark.parametrize("text", ["off", "no", "false", "n"])
def test_words_for_off(text: str) -> None:
    assert parse_bool("x", text) is False


@pytest.mark.parametrize("text", ["ON", "1", "", "enable", " on"])
def test_other_words_are_no_booleans(text: str) -> None:
    with pytest.raises(OptionError, match=r"^Parameter 'x' expects 'on' or 'off'$"):
        parse_bool("x", text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("16", 16),
        ("0x10", 16),
        ("0XfF", 255),
        ("010", 8),
        (" 16", 16),
        ("+16", 16),
        (str(2**64 - 1), 2**64 - 1),
    ],
)
def test_numbers_are_read_with_base_0(text: str, value: int) -> None:
    assert parse_number("x", text) == value


@pytest.mark.parametrize("text", ["", "1K", "0x", "08", "x", "-1", "1 ", "٣", "1_0", "9" * 5000])
def test_other_words_are_no_numbers(text: str) -> None:
    with pytest.raises(OptionError, match=r"^Parameter 'x' expects a number$"):
        parse_number("x", text)


@pytest.mark.parametrize("text", [str(2**64), "9" * 20, "0x1" + "0" * 16])
def test_numbers_have_64_bits(text: str) -> None:
    message = re.escape(f"Value '{text}' is too large for parameter 'x'")
    with pytest.raises(OptionError, match=f"^{message}$"):
        parse_number("x", text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("1000", 1000),
        ("1K", 1024),
        ("1k", 1024),
        ("64K", 65536),
        ("1M", 1 << 20),
        ("1g", 1 << 30),
        ("2T", 2 << 40),
        ("3P", 3 << 50),
        ("15E", 15 << 60),
        ("16B", 16),
        ("16b", 16),
        ("1.5K", 1536),
        ("1.", 1),
        ("1.0", 1),
        ("0.0001K", 0),
        ("010", 10),
        ("0x10", 16),
        (" 16", 16),
        ("+16", 16),
    ],
)
def test_sizes_are_read_with_their_suffix(text: str, value: int) -> None:
    assert parse_size("x", text) == value


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "1.5", "1.5B", ".5K", "1e3", "16KB", "0x10K", "K", "9" * 5000]
)
def test_other_words_are_no_sizes(text: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_size("x", text)
    assert str(caught.value) == "Parameter 'x' expects a non-negative number below 2^64"
    assert caught.value.hint.startswith("Optional suffix k, M, G, T, P or E means kilo-")


@pytest.mark.parametrize("text", ["16E", str(2**64), "9" * 20])
def test_sizes_have_64_bits(text: str) -> None:
    with pytest.raises(OptionError, match=f"^Value '{text}' is out of range for parameter 'x'$"):
        parse_size("x", text)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0"), (1, "1"), (1023, "1023"), (1024, "1K"), (1536, "1536"), (3 << 30, "3G")],
)
def test_sizes_are_written_with_the_largest_suffix_that_fits(size: int, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(0, 2**64 - 1))
def test_a_written_size_reads_back(size: int) -> None:
    assert parse_size("x", format_size(size)) == size


@given(st.text())
def test_no_text_raises_anything_but_an_option_error(text: str) -> None:
    for parse in (parse_bool, parse_number, parse_size, check_identifier):
        assert complaint(partial(parse, "x", text)).isprintable()


@pytest.mark.parametrize("text", ["a", "Z9", "a.b-c_d", "vm1.guest"])
def test_identifiers_are_accepted(text: str) -> None:
    assert is_identifier(text)
    assert check_identifier("id", text) == text


@pytest.mark.parametrize("text", ["", "1a", "-a", ".a", "_a", "a b", "a/b", "é", "a\n", "a,b"])
def test_other_words_are_no_identifiers(text: str) -> None:
    assert not is_identifier(text)
    with pytest.raises(OptionError, match=r"^Parameter 'id' expects an identifier$"):
        check_identifier("id", text)


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("rfc2217://board:4000", ("board", "4000")),
        ("rfc2217://[::1]:4000", ("::1", "4000")),
        ("/dev/ttyUSB0", None),
        ("/run/odd://name", None),
    ],
)
def test_a_port_behind_a_server_has_an_address(path: str, address: tuple[str, str] | None) -> None:
    assert rfc2217_address(path) == address
