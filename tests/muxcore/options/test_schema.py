"""Options as data: complete, ready for JSON, and the same in the help texts."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from muxcore.options.schema import describe, option_infos, options_help, types_help
from muxcore.options.sets import CONFIGURABLE, ChardevOptions, ChardevSpec


def as_written(options: type[ChardevOptions]) -> list[str]:
    """The names of a type's options, in declaration order."""
    return [item.name.replace("_", "-") for item in fields(options)]


@pytest.mark.parametrize("type", CONFIGURABLE)
def test_every_option_is_described_ready_for_json(type: str) -> None:
    described = describe(type)
    assert json.loads(json.dumps(described)) == described
    assert {entry["name"] for entry in described} == set(as_written(CONFIGURABLE[type]))
    for entry in described:
        assert entry["help"]
        assert entry["kind"] in ("str", "bool", "int", "size", "choice", "list")
        assert bool(entry["choices"]) == (entry["kind"] == "choice")
        assert (entry["minimum"] is not None) == (entry["kind"] in ("int", "size"))


def test_kinds_follow_from_the_declaration() -> None:
    kinds = {entry["name"]: entry["kind"] for entry in describe("socket")}
    assert kinds["path"] == "str"
    assert kinds["wait"] == "bool"
    assert kinds["reconnect-ms"] == "int"
    assert kinds["replay"] == "size"
    assert kinds["policy"] == "choice"
    assert describe("hub")[0]["kind"] == "list"


def test_a_types_own_options_come_before_the_common_ones() -> None:
    names = [info.name for info in option_infos(CONFIGURABLE["socket"])]
    assert names[0] == "path"
    common = as_written(ChardevOptions)
    assert names[-len(common) :] == common


def test_a_type_may_have_its_own_default_for_a_common_option() -> None:
    defaults = {entry["name"]: entry["default"] for entry in describe("file")}
    assert defaults["policy"] == "block"


def test_an_unknown_type_has_no_description() -> None:
    with pytest.raises(KeyError):
        describe("nosuch")


def test_the_list_of_types_begins_as_qemus_and_names_them_all() -> None:
    lines = types_help().split("\n")
    assert lines[0] == "Available chardev backend types: "
    assert [line.split()[0] for line in lines[1:]] == sorted(CONFIGURABLE)


def test_the_help_of_a_type_shows_shapes_units_and_defaults() -> None:
    text = options_help("serial")
    assert text.startswith("serial options:\n")
    assert "  path=<str> " in text
    assert "(required)" in text
    assert "parity=none|even|odd|mark|space" in text
    assert "line speed (baud, default 115200)" in text
    assert "gap-marker=<bool (on/off)>" in text
    assert "(default on)" in text
    assert "(default 64K)" in options_help("pty")
    assert "chardevs.0=<str>,..." in options_help("hub")


def test_a_chardev_knows_its_type() -> None:
    assert ChardevSpec("a", CONFIGURABLE["null"]()).type == "null"
